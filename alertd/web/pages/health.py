"""How the node is: its engine, disk, clock and gateways; and the settings it runs with."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import SecretStr

from alertd.engine.authority import may, require
from alertd.i18n import sentence
from alertd.settings import Settings
from alertd.web.api.routes import routes_now
from alertd.web.commands.trying import try_route
from alertd.web.deps import Given
from alertd.web.fields import RouteName
from alertd.web.language import language_of
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Form, Sender, Visitor
from alertd.web.ready import Readiness, readiness
from alertd.web.writes import Writer

router = APIRouter(prefix="/health", include_in_schema=False)

_WAIT_S: Final = 8.0
_MOST_ADDRESS: Final = 2_000


@router.get("")
async def show(request: Request, deps: Given, signed: Visitor) -> Response:
    """What /readyz and the routes say, in words."""
    require(signed.actor, "read")
    everywhere = may(signed.actor, "routes", [""])
    ready = await readiness(deps)
    return page(
        request,
        deps,
        "health/show.html",
        signed=signed,
        ready=ready,
        warnings=warnings_in(language_of(request), ready),
        routes=await routes_now(deps),
        settings=shown_settings(deps.settings) if everywhere else [],
        may_try=everywhere,
    )


def warnings_in(language: str, ready: Readiness) -> list[str]:
    """What needs a look, in the reader's language; a route's own word keeps its name before it."""
    of_routes = {f"{route.name}: {route.detail}": route for route in ready.routes}
    found = []
    for warning in ready.warnings:
        route = of_routes.get(warning)
        said = sentence(language, route.detail if route else warning)
        found.append(f"{route.name}: {said}" if route else said)
    return found


def shown_settings(settings: Settings) -> list[tuple[str, Any]]:
    """The node's settings by name, without what is secret; routes have a table of their own."""
    return [
        (name, value)
        for name in Settings.model_fields
        if name != "routes" and not isinstance(value := getattr(settings, name), SecretStr)
    ]


@router.post("/routes/{route}/try")
async def try_one(
    request: Request, deps: Given, signed: Sender, route: RouteName, form: Form
) -> Response:
    """Send one message that says it is a test; who did so is on record, to whom isn't."""
    trial = await try_route(
        Writer(deps, signed.actor),
        route,
        form.get("to", "").strip()[:_MOST_ADDRESS],
        language=language_of(request),
        wait_s=_WAIT_S,
    )
    return page(request, deps, "health/tried.html", signed=signed, trial=trial, back="/health")
