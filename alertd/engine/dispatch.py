"""Claim what is due and hand it over; the claim is on disk before the first byte leaves."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from alertd.decide.budget import is_spent, left
from alertd.decide.plan import (
    ANSWERED,
    MUTED,
    STANDBY_MS,
    Leave,
    Route,
    covers,
    others,
    patience_ms,
    ready_at,
    refusal,
    room,
    stuck,
)
from alertd.engine import spending
from alertd.engine.material import Material, gather
from alertd.engine.sparing import needless
from alertd.engine.telling import recipients_inside
from alertd.engine.turn import Flow, LiveAlert, Turn
from alertd.lanes import channel_of, lane_of, services_of, status_of
from alertd.model import (
    ALERT_SHIFT,
    HELP_PRIORITY,
    PAUSED_PRIORITY,
    Channel,
    DeliveryState,
    Millis,
    RecipientKind,
    Status,
    alert_of,
    numbers_of,
)
from alertd.store import due, outbox
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.fold.deliveries import rollup
from alertd.store.outbox import Row

DEADLINE_MARGIN_MS = 5_000  # past the route's own timeout, for the settlement to be written
MOST_A_CLAIM = 1_000
TICK_MS = 1_000
_MOST_LOOKS = 100  # past what needn't leave; the next step goes on
# So long a message keeps off a route that it is to avoid: one that only helps out has time to come.
_AVOIDED_MS = 2 * STANDBY_MS
_LEAST_WAIT_MS = 10  # a fast route fills by many tokens in that time; fewer, larger commits


def claim(
    turn: Turn, routes: Sequence[Route], flows: Mapping[str, Flow], lease: str
) -> list[Material]:
    """Claim for each of `routes` as much as it can take now, and read what its messages need."""
    work: list[Material] = []
    if not routes:
        return work
    waiting = outbox.waiting_lanes(turn.connection)
    for route in routes:
        flow = flows[route.name]
        flow.bucket = flow.bucket.fill(route, turn.now)
        lanes = [lane for lane in route.lanes() if lane in waiting and _may(turn, route, lane)]
        if not lanes or turn.now < flow.paused_until:
            continue
        n = _most(turn, route, flow, lanes)
        rows = _claim_route(turn, route, lanes, n, lease) if n > 0 else ()
        if rows:
            flow.bucket = flow.bucket.take(len(rows))
            flow.in_flight += len(rows)
            before = spending.said_before(turn, route, rows)
            work.append(gather(turn, route.name, rows, deadline(turn, route), before))
    return work


def _most(turn: Turn, route: Route, flow: Flow, lanes: Sequence[int]) -> int:
    """How many a route may be given now."""
    n = min(room(route, flow.bucket, flow.in_flight), MOST_A_CLAIM)
    if flow.breaker.is_open:
        only_way = not any(
            others(_stand_ins(turn, lane, route), lane, route.name) for lane in lanes
        )
        n = flow.breaker.allows(turn.now, flow.in_flight, n, only_way=only_way)
    return min(n, left(route, flow.account) or n)  # a spent budget is `_may`'s to judge


def _claim_route(turn: Turn, route: Route, lanes: Sequence[int], n: int, lease: str) -> list[Row]:
    rows: list[Row] = []
    for lane in lanes:
        if len(rows) < n:
            rows += _wanted(turn, route, lane, n - len(rows))
    rows, refused = _within_plan(turn, rows)
    fail(turn, refused, "outside-plan")
    if rows:
        _record_claim(turn, route, rows, lease)
    return rows


def _wanted(turn: Turn, route: Route, lane: int, n: int) -> list[Row]:
    """What is due in a lane and wanted still."""
    for _ in range(_MOST_LOOKS):
        rows = _due(turn, route, lane, n)
        spared = needless(turn, rows)
        fail(turn, spared, ANSWERED, DeliveryState.CANCELLED)
        if len(spared) < len(rows) or not rows:
            gone = {row.id for row in spared}
            return [row for row in rows if row.id not in gone]
    return []


def deadline(turn: Turn, route: Route) -> Millis:
    """Without a word by then nobody can tell whether a try that begins now has succeeded."""
    return turn.now + round(route.timeout_s * 1000) + DEADLINE_MARGIN_MS


def _record_claim(turn: Turn, route: Route, rows: Sequence[Row], lease: str) -> None:
    by_alert = Counter(row.id >> ALERT_SHIFT for row in rows)
    moves = {(no, int(route.channel), _PENDING, _SENDING): n for no, n in by_alert.items()}
    turn.record(
        "claimed",
        {
            "route": route.name,
            "lease": lease,
            "deadline": deadline(turn, route),
            "items": [[row.id, row.attempt + 1] for row in rows],
            "counts": rollup(moves),
            "counter": turn.counter,
        },
    )


_PENDING, _SENDING = int(DeliveryState.PENDING), int(DeliveryState.SENDING)


def _due(turn: Turn, route: Route, lane: int, n: int) -> list[Row]:
    seen: set[tuple[int, bool]] = set()
    while True:
        rows = _look(turn, route, lane, n)
        kinds = _kinds(rows)
        held = {each for each in kinds if turn.alert(each[0]).held_back(urgent=each[1])}
        if held <= seen:
            break
        # This process hadn't read those alerts since they were paused; behind them others may wait,
        # and some of those may be paused too.
        seen |= held
    stay = held | {
        (number, urgent)
        for number, urgent in kinds
        if refusal(route, turn.alert(number).leave_in(lane, turn.now, help_=urgent))
    }
    if not stay:
        return rows
    return [row for row in rows if (alert_of(row.id), _urgent(row)) not in stay]


def _kinds(rows: Sequence[Row]) -> set[tuple[int, bool]]:
    """Rows of one alert in one lane travel alike, but for what is urgent."""
    return {(row.id >> ALERT_SHIFT, _urgent(row)) for row in rows}


def _urgent(row: Row) -> bool:
    return row.priority <= PAUSED_PRIORITY


def _look(turn: Turn, route: Route, lane: int, n: int) -> list[Row]:
    free, here = _free(turn, lane, _there(turn)), _alerts_in(turn, lane)
    # What is to go by another route is what a gateway that may be back is tried with: as long as
    # this one takes all that comes, nothing else would ever find out.
    elsewhere = [*free, *_free(turn, lane, _on_trial(turn))]
    return outbox.due(
        turn.connection,
        lane,
        turn.now - _patience_ms(turn, route, lane, [way for way in free if covers(way, route)]),
        n,
        avoid=route.name if others(elsewhere, lane, route.name) else None,
        long_ago=turn.now - _AVOIDED_MS,
        without=[alert.no for alert in here if refusal(route, alert.leave_at(turn.now))],
        paused=[alert.no for alert in here if alert.held_back(urgent=False)],
    )


def _patience_ms(turn: Turn, route: Route, lane: int, stand_ins: list[Route]) -> Millis:
    """How long a message waits for others; where this route's budget is spent, for any of them.

    What those can't carry in time goes by it all the same: a modem that still has a budget would
    take hours for what the cloud carries in seconds.
    """
    if is_spent(route, turn.flows[route.name].account) and others(stand_ins, lane, route.name):
        return STANDBY_MS
    return patience_ms(route, lane, stand_ins)


def _alerts_in(turn: Turn, lane: int) -> list[LiveAlert]:
    return [alert for alert in turn.alerts.values() if alert.status.value == status_of(lane)]


def _free(turn: Turn, lane: int, routes: Iterable[Route]) -> list[Route]:
    """Those of `routes` that no plan in this lane forbids.

    Nothing waits for a route by which it may not go.
    """
    leaves = [alert.leave_at(turn.now) for alert in _alerts_in(turn, lane)]
    return [way for way in routes if not any(refusal(way, leave) for leave in leaves)]


def _stand_ins(turn: Turn, lane: int, route: Route) -> list[Route]:
    """Those there and free that reach every number that `route` does: it may wait for them."""
    return [way for way in _free(turn, lane, _there(turn)) if covers(way, route)]


def _there(turn: Turn) -> list[Route]:
    """Routes that take messages now: nothing waits for another route that doesn't."""
    spent = spending.spent(turn.routes, turn.flows)
    return [
        route
        for name, route in turn.routes.items()
        if not turn.flows[name].breaker.is_open and name not in spent
    ]


def _on_trial(turn: Turn) -> list[Route]:
    """Routes whose gateway may be back, and may be given the one message that finds out."""
    return [
        route
        for name, route in turn.routes.items()
        if (flow := turn.flows[name]).breaker.is_open
        and flow.breaker.allows(turn.now, flow.in_flight, 1)
        and turn.now >= flow.paused_until
    ]


def _may(turn: Turn, route: Route, lane: int) -> bool:
    """Whether the route's budget lets it carry a lane; an Actual alert isn't silenced by it."""
    spent = is_spent(route, turn.flows[route.name].account)
    return not spent or status_of(lane) == Status.ACTUAL


def _within_plan(turn: Turn, rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Drills and tests are checked recipient by recipient at the claim, not only at the page."""
    alerts = {row.id >> ALERT_SHIFT for row in rows}
    if all(turn.alert(number).status is Status.ACTUAL for number in alerts):
        return rows, []
    checked: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        if turn.alert(alert_of(row.id)).status is not Status.ACTUAL:
            checked.setdefault((alert_of(row.id), row.recipient_kind), []).append(row.recipient_no)
    allowed = {
        (number, kind): recipients_inside(turn, turn.alert(number), RecipientKind(kind), nos)
        for (number, kind), nos in checked.items()
    }
    kept: list[Row] = []
    refused: list[Row] = []
    for row in rows:
        allowed_here = allowed.get((alert_of(row.id), row.recipient_kind))
        # A call for help is real even in a drill, and may leave its plan.
        bound = allowed_here is not None and row.priority > HELP_PRIORITY
        outside = bound and row.recipient_no not in (allowed_here or ())
        (refused if outside else kept).append(row)
    return kept, refused


def fail(
    turn: Turn, rows: Sequence[Any], reason: str, state: DeliveryState = DeliveryState.FAILED
) -> None:
    """Settle waiting deliveries that must not or can't be sent.

    Of one that waits to be sent once more a copy may be out there: it stays unknown, or is.
    """
    by_channel: dict[int, list[tuple[Any, int]]] = {}
    for row in rows:
        unknown = row.duplicate or row.state == DeliveryState.UNKNOWN
        end = int(DeliveryState.UNKNOWN if unknown else state)
        by_channel.setdefault(channel_of(row.lane), []).append((row, end))
    # By channel, since a report learns from such a fact by which those went that were never tried.
    for channel, ends in by_channel.items():
        moves = Counter((alert_of(r.id), channel, int(r.state), end) for r, end in ends)
        items = [[r.id, r.attempt, end, None, reason, None, r.duplicate, None] for r, end in ends]
        turn.record(
            "settled",
            {"route": "", "items": items, "counts": rollup(moves), "counter": turn.counter},
        )


def give_up_resends(turn: Turn, alert_no: int) -> None:
    """Before an alert ends: what waits to be sent once more won't be, and is unknown for good.

    The end's own fact calls all that still waits cancelled or expired, as if nobody could have it.
    """
    c = t.delivery.c
    query = select(t.delivery).where(
        c.id.between(*numbers_of(alert_no)),
        c.state == int(DeliveryState.PENDING),
        c.duplicate == 1,
        c.priority > HELP_PRIORITY,
    )
    for rows in batches(turn.connection.execute(query.order_by(c.id)).all()):
        fail(turn, rows, "unknown-at-end", DeliveryState.UNKNOWN)


def fail_unroutable(turn: Turn, limit: int) -> list[Any]:
    """Settle what no configured route may carry: it would wait for ever, and silently.

    A node without any route sends nothing at all, and settles nothing: it was started to look. Nor
    is a way given up that this process has never had, and one before it had: settings may have lost
    it (a crash, a slip of the hand) while an alert was under way, and will have it again.
    What a drill's plan mutes hasn't failed, and hurries nobody; returned are those that have.
    """
    failed: list[Any] = []
    if not turn.routes or not outbox.waiting_lanes(turn.connection):
        return failed  # the queue's index is asked before the rollup of all alerts there were
    for alert_no, channel in due.waiting(turn.connection):
        if turn.alert(alert_no).unsayable:
            continue  # by which routes it may go isn't known
        for reason, lanes in _dead_lanes(turn, turn.alert(alert_no), channel).items():
            dead = [lane for lane in lanes if not _was_lost(turn, alert_no, lane)]
            rows = _waiting_in(turn, alert_no, dead, limit)
            muted = reason == MUTED
            fail(turn, rows, reason, DeliveryState.CANCELLED if muted else DeliveryState.FAILED)
            failed += [] if muted else rows
    return failed


def _waiting_in(turn: Turn, alert_no: int, lanes: Sequence[int], limit: int) -> Sequence[Any]:
    c = t.delivery.c
    query = select(t.delivery).where(
        c.id.between(*numbers_of(alert_no)),
        c.state == int(DeliveryState.PENDING),
        c.lane.in_(lanes),
    )
    return turn.connection.execute(query.limit(limit)).all()


def _dead_lanes(turn: Turn, alert: LiveAlert, channel: int) -> dict[str, list[int]]:
    """By reason, the alert's lanes on a channel that no route serves.

    They are its own, and real help's in a drill.
    """
    real = Leave(status=Status.ACTUAL, routes=None, simulated=False)
    leaves = {alert.status: alert.leave_at(turn.now)} | (
        {} if alert.status is Status.ACTUAL else {Status.ACTUAL: real}
    )
    found: dict[str, list[int]] = {}
    for status, leave in leaves.items():
        for service in services_of(Channel(channel)):
            routes = [
                route
                for route in turn.routes.values()
                if (route.channel, route.service) == (channel, service)
                and _goes_on(turn, route, status)
            ]
            reason = stuck(routes, leave)
            if reason:
                lane = lane_of(Channel(channel), status, service)
                found.setdefault(reason, []).append(lane)
    return found


def _was_lost(turn: Turn, alert_no: int, lane: int) -> bool:
    """Whether no route at all serves a lane, by whose channel messages went before we began."""
    if alert_no not in turn.found or any(lane in route.lanes() for route in turn.routes.values()):
        return False
    return (status_of(lane), channel_of(lane)) in due.handed_over(turn.connection)


def _goes_on(turn: Turn, route: Route, status: Status) -> bool:
    """A drill doesn't wait for tomorrow's budget."""
    return status is Status.ACTUAL or not is_spent(route, turn.flows[route.name].account)


def wake_at(routes: Iterable[Route], flows: Mapping[str, Flow], now: Millis) -> Millis:
    """When to look again by itself: a pause ends, a bucket fills, a tick is due."""
    times = [now + TICK_MS]
    for route in routes:
        flow = flows[route.name]
        if flow.waits_until > now:
            times.append(flow.waits_until)
        elif flow.bucket.tokens < 1 and flow.in_flight < route.in_flight:
            times.append(max(ready_at(route, flow.bucket), now + _LEAST_WAIT_MS))
    return min(times)
