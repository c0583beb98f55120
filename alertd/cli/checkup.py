"""What doctor looks at, and in which order: without settings there is nothing more to look at."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from alertd.beside import Running
from alertd.bootstrap import ballast_of, library_of, lock
from alertd.cli.certificates import expires_at
from alertd.cli.checkup_routes import broker_finding, route_findings
from alertd.cli.checkup_store import store_findings
from alertd.cli.client import TOKEN_VARIABLE, running
from alertd.cli.findings import Finding, Health, age, of_error
from alertd.cli.keeping import last_backup, now
from alertd.cli.words import _
from alertd.decide.space import judge
from alertd.errors import AlertdError
from alertd.settings import FILE_NAME, Settings, load, unknown_variables
from alertd.store import dialect
from alertd.web.ready import LEAST_FREE_BYTES
from alertd.web.server import certificate_of

_OWN_VARIABLES: Final = frozenset({TOKEN_VARIABLE, "ALERTD_OFFLINE_KIT"})
_GIB: Final = 1 << 30
_DAY_MS: Final = 86_400_000
_BACKUP_DAYS: Final = 7
_RENEW_DAYS: Final = 30
_OTHERS: Final = 0o077  # what a folder's mode lets group and everybody do


async def checkup() -> list[Finding]:
    """Look at everything; a defect in one look doesn't keep us from the others."""
    try:
        settings = load()
    except AlertdError as error:
        return [of_error(_("settings"), error), *_variables()]
    server = running(settings.data_dir)
    findings = [_sources(settings), *_variables(), _folder(settings), _server(settings, server)]
    findings += [*_certificate(settings), _library(settings)]
    findings += await asyncio.to_thread(store_findings, settings)
    findings += [_backup(settings)]
    findings += await route_findings(settings, server)
    findings += [broker_finding(settings)]
    return findings


def _sources(settings: Settings) -> Finding:
    named = os.environ.get("ALERTD_CONFIG")
    places = [Path(named)] if named else [settings.data_dir / FILE_NAME, Path(FILE_NAME)]
    file = next((str(place) for place in places if place.is_file()), _("no file"))
    names = sorted(name for name in os.environ if name.startswith("ALERTD_"))
    given = _("variables: {names}").format(names=", ".join(names)) if names else _("no variables")
    return Finding(_("settings"), Health.WELL, f"{file} – {given}")


def _variables() -> Iterator[Finding]:
    for name in unknown_variables():
        if name not in _OWN_VARIABLES:
            detail = _("{name} is no setting of alertd; it does nothing.").format(name=name)
            yield Finding(_("variables"), Health.LOOK, detail)


def _folder(settings: Settings) -> Finding:
    what, folder = _("data folder"), settings.data_dir
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK) or not nearest.is_dir():
        detail = _("{folder} can't be written to.").format(folder=folder)
        return Finding(what, Health.BROKEN, detail)
    free = shutil.disk_usage(nearest).free
    text = _("{folder}, {free:.1f} GiB free").format(folder=folder, free=free / _GIB)
    if folder != nearest:
        text = _("{text}; it will be made at the first start").format(text=text)
    if folder == nearest and _refuses(settings):
        detail = _("{text}: new alerts and rosters are refused; make room").format(text=text)
        return Finding(what, Health.BROKEN, detail)
    if free < LEAST_FREE_BYTES:
        return Finding(what, Health.BROKEN, text)
    if folder == nearest and folder.stat().st_mode & _OTHERS:
        detail = _("{text}; others on this machine can read it: chmod 700 {folder}")
        return Finding(what, Health.LOOK, detail.format(text=text, folder=folder))
    return Finding(what, Health.WELL, text)


def _refuses(settings: Settings) -> bool:
    """Whether a server refuses new work here, or would: nothing is made or given up for it."""
    file = ballast_of(settings)
    short, _act = judge(
        short=False, free=file.free(), held=file.held(), wanted=file.wanted, failed=False
    )
    return short


def _server(settings: Settings, server: Running | None) -> Finding:
    what = _("server")
    if server is not None:
        text = _("runs at {url} (process {pid})").format(url=server.url, pid=server.pid)
        return Finding(what, Health.WELL, text)
    if not settings.data_dir.exists():
        return Finding(what, Health.LOOK, _("never started"))
    try:
        lock(settings).close()
    except AlertdError as error:
        return of_error(what, error)
    except OSError:
        return Finding(what, Health.BROKEN, _("The lock can't be looked at."))
    return Finding(what, Health.LOOK, _("not running: nothing is sent until it is"))


def _backup(settings: Settings) -> Finding:
    what, last = _("backup"), last_backup(settings.data_dir)
    if not dialect.is_sqlite(settings.store_url):
        return Finding(what, Health.WELL, _("PostgreSQL's own: pg_dump"))
    if last is None:
        return Finding(what, Health.LOOK, _("none from here yet; alertd backup makes one"))
    folder, taken_at = last
    if not folder.exists():
        detail = _("the last one isn't at {folder} any more").format(folder=folder)
        return Finding(what, Health.LOOK, detail)
    days = max(0, now() - taken_at) // _DAY_MS
    detail = _("the last one {when}, at {folder}").format(when=age(days), folder=folder)
    return Finding(what, Health.LOOK if days > _BACKUP_DAYS else Health.WELL, detail)


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
    days = (int(ends.timestamp() * 1000) - now()) // _DAY_MS
    day = ends.astimezone(settings.zone).date().isoformat()
    health = Health.BROKEN if days < 0 else Health.LOOK if days < _RENEW_DAYS else Health.WELL
    text = {
        Health.BROKEN: _("ended on {day}: browsers and gateways refuse it; alertd cert renews it"),
        Health.LOOK: _("ends on {day}; alertd cert renews it, for the next start"),
        Health.WELL: _("good until {day}"),
    }[health]
    yield Finding(what, health, text.format(day=day))


def _library(settings: Settings) -> Finding:
    what = _("templates and policies")
    try:
        library = library_of(settings)
    except AlertdError as error:
        return of_error(what, error)
    templates = sum(1 for _template in library.templates)
    text = _("{templates} templates, {policies} policies").format(
        templates=templates, policies=len(library.policies)
    )
    return Finding(what, Health.WELL, text)
