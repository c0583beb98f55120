"""Due ladders, digests and calls for help: what the tick finds, decides and records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import select

from alertd.decide import escalate
from alertd.decide.escalate import Act
from alertd.engine import telling
from alertd.engine.apart import apart, left_out
from alertd.engine.counting import at_hand, counted_in, unavailable
from alertd.engine.nudging import Silence, nudge
from alertd.engine.telling import Notice, call, tell
from alertd.engine.turn import LiveAlert, Turn
from alertd.engine.unread import whole
from alertd.lanes import BY_SMS
from alertd.model import (
    FURTHER,
    HURRIED,
    MessageKind,
    Precedence,
    RecipientKind,
    Stage,
    Told,
    alert_of,
    duty_of,
    numbers_of,
    stage_of,
)
from alertd.store import due, people
from alertd.store import tables as t
from alertd.store.batches import batches
from rosters.words import Level

_LADDERS, _DIGESTS = "ladders", "digests"
_OTHER = "other"  # a policy's word for "not by the way that stayed silent"
_Holders = Mapping[int, Sequence[people.Holder]]  # by duty
_Above = Mapping[int, Mapping[Act, int | None]]  # by requirement, the duty that a rung tells


def ladders(turn: Turn, limit: int) -> int:
    """Climb what is due, in batches; costs by what is due, not by what exists.

    Whoever wasn't told because the alert is paused isn't silent: its ladders stand still.
    """
    without = [*due.paused(turn.connection), *left_out(turn, _LADDERS)]
    rows = due.ladders(turn.connection, turn.now, limit, without=without)
    by_alert: dict[int, list[due.Ladder]] = {}
    for row in rows:
        by_alert.setdefault(alert_of(row.no), []).append(row)
    for alert_no, group in by_alert.items():
        climb = partial(_climb_alert, turn, alert_no, group)
        apart(turn, _LADDERS, climb, None, alert_no=alert_no)
    return len(rows)


def _climb_alert(turn: Turn, alert_no: int, rows: Sequence[due.Ladder]) -> None:
    alert = whole(turn.alert(alert_no))
    holders = people.holders(turn.connection, [duty_of(row.no) for row in rows])
    units = counted_in(turn, alert, [row.unit_no for row in rows])
    held = _held(turn, alert, rows, holders)
    others = _others(turn, alert, rows, holders)
    ladders = {}
    for row in rows:
        ladders[row.no] = escalate.Ladder(
            step=row.step,
            start_at=row.start_at,
            told=row.told,
            has_alternates=bool(others[row.no]),
            held=held.get(row.no, frozenset()),
        )
    climbs = [(row, escalate.climb(ladders[row.no], alert.policy, turn.now)) for row in rows]
    upward = [row for row, climb in climbs if _UPWARD & set(climb.acts)]
    above = _upward(turn, alert, upward, holders) if upward else {}
    for at, (row, _) in enumerate(climbs):
        if row.no in above:
            climbs[at] = row, _to_somebody(turn, alert, ladders[row.no], above[row.no])
    _record(turn, alert, climbs, units)
    _carry_out(turn, alert, climbs, holders, above)


def _others(
    turn: Turn, alert: LiveAlert, rows: Sequence[due.Ladder], holders: _Holders
) -> dict[int, set[int]]:
    """By requirement, who may take over: who has a number, and didn't say that they can't come."""
    others = {
        row.no: set(people.replacements(holders.get(duty_of(row.no), ()), turn.minute))
        for row in rows
        if not row.told & Told.ALTERNATES
    }
    gone = unavailable(turn, alert.no, sorted(set().union(*others.values())))
    return {row.no: others.get(row.no, set()) - gone for row in rows}


def _to_somebody(
    turn: Turn, alert: LiveAlert, ladder: escalate.Ladder, above: Mapping[Act, int | None]
) -> escalate.Climb:
    """Its climb, without the rungs above that nobody stands on."""
    nobody = frozenset(act for act, duty in above.items() if duty is None)
    return escalate.climb(replace(ladder, nobody=nobody), alert.policy, turn.now)


def _held(
    turn: Turn, alert: LiveAlert, rows: Sequence[due.Ladder], holders: _Holders
) -> Mapping[int, frozenset[Act]]:
    """By requirement, what its ladder may not do, where a drill's plan says how far it climbs.

    It is asked of whom the rung would tell: where a superior is passed over for the desk, the desk.
    """
    if alert.drill is None or _whole_way(alert):
        return {}
    highest = Level(alert.drill.climb_to).depth if alert.drill.climb_to else None
    told = _upward(turn, alert, rows, holders)
    duties = {duty for acts in told.values() for duty in acts.values() if duty is not None}
    levels = people.levels_of(turn.connection, duties)
    return {
        no: frozenset(
            act
            for act, duty in acts.items()
            if highest is None or duty not in levels or Level(levels[duty]).depth < highest
        )
        for no, acts in told.items()
    }


def _whole_way(alert: LiveAlert) -> bool:
    """Whether its ladders may climb as far as the desk; a drill's plan may not let them."""
    return alert.drill is None or alert.drill.climb_to == Level.CITY


def _upward(
    turn: Turn, alert: LiveAlert, rows: Sequence[due.Ladder], holders: _Holders
) -> dict[int, dict[Act, int | None]]:
    """By requirement, the duty that each rung above it tells; None where it would tell nobody.

    A superior who isn't there is passed over for the desk: silence ends at a human. So is one who
    is silent themselves or has no number, for the next.
    """
    asked = {row.no: (row.unit_no, _asked(turn, row, holders)) for row in rows}
    above = people.others_above(turn.connection, asked, alert.policy.ladder_roles, turn.minute)
    duty, on_desk = people.desk_within_reach(turn.connection, turn.minute)
    found: dict[int, dict[Act, int | None]] = {}
    for row in rows:
        desk = duty if on_desk - set(asked[row.no][1]) else None
        parent, grandparent, *_ = (*above[row.no], desk, desk)
        found[row.no] = {Act.PARENT: parent, Act.GRANDPARENT: grandparent, Act.DUTY_DESK: desk}
    return found


def _asked(turn: Turn, row: due.Ladder, holders: _Holders) -> list[int]:
    """Who was asked so far, and is silent."""
    held = holders.get(duty_of(row.no), ())
    taken_over = people.stand_ins(held, turn.minute) if row.told & Told.ALTERNATES else []
    return people.principals(held, turn.minute) + taken_over


Climbs = Sequence[tuple[due.Ladder, escalate.Climb]]


def _record(
    turn: Turn, alert: LiveAlert, climbs: Climbs, units: Mapping[int, Sequence[int]]
) -> None:
    items = [
        [
            row.no,
            climb.step,
            climb.due_at,
            climb.told,
            int(climb.state),
            climb.reason,
            [act.value for act in climb.acts],
            list(units.get(row.unit_no, ())) if climb.due_at is None else [],
        ]
        for row, climb in climbs
    ]
    turn.record("climbed", {"items": items}, alert_no=alert.no)


def _carry_out(
    turn: Turn, alert: LiveAlert, climbs: Climbs, holders: _Holders, above: _Above
) -> None:
    remind: dict[tuple[Stage, bool], list[int]] = {}
    takeover: dict[tuple[Stage, int], list[int]] = {}
    ring: dict[Stage, list[int]] = {}
    nudged: list[Silence] = []
    for row, climb in climbs:
        held, stage = holders.get(duty_of(row.no), ()), stage_of(row.no)
        principals = people.principals(held, turn.minute)
        if Act.REMIND in climb.acts:
            remind.setdefault((stage, _OTHER in climb.channels), []).extend(principals)
            nudged.append(Silence(row.unit_no, stage, principals))
        if Act.CALL in climb.acts:
            ring.setdefault(stage, []).extend(principals)
        if Act.ALTERNATES in climb.acts:
            # Nothing reaches the principal, or they can't come: it is the post's first word.
            first = climb.reason == escalate.UNREACHABLE or row.told & HURRIED
            place = Precedence.FIRST if first else FURTHER
            takeover.setdefault((stage, place), []).extend(people.stand_ins(held, turn.minute))
    for (stage, other), persons in remind.items():
        tell_stage(turn, alert, MessageKind.REMINDER, persons, stage, other=other)
    nudge(turn, alert, nudged)
    for stage, persons in ring.items():
        tell_stage(turn, alert, MessageKind.CALL, persons, stage)
    for (stage, place), persons in takeover.items():
        tell_stage(turn, alert, MessageKind.TAKEOVER, persons, stage, place=place)
    _queue_digests(turn, alert, climbs, above)


def tell_stage(
    turn: Turn,
    alert: LiveAlert,
    kind: MessageKind,
    persons: Sequence[int],
    stage: Stage,
    *,
    other: bool = False,
    place: int | None = None,
) -> None:
    """Remind, ring or hand over; who said that they can't come isn't asked again.

    By the `other` way: a second number, and another route than the last text's, where there is one.
    """
    gone = unavailable(turn, alert.no, persons)
    persons = [person for person in persons if person not in gone]
    params = {**alert.selection["params"], "stage": stage.word}
    if kind is MessageKind.CALL:
        call(turn, alert, persons, params)
        return
    tell(
        turn,
        alert,
        kind,
        persons,
        template=kind.value,
        params=params,
        contact_rank=2 if other else 1,
        avoid=_last_routes(turn, alert.no, persons) if other else None,
        place=place,
    )


def _last_routes(turn: Turn, alert_no: int, persons: Sequence[int]) -> dict[int, str]:
    """By which route each person's last text about an alert went; who got none is left out."""
    c = t.delivery.c
    found: dict[int, str] = {}
    for batch in batches(dict.fromkeys(persons)):
        rows = turn.connection.execute(
            select(c.recipient_no, c.route)
            .where(
                c.id.between(*numbers_of(alert_no)),
                c.recipient_kind == int(RecipientKind.PERSON),
                c.recipient_no.in_(batch),
                c.route.is_not(None),
                c.lane.in_(BY_SMS),
            )
            .order_by(c.id)
        )
        found.update((row.recipient_no, row.route) for row in rows)
    return found


def _queue_digests(turn: Turn, alert: LiveAlert, climbs: Climbs, above: _Above) -> None:
    window = round(alert.policy.digest_window_s * 1000)
    items: list[list[int]] = []
    for row, climb in climbs:
        for act, to in above.get(row.no, {}).items():
            if act in climb.acts and to is not None and to != duty_of(row.no):
                items.append([to, row.no, turn.now + window])
    if items:
        turn.record("digest.queued", {"items": items}, alert_no=alert.no)


_UPWARD = {Act.PARENT, Act.GRANDPARENT, Act.DUTY_DESK}


def digests(turn: Turn, limit: int) -> int:
    """One message a superior and window, for all that is silent below; none where all answered."""
    # Of a paused one made when it goes on, of those still silent then.
    without = [*due.paused(turn.connection), *left_out(turn, _DIGESTS)]
    superiors = due.digests(turn.connection, turn.now, limit, without=without)
    for alert_no, those in groupby(superiors, key=itemgetter(0)):
        tell_those = partial(_digests, turn, alert_no, [duty_no for _, duty_no in those])
        apart(turn, _DIGESTS, tell_those, None, alert_no=alert_no)
    return len(superiors)


def _digests(turn: Turn, alert_no: int, duties: Sequence[int]) -> None:
    """Tell these superiors what is silent; what they need to know is read at once."""
    alert = whole(turn.alert(alert_no))
    entries = due.digest_entries(turn.connection, alert.no, duties)
    # Who has left since, or has no number, is passed over for the desk, as where nobody is.
    desk = people.duty_desk(turn.connection) if _whole_way(alert) else None
    holders = people.holders(turn.connection, [*duties, *([desk] if desk else [])])
    gone = unavailable(turn, alert.no, [h.person_no for held in holders.values() for h in held])
    charged = {
        no: people.within_reach(at_hand(held, gone), turn.minute) for no, held in holders.items()
    }
    instead = charged.get(desk or 0, [])
    notices = [_notice(alert, entries.get(no, ()), charged.get(no) or instead) for no in duties]
    kind = MessageKind.DIGEST
    told = telling.told(turn, alert, kind, telling.addressed(turn, alert, kind, notices))
    facts: list[tuple[str, dict[str, Any]]] = []
    for duty_no, fact in zip(duties, told, strict=True):
        if fact:
            facts.append(("told", fact))
        message = fact["message"]["no"] if fact else 0
        requirements = [entry.requirement_no for entry in entries.get(duty_no, ())]
        body = {"duty_no": duty_no, "message_no": message, "requirements": requirements}
        facts.append(("digest.sent", body))
    turn.record_mixed([(kind, body, alert.no, turn.now) for kind, body in facts])


def _notice(alert: LiveAlert, entries: Sequence[due.Entry], charged: Sequence[int]) -> Notice:
    """What a superior is told: nobody hears of it where all have answered."""
    silence = telling.silence(alert, entries)
    return Notice(charged if silence else (), MessageKind.DIGEST.value, silence)
