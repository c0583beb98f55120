"""The web application: API, console, inbound hooks and probes of one node."""

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from alertd.web import probes, sounds
from alertd.web.api import (
    access,
    acting,
    alerts,
    answers,
    board,
    clock,
    drills,
    paper,
    readiness,
    report,
    roster,
    roster_changes,
    routes,
    situation,
    status,
    terminals,
)
from alertd.web.api import record as record_api
from alertd.web.api.routing import API
from alertd.web.bodies import BodyLimit
from alertd.web.deps import Deps
from alertd.web.door import Door
from alertd.web.headers import SafeHeaders
from alertd.web.hooks import Hooks
from alertd.web.imports import Imports
from alertd.web.links import LinkDoor
from alertd.web.oidc import Provider
from alertd.web.pages import (
    account,
    drafts,
    failing,
    following,
    handsets,
    health,
    history,
    inbox,
    issuing,
    oidc,
    phone,
    record,
    reports,
    roster_import,
    signing,
    silence,
    situations,
    speakers,
    texts,
    users,
)
from alertd.web.pages import acting as acting_pages
from alertd.web.pages import alerts as alert_pages
from alertd.web.pages import board as board_pages
from alertd.web.pages import drills as drill_pages
from alertd.web.pages import paper as paper_pages
from alertd.web.pages import readiness as readiness_pages
from alertd.web.pages import roster as roster_pages
from alertd.web.pages.rendering import STATIC
from alertd.web.problem import Problem
from alertd.web.shared import Shared
from alertd.web.situations import Situations
from alertd.web.tail import Tail
from alertd.web.totals import Totals

_API: tuple[APIRouter, ...] = (
    board.router,  # before `alerts`, whose /{alert}/{kind} would take its paths
    acting.router,
    answers.router,
    report.router,
    situation.router,
    paper.router,  # before `alerts`, too
    readiness.router,  # before `alerts`, for the same reason
    alerts.router,
    roster.router,
    roster_changes.router,
    access.router,
    status.router,
    terminals.router,
    routes.router,
    clock.router,
    drills.router,
    record_api.router,
)
_PAGES: tuple[APIRouter, ...] = (
    probes.router,
    sounds.router,
    signing.router,
    handsets.router,
    acting_pages.router,
    silence.router,
    paper_pages.router,
    situations.router,
    history.router,
    health.router,
    inbox.router,
    issuing.router,
    oidc.router,
    readiness_pages.router,
    reports.router,
    drill_pages.router,
    speakers.router,
    roster_import.router,
    roster_pages.router,
    texts.router,
    account.router,
    users.router,
    record.router,
    following.router,
    drafts.router,
    alert_pages.router,
)
# Asked for every second by every open board, or by twenty thousand phones at once. Routes are tried
# one after another, and half of what such an answer cost was going through all the others first.
_BUSIEST: tuple[APIRouter, ...] = (board_pages.router, phone.router)


# What the framework tells of an error names what was handled: telephone numbers. Nothing of it
# leaves, whatever the environment asks for; and the question costs each request a tenth.
_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


class _Application(FastAPI):
    """Takes hooks before anything else; its description holds what every refusal looks like."""

    def __init__(self, deps: Deps) -> None:
        super().__init__(
            title="alertd",
            summary="Alerts, who answered them, and who hasn't.",
            version="1",
            openapi_url=f"{API}/openapi.json",
            docs_url=None,  # the framework's page loads its scripts from elsewhere
            redoc_url=None,
            telemetry=_NO_TELEMETRY,
        )
        self._hooks = Hooks(super().__call__, deps)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        await self._hooks(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """See FastAPI."""
        document = super().openapi()
        document["components"]["schemas"][Problem.__name__] = Problem.model_json_schema()
        return document


def create_app(deps: Deps) -> FastAPI:
    """Build the application; serving it, and starting the engine, is bootstrap's."""
    app = _Application(deps)
    app.state.deps = deps
    app.state.door = Door(deps)
    app.state.provider = Provider(deps)
    app.state.links = LinkDoor(deps)
    app.state.shared = Shared(deps)
    app.state.situations = Situations(deps)
    app.state.tail = Tail(deps)
    app.state.imports = Imports(deps)
    app.state.totals = Totals()
    failing.install(app)
    for router in (*_BUSIEST, *_API, *_PAGES):
        # As they stand: `include_router` makes each of them once more at the first request, which
        # takes half a second of a small box.
        app.router.routes.extend(router.routes)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(BodyLimit)
    app.add_middleware(SafeHeaders)
    return app
