"""`alertd verify`: whether a backup, or the data folder, is whole; exit code 0, or 1."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

from alertd.cli import show
from alertd.cli.options import Json
from alertd.cli.report_check import NotVerifiedError
from alertd.cli.words import LANGUAGE, _, told, word
from alertd.clock import machine_ms
from alertd.errors import ConflictError, NotFoundError
from alertd.i18n import sentence
from alertd.settings import load, sqlite_url
from alertd.store import dialect, migrate
from alertd.store.backup import checking, disk, logins, manifest
from alertd.store.backup.checking import Problem
from alertd.store.backup.copying import frozen
from alertd.store.backup.manifest import Manifest
from alertd.store.backup.waiting import Waiting, waiting
from alertd.store.vault import fingerprint

_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Found:
    facts: int
    waits: Waiting | None
    problems: list[Problem]
    key: str  # checked, not-here


def verify(  # noqa: D103 - its help says it
    backup: Annotated[
        Path | None,
        typer.Argument(metavar="BACKUP", help=_("A backup's folder; else the data folder.")),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", help=_("A folder with the keys, kept apart."))
    ] = None,
    tables: Annotated[
        bool,
        typer.Option("--tables", help=_("Also make the tables again from the journal; slower.")),
    ] = False,
    as_json: Json = False,
) -> None:
    made = manifest.read(backup) if backup is not None else None
    with show.working(_("Checking")):
        found = _check(backup, made, keys, again=tables)
    good = not found.problems
    if good or as_json:
        document = {
            "good": good,
            "facts": found.facts,
            "taken_at": made.taken_at if made else None,
            "node": made.node if made else None,
            "waiting": asdict(found.waits) if found.waits else None,
            "key": found.key,
            "problems": [asdict(problem) for problem in found.problems],
        }
        show.answer(document, as_json=as_json, human=lambda: _shown(found, made))
    if good:
        return
    if as_json:
        raise typer.Exit(NotVerifiedError.exit_code)
    for problem in found.problems[:_MOST_SHOWN]:
        show.note(f"  {_line(problem)}")
    raise NotVerifiedError(
        f"It isn't whole: {len(found.problems)} problems.",
        hint="Don't restore it, and don't go on with it; take the last backup that is whole.",
    )


def _line(problem: Problem) -> str:
    what = sentence(LANGUAGE, word("found", problem.what))
    return told(f"{word('where', problem.kind)} {problem.where}", what)


def _check(backup: Path | None, made: Manifest | None, keys: Path | None, *, again: bool) -> _Found:
    problems = list(checking.files(backup, made)) if backup and made else []
    facts, waits = 0, None
    key = _key(backup, made, keys)
    problems += _logins(backup, made, key)
    try:
        with _opened(backup, made) as connection:
            problems += checking.database(connection)
            facts, broken = checking.journal(connection, made.heads if made else None)
            problems += broken
            if key is not None or made is None:
                problems += checking.key(connection, key)
            if again and not problems:
                with TemporaryDirectory(prefix="alertd-") as scratch:
                    problems += checking.tables(connection, Path(scratch))
            waits = waiting(connection, machine_ms())
    except DatabaseError as error:
        # One that isn't there isn't damaged: nobody shall take a backup in its place for that.
        if made is None and isinstance(error, OperationalError) and not _in_a_file():
            raise
        problems.append(Problem("database", manifest.DATABASE, "can't be read"))
    except OSError as error:
        problems.append(Problem("database", manifest.DATABASE, str(error.strerror)))
    return _Found(facts, waits, problems, "checked" if key is not None else "not-here")


def _in_a_file() -> bool:
    return dialect.is_sqlite(load().store_url)


def _logins(backup: Path | None, made: Manifest | None, key: bytes | None) -> Iterator[Problem]:
    """The broker's, which are sealed in a backup and open in a data folder."""
    if backup is None or made is None:
        yield from logins.check_here(load().data_dir / manifest.BROKER)
    elif key is not None:
        yield from logins.check(backup, made, key)


@contextmanager
def _opened(backup: Path | None, made: Manifest | None) -> Iterator[Connection]:
    """One view of a backup's database, or of the data folder's, which may be served meanwhile.

    While it is open a server's log can't begin anew and grows; that ends with this command. A
    backup of an earlier version is looked at as the next start would make it, in a copy.
    """
    if backup is None or made is None:
        with _live() as connection:
            yield connection
        return
    database = backup / manifest.DATABASE
    if made.schema == migrate.head():
        with frozen(database) as connection:
            yield connection
        return
    with TemporaryDirectory(prefix="alertd-") as scratch:
        copy = Path(scratch) / manifest.DATABASE
        disk.copy(database, copy)
        migrate.upgrade(sqlite_url(copy))
        with frozen(copy) as connection:
            yield connection


@contextmanager
def _live() -> Iterator[Connection]:
    settings = load()
    version = migrate.current(settings.store_url)
    if version is None:
        raise NotFoundError("There is no database yet.", hint="The first start makes it.")
    if version != migrate.head():
        raise ConflictError(
            "The database is of another version of alertd.",
            hint="The next start brings it up to date; verify it then, or with that version.",
        )
    engine = dialect.reader(settings.store_url)
    try:
        with engine.connect() as connection, connection.begin():
            yield connection
    finally:
        engine.dispose()


def _key(backup: Path | None, made: Manifest | None, given: Path | None) -> bytes | None:
    """The addresses' key: of a backup only one that has the fingerprint it needs."""
    folders = [folder for folder in (given, backup and backup / manifest.KEYS) if folder]
    folders.append(load().data_dir / manifest.KEYS)
    for folder in folders:
        path = folder / manifest.ADDRESSES
        if path.is_file() and (made is None or fingerprint(path) == made.keys.get(path.name)):
            return path.read_bytes()
    return None


def _shown(found: _Found, made: Manifest | None) -> None:
    if made is not None:
        text = _("A backup of the node {node} of {moment}, by alertd {version}.")
        moment = show.moment(made.taken_at)
        show.line(text.format(node=made.node, moment=moment, version=made.alertd))
    show.line(_("It is whole; the chain of {facts} facts holds.").format(facts=f"{found.facts:,}"))
    if found.key != "checked":
        mark = made.keys.get(manifest.ADDRESSES, "") if made else ""
        show.line(_("The key {mark} isn't here, so it wasn't tried.").format(mark=mark))
    if found.waits is not None and found.waits.any:
        text = _("Under way in it: {alerts} alerts, {messages} messages, {help} calls for help.")
        show.line(text.format(**asdict(found.waits)))
