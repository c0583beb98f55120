"""When a channel's messages will have been handed over, from what its routes carry.

A forecast reckons with routes that work, and with what other alerts have waiting in their queues:
the gravest first, then whatever has waited longest, as the dispatcher takes them. It is written
down with the draft, and the report holds it against what then happened.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, NamedTuple

from alertd.decide.plan import STANDBY_MS, Leave, Route, refusal
from alertd.lanes import status_of
from alertd.model import Channel, Precedence, Status, priority_of
from rosters.words import Level

MOST: Final = 0.9
"""What "nearly all" means."""

Waiting = Mapping[tuple[int, int], int]
"""How many deliveries wait, by lane and priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """When messages will have been handed over, in seconds after the alert is issued.

    Args:
        messages: How many.
        first_s: The first of them.
        most_s: 90 % of them.
        last_s: The last.
        late: How many of them after the policy's first rung: they are reminded, or passed over,
            before they have it.
    """

    messages: int
    first_s: float
    most_s: float
    last_s: float
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Those of a channel who are told one after the other, in no order among themselves.

    Args:
        name: What they are called.
        levels: How many, by the level of the unit that they are told for.
        ahead: How many messages of other alerts go before them.
    """

    name: str
    levels: Mapping[str, int]
    ahead: int = 0

    @property
    def messages(self) -> int:
        """How many they are."""
        return sum(self.levels.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A channel's forecast.

    Args:
        channel: Which.
        whole: All of it; None: no route carries any of it.
        groups: By wave, in the order in which they are sent.
        levels: By level, the highest first.
        ahead: How many messages of other alerts go before the last of them.
    """

    channel: Channel
    whole: Finish | None
    groups: tuple[tuple[str, Finish], ...] = ()
    levels: tuple[tuple[str, Finish], ...] = ()
    ahead: int = 0


def outlook(
    channel: Channel,
    waves: Sequence[Wave],
    routes: Iterable[Route],
    leave: Leave,
    *,
    parts: int = 1,
    due_s: float | None = None,
) -> Outlook:
    """Forecast a channel.

    Where levels are mixed within a wave, as they are in the hierarchy's order, each is taken to be
    spread over it evenly.

    Args:
        channel: Which.
        waves: Who is told, the most urgent first.
        routes: All there are.
        leave: How the alert may travel.
        parts: Of each message, those of other alerts too; for routes whose pace is one of parts.
        due_s: When the first rung of the policy is taken.
    """
    ways = _ways(channel, routes, leave)
    there = [wave for wave in waves if wave.messages]
    if not ways or not there:
        return Outlook(channel=channel, whole=None)
    flow = _Flow.of(ways, parts)
    levels = [(level.value, _line(there, level=level.value)) for level in Level]
    return Outlook(
        channel=channel,
        whole=_finish(flow, _line(there), due_s),
        groups=tuple(
            (wave.name, _finish(flow, [stretch], due_s))
            for wave, stretch in zip(there, _line(there), strict=True)
        ),
        levels=tuple((name, _finish(flow, line, due_s)) for name, line in levels if line),
        ahead=there[-1].ahead,
    )


def ahead(
    waiting: Waiting,
    channel: Channel,
    routes: Iterable[Route],
    leave: Leave,
    severity: int,
    precedence: Precedence = Precedence.FIRST,
) -> int:
    """How many waiting messages go before a new alert's, by the routes that it may take.

    A route empties the queue of live alerts before it looks at those of drills and tests; within a
    queue the graver go first, and of those alike whatever waits already.
    """
    lanes = {lane for way in _ways(channel, routes, leave) for lane in way.lanes()}
    priority = priority_of(severity, precedence)
    return sum(
        n
        for (lane, place), n in waiting.items()
        if lane in lanes and _goes_before(lane, place, leave.status, priority)
    )


def first_rung_s(policy: Mapping[str, Any]) -> float | None:
    """When the first rung of a policy (as an alert freezes it) is taken, after the issue.

    Where it has no rungs, when an answer is due; None: it asks for none.
    """
    starts = [stage.get("start_min", 0.0) for stage in policy.get("stages", ())]
    if not starts:
        return None
    rungs = [step["after_min"] for step in policy.get("steps", ())]
    due = [stage["due_min"] for stage in policy["stages"]]
    return float(min(rungs) + min(starts) if rungs else min(due)) * 60


def _goes_before(lane: int, place: int, status: Status, priority: int) -> bool:
    return status_of(lane) < status or (status_of(lane) == status and place <= priority)


def _ways(channel: Channel, routes: Iterable[Route], leave: Leave) -> list[Route]:
    return [r for r in routes if r.channel is channel and refusal(r, leave) is None]


class _Stretch(NamedTuple):
    """A piece of the queue with messages of one kind spread over it evenly."""

    start: int  # how many go before it
    length: int
    mine: int  # 1 to `length`

    def place(self, nth: int) -> int:
        """Where in the whole queue the `nth` of them stands, counted from 1."""
        return self.start - -nth * (self.length + 1) // (self.mine + 1)

    def within(self, n: int) -> int:
        """How many of them are among the first `n` of the whole queue."""
        inside = max(0, min(n - self.start, self.length))
        return inside * (self.mine + 1) // (self.length + 1)


def _line(waves: Sequence[Wave], level: str | None = None) -> list[_Stretch]:
    """Where a level's messages, or all, stand in the queue."""
    found, before = [], 0
    for wave in waves:
        mine = wave.messages if level is None else wave.levels.get(level, 0)
        if mine:
            found.append(_Stretch(wave.ahead + before, wave.messages, mine))
        before += wave.messages
    return found


def _finish(flow: "_Flow", line: Sequence[_Stretch], due_s: float | None) -> Finish:
    n = sum(stretch.mine for stretch in line)
    in_time = n
    if due_s is not None:
        carried = flow.by(due_s)
        in_time = sum(stretch.within(carried) for stretch in line)
    first, most, last = (flow.at(place) for place in _places(line, (1, ceil(n * MOST), n)))
    return Finish(messages=n, first_s=first, most_s=most, last_s=last, late=n - in_time)


def _places(line: Sequence[_Stretch], wanted: Sequence[int]) -> Iterator[int]:
    for nth in wanted:
        left = nth
        for stretch in line:
            if left <= stretch.mine:
                yield stretch.place(left)
                break
            left -= stretch.mine


@dataclass(frozen=True, slots=True)
class _Flow:
    """What routes carry together: at once, then a second, and with those that stand by."""

    burst: int
    rate: float
    joined_at_s: float
    joined_rate: float

    @classmethod
    def of(cls, routes: Sequence[Route], parts: int) -> "_Flow":
        preferred = min(route.rank for route in routes)
        first = [route for route in routes if route.rank == preferred]
        return cls(
            burst=sum(min(route.burst, route.in_flight) for route in first),
            rate=sum(rate_per_s(route, parts) for route in first),
            joined_at_s=STANDBY_MS / 1000,
            joined_rate=sum(rate_per_s(route, parts) for route in routes),
        )

    def at(self, nth: int) -> float:
        """When the `nth` message has been handed over, in seconds."""
        left = nth - self.burst
        if left <= 0:
            return 0.0
        alone = self.rate * self.joined_at_s
        if left <= alone:
            return left / self.rate
        return self.joined_at_s + (left - alone) / self.joined_rate

    def by(self, seconds: float) -> int:
        """How many will have been handed over by then."""
        alone = min(seconds, self.joined_at_s) * self.rate
        joined = max(0.0, seconds - self.joined_at_s) * self.joined_rate
        return self.burst + int(alone + joined)


def rate_per_s(route: Route, parts: int = 1) -> float:
    """Messages of so many parts that a route carries in a second."""
    if route.parts_per_min is None:
        return route.rate_per_s
    return min(route.rate_per_s, route.parts_per_min / 60 / max(1, parts))
