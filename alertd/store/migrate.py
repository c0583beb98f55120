"""Bring a database to the tables that this program knows.

A new step: change the tables, let `alembic.command.revision(config(connection), autogenerate=True)`
write a draft against an upgraded database, and read, correct and test it.
"""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from alertd.errors import ConflictError, OutdatedError
from alertd.store import dialect, postgres
from alertd.store.shape import refuse_unlike

_FOLDER = Path(__file__).parent / "migrations"
_PATIENCE_MS = 10_000


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings, made here: there is no alembic.ini."""
    settings = Config()
    settings.set_main_option("script_location", str(_FOLDER))
    settings.attributes["connection"] = connection
    return settings


def upgrade(url: str, *, patience_ms: int = _PATIENCE_MS) -> None:
    """Apply the steps that are missing, all of them or none; makes an SQLite file's folder.

    Args:
        url: Of the database.
        patience_ms: How long PostgreSQL's tables are waited for, where somebody has them open.

    Raises:
        ConflictError: A newer alertd has been at work in this database, an older one is, or it is
            empty and no city could be in it, or it isn't whole or has other tables than ours; or
            these can't be changed.
    """
    _make_folder(url)
    engine = dialect.writer(url)
    try:
        with engine.begin() as connection:
            dialect.hold_decisions(connection)  # several processes may start at once
            if not dialect.is_sqlite(url):
                postgres.hold_version(connection, change=True)
            there = _current(connection)
            if there is None:
                dialect.refuse_unfit(connection)
            _refuse_newer(there)
            if there != head() and dialect.writers(connection):
                raise ConflictError(
                    "An older version of alertd is running on this database.",
                    hint="Stop every server and worker, and start them all in this version.",
                )
            with postgres.changing_tables(connection, patience_ms):
                command.upgrade(config(connection), "head")
            refuse_unlike(connection)
    finally:
        engine.dispose()


def current(url: str) -> str | None:
    """The last step applied, or None for an empty database; creates nothing."""
    if file_of(url) and not Path(file_of(url)).exists():
        return None
    engine = dialect.reader(url)
    try:
        with engine.begin() as connection:
            return _current(connection)
    finally:
        engine.dispose()


def refuse_other(connection: Connection) -> None:
    """Refuse to go on in PostgreSQL of another version, for whoever joins its writers.

    `upgrade` sees no writer that has lost its connection. Who joins in the same transaction comes
    before an upgrade, which then sees it, or after it.

    Raises:
        OutdatedError: The database isn't of this version any more.
    """
    postgres.hold_version(connection)
    if _current(connection) != head():
        raise OutdatedError


def holds_a_city(url: str) -> bool:
    """Whether anything was ever put on record there: tables alone may be left of a broken copy."""
    if current(url) is None:
        return False
    engine = dialect.reader(url)
    try:
        with engine.begin() as connection:
            return connection.execute(text("SELECT 1 FROM journal LIMIT 1")).first() is not None
    finally:
        engine.dispose()


def refuse_unfit(url: str) -> None:
    """As `dialect.refuse_unfit`, where there is a database."""
    if file_of(url):
        return
    engine = dialect.reader(url)
    try:
        with engine.begin() as connection:
            dialect.refuse_unfit(connection)
    finally:
        engine.dispose()


@cache
def head() -> str:
    """The last step there is."""
    return str(ScriptDirectory(str(_FOLDER)).get_current_head())


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def is_known(revision: str) -> bool:
    """Whether this program has the step; it hasn't where a newer one wrote the database."""
    return revision in {step.revision for step in ScriptDirectory(str(_FOLDER)).walk_revisions()}


def newer() -> ConflictError:
    """What is said of a database with a step that isn't known."""
    return ConflictError(
        "This database was written by a newer version of alertd.",
        hint="Install that version again, or restore a backup made by this one.",
    )


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and not is_known(revision):
        raise newer()


def file_of(url: str) -> str:
    """The path of an SQLite file; "" for a database elsewhere or in memory."""
    name = make_url(url).database or ""
    return name if dialect.is_sqlite(url) and name != ":memory:" else ""


def _make_folder(url: str) -> None:
    if file_of(url):
        Path(file_of(url)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
