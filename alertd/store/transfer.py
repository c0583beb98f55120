"""Carry a whole city from one database to another: SQLite to PostgreSQL, or back.

All of it in one transaction of the target, and only if what arrived is what was there: every row of
every table, and every link of the journal's chains up to the same heads.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url

from alertd.errors import ConflictError
from alertd.store import chains, dialect, journal, migrate, rows
from alertd.store import tables as t
from alertd.store.rebuild import LEFT_OUT

TABLES = tuple(table for table in t.metadata.sorted_tables if table not in LEFT_OUT)

Tell = Callable[[str], None]
"""Is called with the name of each table that is done, and once more when it was compared."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """What was carried over.

    Args:
        facts: In the journal.
        rows: In all tables.
        heads: Where the chains end, in both.
    """

    facts: int
    rows: int
    heads: tuple[journal.Head, ...]


def transfer(source: str, target: str, tell: Tell) -> Transferred:
    """Copy the database at `source` into the empty one at `target`, and compare them.

    Nobody may write to the source meanwhile; the caller sees to that for SQLite.

    Raises:
        ConflictError: One of them isn't as it must be; nothing is changed.
    """
    _look(source, target)
    migrate.upgrade(target)
    reader, writer = dialect.reader(source), dialect.writer(target)
    try:
        with reader.begin() as old, writer.begin() as new:
            _refuse(old, new)
            for table in TABLES:
                rows.copy(old, new, table)
                tell(table.name)
            dialect.go_on_after(new, _last_turn(new))
            return _compared(old, new, tell)
    finally:
        reader.dispose()
        writer.dispose()


def _look(source: str, target: str) -> None:
    if make_url(source) == make_url(target):
        raise ConflictError("Source and target are the same database.")
    if migrate.current(source) != migrate.head():
        raise ConflictError(
            "The source isn't a database of this version of alertd.",
            hint="Start alertd on it once, which brings it up to date, and stop it again.",
        )


def _refuse(old: Connection, new: Connection) -> None:
    if dialect.writers(old) or dialect.writers(new):
        raise ConflictError(
            "alertd is running on one of the two databases.", hint="Stop every server and worker."
        )
    for table in TABLES:
        if new.execute(select(table).limit(1)).first() is not None:
            raise ConflictError(
                "The target isn't empty.", hint="Name a database that nothing is in yet."
            )
    if not chains.check(old).good:
        raise ConflictError(
            "The journal of the source doesn't hold, so that a copy couldn't be verified.",
            hint="Look at it with: alertd verify",
        )


def _compared(old: Connection, new: Connection, tell: Tell) -> Transferred:
    count = 0
    for table in TABLES:
        if found := rows.differences(table, old, new):
            raise ConflictError(f"The copy differs from the source: {found[0]}.")
        count += new.execute(select(func.count()).select_from(table)).scalar_one()
        tell(table.name)
    arrived, heads = chains.check(new), journal.heads(new)
    if not arrived.good or heads != journal.heads(old):
        raise ConflictError("The journal didn't arrive whole.")
    return Transferred(arrived.held, count, tuple(heads))


def _last_turn(connection: Connection) -> int:
    return connection.execute(select(func.max(t.chain.c.turn))).scalar() or 0
