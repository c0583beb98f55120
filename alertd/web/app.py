"""The web application: API, console, inbound hooks and probes of one node."""

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from alertd.web import probes, sounds
from alertd.web.api import (
    access,
    acting,
    alerts,
    answers,
    board,
    clock,
    drills,
    readiness,
    report,
    roster,
    roster_changes,
    routes,
    status,
)
from alertd.web.bodies import BodyLimit
from alertd.web.deps import Deps
from alertd.web.door import Door
from alertd.web.headers import SafeHeaders
from alertd.web.hooks import Hooks
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
    signing,
    silence,
    speakers,
    texts,
    users,
)
from alertd.web.pages import acting as acting_pages
from alertd.web.pages import alerts as alert_pages
from alertd.web.pages import board as board_pages
from alertd.web.pages import drills as drill_pages
from alertd.web.pages import readiness as readiness_pages
from alertd.web.pages import roster as roster_pages
from alertd.web.pages.rendering import STATIC
from alertd.web.shared import Shared

API = "/api/v1"
_ROUTERS: tuple[APIRouter, ...] = (
    board.router,  # before `alerts`, whose /{alert}/{kind} would take its paths
    acting.router,
    answers.router,
    report.router,
    readiness.router,  # before `alerts`, for the same reason
    alerts.router,
    roster.router,
    roster_changes.router,
    access.router,
    status.router,
    routes.router,
    clock.router,
    drills.router,
)


def create_app(deps: Deps) -> FastAPI:
    """Build the application; serving it, and starting the engine, is bootstrap's."""
    app = FastAPI(
        title="alertd",
        summary="Alerts, who answered them, and who hasn't.",
        version="1",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # the framework's page loads its scripts from elsewhere
        redoc_url=None,
        telemetry={"tracing": False},
    )
    app.state.deps = deps
    app.state.door = Door(deps)
    app.state.provider = Provider(deps)
    app.state.links = LinkDoor(deps)
    app.state.shared = Shared(deps)
    failing.install(app)
    for router in _ROUTERS:
        app.include_router(router, prefix=API)
    for router in (
        probes.router,
        sounds.router,
        signing.router,
        handsets.router,
        board_pages.router,
        acting_pages.router,
        silence.router,
        history.router,
        health.router,
        inbox.router,
        issuing.router,
        oidc.router,
        readiness_pages.router,
        reports.router,
        drill_pages.router,
        speakers.router,
        roster_pages.router,
        texts.router,
        account.router,
        users.router,
        record.router,
        following.router,
        drafts.router,
        alert_pages.router,
        phone.router,
    ):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(BodyLimit)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Hooks, deps=deps)  # the outermost
    return app
