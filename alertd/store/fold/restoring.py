"""The facts that a journal goes on from a copy, or elsewhere."""

from sqlalchemy import Connection

from alertd.model import DeliveryState, Fact
from alertd.store import tables as t


def restored(connection: Connection, fact: Fact) -> None:
    """Whatever waits may have left between the backup and its restoring: a copy says so."""
    del fact
    waiting = t.delivery.c.state == DeliveryState.PENDING
    connection.execute(t.delivery.update().where(waiting).values(duplicate=1))


def left(connection: Connection, fact: Fact) -> None:
    """The city was carried into another database, and is served from there. Body: node, to."""
    body = fact.body
    row = {"node": body["node"], "to": body["to"], "at": fact.occurred_at}
    connection.execute(t.departure.insert().values(row))


def taken_back(connection: Connection, fact: Fact) -> None:
    """It goes on here after all; what waits may have left from there. Body: node, waiting."""
    there = t.departure.c.node == fact.body["node"]
    connection.execute(t.departure.delete().where(there))
    restored(connection, fact)
