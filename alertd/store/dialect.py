"""Where SQLite and PostgreSQL differ. Nowhere else."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, bindparam, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.dml import Insert

# A checkpoint writes a changed page once, however often it has changed; and the last page of the
# journal, the rollups and the head of the queue change at every step. SQLite's own 1,000 pages are
# 80 steps.
_CHECKPOINT_PAGES = 8_000


def is_sqlite(url: str) -> bool:
    """Whether `url` names an SQLite database."""
    return make_url(url).get_backend_name() == "sqlite"


def writer(url: str, *, synchronous: str = "FULL") -> Engine:
    """The engine of the one writer.

    The sqlite3 driver begins transactions late and as readers, which silently loses updates; so
    it is told to leave transactions alone, and each begins as a writer.
    """
    if not is_sqlite(url):
        return create_engine(url, hide_parameters=True)
    # An error's text must not show names or ciphertexts.
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    _prepare(
        engine,
        f"PRAGMA synchronous={synchronous}",
        f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}",
        "PRAGMA journal_size_limit=67108864",
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The driver's own cursor: SQLAlchemy's work on it would be dearer than the rest.
        connection.connection.cursor().execute("BEGIN IMMEDIATE")

    return engine


def reader(url: str) -> Engine:
    """An engine that can't write, for readers in any thread."""
    if not is_sqlite(url):
        options = {"postgresql_readonly": True}
        return create_engine(url, execution_options=options, hide_parameters=True)
    engine = create_engine(url, hide_parameters=True)
    _prepare(engine, "PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _prepare(engine: Engine, *pragmas: str) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA temp_store=MEMORY")
        for pragma in pragmas:
            connection.execute(pragma)


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT in this connection's dialect."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


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
