"""The outbox as the engine reads it: what is due, what was claimed, what still waits."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal_column, select

from alertd.model import PAUSED_PRIORITY, DeliveryState, Millis, RecipientKind, numbers_of
from alertd.store import dialect as dialects
from alertd.store import tables as t
from alertd.store.prepared import Prepared, among, numbers


class Row(NamedTuple):
    """A delivery as dispatching and settling need it; columns of its table."""

    id: int
    message_no: int
    recipient_kind: int
    recipient_no: int
    address_no: int | None
    lane: int
    priority: int
    state: int
    attempt: int
    due_at: Millis | None
    route: str | None
    lease: str | None
    duplicate: int
    played: int
    reason: str | None


_COLUMNS = [t.delivery.c[name] for name in Row._fields]
_PENDING = t.delivery.c.state == literal_column(str(int(DeliveryState.PENDING)))


def _lanes(_: str) -> Any:
    """The lanes in which anything waits, jumping from one to the next along the queue's index."""
    lane = t.delivery.c.lane
    found = select(func.min(lane).label("lane")).where(_PENDING).cte("found", recursive=True)
    following = select(func.min(lane)).where(_PENDING, lane > found.c.lane).scalar_subquery()
    found = found.union_all(select(following).where(found.c.lane.is_not(None)))
    return select(found.c.lane).where(found.c.lane.is_not(None))


def _due(*, avoiding: bool) -> Any:
    c = t.delivery.c

    def build(dialect: str) -> Select[Any]:
        query = (
            select(*_COLUMNS)
            .where(c.lane == bindparam("in_lane"), _PENDING, c.due_at <= bindparam("now"))
            .order_by(c.lane, c.priority, c.due_at, c.id)
            .limit(bindparam("most"))
        )
        if avoiding:
            query = query.where(
                c.avoid_route.is_(None)
                | (c.avoid_route != bindparam("avoid"))
                | (c.due_at <= bindparam("long_ago"))
            )
        return dialects.unclaimed(dialect, query)

    return build


def _overdue(dialect: str) -> Select[Any]:
    query = select(*_COLUMNS).where(*_late()).order_by(t.delivery.c.due_at)
    return dialects.unclaimed(dialect, query.limit(bindparam("most")))


def _late() -> tuple[ColumnElement[bool], ...]:
    """Tries whose deadline has passed.

    Literals, as the index on deadlines has them: a parameter would mean a scan of all deliveries.
    """
    c = t.delivery.c
    states = (DeliveryState.SENDING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)
    awaiting = c.state.in_([literal_column(str(int(state))) for state in states])
    return awaiting, c.due_at.is_not(None), c.due_at <= bindparam("now")


_LANES = Prepared(_lanes)
_OVERDUE = Prepared(_overdue)
_OVERDUE_SINCE = Prepared(lambda _: select(func.min(t.delivery.c.due_at)).where(*_late()))
_DUE = {avoiding: Prepared(_due(avoiding=avoiding)) for avoiding in (False, True)}


def _load(dialect: str) -> Select[Any]:
    # In one order, so that no two processes wait for one another.
    query = select(*_COLUMNS).where(among(dialect, t.delivery.c.id, "ids"))
    return dialects.locked(dialect, query.order_by(t.delivery.c.id))


_LOAD = Prepared(_load)


def _unanswered(dialect: str) -> Select[Any]:
    c = t.delivery.c
    query = select(*_COLUMNS).where(
        among(dialect, c.recipient_no, "terminals"),
        c.id.between(bindparam("first"), bindparam("last")),
        c.recipient_kind == literal_column(str(int(RecipientKind.TERMINAL))),
        c.state == literal_column(str(int(DeliveryState.UNKNOWN))),
        c.due_at.is_(None),
    )
    return dialects.locked(dialect, query.order_by(c.id))


_UNANSWERED = Prepared(_unanswered)


def waiting_lanes(connection: Connection) -> set[int]:
    """The lanes in which anything waits, due or not; costs a few steps in the index."""
    return {lane for (lane,) in _LANES.rows(connection)}


def due(
    connection: Connection,
    lane: int,
    now: Millis,
    most: int,
    *,
    avoid: str | None = None,
    long_ago: Millis = 0,
    without: Sequence[int] = (),
    paused: Sequence[int] = (),
) -> list[Row]:
    """What waits in a lane and is due, most urgent first; locked against other workers.

    Args:
        connection: A writing transaction's.
        lane: The queue.
        now: The time.
        most: How many at most.
        avoid: Leave out what is to go by another route than this one,
        long_ago: but for what has been due since then: the other doesn't take it.
        without: Alerts to leave out.
        paused: Alerts to leave out but for their calls for help.
    """
    if without or paused:
        return _due_without(connection, lane, now, most, avoid, long_ago, without, paused)
    values: dict[str, Any] = {"in_lane": lane, "now": now, "most": most}
    if avoid is not None:
        values |= {"avoid": avoid, "long_ago": long_ago}
    return list(map(Row._make, _DUE[avoid is not None].rows(connection, **values)))


def _due_without(
    connection: Connection,
    lane: int,
    now: Millis,
    most: int,
    avoid: str | None,
    long_ago: Millis,
    without: Sequence[int],
    paused: Sequence[int],
) -> list[Row]:
    """As `due`, for as many left out as there are: no statement to keep."""
    query = _due(avoiding=avoid is not None)(connection.dialect.name)
    for alert_no in without:
        first, last = numbers_of(alert_no)
        query = query.where(~t.delivery.c.id.between(first, last))
    for alert_no in paused:
        c, within = t.delivery.c, numbers_of(alert_no)
        query = query.where(~c.id.between(*within) | (c.priority <= PAUSED_PRIORITY))
    values = {"in_lane": lane, "now": now, "most": most, "avoid": avoid, "long_ago": long_ago}
    return [Row._make(row) for row in connection.execute(query, values)]


def overdue(connection: Connection, now: Millis, most: int) -> list[Row]:
    """Tries without a word by their deadline, and what has waited long enough for a late one."""
    return list(map(Row._make, _OVERDUE.rows(connection, now=now, most=most)))


def overdue_since(connection: Connection, now: Millis) -> Millis | None:
    """The earliest deadline that has passed and isn't settled, or None."""
    ((since,),) = _OVERDUE_SINCE.rows(connection, now=now)
    return since  # type: ignore[no-any-return]


def load(connection: Connection, ids: Iterable[int]) -> dict[int, Row]:
    """Deliveries by number, locked; one that isn't there is left out."""
    # Anybody may send any number in a receipt; what no column could hold isn't asked for.
    wanted = numbers(connection, (number for number in ids if 0 < number < 2**63))
    return {row[0]: Row._make(row) for row in _LOAD.rows(connection, ids=wanted)}


def unanswered(connection: Connection, alert_no: int, terminals: Iterable[int]) -> list[Row]:
    """What loudspeakers were told of an alert and never answered, given up by now; locked."""
    wanted = numbers(connection, terminals)
    first, last = numbers_of(alert_no)
    found = _UNANSWERED.rows(connection, terminals=wanted, first=first, last=last)
    return list(map(Row._make, found))
