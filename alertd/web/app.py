"""The web application: API, console, inbound hooks and probes of one node."""

from fastapi import APIRouter, FastAPI

from alertd.web import probes, problem
from alertd.web.api import access, alerts, answers, board, roster, status
from alertd.web.bodies import BodyLimit
from alertd.web.deps import Deps
from alertd.web.headers import SafeHeaders
from alertd.web.hooks import hook_routes

API = "/api/v1"
_ROUTERS: tuple[APIRouter, ...] = (
    board.router,  # before `alerts`, whose /{alert}/{kind} would take its paths
    answers.router,
    alerts.router,
    roster.router,
    access.router,
    status.router,
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
    problem.install(app)
    app.router.routes[:0] = list(hook_routes(deps))
    for router in _ROUTERS:
        app.include_router(router, prefix=API)
    app.include_router(probes.router)
    app.add_middleware(BodyLimit)
    app.add_middleware(SafeHeaders)
    return app
