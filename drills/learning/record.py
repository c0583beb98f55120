"""From the record of past alerts to watches, and to what these show."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Final

from sqlalchemy import Connection

from alertd.lanes import channel_of
from alertd.model import Channel, DeliveryState, Grade, Millis, Status, Via
from alertd.store.reads import behaviour as reads
from alertd.store.reads.behaviour import Past, Said, Told
from drills.learning.cells import Cell, foremost, in_order, part_of, usual
from drills.learning.fitting import Found, Usual, fit
from drills.learning.trials import Answer, Sent, Watch, watch
from drills.simulate import scenario as scenarios
from drills.simulate.people import ASKING

MOST_ALERTS: Final = 20
"""The newest; people change, and so do those who hold a duty."""

_CONFIRMS: Final = 0.5
"""A route that confirmed so much of what it took would confirm all that arrives."""

_CHANNELS: Final = {int(Channel.SMS): "sms", int(Channel.VOICE): "voice"}
_TO: Final[dict[str, tuple[str, ...]]] = {
    Via.SMS: ("sms",),
    Via.PAGE: ("sms",),  # the link to the page stands in the text
    Via.CALL: ("voice",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is learned from.

    Args:
        zone: The city's; the part of the day is by its clock.
        live: Also live alerts that are over; else drills alone. Tests never.
        simulated: Also drills with nobody woken, and what left by routes that reach nobody.
        mute: Routes that reach nobody real.
    """

    zone: tzinfo
    live: bool = False
    simulated: bool = False
    mute: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What was found.

    Args:
        drills: How many it was learned from.
        live: The same of live alerts.
        since, until: When the first and the last of them were issued, ms.
        people: How many people were watched.
        cells: What each cell showed, in the order of rules, with how many people it is about.
    """

    drills: int
    live: int
    since: Millis | None
    until: Millis | None
    people: int
    cells: tuple[tuple[Cell, Found, int], ...]

    @property
    def messages(self) -> int:
        """How many messages it rests on."""
        return sum(found.messages for _, found, _ in self.cells)

    @property
    def answers(self) -> int:
        """How many of them were answered."""
        return round(sum(found.answers for _, found, _ in self.cells))


def learn(connection: Connection, sources: Sources) -> Learned:
    """Learn from what is over.

    Memory: some hundred bytes a message of the largest alert.

    Args:
        connection: For reading.
        sources: What is learned from.
    """
    statuses = {Status.EXERCISE} | ({Status.ACTUAL} if sources.live else set())
    alerts = reads.past(connection, statuses, simulated=sources.simulated, most=MOST_ALERTS)
    seen = Seen()
    for alert in alerts:
        seen.look(connection, alert, sources)
    return learned(seen, alerts)


def learned(seen: "Seen", alerts: Sequence[Past] = ()) -> Learned:
    """Fit what was seen."""
    cells = in_order(seen.people.keys())
    places = {seen.cells.index(cell): place for place, cell in enumerate(cells)}
    watches: Counter[Watch] = Counter()
    for each, times in seen.watches.items():
        trials = tuple(trial._replace(cell=places[trial.cell]) for trial in each.trials)
        watches[Watch(each.word, trials)] += times
    found = fit(watches, [_usual(cell) for cell in cells])
    times_ = [alert.issued_at for alert in alerts]
    drills = sum(alert.status is Status.EXERCISE for alert in alerts)
    return Learned(
        drills=drills,
        live=len(alerts) - drills,
        since=min(times_, default=None),
        until=max(times_, default=None),
        people=len(set().union(*seen.people.values())),
        cells=tuple(
            (cell, one, len(seen.people[cell])) for cell, one in zip(cells, found, strict=True)
        ),
    )


def _usual(cell: Cell) -> Usual:
    night = scenarios.usual()
    rule, phones = usual(cell, night.people), night.phones
    off = phones.off_day if cell.hours[0] < cell.hours[1] else phones.off_night
    return Usual(
        notices=rule.notices,
        median_s=rule.median_s,
        spread=rule.spread,
        says={str(word): share for word, share in rule.says.items()},
        on=(1 - off) * (1 - phones.dead),
    )


@dataclass(slots=True)
class Seen:
    """Watches of any number of alerts, added up."""

    watches: Counter[Watch] = field(default_factory=Counter)
    people: dict[Cell, set[int]] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)

    def look(self, connection: Connection, alert: Past, sources: Sources) -> None:
        """Add what an alert shows."""
        mute = frozenset() if sources.simulated else frozenset(sources.mute)
        messages = [
            each
            for each in reads.told(connection, alert.no, ASKING)
            if each.route not in mute and channel_of(each.lane) in _CHANNELS
        ]
        taken = reads.taken(connection, alert.no, since=alert.issued_at, until=alert.over_at)
        answers = _answers(reads.said(connection, alert.no), mute)
        roles = reads.roles(connection, alert.version)
        confirming, shared = _confirming(messages), _shared(messages)
        for person, mine in groupby(messages, key=lambda each: each.recipient_no):
            own = list(mine)
            if person not in roles or any(each.address_no in shared for each in own):
                continue
            role = foremost(roles[person])
            sent = [
                self._sent(each, role, taken.get(each.id), confirming, sources.zone) for each in own
            ]
            self._add(person, watch(sent, answers.get(person, ()), alert.over_at))

    def _sent(
        self, each: Told, role: str, handed_at: int | None, confirming: set[str], zone: tzinfo
    ) -> Sent:
        delivered = each.state == DeliveryState.DELIVERED
        # What was out twice, or nobody can tell of, may have arrived at any time, or never.
        sure = not each.duplicate and each.state != DeliveryState.UNKNOWN
        sure &= delivered or each.route not in confirming
        at = handed_at if handed_at is not None else each.settled_at or 0
        hour = datetime.fromtimestamp(at / 1000, zone).hour
        channel = _CHANNELS[channel_of(each.lane)]
        return Sent(
            cell=self._place(Cell(role, part_of(hour), channel)),
            channel=channel,
            handed_at=at,
            confirmed_at=each.settled_at if delivered else None,
            sure=sure and handed_at is not None,
        )

    def _place(self, cell: Cell) -> int:
        if cell not in self.people:
            self.people[cell] = set()
            self.cells.append(cell)
        return self.cells.index(cell)

    def _add(self, person: int, seen: Watch | None) -> None:
        if seen is None:
            return
        self.watches[seen] += 1
        for trial in seen.trials:
            self.people[self.cells[trial.cell]].add(person)


def _answers(said: Iterable[Said], mute: Collection[str]) -> dict[int, list[Answer]]:
    found: dict[int, list[Answer]] = {}
    for each in said:
        if each.route is None or each.route not in mute:
            found.setdefault(each.person_no, []).append(_answer(each))
    return found


def _answer(said: Said) -> Answer:
    """What a leader or an operator says of somebody is no answer of theirs."""
    channels = _TO.get(said.via, ())
    if said.via == Via.PAGE and said.grade == Grade.PROXY:
        channels = ()
    return Answer(said.at, said.kind if channels else "", channels)


def _confirming(messages: Sequence[Told]) -> set[str]:
    """Routes whose gateways tell of what arrives."""
    took, told = Counter[str](), Counter[str]()
    for each in messages:
        if each.state != DeliveryState.UNKNOWN:
            took[each.route or ""] += 1
            told[each.route or ""] += each.state == DeliveryState.DELIVERED
    return {route for route, n in took.items() if told[route] >= _CONFIRMS * n}


def _shared(messages: Sequence[Told]) -> set[int]:
    """Phones that several people were told by: nobody knows who of them read it."""
    whose: dict[int, int] = {}
    found: set[int] = set()
    for each in messages:
        if each.address_no is None:
            continue
        if whose.setdefault(each.address_no, each.recipient_no) != each.recipient_no:
            found.add(each.address_no)
    return found


def written(cells: Iterable[tuple[Cell, Found, int]]) -> Iterator[tuple[Cell, Found, int]]:
    """Those that rest on enough messages, and on so many people that none of them shows."""
    for cell, found, people in cells:
        if found.messages >= LEAST_MESSAGES and people >= LEAST_PEOPLE:
            yield cell, found, people


LEAST_MESSAGES: Final = 30
"""A cell of fewer keeps the shipped behaviour."""

LEAST_PEOPLE: Final = 10
"""So does one of fewer people, however many messages: nobody's own habits are written down."""
