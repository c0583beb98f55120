"""Helpers: those who telephone, knock at doors and deal with help, from alertd's lists."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from typing import Final

from sqlalchemy import Connection

from alertd.engine import answering, helping
from alertd.engine.core import Input
from alertd.engine.counting import Answered
from alertd.engine.turn import Turn
from alertd.model import MINUTE_MS, AckKind, Grade, Millis, Told, Via, duty_of, stage_of
from alertd.store.reads import rehearsal
from drills.simulate.census import Census
from drills.simulate.dice import Dice
from drills.simulate.lists import WorkList
from drills.simulate.losses import PHONES, ROADS, Losses
from drills.simulate.scenario import Hands, Scenario
from rosters.shifts import minute_of_day

LOOK_MS: Final = 30_000  # how often a list is looked at while it changes
MOST_TRIES: Final = 3  # at one door, or of one phone
OPERATOR: Final = b"rehearsal-hands!"
_LISTS: Final = {"call": Told.CALL_LIST, "knock": Told.DOOR_KNOCK}
_VIA: Final = {"call": Via.PHONE, "knock": Via.RUNNER}
CLOSE_AFTER_MS: Final = 30 * MINUTE_MS


@dataclass(frozen=True, slots=True, order=True)
class Job:
    """Something that a helper ends at a moment; `found` is whether somebody answered there."""

    at: Millis
    does: str
    number: int  # a requirement's, or an ack's that cries for help
    found: bool


@dataclass(slots=True)
class Helpers:
    """All helpers of one night.

    Args:
        scenario: How many there are.
        census: Where doors are.
        dice: Of this night.
        losses: Which roads are cut.
        alert_no: The alert whose lists they work off.
        ends_at: Nobody begins anything after it.
        zone: The city's, for whose shift it is.
    """

    scenario: Scenario
    census: Census
    dice: Dice
    losses: Losses
    alert_no: int
    ends_at: Millis
    zone: tzinfo
    entered: list[tuple[Millis, int, int]] = field(default_factory=list)  # requirement, person
    taken: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    _free: dict[tuple[int, str], list[Millis]] = field(default_factory=dict)
    _jobs: list[Job] = field(default_factory=list)
    _busy: set[tuple[str, int]] = field(default_factory=set)
    _done: set[int] = field(default_factory=set)
    _tries: Counter[tuple[str, int]] = field(default_factory=Counter)
    _lists: dict[tuple[str, str], WorkList] = field(default_factory=dict)
    _looks_at: Millis | None = None
    _looked_at: Millis = 0

    def next_at(self) -> Millis | None:
        """When anything comes next."""
        times = [self._jobs[0].at] if self._jobs else []
        if self._looks_at is not None:
            times.append(self._looks_at)
        return min(times, default=None)

    def stirred(self, now: Millis) -> None:
        """Something was written down: the lists may have changed."""
        at = max(now, self._looked_at + LOOK_MS)
        if self.scenario.hands and (self._looks_at is None or self._looks_at > at):
            self._looks_at = at

    def due(self, now: Millis, connection: Connection) -> list[Input]:
        """What they have done by now, as the engine takes it; whoever is free begins anew."""
        inputs = [item for job in self._ended(now) for item in self._entries(job, now)]
        if self._looks_at is not None and self._looks_at <= now:
            self._looks_at, self._looked_at = None, now
            for number, hands in enumerate(self.scenario.hands):
                self._begin(number, hands, now, connection)
        return inputs

    def _ended(self, now: Millis) -> Iterator[Job]:
        while self._jobs and self._jobs[0].at <= now:
            job = heapq.heappop(self._jobs)
            self._busy.discard((job.does, job.number))
            yield job

    def _entries(self, job: Job, now: Millis) -> Iterator[Input]:
        self.stirred(now)
        if job.does == "close":
            self.closed.add(job.number)
            yield partial(helping.close_help, ack_no=job.number, by=OPERATOR, outcome="dealt with")
        elif job.does == "help":
            self.taken.add(job.number)
            self._done.add(job.number)
            yield partial(helping.take_help, ack_no=job.number, by=OPERATOR)
            heapq.heappush(self._jobs, Job(now + CLOSE_AFTER_MS, "close", job.number, found=True))
        elif job.found:
            person = self.census.principal(duty_of(job.number), minute_of_day(now, self.zone))
            self.entered.append((now, job.number, person))
            self._done.add(job.number)
            yield partial(_enter, number=job.number, person=person, via=_VIA[job.does])

    def _begin(self, number: int, hands: Hands, now: Millis, connection: Connection) -> None:
        if now >= self.ends_at:
            return
        places = self._places(hands)
        free = {
            place: self._free.setdefault((number, place), [0] * hands.count) for place in places
        }
        open_places = {place for place, ends in free.items() if ends and ends[0] <= now}
        if not open_places:
            self._look_again(free)
            return
        waits = self._waiting(hands, connection)
        for place in sorted(open_places):
            self._give(hands, waits(place), free[place], now)
        self._look_again(free)

    def _give(self, hands: Hands, waiting: Iterator[int], free: list[Millis], now: Millis) -> None:
        """Whoever is free in a place begins with what waits there."""
        while free[0] <= now:
            job = next((no for no in waiting if (hands.does, no) not in self._busy), None)
            if job is None:
                return
            self._tries[hands.does, job] += 1
            self._busy.add((hands.does, job))
            ends = self._ends(hands, job, now)
            heapq.heapreplace(free, ends)
            heapq.heappush(self._jobs, Job(ends, hands.does, job, self._finds(hands, job, now)))

    def _places(self, hands: Hands) -> tuple[str, ...]:
        return self.census.towns if hands.each == "town" else ("",)

    def _look_again(self, free: Mapping[str, list[Millis]]) -> None:
        """When the first of those who are busy is free again."""
        busy = [ends[0] for ends in free.values() if ends and ends[0] > self._looked_at]
        first = min(busy, default=None)
        if first is not None and (self._looks_at is None or self._looks_at > first):
            self._looks_at = first

    def _waiting(self, hands: Hands, connection: Connection) -> Callable[[str], Iterator[int]]:
        """What is on their list in a town, or in the city where they are the city's ("")."""
        if hands.does == "help":
            cries = [cry.ack_no for cry in rehearsal.cries(connection) if cry.taken_at is None]
            return lambda _: (number for number in cries if number not in self._done)
        towns = self.census.town_of_unit if hands.each == "town" else None
        listed = self._lists.get((hands.does, hands.each))
        if listed is None:
            listed = self._lists[hands.does, hands.each] = WorkList(
                self.alert_no, _LISTS[hands.does], lambda unit: towns[unit] if towns else ""
            )
        listed.look(connection)

        def is_over(number: int) -> bool:
            return number in self._done or self._tries[hands.does, number] >= MOST_TRIES

        return lambda place: listed.waiting(connection, place, is_over)

    def _ends(self, hands: Hands, number: int, now: Millis) -> Millis:
        name = (hands.does, number, self._tries[hands.does, number])
        took = now + round(self.dice.after_s(hands.minutes * 60, 0.4, "takes", *name) * 1000)
        if hands.does != "knock":
            return took
        back = self.losses.back_at(ROADS, self._path(number), now)
        return took if back is None else took + (back - now)

    def _finds(self, hands: Hands, number: int, now: Millis) -> bool:
        name = (hands.does, number, self._tries[hands.does, number])
        if hands.does == "call" and self.losses.back_at(PHONES, self._path(number), now):
            return False
        return self.dice.share("finds", *name) < hands.finds

    def _path(self, number: int) -> str:
        return self.census.places[self.census.unit_of(duty_of(number))].path


def kind_of(number: int) -> AckKind:
    """What somebody answers who is asked in person for what a requirement asks."""
    return AckKind(stage_of(number).word)


def _enter(turn: Turn, *, number: int, person: int, via: Via) -> int:
    """What an operator enters of an answer that came by phone or by a runner."""
    answered = Answered(
        alert_no=number >> 32,
        person_no=person,
        kind=kind_of(number),
        via=via,
        grade=Grade.PROXY,
        occurred_at=turn.now,
        by=OPERATOR,
        duties=(duty_of(number),),
    )
    return answering.acknowledge(turn, answered, confirm=False)
