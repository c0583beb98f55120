"""When a channel's messages will have been handed over, from what its routes carry.

A forecast reckons with routes that work, and with nothing else in the queue; it is written down
with the draft, and the report holds it against what then happened.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from alertd.decide.plan import STANDBY_MS, Leave, Route, refusal
from alertd.model import Channel

MOST: Final = 0.9
"""What "nearly all" means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """When messages will have been handed over, in seconds after the alert is issued.

    Args:
        messages: How many.
        first_s: The first of them.
        most_s: 90 % of them.
        last_s: The last.
        late: How many of them later than their receivers are asked to have answered.
    """

    messages: int
    first_s: float
    most_s: float
    last_s: float
    late: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A channel's forecast; `groups` in the order in which they are sent."""

    channel: Channel
    whole: Finish | None  # None: no route carries any of it
    groups: tuple[tuple[str, Finish], ...]


def outlook(
    channel: Channel,
    groups: Sequence[tuple[str, int]],
    routes: Iterable[Route],
    leave: Leave,
    *,
    parts: int = 1,
    due_s: float | None = None,
) -> Outlook:
    """Forecast a channel.

    Args:
        channel: Which.
        groups: Who is told, by name and number, the most urgent first.
        routes: All there are.
        leave: How the alert may travel.
        parts: Of each message; for routes whose pace is one of parts.
        due_s: By when an answer is asked for.
    """
    ways = [r for r in routes if r.channel is channel and refusal(r, leave) is None]
    total = sum(n for _, n in groups)
    if not ways or not total:
        return Outlook(channel=channel, whole=None, groups=())
    flow = _Flow.of(ways, parts)
    found, before = [], 0
    for name, n in groups:
        if n:
            found.append((name, _finish(flow, before, n, due_s)))
            before += n
    return Outlook(channel=channel, whole=_finish(flow, 0, total, due_s), groups=tuple(found))


def _finish(flow: "_Flow", before: int, n: int, due_s: float | None) -> Finish:
    in_time = n if due_s is None else max(0, min(n, flow.by(due_s) - before))
    return Finish(
        messages=n,
        first_s=flow.at(before + 1),
        most_s=flow.at(before + ceil(n * MOST)),
        last_s=flow.at(before + n),
        late=n - in_time,
    )


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
