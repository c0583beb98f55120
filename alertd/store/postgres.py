"""PostgreSQL's own: how it is connected to, what it must be like, what it says of itself."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg.adapt import Dumper
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from alertd.errors import ConflictError, PooledError, ReplacedError

_UNTAKEN_MS = 15_000  # how long it is tried to hand a peer what it doesn't take


def engine(url: str, *, idle_ms: int = 0, **more: Any) -> Engine:
    """An engine for `url`; `idle_ms` as for `Store`, `more` as for `create_engine`.

    What the URL's query asks for is kept, save where alertd can't do without its own.
    """
    asked = make_url(url).query
    # A peer without power sends no word: the connection, and its locks, must not outlive it long.
    # Whoever waits for an answer is asked by keepalives; what was sent and isn't taken, by the
    # user's timeout alone, or the system goes on for a quarter of an hour.
    patience = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 2}
    patience["tcp_user_timeout"] = _UNTAKEN_MS
    # Where the URL names several servers: the one that takes what is written, and not its standby.
    ours = patience | {"target_session_attrs": "read-write"}
    settings = "-c timezone=UTC -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2"
    settings += f" -c tcp_user_timeout={_UNTAKEN_MS}"
    # A process that is stopped answers these all the same, and would keep its locks.
    settings += f" -c idle_in_transaction_session_timeout={idle_ms}"
    given = {name: value for name, value in ours.items() if name not in asked}
    given |= {"client_encoding": "utf8", "options": f"{_all(asked, 'options')} {settings}".strip()}
    made = create_engine(url, hide_parameters=True, connect_args=given, **more)

    @event.listens_for(made, "connect")
    def _connect(connection: psycopg.Connection[Any], _record: Any) -> None:
        # Flags are small integers in our tables; the driver would send a boolean.
        connection.adapters.register_dumper(bool, _Flag)
        # A limit that the user or the database was given is meant for people's queries.
        process = connection.execute(_NO_TIMEOUTS).fetchall()[0][0]
        connection.commit()
        if process != connection.info.backend_pid:
            raise PooledError

    return made


def _all(asked: Mapping[str, Sequence[str] | str], name: str) -> str:
    """What a URL's query has by that name; it may stand there more than once."""
    found = asked.get(name, "")
    return found if isinstance(found, str) else " ".join(found)


# Some of them are newer than the oldest server.
_NO_TIMEOUTS = (
    "SELECT pg_backend_pid(), set_config(name, '0', false) FROM pg_settings WHERE name IN"
    " ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_session_timeout')"
)


class _Flag(Dumper):
    """A flag as 0 or 1, of whatever type is wanted there; SQLAlchemy's own are booleans."""

    oid = 0

    def dump(self, obj: Any) -> bytes:
        """The text of it."""
        return b"1" if obj else b"0"


class Place(NamedTuple):
    """A server at a point of its history, and which of its databases.

    Args:
        system: A server and its standbys have one; "" where it won't say.
        line: Counts how often a standby took over.
        tables: Of the database and of the journal in it; in every copy that its own tools made
            (pg_restore, CREATE DATABASE … TEMPLATE) another.
    """

    system: str
    line: int
    tables: str


def place(connection: Connection, before: Place | None) -> Place:
    """Which server this is; one that takes what is written.

    Where it won't say (a cloud's, or one that forbids it) our own chain alone tells of a takeover.

    Raises:
        ReplacedError: We were on the standby that took over from it, `before`.
    """
    tables = connection.exec_driver_sql(_TABLES).scalar_one()
    try:
        with connection.begin_nested():
            system, log_file = connection.exec_driver_sql(_PLACE).one()
    except DBAPIError as error:
        if gave_up(error):
            raise
        return Place("", 0, tables)
    here = Place(str(system), int(log_file[:8], 16), tables)
    if before is not None and before.system == here.system and before.line > here.line:
        raise ReplacedError
    return here


def hold_version(connection: Connection, *, change: bool = False) -> None:
    """Have nobody bring the tables to another version until the end of the transaction.

    Any number of processes may hold it; to `change` it, one alone.
    """
    lock = "pg_advisory_xact_lock" if change else "pg_advisory_xact_lock_shared"
    connection.exec_driver_sql(f"SELECT {lock}({_VERSION}, 0)")


@contextmanager
def changing_tables(connection: Connection, patience_ms: int) -> Iterator[None]:
    """Say why tables can't be changed; nothing of it for SQLite.

    Raises:
        ConflictError: Somebody else has them open for longer than that, or owns them.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience_ms}")
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise ConflictError(
                "Another program has alertd's tables open: they can't be brought up to date.",
                hint="Look who (pg_stat_activity: a psql with an open transaction, a pg_dump), end"
                " it or wait for it, and start again. Nothing was changed.",
            ) from error
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise ConflictError(
                "The database's user may not change alertd's tables: another user owns them.",
                hint="As the database's administrator: REASSIGN OWNED BY … TO …, or name the owner"
                " in database_url. Nothing was changed.",
            ) from error
        raise


_VERSION = 0x616C6503  # an advisory lock's kind, as `dialect` has others
_TABLES = (
    "SELECT oid || '.' || coalesce('journal'::regclass::oid, 0) FROM pg_database"
    " WHERE datname = current_database()"
)
_PLACE = "SELECT system_identifier, pg_walfile_name(pg_current_wal_lsn()) FROM pg_control_system()"


def gave_up(error: BaseException) -> bool:
    """Whether PostgreSQL gave up what it was asked, and would do it the next time.

    A deadlock, a statement that somebody cancelled, a connection that was cut: what was to be
    written has no part in it.
    """
    seen = getattr(error, "orig", None) or error
    if not isinstance(seen, psycopg.OperationalError):
        return False
    return seen.sqlstate is None or seen.sqlstate[:2] in _OF_THE_MOMENT


# Connection, rollback (deadlock), resources, an operator's hand, the system.
_OF_THE_MOMENT = {"08", "40", "53", "57", "58"}


def refuse_unfit(connection: Connection) -> None:
    """Refuse a database, still empty, in which a city couldn't be.

    Raises:
        ConflictError: It can't hold every text, its user may make no tables, or half of a copy is
            in it.
    """
    encoding, may_make, begun = connection.exec_driver_sql(_FITNESS).one()
    hint = "Make one with: createdb --owner USER --template template0 --encoding UTF8 NAME"
    if encoding != "UTF8":
        raise ConflictError("The database's encoding isn't UTF8: texts would be lost.", hint=hint)
    if not may_make:
        raise ConflictError("The database's user may make no tables in it.", hint=hint)
    if begun:
        raise half_a_copy()


def half_a_copy() -> ConflictError:
    """What is said of a database that its own tools haven't copied to the end."""
    return ConflictError(
        "The database isn't whole: tables, keys or indexes are missing in it.",
        hint="Was a pg_restore interrupted? Once more, with --single-transaction, into an empty"
        " database.",
    )


_FITNESS = (
    "SELECT current_setting('server_encoding'), has_schema_privilege(current_schema(), 'CREATE'),"
    " to_regclass(quote_ident(current_schema()) || '.journal') IS NOT NULL"
)
