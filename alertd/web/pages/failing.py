"""Refusals as people see them: a page for a browser, a problem for everybody else."""

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import URL

from alertd.errors import AlertdError
from alertd.i18n import sentence, translator
from alertd.web import problem
from alertd.web.deps import deps_of
from alertd.web.language import language_of
from alertd.web.pages import phone
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import ChangeFirst, CodeFirst, SignInFirst

_MACHINES = ("/api/", "/hooks/", "/healthz", "/readyz", "/metrics", "/static/")


def show(request: Request, error: AlertdError) -> Response:
    """The answer to a request that was refused."""
    path = request.url.path
    if path.startswith("/a/"):
        return phone.refused(request, deps_of(request), error)
    asks_for_page = "text/html" in request.headers.get("accept", "")
    if path.startswith(_MACHINES) or not asks_for_page:
        return problem.respond(request, error)
    return _page(request, error)


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


def install(app: FastAPI) -> None:
    """Have every error of `app` answered, and whoever isn't signed in led to where one does."""
    problem.install(app, show)

    @app.exception_handler(SignInFirst)
    async def _sign_in(request: Request, _error: Exception) -> Response:
        to = request.url.path if request.method == "GET" else "/"
        return RedirectResponse(str(URL("/sign-in").include_query_params(to=to)), 303)

    @app.exception_handler(CodeFirst)
    async def _code(_request: Request, _error: Exception) -> Response:
        return RedirectResponse("/code", 303)

    @app.exception_handler(ChangeFirst)
    async def _change(_request: Request, _error: Exception) -> Response:
        return RedirectResponse("/password", 303)
