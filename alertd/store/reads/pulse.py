"""How the work stands, for /readyz and /metrics; every question costs a few index look-ups."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from alertd.decide.halt import FORGOTTEN_MS
from alertd.lanes import channel_of
from alertd.model import (
    PAUSED_PRIORITY,
    PRIORITIES,
    AlertState,
    Channel,
    DeliveryState,
    Millis,
    Status,
    numbers_of,
)
from alertd.store import due, outbox
from alertd.store import tables as t
from alertd.store.cries import unheard
from alertd.store.home import lacks_since
from alertd.store.reads.inbox import unclear_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The state of the work.

    Args:
        oldest_in: Since when the longest-waiting delivery has been due, by lane; a lane with
            nothing due is left out.
        overdue_at: The earliest deadline that has passed and isn't settled, or None.
        alerts: How many alerts there are, by (status, state).
        deliveries: Deliveries of alerts that are being told, by (status, channel, state).
        open_help: Calls for help that nobody has taken.
        unheard_help: Of these, those that nobody could be told of, or isn't yet after a while.
        unclear: Replies that wait for an operator.
        forgotten: Alerts that have been paused for so long that they may be forgotten.
        lacks_since: When a standby of the database took over that may lack something, or None.
    """

    oldest_in: Mapping[int, Millis]
    overdue_at: Millis | None
    alerts: Mapping[tuple[str, str], int]
    deliveries: Mapping[tuple[str, str, str], int]
    open_help: int
    unheard_help: int
    unclear: int
    forgotten: int
    lacks_since: Millis | None

    @property
    def oldest_due_at(self) -> dict[str, Millis]:
        """The same by channel."""
        return _by_channel(self.oldest_in)


def pulse(connection: Connection, now: Millis) -> Pulse:
    """Take the pulse."""
    return Pulse(
        oldest_in=_oldest_in(connection, now),
        overdue_at=outbox.overdue_since(connection, now),
        alerts=_alerts(connection),
        deliveries=_deliveries(connection),
        open_help=_open_help(connection),
        unheard_help=unheard(connection, now),
        unclear=unclear_count(connection),
        forgotten=_forgotten(connection, now),
        lacks_since=lacks_since(connection),
    )


def oldest_due(connection: Connection, now: Millis) -> dict[str, Millis]:
    """Since when the longest-waiting delivery has been due, by channel."""
    return _by_channel(_oldest_in(connection, now))


def _by_channel(oldest_in: Mapping[int, Millis]) -> dict[str, Millis]:
    found: dict[str, Millis] = {}
    for lane, due_at in oldest_in.items():
        word = Channel(channel_of(lane)).word
        found[word] = min(due_at, found.get(word, due_at))
    return found


def _oldest_in(connection: Connection, now: Millis) -> dict[int, Millis]:
    """The same by lane.

    By the queue's own index: one look-up a lane and priority, however long the queue.
    What a person has paused doesn't wait for us.
    """
    c = t.delivery.c
    found: dict[int, Millis] = {}
    paused = due.paused(connection)
    for lane in outbox.waiting_lanes(connection):
        for priority in PRIORITIES:
            query = (
                select(c.due_at)
                .where(
                    c.lane == lane,
                    c.priority == priority,
                    c.state == int(DeliveryState.PENDING),
                    c.due_at <= now,
                )
                .order_by(c.due_at)
                .limit(1)
            )
            if priority > PAUSED_PRIORITY:
                query = query.where(*(~c.id.between(*numbers_of(no)) for no in paused))
            due_at = connection.execute(query).scalar_one_or_none()
            if due_at is not None:
                found[lane] = min(due_at, found.get(lane, due_at))
    return found


def _alerts(connection: Connection) -> dict[tuple[str, str], int]:
    c = t.alert.c
    rows = connection.execute(select(c.status, c.state, func.count()).group_by(c.status, c.state))
    return {(Status(status).word, AlertState(state).value): n for status, state, n in rows}


def _deliveries(connection: Connection) -> dict[tuple[str, str, str], int]:
    c, a = t.delivery_count.c, t.alert.c
    rows = connection.execute(
        select(a.status, c.channel, c.state, func.sum(c.n))
        .join(t.alert, a.no == c.alert_no)
        .where(a.state == AlertState.ISSUED.value)
        .group_by(a.status, c.channel, c.state)
    )
    return {
        (Status(status).word, Channel(channel).word, DeliveryState(state).word): int(n)
        for status, channel, state, n in rows
    }


def _forgotten(connection: Connection, now: Millis) -> int:
    c = t.halt.c
    query = select(func.count()).where(c.paused_at <= now - FORGOTTEN_MS)
    return int(connection.execute(query).scalar_one())


def _open_help(connection: Connection) -> int:
    c = t.help_case.c
    query = select(func.count()).where(c.taken_at.is_(None), c.closed_at.is_(None))
    return int(connection.execute(query).scalar_one())
