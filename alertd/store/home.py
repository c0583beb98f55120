"""Which server of PostgreSQL the city is at work on: a standby may take over.

What it lacks of the last moments has left all the same, and would leave a second time, unmarked.
"""

from dataclasses import asdict

from sqlalchemy import Connection, func, select

from alertd.model import Fact, Millis
from alertd.store import dialect, journal, lived
from alertd.store import tables as t
from alertd.store.backup.waiting import waiting
from alertd.store.database import Transaction


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
    c = t.home.c
    known = tx.connection.execute(select(c.line).where(c.system == here.system)).scalar()
    lacks = known is not None and here.line > known
    lacks = lacks or (left_at is not None and not journal.holds(tx.connection, left_at))
    if lacks or known is None:
        row = here._asdict() | {"lacks_since": tx.now if lacks else None}
        tx.connection.execute(dialect.replacing(tx.connection.dialect.name, t.home), row)
    if lacks:
        taken_at = lived.last_fact(tx.connection, node) or 0
        body = {"taken_at": taken_at, "waiting": asdict(waiting(tx.connection, tx.now))}
        tx.record(Fact(kind="restored", occurred_at=tx.now, body=body, source="engine"))
    return lacks


def lacks_since(connection: Connection) -> Millis | None:
    """When a standby took over last that may lack something."""
    return connection.execute(select(func.max(t.home.c.lacks_since))).scalar()
