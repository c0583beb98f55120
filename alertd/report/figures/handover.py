"""Deliveries, replayed: made, tried, settled, confirmed, played.

Deliveries are numbered in a row under their alert, so that arrays hold what is known of each: some
bytes a delivery, whatever their number, and none for the numbers that were left out.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from alertd.decide.plan import ANSWERED, MUTED
from alertd.decide.settle import BY_HAND
from alertd.lanes import channel_of
from alertd.model import (
    HELP_PRIORITY,
    AlertState,
    Channel,
    DeliveryState,
    MessageKind,
    RecipientKind,
    Recorded,
)
from alertd.report.figures.part import Take
from alertd.report.figures.places import Places
from alertd.report.figures.values import Burden, Deliveries, Share
from rosters.words import Level

_S = DeliveryState
_NEVER_MADE = 255


class HandoverPart:
    """Reads `alert.selected`, `told`, `claimed`, `settled`, `receipts` and the alert's end."""

    def __init__(self, alert_no: int) -> None:
        self.alert_no = alert_no
        self.places = Places()
        self.state = bytearray([_NEVER_MADE])  # by place, from 1
        self.channel = bytearray(1)  # 0: not known before its first try
        self.played = bytearray(1)
        self.first = bytearray(1)  # 1: the first message of a person of the selection
        self.tries = bytearray(1)
        self.levels: list[tuple[int, int, int]] = []  # first messages: from, up to, depth
        self.marked: set[int] = set()
        self.real_help: set[int] = set()
        self.reason: dict[int, str] = {}
        self.made: Counter[int] = Counter()  # by channel
        self.first_made: Counter[int] = Counter()
        self.other_contact: dict[int, int] = {}  # by delivery: the first one to the same person
        self.untried: dict[int, tuple[str, int]] = {}  # further ones: their kind, and the person
        self.extra_by_kind: Counter[str] = Counter()
        self.extra_by_person: Counter[int] = Counter()
        self.muted: set[int] = set()
        self.spared: set[int] = set()  # reminders and calls whose answer came first
        self.by_hand: set[int] = set()  # calls that an operator is to make
        self.dead: set[int] = set()  # failed for the address's own sake
        self.attempts = 0

    @property
    def takes(self) -> Mapping[str, Take]:
        """What it does with a fact, by kind."""
        return {
            "alert.selected": self._selected,
            "told": self._told,
            "claimed": self._claimed,
            "settled": self._settled,
            "receipts": self._receipts,
            "alert.ended": self._ended,
            "alert.stopped": self._stopped,
        }

    def _selected(self, recorded: Recorded) -> None:
        made: Sequence[tuple[int, int]] = recorded.fact.body["made"]
        channel = made[0][0] if len(made) == 1 else 0
        for on, n in made:
            self.made[on] += n
            self.first_made[on] += n
        start = self._make(recorded.fact.body["first"], sum(n for _, n in made), channel)
        if channel == Channel.SMS:
            self.first[start:] = b"\1" * (len(self.first) - start)
        for depth, n in recorded.fact.body.get("levels", ()):
            self.levels.append((start, start + n, depth))
            start += n

    def _make(self, number: int, n: int, channel: int) -> int:
        """Deliveries from `number` on exist; returns the first one's place."""
        self.state.extend(bytes([_S.PENDING]) * n)
        self.channel.extend(bytes([channel]) * n)
        for known in (self.played, self.first, self.tries):
            known.extend(bytes(n))
        return self.places.made(number, n)

    def _told(self, recorded: Recorded) -> None:
        body = recorded.fact.body
        kind = body["message"]["kind"]
        for number, _, recipient, person, _, lane, priority, *_ in body["deliveries"]:
            place = self._make(number, 1, channel_of(lane))
            self.made[channel_of(lane)] += 1
            if recipient == RecipientKind.PERSON:
                self.untried[place] = kind, person
            if kind == MessageKind.ALERT and "first" in body:
                self.other_contact[place] = self.places.of(body["first"])
            if priority == HELP_PRIORITY:
                self.real_help.add(place)

    def _mine(self, items: Sequence[Any]) -> list[tuple[int, Any]]:
        """Items of this alert's deliveries, by place; one that was never made is left out."""
        of = self.places.of
        return [(place, item) for item in items if (place := of(item[0]))]

    def _channel_of(self, counts: Sequence[Sequence[int]]) -> int:
        """A batch is of one route or lane, so its rollup names the channel."""
        return next((count[1] for count in counts if count[0] == self.alert_no), 0)

    def _claimed(self, recorded: Recorded) -> None:
        places = self._mine(recorded.fact.body["items"])
        channel = self._channel_of(recorded.fact.body["counts"])
        for place, (_, attempt) in places:
            self.state[place] = _S.SENDING
            self.tries[place] = min(attempt, 255)
            self._know_channel(place, channel)
            if place in self.untried:
                kind, person = self.untried.pop(place)
                self.extra_by_kind[kind] += 1
                self.extra_by_person[person] += 1
        self.attempts += len(places)

    def _know_channel(self, place: int, channel: int) -> None:
        if not self.channel[place]:
            self.channel[place] = channel
            self.first[place] = channel == Channel.SMS

    def _settled(self, recorded: Recorded) -> None:
        self._died(recorded)
        channel = self._channel_of(recorded.fact.body["counts"])
        for place, (_, _, state, _, reason, _, duplicate, _) in self._mine(
            recorded.fact.body["items"]
        ):
            self._know_channel(place, channel)
            self._now(place, state, reason)
            if reason == MUTED:
                self.muted.add(place)
            if reason == ANSWERED:
                self.spared.add(place)
            if duplicate:
                self.marked.add(place)

    def _receipts(self, recorded: Recorded) -> None:
        self._died(recorded)
        for place, (_, _, _, state, _, played, reason, _, *more) in self._mine(
            recorded.fact.body["items"]
        ):
            self._now(place, state, reason)
            self.played[place] = played
            if len(more) > 1:  # the route to avoid, and that a copy may be out there
                self.marked.add(place)

    def _died(self, recorded: Recorded) -> None:
        self.dead.update(self.places.of(number) for number in recorded.fact.body.get("dead", ()))

    def _now(self, place: int, state: int, reason: str) -> None:
        self.state[place] = state
        if state == _S.ACCEPTED and reason == BY_HAND:
            self.by_hand.add(place)
        if state == _S.FAILED:
            self.reason[place] = reason
        else:
            self.reason.pop(place, None)

    def _ended(self, recorded: Recorded) -> None:
        if recorded.fact.alert_no != self.alert_no:
            return
        over = recorded.fact.body["state"]
        self._drop(_S.EXPIRED if over == AlertState.EXPIRED else _S.CANCELLED)

    def _stopped(self, recorded: Recorded) -> None:
        if recorded.fact.alert_no == self.alert_no:
            self._drop(_S.CANCELLED)

    def _drop(self, gone: DeliveryState) -> None:
        for place in self.waiting():
            if place not in self.real_help:
                self.state[place] = gone

    # What it came to.

    def known(self) -> int:
        """How many deliveries were made."""
        return len(self.state) - self.state.count(_NEVER_MADE)

    def standing(self, number: int) -> tuple[int, int] | None:
        """A delivery's state and what was played, or None where none was made by that number."""
        place = self.places.of(number)
        if self.state[place] == _NEVER_MADE:
            return None
        return self.state[place], self.played[place]

    def waiting(self) -> Iterator[int]:
        """The places of what waits for its next try."""
        place = self.state.find(_S.PENDING, 1)
        while place > 0:
            yield place
            place = self.state.find(_S.PENDING, place + 1)

    def why_held(self, place: int) -> str:
        """Why a message failed, or was held back; "" where nothing says so."""
        if place in self.muted:
            return MUTED
        if place in self.by_hand:
            return BY_HAND
        return ANSWERED if place in self.spared else self.reason.get(place, "")

    def by_state(self) -> dict[int, Counter[int]]:
        """Channel → state → deliveries."""
        pairs = Counter(zip(self.channel, self.state, strict=True))
        found: dict[int, Counter[int]] = {channel: Counter() for channel in sorted(self.made)}
        untried = []
        for (channel, state), n in pairs.items():
            if channel:
                found[channel][state] += n
            elif state != _NEVER_MADE:
                untried.append(state)
        for channel, n in self.made.items():
            # Never tried and so of no known channel: all of them wait, or all were dropped.
            left = n - found[channel].total()
            if left and untried:
                found[channel][untried[0]] += left
        return found

    def deliveries(self, channel: int | None = None) -> Deliveries:
        """The section of one channel, or of all."""
        found = self.by_state()
        counts = sum(found.values(), Counter[int]()) if channel is None else found[channel]
        tries = [n for place, n in enumerate(self.tries) if n and self._on(place, channel)]
        causes = Counter(
            reason for place, reason in self.reason.items() if self._on(place, channel)
        )
        return Deliveries(
            made=counts.total(),
            submitted=len(tries),
            attempts=sum(tries),
            **{state.word: counts[state] for state in _S},
            marked_duplicates=sum(self._on(place, channel) for place in self.marked),
            failed_by_cause=dict(sorted(causes.items())),
        )

    def _on(self, place: int, channel: int | None) -> bool:
        return channel is None or self.channel[place] == channel

    def people(self) -> int:
        """Unique people of the selection: each has one first message."""
        return self.first_made[Channel.SMS]

    def reached(self, *states: DeliveryState) -> int:
        """How many people of the selection have a message in one of `states`, by any contact."""
        wanted = {int(state) for state in states}
        first = sum(
            1
            for is_first, state in zip(self.first, self.state, strict=True)
            if is_first and state in wanted
        )
        others = self._by_other_contact(wanted)
        return first + sum(self.state[place] not in wanted for place in others)

    def _by_other_contact(self, wanted: Collection[int]) -> set[int]:
        """First messages of people of the selection to whom the same came by another contact.

        An alternate's second number is nobody's of the selection, and whose reminder failed may
        have had the first one all the same: none of them is counted on top.
        """
        last = len(self.first)
        return {
            first
            for place, first in self.other_contact.items()
            if self.state[place] in wanted and first < last and self.first[first]
        }

    def reach_by_level(self) -> dict[str, Share]:
        """People to whom it came for certain, by the level that they answer for."""
        reached: Counter[int] = Counter()
        people: Counter[int] = Counter()
        others = self._by_other_contact({_S.DELIVERED})
        for start, end, depth in self.levels:
            for place in range(start, end):
                if self.first[place]:
                    people[depth] += 1
                    reached[depth] += self.state[place] == _S.DELIVERED or place in others
        return {
            level: Share(reached[level.depth], n) for level in Level if (n := people[level.depth])
        }

    def withheld(self) -> Counter[str]:
        """Messages that never had a try because the engine held them back, by reason."""
        found: Counter[str] = Counter()
        for place, state in enumerate(self.state):
            if self.tries[place]:
                continue
            if place in self.muted:
                found[MUTED] += 1
            elif place in self.spared:
                continue
            elif state in {_S.EXPIRED, _S.CANCELLED}:
                found["alert-ended"] += 1
            elif state == _S.FAILED:
                found[self.reason[place]] += 1
        return found

    def spared_messages(self) -> int:
        """What asks, or tells of silence, and didn't leave since the answer came first."""
        return sum(self.state[place] == _S.CANCELLED for place in self.spared)

    def refused_numbers(self) -> dict[int, str]:
        """SMS that a gateway refused for the number's own sake: delivery → code.

        Not those that it refused for their text, or couldn't deliver: no roster mends that.
        """
        return {
            self.places.number(place): reason
            for place, reason in sorted(self.reason.items())
            if self.channel[place] == Channel.SMS and place in self.dead
        }

    def sounds(self) -> Counter[int]:
        """What loudspeakers that have the command made of it: Played → how many."""
        return Counter(
            played
            for channel, state, played in zip(self.channel, self.state, self.played, strict=True)
            if channel == Channel.LOUDSPEAKER and (state == _S.DELIVERED or played)
        )

    def burden(self) -> Burden:
        """Messages to people that had a try: what waits, or was withdrawn, burdened nobody."""
        people, extra = self.people(), self.extra_by_kind.total()
        first = sum(1 for is_first, n in zip(self.first, self.tries, strict=True) if is_first and n)
        return Burden(
            first=first,
            extra=extra,
            extra_by_kind=dict(sorted(self.extra_by_kind.items())),
            people_with_extra=len(self.extra_by_person),
            most_extra=max(self.extra_by_person.values(), default=0),
            per_person=round((first + extra) / people, 2) if people else None,
            people_by_extra=tuple(sorted(Counter(self.extra_by_person.values()).items())),
        )
