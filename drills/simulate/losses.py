"""What has failed, where and until when: the scenario's losses and the plan's, as one timetable."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from alertd.model import MINUTE_MS, Millis
from drills.plan import Loss, LossKind


@dataclass(frozen=True, slots=True)
class Outage:
    """Something is away, from and up to a moment."""

    begins: Millis
    ends: Millis


@dataclass(slots=True)
class Losses:
    """The timetable of one night.

    Args:
        start: When the alert is issued.
        battery_min: How long a base station goes on without power.
        given: What is lost.
    """

    start: Millis
    battery_min: float
    given: Iterable[Loss]
    _areas: dict[LossKind, list[tuple[str, Outage]]] = field(default_factory=dict)
    _routes: dict[str, list[Outage]] = field(default_factory=dict)
    node: list[Outage] = field(default_factory=list)

    def __post_init__(self) -> None:
        for loss in self.given:
            outage = self._outage(loss.from_min, loss.to_min)
            if loss.kind is LossKind.NODE:
                self.node.append(outage)
            elif loss.route is not None:
                self._routes.setdefault(loss.route, []).append(outage)
            elif loss.area is not None:
                self._areas.setdefault(loss.kind, []).append((f"/{loss.area}/", outage))
                self._and_stations(loss)
        self.node.sort(key=lambda each: each.begins)

    def _outage(self, from_min: float, to_min: float) -> Outage:
        at = self.start
        return Outage(at + round(from_min * MINUTE_MS), at + round(to_min * MINUTE_MS))

    def _and_stations(self, loss: Loss) -> None:
        """Without power a base station goes on for as long as its batteries last."""
        empty = loss.from_min + self.battery_min
        if loss.kind is LossKind.POWER and empty < loss.to_min:
            stations = self._areas.setdefault(LossKind.BASE_STATION, [])
            stations.append((f"/{loss.area}/", self._outage(empty, loss.to_min)))

    def back_at(self, kinds: Iterable[LossKind], path: str, at: Millis) -> Millis | None:
        """Until when any of these is away at a place, or None where all are there."""
        return _back_at(
            [
                outage
                for kind in kinds
                for area, outage in self._areas.get(kind, ())
                if area in f"/{path}"
            ],
            at,
        )

    def route_back_at(self, route: str, at: Millis) -> Millis | None:
        """Until when a route's gateway is away, or None where it is there."""
        return _back_at(self._routes.get(route, []), at)

    def node_back_at(self, at: Millis) -> Millis | None:
        """Until when we ourselves are away."""
        return _back_at(self.node, at)


def _back_at(outages: list[Outage], at: Millis) -> Millis | None:
    """The end of the outage at a moment, and of those that follow without a gap."""
    back: Millis | None = None
    moved = True
    while moved:
        moved = False
        for outage in outages:
            if outage.begins <= (back or at) < outage.ends:
                back, moved = outage.ends, True
    return back


PHONES = (LossKind.BASE_STATION,)
SPEAKERS = (LossKind.POWER, LossKind.NETWORK)
ROADS = (LossKind.ROAD,)
