"""What doctor looks at, and in which order: without settings there is nothing more to look at."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Final

import httpx

from alertd.beside import Running
from alertd.cli.certificates import expires_at
from alertd.cli.checkup_folder import folder_findings
from alertd.cli.checkup_logins import login_findings
from alertd.cli.checkup_routes import broker_finding, route_findings
from alertd.cli.checkup_settings import lost_findings, settings_findings
from alertd.cli.checkup_store import store_findings
from alertd.cli.client import TOKEN_VARIABLE, running
from alertd.cli.findings import PATIENCE_S, Finding, Health, age, of_error
from alertd.cli.trouble import of_file
from alertd.cli.words import LANGUAGE, _
from alertd.clock import machine_ms
from alertd.errors import AlertdError
from alertd.i18n import sentence
from alertd.model import Millis
from alertd.provision import library_of, lock
from alertd.settings import FILE_NAME, Settings, load, unknown_variables
from alertd.store import dialect, migrate
from alertd.store.backup.word import OLD_MS, WARNINGS, Word, read, same_disk
from alertd.web.certificate import certificate_of
from alertd.web.server import listen

_OWN_VARIABLES: Final = frozenset({TOKEN_VARIABLE, "ALERTD_OFFLINE_KIT"})
_DAY_MS: Final = 86_400_000
_RENEW_DAYS: Final = 30
_STORE_PATIENCE_S: Final = 30.0  # a big city's questions take a while


async def checkup() -> list[Finding]:
    """Look at everything; a defect in one look doesn't keep us from the others."""
    try:
        settings = load()
    except AlertdError as error:
        return [of_error(_("settings"), error), *_variables()]
    server = running(settings.data_dir)
    findings = [_sources(settings), *_variables()]
    findings += looked_in_time(_("data folder"), lambda: folder_findings(settings), broken=True)
    findings += _looked(_("server"), lambda: _server(settings, server))
    findings += await asyncio.to_thread(_readiness, server)
    findings += _looked(_("certificate"), lambda: _certificate(settings))
    findings += _looked(_("templates and policies"), lambda: _library(settings))
    findings += looked_in_time(
        _("database"),
        lambda: store_findings(settings),
        _STORE_PATIENCE_S,
        broken=True,
        on_disk=dialect.is_sqlite(settings.store_url),
    )
    findings += looked_in_time(
        _("settings"),
        lambda: [*lost_findings(settings), *settings_findings(settings, server)],
        on_disk=dialect.is_sqlite(settings.store_url),
    )
    findings += looked_in_time(_("backup"), lambda: _backup(settings))
    findings += await route_findings(settings, server)
    findings += [broker_finding(settings)]
    findings += await login_findings(settings, server)
    return findings


def _looked(what: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a look finds; a file that can't be used is a finding, and keeps us from no other."""
    found: list[Finding] = []
    try:
        found.extend(look())
    except OSError as error:
        found.append(of_error(what, of_file(error)))
    return found


def looked_in_time(
    what: str,
    look: Callable[[], Iterable[Finding]],
    patience_s: float = PATIENCE_S,
    *,
    broken: bool = False,
    on_disk: bool = True,
) -> list[Finding]:
    """The same on a disk, or of a database, that may hang: it hangs nobody but a thread.

    `broken`: alertd can't do without it.
    """
    answer: Future[list[Finding]] = Future()

    def act() -> None:
        try:
            answer.set_result(_looked(what, look))
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            answer.set_exception(error)

    threading.Thread(target=act, daemon=True).start()
    try:
        return answer.result(patience_s)
    except TimeoutError:
        health = Health.BROKEN if broken else Health.LOOK
        disk = _("the disk that it lies on doesn't answer")
        return [Finding(what, health, disk if on_disk else _("It doesn't answer."))]


def _sources(settings: Settings) -> Finding:
    named = os.environ.get("ALERTD_CONFIG")
    places = [Path(named)] if named else [settings.data_dir / FILE_NAME, Path(FILE_NAME)]
    none = _("no file; it would be {place}").format(place=places[0].absolute())
    file = next((str(place) for place in places if place.is_file()), none)
    names = sorted(name for name in os.environ if name.startswith("ALERTD_"))
    given = _("variables: {names}").format(names=", ".join(names)) if names else _("no variables")
    return Finding(_("settings"), Health.WELL, f"{file} – {given}")


def _variables() -> Iterator[Finding]:
    for name in unknown_variables():
        if name not in _OWN_VARIABLES:
            detail = _("{name} is no setting of alertd; it does nothing.").format(name=name)
            yield Finding(_("variables"), Health.LOOK, detail)


def _server(settings: Settings, server: Running | None) -> Iterator[Finding]:
    what = _("server")
    if server is not None:
        text = _("runs at {url} (process {pid})").format(url=server.url, pid=server.pid)
        yield Finding(what, Health.WELL, text)
        return
    if not settings.data_dir.is_dir():
        yield Finding(what, Health.LOOK, _("never started"))
    else:
        try:
            lock(settings).close()
        except AlertdError as error:
            yield of_error(what, error)
            return
        yield Finding(what, Health.LOOK, _("not running: nothing is sent until it is"))
    try:
        listen(settings).close()
    except AlertdError as error:
        yield of_error(what, error)


def _readiness(server: Running | None) -> list[Finding]:
    """What the server itself says of its work; its routes and backups are asked about apart."""
    if server is None:
        return []
    what, trusted = _("server"), server.trusted()
    try:
        url = f"{server.url}/readyz"
        found = httpx.get(url, timeout=PATIENCE_S, trust_env=False, verify=trusted).json()
    except (httpx.HTTPError, ValueError):
        return [Finding(what, Health.BROKEN, _("It doesn't answer."))]
    of_routes = tuple(f"{route['name']}: " for route in found["routes"])
    told = [(Health.BROKEN, reason) for reason in found["reasons"]]
    apart = (text for text in found["warnings"] if text not in WARNINGS)
    told += [(Health.LOOK, text) for text in apart if not text.startswith(of_routes)]
    return [Finding(what, health, sentence(LANGUAGE, text)) for health, text in told]


def _backup(settings: Settings) -> Iterator[Finding]:
    what, now = _("backup"), machine_ms()
    if not dialect.is_sqlite(settings.store_url):
        yield Finding(what, Health.WELL, _("PostgreSQL's own: pg_dump"))
        return
    word = read(settings.data_dir)
    health, detail = _last_backup(word, Path(migrate.file_of(settings.store_url)), now)
    if word.failed(now):
        text = _("a try that was begun {when} made none ({why})")
        why = sentence(LANGUAGE, word.why) if word.why else _("it ended without a word")
        when = age(max(0, now - word.tried_at) // _DAY_MS)
        health, detail = Health.LOOK, f"{text.format(when=when, why=why.rstrip('.'))}; {detail}"
    yield Finding(what, health, detail)


def _last_backup(word: Word, database: Path, now: Millis) -> tuple[Health, str]:
    folder = Path(word.folder)
    if not word.taken_at:
        return Health.LOOK, _("none from here yet; alertd backup makes one")
    if not folder.exists():
        return Health.LOOK, _("the last one isn't at {folder} any more").format(folder=folder)
    when = age(max(0, now - word.taken_at) // _DAY_MS)
    text = _("the last one {when}, at {folder}")
    if same_disk(folder, database):
        text = _("the last one {when}, at {folder}, on the database's own disk")
    old = now - word.taken_at > OLD_MS
    return Health.LOOK if old else Health.WELL, text.format(when=when, folder=folder)


def _certificate(settings: Settings) -> Iterator[Finding]:
    """The server's own, where it has one: browsers and gateways refuse one that is over."""
    what = _("certificate")
    if settings.tls_cert is None:
        return
    try:
        certificate_of(settings)
        ends = expires_at(settings.tls_cert)
    except AlertdError as error:
        yield of_error(what, error)
        return
    days = (int(ends.timestamp() * 1000) - machine_ms()) // _DAY_MS
    day = ends.astimezone(settings.zone).date().isoformat()
    health = Health.BROKEN if days < 0 else Health.LOOK if days < _RENEW_DAYS else Health.WELL
    text = {
        Health.BROKEN: _("ended on {day}: browsers and gateways refuse it; alertd cert renews it"),
        Health.LOOK: _("ends on {day}; alertd cert renews it, and the server takes it up"),
        Health.WELL: _("good until {day}"),
    }[health]
    yield Finding(what, health, text.format(day=day))


def _library(settings: Settings) -> Iterator[Finding]:
    what = _("templates and policies")
    try:
        library = library_of(settings)
    except AlertdError as error:
        yield of_error(what, error)
        return
    templates = sum(1 for _template in library.templates)
    text = _("{templates} templates, {policies} policies").format(
        templates=templates, policies=len(library.policies)
    )
    yield Finding(what, Health.WELL, text)
