"""Carry a whole city from one database to another: SQLite to PostgreSQL, or back.

All of it in one transaction of the target, and only if what arrived is what was there: every row of
every table, and every link of the journal's chains up to the same heads. From then on the city is
served from the target: the source knows that it was left, and isn't served any more.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, RootTransaction, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from alertd.errors import ConflictError
from alertd.model import Millis
from alertd.store import chains, dialect, journal, migrate, rows
from alertd.store import tables as t
from alertd.store.database import Transaction
from alertd.store.departure import arrived, leave, refuse_departed, running_there
from alertd.store.rebuild import LEFT_OUT
from alertd.store.vault import KEY_BYTES, Vault

TABLES = tuple(table for table in t.metadata.sorted_tables if table not in LEFT_OUT)
_WRITER = 1  # the first number there is; nobody else writes

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


def transfer(source: str, target: str, tell: Tell, *, node: str, now: Millis) -> Transferred:
    """Copy the database at `source` into the empty one at `target`, compare them, and leave it.

    Nobody may write to the source meanwhile; the caller sees to that for SQLite.

    Args:
        source: A database's URL.
        target: Another's.
        tell: Is told how far it is.
        node: This node's name.
        now: The time.

    Raises:
        ConflictError: One of them isn't as it must be; nothing is changed. Or nobody can tell
            whether the target kept the copy: the source isn't served then.
    """
    _look(source, target)
    migrate.upgrade(target)
    reader, writer = dialect.reader(source), dialect.writer(target)
    try:
        with reader.begin() as old, writer.connect() as new:
            copied = new.begin()
            _refuse(old, new)
            for table in TABLES:
                rows.copy(old, new, table)
                tell(table.name)
            dialect.go_on_after(new, _last_turn(new))
            done = _compared(old, new, tell)
            _arrive(new, old.dialect.name, node, now)
            # Before the copy is there to be served, so that at no moment both of them are.
            leave(source, done.heads, node=node, to=new.dialect.name, now=now)
            _commit(copied)
            return done
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


def _arrive(new: Connection, origin: str, node: str, now: Millis) -> None:
    """Write down in the copy where it comes from, behind all that was compared."""
    tx = Transaction(new, Vault(bytes(KEY_BYTES)), now)
    arrived(tx, origin)
    journal.append(new, journal.load_head(new, node, _WRITER), tx.facts, now)


def _commit(copied: RootTransaction) -> None:
    try:
        copied.commit()
    except DBAPIError:
        raise ConflictError(
            "The connection broke at the copy's commit: whether it is there, nobody knows.",
            hint="Look with alertd verify at both. If the copy isn't there:"
            " alertd migrate-store --take-back, and once more.",
        ) from None


def _refuse(old: Connection, new: Connection) -> None:
    refuse_departed(old)
    if dialect.writers(old) or dialect.writers(new):
        raise running_there()
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
