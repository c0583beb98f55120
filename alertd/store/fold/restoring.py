"""The fact that a journal goes on from a backup."""

from sqlalchemy import Connection

from alertd.model import DeliveryState, Fact
from alertd.store import tables as t


def restored(connection: Connection, fact: Fact) -> None:
    """Whatever waits may have left between the backup and its restoring: a copy says so."""
    del fact
    waiting = t.delivery.c.state == DeliveryState.PENDING
    connection.execute(t.delivery.update().where(waiting).values(duplicate=1))
