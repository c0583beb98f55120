"""What a night plays: a plan, with the city's own routes, policies and texts beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from alertd.decide.plan import Route
from alertd.engine.library import Library
from alertd.errors import InvalidInputError
from alertd.messages import Wording
from alertd.model import Channel, Status
from drills.plan import Plan, Way
from drills.simulate.scenario import SampleRoute

EVERY: Final = frozenset(Status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One drill to be played.

    Args:
        plan: What is sent, and what fails.
        library: Policies and templates.
        wording: How texts are rendered.
        played: The plan's routes that aren't muted, as the engine plans with them.
        decoys: Routes that the plan doesn't name: nothing of the drill may leave by them.
        policy: In place of the plan's.
        status: Exercise; a test of the engine plays Actual alerts, too.
        open_routes: Whether the drill is one of real routes, which calls for help leave as Actual.
    """

    plan: Plan
    library: Library
    wording: Wording
    played: dict[str, Route]
    decoys: Mapping[str, Route] = field(default_factory=dict)
    policy: str = ""
    status: Status = Status.EXERCISE
    open_routes: bool = False

    @property
    def routes(self) -> dict[str, Route]:
        """All that there are, as the engine knows them; every one of them leads to the world."""
        return {**self.played, **self.decoys}

    @property
    def named_policy(self) -> str | None:
        """The policy by name; None: the one of the alert's colour."""
        return self.policy or self.plan.alert.policy or None


def played(plan: Plan, routes: dict[str, Route]) -> dict[str, Route]:
    """The routes of a plan that aren't muted, with their own limits.

    Raises:
        InvalidInputError: All are muted, or one that is named isn't there.
    """
    found = {}
    for name, way in plan.channels.items():
        if way is Way.MUTED:
            continue
        if name not in routes:
            known = ", ".join(sorted(routes)) or "–"
            raise InvalidInputError(
                f"There is no route {name}.", field="channels", hint=f"There are: {known}."
            )
        found[name] = routes[name]
    if not found:
        raise InvalidInputError(
            "The plan mutes every route.", field="channels", hint="Name one as simulated."
        )
    return found


def sample_route(given: SampleRoute) -> Route:
    """A sample city's route."""
    return Route(
        name=given.name,
        channel=Channel[given.channel.upper()],
        carries=EVERY,
        simulated=True,
        in_flight=given.in_flight,
        rate_per_s=given.rate_per_s,
        burst=given.burst,
        timeout_s=given.timeout_s,
        rank=given.rank,
    )


def coarse(route: Route, answer_s: float, grain_s: float) -> Route:
    """A route as the engine plans with it where what happens within a grain happens together.

    What it carries in a while is the same: a try that is over before the grain is frees its place
    only with the grain, and a bucket that would overflow between two moments must not.
    """
    per_s = min(route.rate_per_s, route.in_flight / max(answer_s, 0.001))
    together = max(1, round(per_s * grain_s))
    return replace(
        route,
        rate_per_s=per_s,
        in_flight=max(route.in_flight, together),
        burst=max(min(route.burst, route.in_flight), together),
    )
