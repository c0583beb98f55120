"""Where the city is at work, of PostgreSQL: a standby may take over, and a database may be a copy.

What either lacks has left all the same, and would leave a second time, unmarked. A standby lacks
moments, and the city goes on. A copy that the database's own tools put in place may lack hours, and
what was withdrawn in them: whether it shall send can be known by a person alone.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, func, select

from alertd.errors import ConflictError
from alertd.model import Fact, Millis
from alertd.store import dialect, given, journal, lived
from alertd.store import tables as t
from alertd.store.backup.waiting import waiting
from alertd.store.database import Transaction
from alertd.store.dialect import Place


def go_on(tx: Transaction, left_at: journal.Head | None, *, node: str) -> bool:
    """See whether this is the server of before, and mark what waits where it may lack something.

    Args:
        tx: The first transaction of the engine on its connection.
        left_at: Where our chain ended on the connection before.
        node: This node's name.

    Returns:
        Whether it may lack something: what is remembered of the database is wrong.
    """
    here = dialect.place(tx.connection)
    if here is None:
        return False
    tx.decide_too(wait=True)
    rows = _rows(tx.connection)
    known = next((row for row in rows if row.system == here.system), None)
    lacks = known is not None and here.line > known.line
    lacks = lacks or (left_at is not None and not journal.holds(tx.connection, left_at))
    lacks = lacks or _is_copy(rows, here)
    if lacks or known is None or known.tables is None:
        _write(tx, here, tx.now if lacks else known and known.lacks_since)
    if lacks:
        taken_at = lived.last_fact(tx.connection, node) or 0
        body = {"taken_at": taken_at, "waiting": asdict(waiting(tx.connection, tx.now))}
        tx.record(Fact(kind="restored", occurred_at=tx.now, body=body, source="engine"))
        given.leave_out(tx, taken_at, source="engine")
    return lacks


def refuse_copy(connection: Connection, now: Millis) -> None:
    """Refuse to go on in a copy that would send, before a person has said that it shall.

    Raises:
        ConflictError: PostgreSQL's own tools put it in place, and something waits in it.
    """
    here = dialect.place(connection)
    if here is None or not _is_copy(_rows(connection), here):
        return
    waits = waiting(connection, now)
    if waits.any:
        raise ConflictError(
            "This database is a copy that was put in place by the database's own tools: nobody"
            f" knows what was sent or withdrawn since it was made. {waits.alerts} alerts under way,"
            f" {waits.messages} messages, {waits.help} calls for help wait in it.",
            hint="With every server and worker stopped: alertd restore. It says what is sent then,"
            " and marks it.",
        )


def settle(tx: Transaction) -> None:
    """Write down that the city goes on here, by a person's word."""
    here = dialect.place(tx.connection)
    if here is not None:
        tx.connection.execute(t.home.delete())
        _write(tx, here, None)


def _rows(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(t.home)).all()


def _is_copy(rows: Sequence[Row[Any]], here: Place) -> bool:
    """Whether the city was at work before, and never here."""
    return bool(rows) and not any(
        row.tables in {None, here.tables} and _same(row.system, here.system) for row in rows
    )


def _same(before: str, now: str) -> bool:
    """Whether it may be one server: at times it won't say which it is."""
    return before == now or not before or not now


def _write(tx: Transaction, here: Place, lacks_since: Millis | None) -> None:
    row = here._asdict() | {"lacks_since": lacks_since}
    tx.connection.execute(dialect.replacing(tx.connection.dialect.name, t.home), row)


def lacks_since(connection: Connection) -> Millis | None:
    """When a standby took over last that may lack something."""
    return connection.execute(select(func.max(t.home.c.lacks_since))).scalar()
