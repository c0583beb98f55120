"""Which route takes what, how much of it, and what it must never take."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final

from alertd.lanes import Service, lane_of
from alertd.model import Channel, Millis, Status

STANDBY_MS: Final = 20_000
"""So long a message waits for a preferred route; with a try's time-out, failover is within 30 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route as the engine plans with it."""

    name: str
    channel: Channel
    carries: frozenset[Status]
    simulated: bool
    in_flight: int  # most tries at a time
    rate_per_s: float
    burst: int
    timeout_s: float
    numbers: tuple[str, ...] = ()  # which phones it reaches, by their beginnings; none: all
    parts_per_min: float | None = None  # of SMS, where that is what bounds it: a SIM card
    parts_per_day: int | None = None  # of SMS, at the most
    cost_per_part: float = 0.0
    cost_per_day: float | None = None  # at the most
    same_text_per_day: int | None = None  # to one number, at the most
    rank: int = 1  # a lower one is preferred: it is cheaper, or surer
    service: Service = Service.WEBHOOK  # whose chat groups it reaches
    shares: int = 1  # into how many parts its limits may be cut, each for one worker

    def lanes(self) -> tuple[int, ...]:
        """The queues this route may serve."""
        return _lanes(self.channel, self.carries, self.service)


@lru_cache
def _lanes(channel: Channel, carries: frozenset[Status], service: Service) -> tuple[int, ...]:
    return tuple(sorted(lane_of(channel, status, service) for status in carries))


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket, how many messages a route may be given now; a value."""

    tokens: float
    filled_at: Millis

    @classmethod
    def begin(cls, route: Route, now: Millis) -> "Bucket":
        """That of a process that has just begun, and doesn't know what left just before.

        A second's worth: by a whole burst at each start, one that dies again and again would give
        its gateway far more than that takes.
        """
        return cls(min(float(route.burst), max(1.0, route.rate_per_s)), now)

    def fill(self, route: Route, now: Millis) -> "Bucket":
        """Add what the time since `filled_at` allows."""
        added = max(0, now - self.filled_at) * route.rate_per_s / 1000
        return Bucket(min(float(route.burst), self.tokens + added), now)

    def take(self, n: int) -> "Bucket":
        """Spend `n`."""
        return replace(self, tokens=self.tokens - n)


def portion(route: Route, shares: int) -> Route:
    """The route with the limits of some of its shares; all of them together keep its own."""
    if shares >= route.shares:
        return route
    part = shares / route.shares
    return replace(
        route,
        in_flight=max(1, int(route.in_flight * part)),
        rate_per_s=route.rate_per_s * part,
        burst=max(1, int(route.burst * part)),
    )


def room(route: Route, bucket: Bucket, in_flight: int) -> int:
    """How many more tries a route may be given now."""
    return max(0, min(route.in_flight - in_flight, int(bucket.tokens)))


def ready_at(route: Route, bucket: Bucket) -> Millis:
    """When the bucket next holds a whole token."""
    missing = max(0.0, 1.0 - bucket.tokens)
    return bucket.filled_at + round(missing / route.rate_per_s * 1000 + 0.5)


class Way(StrEnum):
    """What a drill's plan does with a route; one that isn't named is muted."""

    REAL = "real"  # handed to the gateway, marked as a drill
    MUTED = "muted"  # planned and recorded, never handed over
    SIMULATED = "simulated"  # handed to a simulated gateway or to the simulator's world


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """What an alert's frozen selection says of how it may travel."""

    status: Status
    routes: frozenset[str] | None  # the plan's routes; None: any that carries the status
    simulated: bool  # a drill with nobody woken: simulated routes only
    ways: Mapping[str, Way] | None = None  # of a drill that was made from a plan
    lost: frozenset[str] = frozenset()  # routes that fail now, by the drill's script


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a drill's plan asks of its alert; frozen with it.

    Attributes:
        drill: The drill's number.
        ways: What is done with each route that there is.
        climb_to: The highest level of the roster whose duties its ladders may tell; None: nobody
            above the silent unit.
        lost: Routes that fail by the script: name, from and to in ms after the drill's start.
    """

    drill: int
    ways: Mapping[str, Way]
    climb_to: str | None
    lost: tuple[tuple[str, Millis, Millis], ...] = field(default=())

    def lost_at(self, passed: Millis) -> frozenset[str]:
        """The routes that fail so long after the issue."""
        return frozenset(name for name, since, until in self.lost if since <= passed < until)


MUTED: Final = "muted-by-plan"
ANSWERED: Final = "answered-since"  # what a message asks for, while it waited
CHANGED: Final = "number-changed"  # the person's, while it waited; they are told by another message
LOST: Final = "lost-by-script"


def refusal(route: Route, leave: Leave) -> str | None:
    """Why this route may not carry this alert; None where it may. Asked at every claim."""
    if leave.status not in route.carries:
        return "route-does-not-carry-status"
    if leave.ways is not None and leave.status is Status.EXERCISE:
        way = leave.ways.get(route.name, Way.MUTED)
        if way is Way.MUTED or (way is Way.SIMULATED and not route.simulated):
            return MUTED
        if route.name in leave.lost:
            return LOST
    if leave.routes is not None and route.name not in leave.routes:
        return "route-outside-plan"
    if leave.simulated and not route.simulated:
        return "real-route-in-simulated-drill"
    return None  # a simulated route may carry an Actual, too: see `without_pretence`


def without_pretence(routes: Mapping[str, Route]) -> dict[str, Route]:
    """Routes by name; no live alert and no Test goes by a simulated one beside a real one.

    What a simulated gateway takes is called delivered, and nobody has it. Where all of a lane's
    routes are simulated their world takes what it is given: the sample city's.
    """
    real = {lane for route in routes.values() if not route.simulated for lane in route.lanes()}
    return {
        name: _honest(route, real) if route.simulated else route for name, route in routes.items()
    }


def _honest(route: Route, real: Collection[int]) -> Route:
    pretended = {
        status
        for status in route.carries - {Status.EXERCISE}
        if lane_of(route.channel, status, route.service) in real
    }
    return replace(route, carries=route.carries - pretended) if pretended else route


def reaches_people(routes: Iterable[Route], leave: Leave) -> bool:
    """Whether an alert with this leave would go out by a route that reaches somebody real."""
    return any(not route.simulated for route in routes if refusal(route, leave) is None)


def meet(paths: Iterable[str], others: Collection[str]) -> bool:
    """Whether two alerts' areas have a unit in common, as paths from the top down."""
    return any(
        path.startswith(other) or other.startswith(path) for path in paths for other in others
    )


def patience_ms(route: Route, lane: int, there: Iterable[Route]) -> Millis:
    """How long a message must have waited before this route takes it from a lane.

    A preferred route that is there has the first choice. What it hasn't taken by then is more than
    it can carry in time.
    """
    preferred = any(other.rank < route.rank and lane in other.lanes() for other in there)
    return STANDBY_MS if preferred else 0


def reaches(route: Route, address: str) -> bool:
    """Whether a route may be given an address: a foreign gateway isn't for numbers at home."""
    return not route.numbers or address.startswith(route.numbers)


def covers(other: Route, route: Route) -> bool:
    """Whether `other` reaches every number that `route` does: only then may one wait for it."""
    return not other.numbers or (
        bool(route.numbers) and all(number.startswith(other.numbers) for number in route.numbers)
    )


def served(routes: Iterable[Route], lane: int, leave: Leave) -> bool:
    """Whether any route serves the lane and may carry what has that leave, or is muted for it.

    What a drill's plan mutes is planned and recorded like what it sends.
    """
    fit = {None, MUTED, LOST}
    return any(lane in route.lanes() and refusal(route, leave) in fit for route in routes)


def stuck(routes: Iterable[Route], leave: Leave) -> str | None:
    """Why none of a lane's routes may carry what has that leave; None where one may.

    A route that the script has taken away is one that should have carried it; what is muted was
    never to leave.
    """
    why = [refusal(route, leave) for route in routes]
    if None in why:
        return None
    return next((reason for reason in (LOST, MUTED) if reason in why), "no-route")


def resolve(routes: Iterable[Route], ways: Mapping[str, Way]) -> dict[str, Way]:
    """What a plan does with each route that there is.

    Where a real route is to be simulated, the simulated ones of its channel stand in for it, unless
    the plan names them. What the plan doesn't name is muted.
    """
    there = list(routes)
    stood_for = {route.channel for route in there if ways.get(route.name) is Way.SIMULATED}
    return {
        route.name: ways.get(
            route.name,
            Way.SIMULATED if route.simulated and route.channel in stood_for else Way.MUTED,
        )
        for route in there
    }


def others(routes: Collection[Route], lane: int, name: str | None) -> bool:
    """Whether a route other than `name` serves the lane."""
    return any(lane in route.lanes() and route.name != name for route in routes)
