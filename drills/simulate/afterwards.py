"""What a whole night must have come to: what the world did, held against the tables."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sqlalchemy import Connection

from alertd.lanes import channel_of
from alertd.model import (
    MINUTE_MS,
    Channel,
    DeliveryState,
    Fact,
    Policy,
    RecipientKind,
    Recorded,
    RequirementState,
    Stage,
    Told,
    duty_of,
    requirement_no,
    stage_of,
)
from alertd.report.make import gather
from alertd.store import journal, people
from alertd.store.reads import rehearsal
from alertd.store.reads.board import board
from alertd.store.scratch import PREFIX
from drills.plan import Climb
from drills.simulate.hands import kind_of
from drills.simulate.ledger import Ledger
from drills.simulate.past_night import PastNight
from drills.simulate.people import COVERS
from rosters.shifts import minute_of_day

Breach = tuple[int, str]
_S: Final = DeliveryState
_NUMBER: Final = re.compile(re.escape(PREFIX[1:]) + r"\d{8}")
_OPEN: Final = frozenset({_S.PENDING, _S.SENDING, _S.UNKNOWN})
_GONE: Final = frozenset({_S.CANCELLED, _S.EXPIRED})
_FEW: Final = 5_000  # deliveries, for which the report is counted as well
_SLACK_MS: Final = 3 * MINUTE_MS  # between a ladder's last rung and the end of what follows


def afterwards(connection: Connection, night: PastNight, ledger: Ledger) -> Iterator[Breach]:
    """Everything that a night has broken."""
    deliveries = rehearsal.deliveries(connection, night.alert_no)
    asked = rehearsal.asked(connection, night.alert_no)
    policy = night.policy
    yield from _nothing_lost(night, asked, deliveries, policy)
    yield from _nothing_stuck(night, deliveries)
    yield from _states(deliveries, ledger)
    yield from _shown(connection, night, deliveries, asked)
    yield from _counted(connection, night, asked)
    yield from _help(connection, night)
    yield from _silence(night, asked, policy)
    yield from _others_told(connection, night, asked, ledger)
    if night.deep:
        yield from _record(connection, night, ledger)


def _asked_of(night: PastNight, policy: Policy) -> set[int]:
    """The duties that a drill must ask: of the roster alone, not of what the engine selected."""
    sent = night.task.plan.alert
    roles = set(policy.ladder_roles) & (set(sent.roles) or set(policy.ladder_roles))
    areas = [f"/{area}/" for area in sent.areas]
    return {
        duty
        for duty, held in night.census.held.items()
        if held[0].role in roles and any(area in f"/{held[0].path}" for area in areas)
    }


def _nothing_lost(
    night: PastNight, asked: list[rehearsal.Asked], deliveries: list[rehearsal.Left], policy: Policy
) -> Iterator[Breach]:
    duties = _asked_of(night, policy)
    wanted = {
        requirement_no(night.alert_no, rule.stage, duty)
        for rule in policy.stages
        for duty in duties
    }
    found = {each.no for each in asked}
    if wanted - found:
        yield 1, "a duty of the plan is asked nothing"
    if found - wanted:
        yield 6, "a duty outside the plan is asked"
    told = {e.recipient_no for e in deliveries if e.recipient_kind == RecipientKind.PERSON}
    minute = minute_of_day(night.scenario.start_ms, night.task.library.zone)
    principals = {
        held.person_no
        for duty in duties
        for held in night.census.held[duty]
        if held.address_no is not None
        and held.person_no in people.principals(night.census.held[duty], minute)
    }
    if principals - told:
        yield 1, "somebody whom the plan names is told nothing"


def _nothing_stuck(night: PastNight, deliveries: list[rehearsal.Left]) -> Iterator[Breach]:
    waits = night.now - _SLACK_MS
    for each in deliveries:
        if each.state == _S.UNKNOWN and each.due_at is None and not each.duplicate:
            yield 9, "what nobody can tell of was never sent once more"
        if each.state == _S.SENDING and (each.due_at or 0) < waits:
            yield 1, "a delivery rests in sending at the end"
        if each.state in {_S.SENDING, _S.PENDING} and each.due_at is None:
            yield 1, "a delivery waits for nothing"


def _states(deliveries: list[rehearsal.Left], ledger: Ledger) -> Iterator[Breach]:
    """2: what nobody can tell of is shown as that, and as nothing else."""
    for each in deliveries:
        known, state = ledger.tries.get(each.id), _S(each.state)
        if known is None:
            if state in {_S.ACCEPTED, _S.DELIVERED, _S.UNKNOWN}:
                yield 2, f"a delivery that never left is shown as {state.word}"
        elif known.last == "unknown" and state in {_S.ACCEPTED, _S.FAILED} and not _word(each):
            yield 2, f"a delivery that nobody can tell of is shown as {state.word}"
        elif known.last == "accepted" and state is _S.PENDING and not _word(each):
            yield 2, "a delivery that a gateway took is shown as waiting"
        elif known.last == "not-taken" and state in {_S.ACCEPTED, _S.DELIVERED} and not _word(each):
            yield 2, f"a delivery that no gateway took is shown as {state.word}"


def _word(each: rehearsal.Left) -> bool:
    """Whether a receipt, or the loudspeaker's silence, has had its say since the try ended."""
    reason = each.reason or ""
    return reason.startswith(("receipt-", "undelivered", "terminal-", "resend-"))


def _shown(
    connection: Connection,
    night: PastNight,
    deliveries: list[rehearsal.Left],
    asked: list[rehearsal.Asked],
) -> Iterator[Breach]:
    """2: the board, the rollups and the report count what is there."""
    real = Counter((channel_of(each.lane), each.state) for each in deliveries)
    if rehearsal.counted(connection, night.alert_no) != dict(real):
        yield 2, "the rollup of deliveries doesn't add up"
    funnel = board(connection, night.alert_no).funnel
    states = Counter(each.state for each in deliveries)
    taken = states[_S.ACCEPTED] + states[_S.DELIVERED]
    # A mailbox picks up, too: no call counts among what has arrived.
    arrived = states[_S.DELIVERED] - real[int(Channel.VOICE), int(_S.DELIVERED)]
    shown = (funnel.unknown, funnel.accepted, funnel.delivered, funnel.failed)
    if shown != (states[_S.UNKNOWN], taken, arrived, states[_S.FAILED]):
        yield 2, "the board shows other states than there are"
    yield from _coverage(connection, night, asked)


def _coverage(
    connection: Connection, night: PastNight, asked: list[rehearsal.Asked]
) -> Iterator[Breach]:
    needed = Counter(int(stage_of(each.no)) for each in asked)
    covered = Counter(
        int(stage_of(each.no)) for each in asked if each.state == RequirementState.COVERED
    )
    for stage, of, done, _, _ in rehearsal.root_coverage(connection, night.alert_no):
        if (of, done) != (needed[stage], covered[stage]):
            yield 4, "the city's coverage doesn't add up"


def _counted(
    connection: Connection, night: PastNight, asked: list[rehearsal.Asked]
) -> Iterator[Breach]:
    """4: an answer counts once, for its own person, whenever it comes."""
    there = {each.no for each in asked}
    sure, perhaps = _expected(night, there)
    counted = {
        (number, person) for number, person, _ in rehearsal.answers(connection, night.alert_no)
    }
    if sure - counted:
        yield 4, "an answer wasn't counted"
    if counted - sure - perhaps:
        yield 4, "somebody's answer was counted who didn't give it"
    covered = {each.no for each in asked if each.state == RequirementState.COVERED}
    if covered != {number for number, _ in counted}:
        yield 4, "a duty is covered without an answer, or not covered with one"
    yield from _each_once(connection, night)


def _expected(
    night: PastNight, there: set[int]
) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """What was surely answered for, and what may have been by a phone that is shared."""
    sure: set[tuple[int, int]] = set()
    perhaps: set[tuple[int, int]] = set()
    for heard in night.world.heard:
        stages = COVERS[heard.said.meaning]
        behind = night.census.behind.get(heard.said.address, ())
        for person in behind:
            found = {(no, person) for no in _answered(night, person, stages) if no in there}
            (sure if len(behind) == 1 else perhaps).update(found)
    for _, number, person in night.helpers.entered:
        stages = COVERS[kind_of(number).value]
        nos = {requirement_no(night.alert_no, stage, duty_of(number)) for stage in stages}
        sure |= {(no, person) for no in nos & there}
    return sure, perhaps


def _answered(night: PastNight, person: int, stages: Iterable[Stage]) -> list[int]:
    who = night.census.people.get(person)
    if who is None:
        return []
    return [requirement_no(night.alert_no, s, duty) for s in stages for duty in who.duties]


def _each_once(connection: Connection, night: PastNight) -> Iterator[Breach]:
    said: Counter[int] = Counter()
    for heard in night.world.heard:
        behind = night.census.behind.get(heard.said.address, ())
        if len(behind) == 1 and heard.said.meaning != "unclear":
            said[behind[0]] += 1
    acked = Counter(
        person
        for _, person, _, via in rehearsal.acks(connection, night.alert_no)
        if via in {"sms", "call"}
    )
    if any(acked[person] != times for person, times in said.items()):
        yield 4, "a reply was counted twice, or not at all"


def _help(connection: Connection, night: PastNight) -> Iterator[Breach]:
    """5: a call for help is kept open until a human closes it."""
    cries = rehearsal.cries(connection)
    crying = {
        behind[0]
        for heard in night.world.heard
        if heard.said.meaning == "help"
        and len(behind := night.census.behind.get(heard.said.address, ())) == 1
    }
    if crying - {cry.person_no for cry in cries}:
        yield 5, "somebody cried for help, and there is no case of it"
    for cry in cries:
        if cry.closed_at is not None and cry.ack_no not in night.helpers.closed:
            yield 5, "a call for help was closed by the machine"
        if cry.taken_at is not None and cry.ack_no not in night.helpers.taken:
            yield 5, "a call for help was taken by the machine"


def _silence(night: PastNight, asked: list[rehearsal.Asked], policy: Policy) -> Iterator[Breach]:
    """9: every silence ends at a human."""
    if not policy.steps:
        return
    last = max(step.after_min for step in policy.steps)
    for each in asked:
        start_min = next(r.start_min for r in policy.stages if r.stage == stage_of(each.no))
        climbs_until = night.scenario.start_ms + round((start_min + last) * MINUTE_MS)
        if each.state != RequirementState.OPEN or climbs_until + _SLACK_MS > night.now:
            if each.state == RequirementState.EXHAUSTED:
                yield from _ended_at_a_human(night, each.told)
            continue
        if not _paused_by_crash(night):
            yield 9, "a silence is over its last rung, and its ladder is open"


def _others_told(
    connection: Connection, night: PastNight, asked: list[rehearsal.Asked], ledger: Ledger
) -> Iterator[Breach]:
    """9: of every silence that ended, alternates and superior were sent a message of it."""
    gone = {
        p for _, p, kind, _ in rehearsal.acks(connection, night.alert_no) if kind == "unavailable"
    }
    limited = night.task.plan.alert.climb_to is not Climb.CITY
    for each in asked:
        if each.state != RequirementState.EXHAUSTED or stage_of(each.no) is not Stage.RECEIVED:
            continue
        held = night.census.held[duty_of(each.no)]
        others = {h.person_no for h in held if h.rank > 1 and h.address_no} - gone
        if not others <= ledger.told["takeover"]:
            yield 9, "an alternate of a silent duty was sent nothing"
        leads = night.superiors(each.unit_no, gone)
        if leads and leads.isdisjoint(ledger.told["digest"]) and not limited:
            yield 9, "the superior of a silent unit was sent nothing"


def _ended_at_a_human(night: PastNight, told: int) -> Iterator[Breach]:
    if not told & Told.DOOR_KNOCK:
        yield 9, "a silence ends without anybody to knock at the door"
    asks_desk = any("duty_desk" in step.do for step in night.policy.steps)
    asks_desk &= night.task.plan.alert.climb_to is Climb.CITY
    if asks_desk and not told & Told.DUTY_DESK:
        yield 9, "a silence ends without the duty desk"


def _paused_by_crash(night: PastNight) -> bool:
    return any(night.now - outage.ends < 30 * MINUTE_MS for outage in night.world.losses.node)


def _record(connection: Connection, night: PastNight, ledger: Ledger) -> Iterator[Breach]:
    """The journal: unbroken, without numbers, in bounded pieces; read once."""
    found: list[Breach] = []

    def looked_at() -> Iterator[Recorded]:
        for row in journal.stream(connection):
            found.extend(_fact(night, row.fact))
            yield row

    _, wrong = journal.verify(looked_at(), journal.heads(connection))
    if wrong:
        yield 1, "the journal's chain is broken"
    yield from found
    if len(ledger.tries) < _FEW:
        yield from _reported(connection, night)


def _fact(night: PastNight, fact: Fact) -> Iterator[Breach]:
    if _NUMBER.search(str(fact.body)):
        yield 8, f"a phone number stands in a fact {fact.kind}"
    if fact.kind == "defect":
        yield 1, f"a defect of the engine: {fact.body['error']}"
    if fact.kind == "climbed":
        yield from _ladders_end(night, fact.body["items"])
    made = fact.body["made"] if fact.kind == "alert.selected" else ()
    if sum(n for _, n in made) > night.pieces.most:
        yield 10, "an expansion isn't written in pieces"


def _ladders_end(night: PastNight, items: list[list[Any]]) -> Iterator[Breach]:
    """9: also those that somebody answered for later had ended at a human."""
    for _, _, _, told, state, *_ in items:
        if state == RequirementState.EXHAUSTED:
            yield from _ended_at_a_human(night, told)


def _reported(connection: Connection, night: PastNight) -> Iterator[Breach]:
    found = gather(connection, night.alert_no).figures.deliveries
    states = Counter(e.state for e in rehearsal.deliveries(connection, night.alert_no))
    shown = (found.unknown, found.delivered, found.failed)
    if shown != (states[_S.UNKNOWN], states[_S.DELIVERED], states[_S.FAILED]):
        yield 2, "the report counts other states than there are"
