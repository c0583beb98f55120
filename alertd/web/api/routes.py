"""The node's routes: how each flows, how its gateway is, and a message to try one with."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from alertd.decide.budget import left
from alertd.i18n import LANGUAGES
from alertd.model import Millis
from alertd.web.api.routing import api_router
from alertd.web.auth import Reader
from alertd.web.commands.trying import Trial, try_route
from alertd.web.deps import Deps, Given
from alertd.web.fields import RouteName, Text
from alertd.web.ready import RouteHealth, route_healths
from alertd.web.writes import Writing

router = api_router("status")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """A route: what it carries, how it flows now, and how its gateway is.

    Args:
        open: Its breaker is open: the gateway isn't there, or nothing but failures comes from it.
            One try at a time finds out whether it is back; the rest goes by other routes.
        parts_left: Of its budget for today; null where it has none.
        paused_until: The next try is then: the gateway asked us to wait, or the breaker is open;
            None while it flows.
        detail: One sentence without addresses or secrets.
    """

    name: str
    type: str
    channel: str
    carries: tuple[str, ...]
    simulated: bool
    rank: int
    in_flight: int
    most_in_flight: int
    rate_per_s: float
    open: bool
    parts_left: int | None
    paused_until: Millis | None
    ok: bool
    detail: str


@router.get("/routes")
async def routes(deps: Given, reader: Reader) -> list[RouteView]:
    """Every route, with its gateway's own word on how it is."""
    del reader
    return await routes_now(deps)


async def routes_now(deps: Deps) -> list[RouteView]:
    """How every route is now."""
    healths = {health.name: health for health in await route_healths(deps.channels)}
    return [_route(deps, healths[name]) for name in deps.channels]


def _route(deps: Deps, health: RouteHealth) -> RouteView:
    name = health.name
    channel = deps.channels[name]
    flow = deps.runner.engine.flows.get(name)
    limits = channel.config.limits
    planned = deps.runner.engine.routes[name]
    until = flow.waits_until if flow else 0
    return RouteView(
        name=name,
        type=channel.config.type,
        channel=channel.kind.value,
        carries=tuple(sorted(status.word for status in planned.carries)),
        simulated=channel.config.simulated,
        rank=channel.config.rank,
        in_flight=flow.in_flight if flow else 0,
        most_in_flight=limits.in_flight,
        rate_per_s=limits.rate_per_s,
        open=bool(flow and flow.breaker.is_open),
        parts_left=left(planned, flow.account) if flow else None,
        paused_until=until if until > deps.now() else None,
        ok=health.ok,
        detail=health.detail,
    )


class Trying(BaseModel):
    """A message to try a route with.

    Attributes:
        to: An address as the route takes it: a phone, a terminal's id, a mailbox; or the id
            of a chat group in the roster, whose URL and secret are then taken from there.
        language: Of the message.
        wait_s: How long to wait for what the gateway says later.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    to: Annotated[Text, Field(min_length=1, max_length=2_000, repr=False)]
    language: Literal[LANGUAGES] = "zh-CN"  # type: ignore[valid-type]
    wait_s: Annotated[float, Field(ge=0, le=120, allow_inf_nan=False)] = 15.0


@router.post("/routes/{route}/test")
async def try_by(write: Writing, route: RouteName, given: Trying) -> Trial:
    """Send one message that says it is a test; who did so is on record, to whom isn't."""
    return await try_route(write, route, given.to, language=given.language, wait_s=given.wait_s)
