"""Claim what is due and hand it over; the claim is on disk before the first byte leaves."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from alertd.decide.plan import Leave, Route, others, ready_at, refusal, room
from alertd.engine.telling import inside_plan, message_status
from alertd.engine.turn import Flow, LiveAlert, Turn
from alertd.model import (
    FOREVER,
    Channel,
    DeliveryState,
    MessageKind,
    Millis,
    RecipientKind,
    Status,
    alert_of,
    numbers_of,
)
from alertd.store import addresses, dialect
from alertd.store import tables as t
from alertd.store.fold.deliveries import rollup
from channels.base import Outgoing

DEADLINE_MARGIN_MS = 5_000  # past the route's own timeout, for the settlement to be written
MOST_A_CLAIM = 1_000
TICK_MS = 1_000
_LEAST_WAIT_MS = 10  # a fast route fills by many tokens in that time; fewer, larger commits


@dataclass(frozen=True, slots=True)
class Handover:
    """Messages for one route, claimed."""

    route: str
    messages: tuple[Outgoing, ...]


Claimed = list[tuple[Row[Any], int]]


def claim(turn: Turn, flows: Mapping[str, Flow], lease: str) -> list[Handover]:
    """Claim for every route as much as it can take now."""
    work = []
    for route in turn.routes.values():
        flow = flows[route.name]
        flow.bucket = flow.bucket.fill(route, turn.now)
        n = min(room(route, flow.bucket, flow.in_flight), MOST_A_CLAIM)
        if n < 1 or turn.now < flow.paused_until:
            continue
        rows = _claim_route(turn, route, n, lease)
        if rows:
            flow.bucket = flow.bucket.take(len(rows))
            flow.in_flight += len(rows)
            work.append(Handover(route.name, tuple(outgoing(turn, rows))))
    return work


def _claim_route(turn: Turn, route: Route, n: int, lease: str) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for lane in route.lanes():
        if len(rows) < n:
            rows += _due(turn, route, lane, n - len(rows))
    rows, refused = _within_plan(turn, rows)
    fail(turn, refused, "outside-plan")
    if rows:
        _record_claim(turn, route, rows, lease)
    return rows


def _record_claim(turn: Turn, route: Route, rows: Sequence[Row[Any]], lease: str) -> None:
    changes = [
        (row.id, row.lane // 10, int(DeliveryState.PENDING), int(DeliveryState.SENDING))
        for row in rows
    ]
    turn.record(
        "claimed",
        {
            "route": route.name,
            "lease": lease,
            "deadline": turn.now + round(route.timeout_s * 1000) + DEADLINE_MARGIN_MS,
            "items": [[row.id, row.attempt + 1] for row in rows],
            "counts": rollup(changes),
        },
    )


def _due(turn: Turn, route: Route, lane: int, n: int) -> Sequence[Row[Any]]:
    c = t.delivery.c
    query = (
        select(t.delivery)
        .where(c.lane == lane, c.state == int(DeliveryState.PENDING), c.due_at <= turn.now)
        .order_by(c.lane, c.priority, c.due_at, c.id)
        .limit(n)
    )
    if others(turn.routes.values(), lane, route.name):
        query = query.where(c.avoid_route.is_(None) | (c.avoid_route != route.name))
    for alert in turn.alerts.values():
        if alert.status.value == lane % 10 and refusal(route, alert.leave):
            first, last = numbers_of(alert.no)
            query = query.where(~c.id.between(first, last))
    rows = turn.connection.execute(dialect.locked(turn.connection, query)).all()
    return [row for row in rows if not refusal(route, _leave(turn, row))]


def _leave(turn: Turn, row: Row[Any]) -> Leave:
    """A real call for help travels by any route that carries Actual."""
    alert = turn.alert(alert_of(row.id))
    if row.lane % 10 != alert.status and row.priority == 0:
        return Leave(status=Status(row.lane % 10), routes=None, simulated=False)
    return alert.leave


def _within_plan(turn: Turn, rows: Sequence[Row[Any]]) -> tuple[list[Row[Any]], list[Row[Any]]]:
    """Drills and tests are checked person by person at the claim, not only at the page."""
    checked: dict[int, list[int]] = {}
    for row in rows:
        alert = turn.alert(alert_of(row.id))
        if alert.status is not Status.ACTUAL and row.recipient_kind == RecipientKind.PERSON:
            checked.setdefault(alert.no, []).append(row.recipient_no)
    allowed = {
        number: set(inside_plan(turn, turn.alert(number), persons))
        for number, persons in checked.items()
    }
    kept: list[Row[Any]] = []
    refused: list[Row[Any]] = []
    for row in rows:
        allowed_here = allowed.get(alert_of(row.id))
        person = row.recipient_kind == RecipientKind.PERSON and row.priority > 0
        outside = allowed_here is not None and person and row.recipient_no not in allowed_here
        (refused if outside else kept).append(row)
    return kept, refused


def fail(turn: Turn, rows: Sequence[Row[Any]], reason: str) -> None:
    """Settle waiting deliveries that must not or can't be sent."""
    if not rows:
        return
    failed = int(DeliveryState.FAILED)
    changes = [(row.id, row.lane // 10, row.state, failed) for row in rows]
    items = [[row.id, row.attempt, failed, None, reason, None, row.duplicate, None] for row in rows]
    turn.record("settled", {"route": "", "items": items, "counts": rollup(changes)})


def fail_unroutable(turn: Turn, limit: int) -> list[Row[Any]]:
    """Settle what no configured route may carry: it would wait for ever, and silently."""
    stuck: list[Row[Any]] = []
    c, n = t.delivery.c, t.delivery_count.c
    waiting = turn.connection.execute(
        select(n.alert_no, n.channel).where(n.state == int(DeliveryState.PENDING), n.n > 0)
    ).all()
    for alert_no, channel in waiting:
        alert = turn.alert(alert_no)
        ways = [r for r in turn.routes.values() if r.channel == channel]
        if any(refusal(route, alert.leave) is None for route in ways):
            continue
        first, last = numbers_of(alert_no)
        query = select(t.delivery).where(
            c.id.between(first, last),
            c.state == int(DeliveryState.PENDING),
            c.lane == channel * 10 + alert.status,
        )
        rows = turn.connection.execute(query.limit(limit)).all()
        fail(turn, rows, "no-route")
        stuck += rows
    return stuck


def outgoing(turn: Turn, rows: Sequence[Row[Any]]) -> list[Outgoing]:
    """Render claimed deliveries. Texts are made here and kept nowhere."""
    messages = _messages(turn, rows)
    languages, duties = _recipients(turn, rows)
    ways = addresses.reveal(
        turn.connection, turn.tx.vault, [r.address_no for r in rows if r.address_no]
    )
    terminals, secrets = _terminals(turn, rows), _secrets(turn, rows)
    texts: dict[tuple[Any, ...], str] = {}
    result = []
    for row in rows:
        alert, message = turn.alert(alert_of(row.id)), messages[row.message_no]
        person = row.recipient_no if row.recipient_kind == RecipientKind.PERSON else None
        language = languages.get(person, "zh-CN") if person else "zh-CN"
        own = duties.get(person, ()) if person else ()
        duplicate = bool(row.duplicate)
        stop = message.template in _STOPPING
        key = (row.message_no, language, row.lane, duplicate, own)
        if key not in texts:
            texts[key] = _render(turn, alert, message, row.lane, language, own, duplicate)
        group = row.recipient_kind == RecipientKind.GROUP
        result.append(
            Outgoing(
                delivery=row.id,
                attempt=row.attempt + 1,
                address=terminals[row.recipient_no]
                if row.recipient_kind == RecipientKind.TERMINAL
                else ways[row.address_no],
                secret=secrets.get(row.recipient_no) if group else None,
                text=texts[key],
                language=language,
                alert=(alert.follows if stop and alert.follows else alert.id).hex(),
                short_code=alert.short_code,
                kind=message.kind,
                status=message_status(alert, MessageKind(message.kind)).name.capitalize(),
                severity=alert.severity,
                created_at=message.created_at,
                expires_at=alert.expires_at,
                possible_duplicate=duplicate,
                stop=stop,
                template=message.template,
                variables={},
            )
        )
    return result


_STOPPING = frozenset({"cancel", "all-clear"})


def _render(
    turn: Turn,
    alert: LiveAlert,
    message: Row[Any],
    lane: int,
    language: str,
    duties: tuple[str, ...],
    duplicate: bool,
) -> str:
    return turn.wording.text(
        alert.templates[message.template],
        language=language,
        channel=Channel(lane // 10).word,
        params={**json.loads(message.params), "duties": list(duties)},
        status=message_status(alert, MessageKind(message.kind)).name.capitalize(),
        duplicate=duplicate,
    )


def _messages(turn: Turn, rows: Sequence[Row[Any]]) -> dict[int, Row[Any]]:
    numbers = {row.message_no for row in rows}
    found = turn.connection.execute(select(t.message).where(t.message.c.no.in_(numbers)))
    return {row.no: row for row in found}


def _recipients(
    turn: Turn, rows: Sequence[Row[Any]]
) -> tuple[dict[int, str], dict[int, tuple[str, ...]]]:
    """People's languages, and the duties of those who hold several (their message names them)."""
    persons = [r.recipient_no for r in rows if r.recipient_kind == RecipientKind.PERSON]
    p, h, u = t.person.c, t.holding.c, t.unit.c
    languages = turn.connection.execute(
        select(p.no, p.language).where(
            p.no.in_(persons), p.to_version == FOREVER, p.language != "zh-CN"
        )
    )
    duties: dict[int, dict[str, None]] = {}
    for row in turn.connection.execute(
        select(h.person_no, u.name)
        .join(t.unit, u.no == h.unit_no)
        .where(h.person_no.in_(persons), h.to_version == FOREVER, u.to_version == FOREVER)
        .order_by(h.person_no, h.rank, h.duty_no)
    ):
        duties.setdefault(row.person_no, {})[row.name] = None
    several = {no: tuple(names) for no, names in duties.items() if len(names) > 1}
    return {row.no: row.language for row in languages}, several


def _terminals(turn: Turn, rows: Sequence[Row[Any]]) -> dict[int, str]:
    numbers = [r.recipient_no for r in rows if r.recipient_kind == RecipientKind.TERMINAL]
    if not numbers:
        return {}
    c = t.terminal.c
    found = turn.connection.execute(
        select(c.no, c.terminal_id).where(c.no.in_(numbers)).order_by(c.from_version)
    )
    return {row.no: row.terminal_id for row in found}


def _secrets(turn: Turn, rows: Sequence[Row[Any]]) -> dict[int, str]:
    numbers = [r.recipient_no for r in rows if r.recipient_kind == RecipientKind.GROUP]
    if not numbers:
        return {}
    c = t.chat_group.c
    found = turn.connection.execute(
        select(c.no, c.secret_cipher).where(c.no.in_(numbers)).order_by(c.from_version)
    )
    return {
        row.no: turn.tx.vault.open(row.secret_cipher, context="chat-secret")
        for row in found
        if row.secret_cipher
    }


def wake_at(routes: Iterable[Route], flows: Mapping[str, Flow], now: Millis) -> Millis:
    """When to look again by itself: a pause ends, a bucket fills, a tick is due."""
    times = [now + TICK_MS]
    for route in routes:
        flow = flows[route.name]
        if flow.paused_until > now:
            times.append(flow.paused_until)
        elif flow.bucket.tokens < 1 and flow.in_flight < route.in_flight:
            times.append(max(ready_at(route, flow.bucket), now + _LEAST_WAIT_MS))
    return min(times)
