"""Refusals as people see them: a page for a browser, a problem for everybody else."""

from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import URL

from alertd.errors import AlertdError, ForbiddenError, UnauthenticatedError
from alertd.i18n import sentence, translator
from alertd.web import problem
from alertd.web.bodies import read_fields
from alertd.web.deps import deps_of
from alertd.web.language import language_of
from alertd.web.pages import phone
from alertd.web.pages.rendering import page, place_of
from alertd.web.pages.signing import AskAgain, ChangeFirst, CodeFirst, SignInFirst

_SIGNED_OUT: Final = UnauthenticatedError(
    "You are signed out, and nothing was done.", hint="Sign in, and press it again."
)
_STALE: Final = ForbiddenError(
    "The page is older than your session, and nothing was done.", hint="Press it again."
)
_MACHINES = ("/api/", "/hooks/", "/healthz", "/readyz", "/metrics", "/static/")


def show(request: Request, error: AlertdError) -> Response:
    """The answer to a request that was refused."""
    path = request.url.path
    if path.startswith("/a/"):
        return phone.refused(request, deps_of(request), error)
    if path.startswith(_MACHINES) or not _asks_for_page(request):
        return problem.respond(request, error)
    return _page(request, error)


def _asks_for_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _page(request: Request, error: AlertdError) -> Response:
    deps = deps_of(request)
    language = language_of(request)
    title = translator(language)(problem.TITLES.get(error.code, problem.TITLES["error"]))
    return page(
        request,
        deps,
        "refused.html",
        status=error.http_status,
        title=title,
        sentence=sentence(language, error.message),
        hint=sentence(language, error.hint) if error.hint else "",
        problems=[sentence(language, line) for line in getattr(error, "problems", ())],
    )


def _with_way_back(path: str, request: Request) -> str:
    """A page at the door that leads back to where somebody wanted to be."""
    to = place_of(request) if request.method == "GET" else "/"
    return str(URL(path).include_query_params(to=to))


def install(app: FastAPI) -> None:
    """Have every error of `app` answered, and whoever isn't signed in led to where one does."""
    problem.install(app, show)

    def to_the_door(request: Request, path: str) -> Response:
        # A script that pressed something would take the page at the door for its success.
        if request.method == "POST" and not _asks_for_page(request):
            return problem.respond(request, _SIGNED_OUT)
        return RedirectResponse(path, 303)

    @app.exception_handler(SignInFirst)
    async def _sign_in(request: Request, _error: Exception) -> Response:
        return to_the_door(request, _with_way_back("/sign-in", request))

    @app.exception_handler(AskAgain)
    async def _again(request: Request, error: AskAgain) -> Response:
        if not _asks_for_page(request):
            return problem.respond(request, _STALE if error.signed else _SIGNED_OUT)
        fields = read_fields(await request.body(), request.headers.get("content-type", ""))
        written = [(name, each) for name, values in fields.items() for each in values]
        return page(
            request,
            deps_of(request),
            "again.html",
            status=(_STALE if error.signed else _SIGNED_OUT).http_status,
            signed=error.signed,
            written=[(name, value) for name, value in written if name != "csrf"],
        )

    @app.exception_handler(CodeFirst)
    async def _code(request: Request, _error: Exception) -> Response:
        return to_the_door(request, _with_way_back("/code", request))

    @app.exception_handler(ChangeFirst)
    async def _change(request: Request, _error: Exception) -> Response:
        return to_the_door(request, "/password")
