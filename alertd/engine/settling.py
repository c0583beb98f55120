"""Outcomes, deadlines and receipts: read the deliveries, decide, record."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from alertd.decide import settle
from alertd.decide.breaker import CLOSED, after
from alertd.decide.plan import others, refusal
from alertd.engine import spending
from alertd.engine.helping import help_unheard
from alertd.engine.hurrying import hurry
from alertd.engine.turn import Flow, LiveAlert, Turn
from alertd.lanes import channel_of
from alertd.model import (
    ALERT_SHIFT,
    HELP_PRIORITY,
    Channel,
    DeliveryState,
    Played,
    RecipientKind,
    alert_of,
)
from alertd.store import outbox
from alertd.store.fold.deliveries import rollup
from channels.base import Accepted, Fault, Outcome, Receipt, SendError

_REFERENCE_MOST = 64
_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class Settlement:
    """Tries of one route that ended, as an input of the engine."""

    route: str
    ended: Sequence[Outcome]

    @property
    def plain(self) -> bool:
        """Whether nothing follows from it: gateways took all, and no ladder need know."""
        results = (outcome.result for outcome in self.ended)
        return all(isinstance(result, Accepted) and not result.by_hand for result in results)

    def __call__(self, turn: Turn) -> int:
        """Settle them; returns how many counted."""
        return outcomes(turn, self.route, self.ended, turn.flows[self.route], turn.lease)


def outcomes(turn: Turn, route: str, ended: Sequence[Outcome], flow: Flow, lease: str) -> int:
    """Settle tries; fenced: only those that this lease still has. Returns how many counted.

    A try whose lease is gone (its deadline passed, a receipt came first) still frees its place
    in the route, and says nothing more.
    """
    flow.in_flight = max(0, flow.in_flight - len(ended))
    rows = outbox.load(turn.connection, [outcome.delivery for outcome in ended])
    ends: dict[tuple[Any, ...], _End] = {}
    items, moves, unreached = [], _moves(), []
    dead: list[int] = []
    for outcome in ended:
        if flow.saying:
            spending.heard(flow, outcome)
        row, result = rows.get(outcome.delivery), outcome.result
        if row is None or not _holds(row, outcome, lease):
            continue
        del rows[row.id]  # a word that a channel says twice counts once
        reference = result.reference if isinstance(result, Accepted) else None
        # One that was taken changes nothing where nothing is amiss.
        if flow.breaker is not CLOSED or not isinstance(result, Accepted):
            _feel(turn, flow, Channel(channel_of(row.lane)), result)
        decided, said, move = _decided(turn, ends, row, result)
        reference = reference[:_REFERENCE_MOST] if reference else None
        items.append([row.id, row.attempt, *said, reference])
        moves[move] += 1
        # A call that stands on an operator's list has told nobody yet.
        if decided.unreached or decided.reason == settle.BY_HAND:
            unreached.append(row)
        if decided.dead:
            dead.append(row.id)
    _record(turn, route, items, moves, dead)
    not_reached(turn, unreached)
    return len(items)


class _End(NamedTuple):
    """What tries that are alike came to: how it is settled, recorded and counted."""

    decided: settle.Settlement
    said: list[Any]
    move: tuple[int, int, int, int]


def _decided(
    turn: Turn,
    ends: dict[tuple[Any, ...], _End],
    row: outbox.Row,
    result: Accepted | SendError,
) -> _End:
    """Decide once for tries that are alike in all that the decision looks at."""
    if isinstance(result, SendError):
        ending: tuple[Any, ...] = (result.fault, result.code, result.retry_after_s)
    else:
        ending = (result.delivered, result.by_hand)
    key = (alert_of(row.id), row[_ALIKE:], ending)
    found = ends.get(key)
    if found is None:
        decided = settle.outcome(_delivery(turn, row), result, turn.now)
        found = ends[key] = _End(decided, _said(decided), _move(row, decided))
    return found


# All but a delivery's own number, message and recipient; its alert stands for its policy.
_ALIKE = outbox.Row._fields.index("lane")


_SENDING = int(DeliveryState.SENDING)


def _holds(row: outbox.Row, outcome: Outcome, lease: str) -> bool:
    return (
        row.state == DeliveryState.SENDING and row.attempt == outcome.attempt and row.lease == lease
    )


def _feel(turn: Turn, flow: Flow, channel: Channel, result: Accepted | SendError) -> None:
    """What an outcome says of the route as a whole: that it must wait, or that it's there."""
    fault = result.fault if isinstance(result, SendError) else None
    flow.breaker = after(flow.breaker, channel, fault, turn.now)
    if isinstance(result, SendError) and fault is Fault.THROTTLED:
        wait_s = result.retry_after_s if result.retry_after_s is not None else 1.0
        flow.paused_until = max(flow.paused_until, turn.now + round(wait_s * 1000))


def deadlines(turn: Turn, limit: int) -> int:
    """Settle what has no word by its deadline, and resend what stayed unknown over its grace."""
    rows = outbox.overdue(turn.connection, turn.now, limit)
    _decide(turn, rows, lambda row: settle.deadline(_delivery(turn, row), turn.now))
    return len(rows)


def back(turn: Turn, terminals: Collection[int]) -> None:
    """Loudspeakers, by number, are there again: what they never answered is due."""
    for alert in [alert for alert in turn.alerts.values() if not alert.over]:
        rows = outbox.unanswered(turn.connection, alert.no, terminals)
        _decide(turn, rows, lambda row: settle.back(_delivery(turn, row), turn.now))


def _decide(
    turn: Turn,
    rows: Iterable[outbox.Row],
    decide: Callable[[outbox.Row], settle.Settlement | None],
) -> None:
    items, moves, unreached = [], _moves(), []
    for row in rows:
        if (decided := decide(row)) is None:
            continue
        items.append([row.id, row.attempt, *_said(decided), None])
        moves[_move(row, decided)] += 1
        if decided.unreached:
            unreached.append(row)
    _record(turn, "", items, moves)
    not_reached(turn, unreached)


def _record(
    turn: Turn,
    route: str,
    items: list[list[Any]],
    moves: "Counter[tuple[int, int, int, int]]",
    dead: Sequence[int] = (),
) -> None:
    if items:
        body = {"route": route, "items": items, "counts": rollup(moves)}
        turn.record("settled", body | _dead(dead) | {"counter": turn.counter})


def _dead(deliveries: Sequence[int]) -> dict[str, Any]:
    """Those that failed for their address's own sake; a gateway's reason alone doesn't tell."""
    return {"dead": list(deliveries)} if deliveries else {}


def receipts(turn: Turn, route: str, words: Sequence[Receipt]) -> int:
    """Later words in any order, repeated or not. Returns how many changed something.

    A receipt that changes nothing is on record too: as ignored, with its number.
    """
    rows = outbox.load(turn.connection, [w.delivery for w in words])
    decisions: dict[tuple[Any, ...], settle.Settlement | None] = {}
    items, moves, unreached, ignored = [], _moves(), [], []
    dead: list[int] = []
    for word in words:
        row = rows.get(word.delivery)
        given = row is not None and _was_given(turn, row, route, word.attempt)
        # By whom a word comes, that one had the try: an earlier one's route isn't the last one's.
        heard = row._replace(route=route) if row else row
        decided = _decided_by(turn, decisions, heard, word) if heard and given else None
        if row is None or decided is None:
            ignored.append([word.delivery, word.attempt, word.status.value])
            continue
        moves[_move(row, decided)] += 1
        items.append(_receipt_item(row, word, decided))
        rows[word.delivery] = _after(row, decided)
        if decided.unreached or decided.played is Played.PARTIAL:
            unreached.append(row)
        if decided.dead:
            dead.append(row.id)
    if items:
        body = {"route": route, "items": items, "counts": rollup(moves)}
        turn.record("receipts", body | _dead(dead))
    if ignored:
        turn.record("receipts.ignored", {"route": route, "items": ignored})
    not_reached(turn, unreached)
    return len(items)


def _decided_by(
    turn: Turn,
    decisions: dict[tuple[Any, ...], settle.Settlement | None],
    row: outbox.Row,
    word: Receipt,
) -> settle.Settlement | None:
    """As `_decided`, by a later word."""
    said = (word.attempt, word.status, word.fault, word.code, word.detail)
    key = (alert_of(row.id), row[_ALIKE:], said)
    if key not in decisions:
        decisions[key] = settle.receipt(_delivery(turn, row), word, turn.now)
    return decisions[key]


def _was_given(turn: Turn, row: Any, route: str, attempt: int) -> bool:
    """Whether a route may speak of a try: each only of what it was given itself.

    Of tries before the last only the channel is on record. Where the last one's route has another
    name by now, its gateway is still believed.
    """
    if attempt == row.attempt and row.route in turn.routes:
        return bool(row.route == route)
    speaks = turn.routes.get(route)
    return speaks is not None and int(speaks.channel) == channel_of(row.lane)


def _receipt_item(row: outbox.Row, word: Receipt, decided: settle.Settlement) -> list[Any]:
    state, due, played = int(decided.state), decided.due_at, int(decided.played)
    detail = word.detail[:_REFERENCE_MOST]
    start = [word.delivery, word.attempt, word.status.value]
    doubt = [1] if decided.duplicate and not row.duplicate else []
    return [*start, state, due, played, decided.reason, detail, decided.avoid_route, *doubt]


def _after(row: outbox.Row, decided: settle.Settlement) -> outbox.Row:
    """The row as it stands after a decision, for the next word in the same batch."""
    state, played, duplicate = int(decided.state), int(decided.played), int(decided.duplicate)
    moved = row._replace(state=state, due_at=decided.due_at, played=played, duplicate=duplicate)
    return moved._replace(reason=decided.reason)


def not_reached(turn: Turn, rows: Sequence[Any]) -> None:
    """What follows for those who weren't reached: their ladders, and a cry that they didn't hear.

    A call that was cut off may have been declined.
    """
    hurry(turn, _people(rows))
    calls = [
        row.id
        for row in rows
        if row.priority == HELP_PRIORITY and channel_of(row.lane) == Channel.VOICE
    ]
    if calls:
        help_unheard(turn, calls)


def _people(rows: Iterable[Any]) -> list[tuple[int, int, int]]:
    """(alert, person, delivery) of texts to people.

    A call that nobody takes says nothing of whether a text arrives, and its ladder has taken that
    rung already.
    """
    person, sms = RecipientKind.PERSON, Channel.SMS
    return [
        (alert_of(r.id), r.recipient_no, r.id)
        for r in rows
        if r.recipient_kind == person and channel_of(r.lane) == sms
    ]


def _delivery(turn: Turn, row: Any) -> settle.Delivery:
    alert = turn.alert(alert_of(row.id))
    return settle.Delivery(
        id=row.id,
        channel=Channel(channel_of(row.lane)),
        state=DeliveryState(row.state),
        attempt=row.attempt,
        due_at=row.due_at,
        route=row.route,
        duplicate=bool(row.duplicate),
        # A call for help outlives the alert that it answers.
        expires_at=alert.expires_at if row.priority > HELP_PRIORITY else _NEVER,
        alert_over=alert.over and row.priority > HELP_PRIORITY,
        policy=alert.policy,
        other_route=_other_way(turn, alert, row),
        played=Played(row.played),
        reason=row.reason or "",
    )


def _other_way(turn: Turn, alert: LiveAlert, row: Any) -> bool:
    """Whether another route may carry it, by the alert's own leave."""
    leave = alert.leave_in(row.lane, turn.now, help_=row.priority == HELP_PRIORITY)
    free = [route for route in turn.routes.values() if refusal(route, leave) is None]
    return others(free, row.lane, row.route)


def _said(decided: settle.Settlement) -> list[Any]:
    """Of a settled item what stands between its try and the gateway's reference."""
    state, duplicate = int(decided.state), int(decided.duplicate)
    return [state, decided.due_at, decided.reason, decided.avoid_route, duplicate]


def _moves() -> "Counter[tuple[int, int, int, int]]":
    return Counter()


def _move(row: Any, decided: settle.Settlement) -> tuple[int, int, int, int]:
    return (row.id >> ALERT_SHIFT, channel_of(row.lane), row.state, int(decided.state))
