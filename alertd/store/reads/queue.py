"""What waits in the queues."""

from collections import Counter
from typing import Any, Final

from sqlalchemy import Connection, func, literal_column, select

from alertd.lanes import lane_of
from alertd.model import AlertState, Channel, DeliveryState, Status, priority_of
from alertd.store import tables as t
from alertd.store.prepared import Prepared

COUNTED: Final = 100_000
"""So many are counted one by one, in some 25 ms; of more the rollup is asked."""


def waiting(connection: Connection, *, counted: int = COUNTED) -> dict[tuple[int, int], int]:
    """How many deliveries wait, by lane and priority.

    Where more wait than `counted`, an alert's all stand at its highest priority, as the rollup
    doesn't tell them apart: a forecast is then rather too late than too early.
    """
    rolled: Counter[tuple[int, int]] = Counter()
    for status, severity, channel, n in _ROLLED.rows(connection):
        rolled[lane_of(Channel(channel), Status(status)), priority_of(severity)] += int(n)
    if rolled.total() > counted:
        return dict(rolled)
    return {(lane, priority): n for lane, priority, n in _WAITING.rows(connection)}


# A literal, as the queue's index has it: what has left the queue isn't looked at.
_PENDING: Any = literal_column(str(int(DeliveryState.PENDING)))


def _waiting(_: str) -> Any:
    c = t.delivery.c
    query = select(c.lane, c.priority, func.count()).where(c.state == _PENDING)
    return query.group_by(c.lane, c.priority)


def _rolled(_: str) -> Any:
    a, n = t.alert.c, t.delivery_count.c
    issued: Any = literal_column(f"'{AlertState.ISSUED.value}'")
    query = (
        select(a.status, a.severity, n.channel, func.sum(n.n))
        .join_from(t.alert, t.delivery_count, n.alert_no == a.no)
        .where(a.state == issued, n.state == _PENDING)
    )
    return query.group_by(a.status, a.severity, n.channel)


_WAITING = Prepared(_waiting)
_ROLLED = Prepared(_rolled)
