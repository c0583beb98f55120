"""What waits in the queues."""

from typing import Any

from sqlalchemy import Connection, func, literal_column, select

from alertd.model import DeliveryState
from alertd.store import tables as t
from alertd.store.prepared import Prepared


def _waiting(_: str) -> Any:
    # A literal, as the queue's index has it: what has left the queue isn't looked at.
    c = t.delivery.c
    pending = c.state == literal_column(str(int(DeliveryState.PENDING)))
    query = select(c.lane, c.priority, func.count()).where(pending)
    return query.group_by(c.lane, c.priority)


_WAITING = Prepared(_waiting)


def waiting(connection: Connection) -> dict[tuple[int, int], int]:
    """How many deliveries wait, by lane and priority; read from the queue's index alone."""
    return {(lane, priority): n for lane, priority, n in _WAITING.rows(connection)}
