"""What a night came to: small, plain values that travel between processes and add up."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from alertd.lanes import channel_of
from alertd.model import (
    MINUTE_MS,
    Channel,
    Played,
    RecipientKind,
    RequirementState,
    Stage,
    Told,
    Via,
    duty_of,
    stage_of,
)
from alertd.store import journal
from alertd.store.reads import rehearsal
from drills.simulate.census import Census, is_grid
from drills.simulate.past_night import PastNight
from drills.simulate.promises import Watch
from drills.simulate.scripted import Happened, happened

_SLOWEST: Final = 20

Broken = tuple[int, str]
"""A promise of DESIGN §6 by its number, and what was seen."""

Rung = tuple[str, tuple[str, ...]]
"""Why a ladder climbed, and what it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightFigures:
    """One night's figures. Minutes count from the alert's issue.

    Args:
        seed: Which night.
        fingerprint: Of all that was written down: the same night has the same, anywhere.
        facts: In the journal.
        steps: Of the engine.
        grids: How many grids were asked.
        covered_grids: The minute at which each grid was covered, in order; silent ones are absent.
        duties: How many duties were asked, at the first stage.
        covered_duties: As for grids.
        ends: Where their ladders ended: principal, alternate, phone, runner, silent, open, closed.
        silent: The units whose duty nobody answered for.
        slowest: The duties that waited longest for their answer, and for how many minutes.
        acts: How often ladders did each thing: alternates, parent, door_knock…
        messages: Deliveries by kind.
        most_a_person: The most messages that one person was sent.
        routes: By route, what was handed over.
        speakers: Loudspeakers told, and those that said they played to the end.
        help_: Calls for help, and those that somebody took.
        broken: Promises that weren't kept.
        script: What of the plan's script was done, in its order.
        ladders: By requirement, why it climbed and what it did, where that is kept.
    """

    seed: int
    fingerprint: str
    facts: int
    steps: int
    grids: int
    covered_grids: tuple[float, ...]
    duties: int
    covered_duties: tuple[float, ...]
    ends: Mapping[str, int]
    silent: tuple[int, ...]
    slowest: tuple[tuple[int, float], ...]
    acts: Mapping[str, int]
    messages: Mapping[str, int]
    most_a_person: int
    routes: Mapping[str, int]
    speakers: tuple[int, int]
    help_: tuple[int, int]
    broken: tuple[Broken, ...] = ()
    script: tuple[Happened, ...] = ()
    ladders: Mapping[int, tuple[Rung, ...]] = field(default_factory=dict)

    def minutes_to(self, share: float) -> float | None:
        """The minute at which a share of the grids was covered; None: it never was."""
        return minutes_to(self.covered_grids, self.grids, share)

    def covered_by(self, minute: float) -> float:
        """The share of grids that was covered by a minute."""
        return sum(at <= minute for at in self.covered_grids) / self.grids if self.grids else 0.0


def minutes_to(covered: tuple[float, ...], total: int, share: float) -> float | None:
    """When a share of `total` was reached, of things done at these minutes, in order."""
    needed = -(-total * share // 1)
    return covered[int(needed) - 1] if 0 < needed <= len(covered) else None


def figures_of(connection: Connection, night: PastNight, watch: Watch) -> NightFigures:
    """Count a night that is over, which `watch` has looked at."""
    census, start = night.census, night.scenario.start_ms
    asked = rehearsal.asked(connection, night.alert_no)
    first = [each for each in asked if stage_of(each.no) is Stage.RECEIVED]
    deliveries = rehearsal.deliveries(connection, night.alert_no)
    answered = _answered_by(connection, census, night.alert_no)
    cries = rehearsal.cries(connection)
    people = Counter(
        each.recipient_no
        for each in deliveries
        if each.recipient_kind == RecipientKind.PERSON and each.attempt
    )
    speakers = [each for each in deliveries if channel_of(each.lane) == Channel.LOUDSPEAKER]
    head = journal.load_head(connection, night.store.node, night.store.writer_no)
    grids = _by_grid(census, first)
    return NightFigures(
        seed=night.seed,
        fingerprint=hashlib.sha256(head.hash).hexdigest()[:32],
        facts=head.seq,
        steps=night.steps,
        grids=len(grids),
        covered_grids=_minutes([at for at in grids.values() if at is not None], start),
        duties=len(first),
        covered_duties=_minutes([e.covered_at for e in first if _is_covered(e)], start),
        ends=dict(sorted(Counter(_end(each, answered) for each in first).items())),
        silent=tuple(sorted({e.unit_no for e in first if not _is_covered(e)})),
        slowest=_slowest(first, start, night.now),
        acts=_acts(first),
        messages=rehearsal.kinds(connection, night.alert_no),
        most_a_person=max(people.values(), default=0),
        routes=dict(sorted(watch.by_route.items())),
        speakers=(len(speakers), sum(e.played == Played.PLAYED for e in speakers)),
        help_=(len(cries), sum(cry.taken_at is not None for cry in cries)),
        broken=tuple(watch.violations),
        script=happened(connection, night.script) if night.script is not None else (),
        ladders=ladders(connection) if night.keep_ladders else {},
    )


def ladders(connection: Connection) -> dict[int, tuple[Rung, ...]]:
    """Every ladder's climb, from the journal alone: of a simulated night, or of a real one."""
    found: dict[int, list[Rung]] = {}
    for row in journal.stream(connection):
        if row.fact.kind == "climbed":
            for number, _, _, _, _, reason, acts, *_ in row.fact.body["items"]:
                found.setdefault(number, []).append((reason, tuple(acts)))
    return {number: tuple(rungs) for number, rungs in found.items()}


def _is_covered(each: rehearsal.Asked) -> bool:
    return each.state == RequirementState.COVERED


def _by_grid(census: Census, first: list[rehearsal.Asked]) -> dict[int, int | None]:
    """When each grid was covered: when the last of its own duties was; None: not."""
    asked = [each for each in first if is_grid(census.places[each.unit_no])] or first
    found: dict[int, int | None] = {}
    for each in asked:
        at = each.covered_at if _is_covered(each) else None
        known = found.get(each.unit_no, 0)
        found[each.unit_no] = None if at is None or known is None else max(at, known)
    return found


def _slowest(first: list[rehearsal.Asked], start: int, end: int) -> tuple[tuple[int, float], ...]:
    waits = [
        (duty_of(e.no), ((e.covered_at or end) if _is_covered(e) else end) - start) for e in first
    ]
    longest = sorted(waits, key=lambda each: (-each[1], each[0]))[:_SLOWEST]
    return tuple((duty, round(ms / MINUTE_MS, 2)) for duty, ms in longest)


def _minutes(times: list[Any], start: int) -> tuple[float, ...]:
    return tuple(sorted(round((at - start) / MINUTE_MS, 3) for at in times))


def _answered_by(connection: Connection, census: Census, alert_no: int) -> dict[int, str]:
    """By requirement, who covered it first: principal, alternate, or somebody for them."""
    acks = {no: via for no, _, _, via in rehearsal.acks(connection, alert_no)}
    first: dict[int, tuple[int, int]] = {}
    for number, person, ack in rehearsal.answers(connection, alert_no):
        first[number] = min(first.get(number, (ack, person)), (ack, person))
    return {number: _by(census, number, *who, acks) for number, who in first.items()}


def _by(census: Census, number: int, ack: int, person: int, acks: Mapping[int, str]) -> str:
    if acks[ack] in {Via.PHONE, Via.RUNNER}:
        return acks[ack]
    held = census.held.get(duty_of(number), ())
    rank = min((h.rank for h in held if h.person_no == person), default=1)
    return "principal" if rank == 1 else "alternate"


def _end(each: rehearsal.Asked, answered: Mapping[int, str]) -> str:
    if _is_covered(each):
        return answered.get(each.no, "carried over")
    return {
        RequirementState.EXHAUSTED: "silent",
        RequirementState.OPEN: "open",
        RequirementState.CLOSED: "closed",
    }[RequirementState(each.state)]


def _acts(first: list[rehearsal.Asked]) -> dict[str, int]:
    found = {bit.name.lower(): sum(bool(each.told & bit) for each in first) for bit in Told}
    return {name: n for name, n in found.items() if n}
