"""Where SQLite and PostgreSQL differ. Nowhere else."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Select,
    Table,
    Update,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool, QueuePool
from sqlalchemy.sql.dml import Insert

from alertd.errors import UnavailableError
from alertd.store import postgres

# A checkpoint writes a changed page once, however often it has changed; and the last page of the
# journal, the rollups and the head of the queue change at every step. SQLite's own 1,000 pages are
# 80 steps.
CHECKPOINT_PAGES = 8_000
PAGE_BYTES = 4_096

_WRITER_MS = 10_000  # how long another writer is waited for
_READER_MS = 200  # and a reader

_CACHE = "PRAGMA cache_size=-65536"
_LITTLE = 10  # pages

# A step goes through more than the 128 statements that the driver keeps by itself; past them each
# would be parsed again, every time.
_SQLITE_KEEPS = {"cached_statements": 1_000}

# Of every NULL and every bytes the driver asks first whether it can be adapted, and makes and drops
# two errors to find out that it can't: a microsecond each. These give back what they are given.
_NOTHING: dict[None, None] = {}
sqlite3.register_adapter(type(None), _NOTHING.get)
sqlite3.register_adapter(bytes, bytes)


def is_sqlite(url: str) -> bool:
    """Whether `url` names an SQLite database."""
    return make_url(url).get_backend_name() == "sqlite"


def writer(
    url: str,
    *,
    synchronous: str = "FULL",
    checkpoint_pages: int = CHECKPOINT_PAGES,
    idle_ms: int = 0,
) -> Engine:
    """The engine of the one writer; of PostgreSQL, see `Store` for `idle_ms`.

    The sqlite3 driver begins transactions late and as readers, which silently loses updates; so
    it is told to leave transactions alone, and each begins as a writer.
    """
    if not is_sqlite(url):
        return postgres.engine(
            url, poolclass=NullPool, isolation_level="READ COMMITTED", idle_ms=idle_ms
        )
    # An error's text must not show names or ciphertexts.
    engine = create_engine(
        url, poolclass=NullPool, hide_parameters=True, connect_args=_SQLITE_KEEPS
    )
    _prepare(
        engine,
        f"PRAGMA synchronous={synchronous}",
        f"PRAGMA wal_autocheckpoint={checkpoint_pages}",
        "PRAGMA journal_size_limit=67108864",
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The driver's own cursor: SQLAlchemy's work on it would be dearer than the rest.
        connection.connection.cursor().execute("BEGIN IMMEDIATE")

    return engine


def broke_off(connection: Connection, error: BaseException) -> bool:
    """Whether an error ended the whole transaction, or leaves no space to go on with it.

    Where a disk is full, SQLite rolls everything back by itself; whoever went on would write
    outside of any transaction.
    """
    if connection.dialect.name != "sqlite":
        return out_of_space(error) or postgres.gave_up(error)
    driver: Any = connection.connection.driver_connection
    return not driver.in_transaction or out_of_space(error)


def out_of_space(error: BaseException | None) -> bool:
    """Whether it says that the disk is full, or that it can't be written to."""
    while error is not None:
        seen = getattr(error, "orig", None) or error
        if getattr(seen, "sqlite_errorcode", 0) & 0xFF in _SPACE:
            return True
        if getattr(seen, "sqlstate", None) == "53100":
            return True
        error = error.__cause__
    return False


def is_away(error: BaseException) -> bool:
    """Whether the database, or a way to it, wasn't to be had: no defect, and soon it may be."""
    if isinstance(error, PoolTimeout):
        return True
    seen = getattr(error, "orig", None) or error
    busy = getattr(seen, "sqlite_errorcode", 0) & 0xFF in _BUSY
    return busy or out_of_space(error) or postgres.gave_up(error)


_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN}


def cause_of(error: BaseException) -> str:
    """What the driver calls what went wrong; for the log, which is shown no more than that."""
    while error.__cause__ is not None and not hasattr(error, "orig"):
        error = error.__cause__
    seen = getattr(error, "orig", None) or error
    return str(getattr(seen, "sqlite_errorname", "")) or type(seen).__name__


_SPACE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


def checkpoint(connection: Connection) -> bool:
    """See `Store.checkpoint`; PostgreSQL looks after its own."""
    if connection.dialect.name != "sqlite":
        return True
    cursor = connection.connection.cursor()  # the driver's own: this may not be in a transaction
    if _moves_all(cursor, "PASSIVE"):
        return True
    # The journal keeps its place on the disk. A reader that is in its way is soon gone, or stays
    # for as long as a backup's disk hangs; and messages wait for this.
    cursor.execute(f"PRAGMA busy_timeout={_READER_MS}")
    try:
        return _moves_all(cursor, "RESTART")
    finally:
        cursor.execute(f"PRAGMA busy_timeout={_WRITER_MS}")


def _moves_all(cursor: Any, how: str) -> bool:
    """Whether a checkpoint brings all of the journal into the database."""
    try:
        cursor.execute(f"PRAGMA wal_checkpoint({how})")
        ((busy, pages, moved),) = cursor.fetchall()
    except sqlite3.OperationalError:
        return False
    return not busy and pages == moved


def reserve_log(connection: Connection, pages: int) -> None:
    """Have SQLite's journal be so many pages long from the start; between transactions only.

    To write over what is there costs a disk about half of what it costs to append, where the
    file's new length must be kept, too; and nobody else can take that space any more. Where there
    isn't room for it, or a reader is in the way of one that a crash left, the journal grows as it
    goes.
    """
    if connection.dialect.name != "sqlite":
        return
    cursor = connection.connection.cursor()  # the driver's own, as for a checkpoint
    if not _moves_all(cursor, "PASSIVE"):
        return  # behind what a crash left it would be twice as long
    cursor.execute("BEGIN IMMEDIATE")
    try:
        # What a cache can't hold goes to the journal before the commit; and here none comes.
        cursor.execute(f"PRAGMA cache_size={_LITTLE}")
        cursor.execute("CREATE TABLE reserved (space BLOB NOT NULL)")
        more = (pages + 2 * _LITTLE) * PAGE_BYTES  # some stay in the cache
        cursor.execute("INSERT INTO reserved VALUES (zeroblob(?))", (more,))
    except sqlite3.OperationalError as error:
        if not out_of_space(error):
            raise
    finally:
        if connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
            cursor.execute("ROLLBACK")
        cursor.execute(_CACHE)


def reader(url: str) -> Engine:
    """An engine that can't write, for readers in any thread."""
    if not is_sqlite(url):
        # One view for all statements of a reader; a server that came back is noticed first.
        return postgres.engine(
            url,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
            pool_pre_ping=True,
        )
    engine = create_engine(
        url, poolclass=QueuePool, hide_parameters=True, connect_args=_SQLITE_KEEPS
    )
    _prepare(engine, "PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _prepare(engine: Engine, *pragmas: str) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_WRITER_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(_CACHE)
        connection.execute("PRAGMA temp_store=MEMORY")
        for pragma in pragmas:
            connection.execute(pragma)


def refuse_unfit(connection: Connection) -> None:
    """Refuse a database, still empty, in which a city couldn't be.

    Raises:
        ConflictError: It can't hold every text, or its user may make no tables.
    """
    if connection.dialect.name != "sqlite":
        postgres.refuse_unfit(connection)


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT in this connection's dialect."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def next_turn(connection: Connection, last: int) -> int:
    """The number of this transaction among all of the node's; `last` is the one before.

    Where there are several writers, the database counts: numbers may be left out, and of two
    transactions that wait for one another's rows the later one has the higher.
    """
    if connection.dialect.name == "sqlite":
        return last + 1
    return int(connection.exec_driver_sql("SELECT nextval('journal_turn')").scalar_one())


def add_counts(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Add each row's figures to the row of the same key, which comes into being at zero."""
    if rows:
        connection.execute(adding(connection.dialect.name, table), rows)


def adding(dialect: str, table: Table) -> Any:
    """The statement of `add_counts`; a parameter a column, under the column's name."""
    keys = [column.name for column in table.primary_key.columns]
    figures = [column.name for column in table.columns if column.name not in keys]
    statement = _insert(dialect, table)
    statement = statement.values({name: bindparam(name) for name in (*keys, *figures)})
    return statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: table.c[name] + statement.excluded[name] for name in figures},
    )


def replacing(dialect: str, table: Table) -> Any:
    """An INSERT that puts a row in the place of the one of the same key; a parameter a column."""
    keys = [column.name for column in table.primary_key.columns]
    statement = _insert(dialect, table)
    names = [column.name for column in table.columns]
    statement = statement.values({name: bindparam(name) for name in names})
    others = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=others)


def change_and_count(
    connection: Connection, statement: Update, by: Column[Any]
) -> Iterable[tuple[Any, int]]:
    """Run an UPDATE; returns how many rows it changed, by a column that it leaves alone.

    One statement: what another worker changes meanwhile is neither counted nor missed.
    """
    changing = statement.returning(by)
    if connection.dialect.name == "sqlite":
        return Counter(value for (value,) in connection.execute(changing)).items()
    changed = changing.cte("changed")
    counting = select(changed.c[by.name], func.count()).group_by(changed.c[by.name])
    return [(value, n) for value, n in connection.execute(counting)]


def insert_new(connection: Connection, table: Table) -> Insert:
    """An INSERT that leaves a row alone which is there already."""
    return ignoring(connection.dialect.name, table)


def ignoring(dialect: str, table: Table) -> Insert:
    """The statement of `insert_new`."""
    statement: Insert = _insert(dialect, table).on_conflict_do_nothing()
    return statement


def unclaimed(dialect: str, query: Select[Any]) -> Select[Any]:
    """Rows that no other worker is claiming; SQLite has one writer and needs no lock."""
    return query if dialect == "sqlite" else query.with_for_update(skip_locked=True)


# Advisory locks of PostgreSQL, in this database: (kind, number).
_WRITERS, _DECISIONS = 0x616C6501, 0x616C6502
_MOST_WRITERS = 1_000


def take_writer_no(connection: Connection, given: int) -> int:
    """This process's number among the writers, for as long as the connection lasts.

    SQLite has one writer, which has the `given` number. On PostgreSQL it is the lowest that no
    other process has, so that chains are few; who is gone, or cut off, has none.

    Raises:
        UnavailableError: There are too many processes.
    """
    if connection.dialect.name == "sqlite":
        return given
    statement = f"SELECT pg_try_advisory_lock({_WRITERS}, %(no)s)"
    for number in range(given, given + _MOST_WRITERS):
        if connection.exec_driver_sql(statement, {"no": number}).scalar_one():
            return number
    raise UnavailableError("Too many processes write to this database.")


def is_free(connection: Connection, writer: int) -> bool:
    """Whether no process has this number among the writers; asked where there may be several."""
    statement = f"SELECT pg_try_advisory_xact_lock({_WRITERS}, %(no)s)"
    return bool(connection.exec_driver_sql(statement, {"no": writer}).scalar_one())


def hold_decisions(connection: Connection, *, wait: bool = True) -> bool:
    """Be the only one that decides until the end of the transaction; whether that is so.

    Claims, and settlements that decide nothing further, go on beside it; their rows are locked.
    """
    if connection.dialect.name == "sqlite":
        return True
    if wait:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_DECISIONS}, 0)")
        return True
    found = connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_DECISIONS}, 0)")
    return bool(found.scalar_one())


Place = postgres.Place


def place(connection: Connection, before: Place | None = None) -> Place | None:
    """Which server this is, of PostgreSQL; SQLite's file is where it is.

    Raises:
        ReplacedError: We were on the standby that took over from it, `before`.
    """
    return None if connection.dialect.name == "sqlite" else postgres.place(connection, before)


def locked(dialect: str, query: Select[Any]) -> Select[Any]:
    """Rows that nobody else may change until we are done; waits for who is changing them."""
    return query if dialect == "sqlite" else query.with_for_update()


def writers(connection: Connection) -> int:
    """How many processes have a number among the writers; SQLite's folder has a lock for that."""
    if connection.dialect.name == "sqlite":
        return 0
    statement = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid = %(kind)s AND objsubid = 2"
    )
    return int(connection.exec_driver_sql(statement, {"kind": _WRITERS}).scalar_one())


def go_on_after(connection: Connection, turn: int) -> None:
    """Count this database's transactions on from `turn`; SQLite goes by its chains."""
    if connection.dialect.name != "sqlite" and turn:
        connection.exec_driver_sql("SELECT setval('journal_turn', %(turn)s)", {"turn": turn})
