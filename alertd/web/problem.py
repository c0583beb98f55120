"""Errors as RFC 9457 problems: one sentence, a stable code, the field, and what to do about it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount

from alertd.cap.problems import path_of
from alertd.errors import AlertdError, ProblemsError, UnauthenticatedError, UnavailableError
from alertd.i18n import N_, sentence, translator
from alertd.i18n.foreign import words_of
from alertd.store import dialect
from alertd.web.bodies import RefusedBodyError, sound
from alertd.web.language import language_of

MEDIA_TYPE: Final = "application/problem+json"
_MOST_PROBLEMS: Final = 50
_METHOD: Final = 405
_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

log = structlog.get_logger("alertd.web")

TITLES: Mapping[str, str] = {
    "invalid-input": N_("The input was refused"),
    "problems": N_("The input was refused"),
    "unauthenticated": N_("Please sign in"),
    "forbidden": N_("Not allowed"),
    "not-found": N_("Not found"),
    "gone": N_("Over"),
    "conflict": N_("Not possible now"),
    "too-large": N_("Too large"),
    "unavailable": N_("Not available now"),
    "unsure": N_("It may have been done"),
    "no-room": N_("No room for it now"),
    "not-configured": N_("Not configured"),
    "too-many-requests": N_("Too many requests"),
    "method-not-allowed": N_("Not allowed here"),
    "must-change-password": N_("Set your own password first"),
    "second-factor": N_("The second factor comes first"),
    "error": N_("Something went wrong"),
}

_BY_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("invalid-input", N_("The request can't be read.")),
    401: ("unauthenticated", N_("Nobody is signed in.")),
    403: ("forbidden", N_("That isn't allowed.")),
    404: ("not-found", N_("There is no such page.")),
    405: ("method-not-allowed", N_("That method isn't known here.")),
    413: ("too-large", N_("The request is too large.")),
    415: ("invalid-input", N_("That kind of body isn't taken here.")),
    422: ("invalid-input", N_("The request can't be read.")),
}

_WORDS: Final = frozenset({"enum", "literal_error"})

_REASONS: Mapping[str, str] = {
    "missing": N_("is missing"),
    "extra_forbidden": N_("is unknown"),
    "string_type": N_("must be text"),
    "string_pattern_mismatch": N_("isn't written as it must be"),
    "string_too_long": N_("must be at most {max_length} characters long"),
    "string_too_short": N_("is too short"),
    "too_long": N_("has too many entries"),
    "too_short": N_("has too few entries"),
    "int_type": N_("must be a whole number"),
    "int_parsing": N_("must be a whole number"),
    "int_from_float": N_("must be a whole number"),
    "int_parsing_size": N_("is out of bounds"),
    "float_type": N_("must be a number"),
    "bool_type": N_("must be true or false"),
    "bool_parsing": N_("must be true or false"),
    "greater_than_equal": N_("must be at least {ge}"),
    "greater_than": N_("must be more than {gt}"),
    "less_than_equal": N_("must be at most {le}"),
    "less_than": N_("must be less than {lt}"),
    "finite_number": N_("must be a finite number"),
    "list_type": N_("must be a list"),
    "tuple_type": N_("must be a list"),
    "dict_type": N_("must be an object"),
    "model_type": N_("must be an object"),
    "model_attributes_type": N_("must be an object"),
}


class Problem(BaseModel):
    """What a refused request is answered (RFC 9457, application/problem+json).

    Attributes:
        type: `urn:alertd:problem:` and the code.
        title: What kind of problem, in the reader's language.
        status: The HTTP status.
        detail: One sentence, in the reader's language.
        code: A stable word.
        field: The input field at fault, as a path.
        hint: What to do about it.
        problems: One line each, where several things are wrong.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    hint: str | None = None
    problems: list[str] | None = None


# By reference: a model here would be made seven times a route, an eighth of what a start loads.
_SCHEMA = {"$ref": f"#/components/schemas/{Problem.__name__}"}
RESPONSES: Mapping[int | str, dict[str, Any]] = {
    code: {"description": title, "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}
    for code, title in {
        401: "Nobody known is asking",
        403: "Not allowed, or not in this subtree",
        404: "There is no such thing",
        409: "The state of things doesn't allow this now",
        413: "Too large",
        422: "The input was refused; nothing was stored",
        503: "Something isn't available now; try again",
    }.items()
}


def body_of(error: AlertdError, language: str) -> dict[str, Any]:
    """An error as a problem's JSON, in a language."""
    _ = translator(language)
    found: dict[str, Any] = {
        "type": f"urn:alertd:problem:{error.code}",
        "title": _(TITLES.get(error.code, TITLES["error"])),
        "status": error.http_status,
        "detail": sound(sentence(language, error.message)),
        "code": error.code,
    }
    if error.field:
        found["field"] = sound(error.field)
    if error.hint:
        found["hint"] = sound(sentence(language, error.hint))
    if isinstance(error, ProblemsError):
        found["problems"] = [sound(sentence(language, line)) for line in error.problems]
    return found


def respond(request: Request, error: AlertdError) -> JSONResponse:
    """The answer to a request that an error refused."""
    language = language_of(request)
    headers = {"Content-Language": language, "Cache-Control": "no-store"}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    if allow := getattr(error, "allow", ""):
        headers["Allow"] = allow
    wait_s = getattr(error, "retry_after_s", 1 if isinstance(error, UnavailableError) else None)
    if wait_s is not None:
        headers["Retry-After"] = str(int(wait_s))
    return JSONResponse(
        body_of(error, language), error.http_status, media_type=MEDIA_TYPE, headers=headers
    )


class StatusError(AlertdError):
    """What the framework refused by a status alone."""

    def __init__(self, status: int, allow: str = "") -> None:
        code, message = _BY_STATUS.get(status, ("error", N_("The request was refused.")))
        super().__init__(message)
        self.allow = allow  # the methods that are known there
        self.code = code  # type: ignore[misc]
        self.http_status = status  # type: ignore[misc]


def refused(errors: Iterable[Mapping[str, Any]]) -> ProblemsError:
    """What pydantic found, by field; the input itself is never quoted."""
    pairs = []
    for error in errors:
        place = [part for part in error["loc"] if part not in {"body", "query", "path", "header"}]
        where = path_of(place) if place else "body"
        pairs.append((where, _reason(error)))
    pairs = list(dict.fromkeys(pairs))
    lines = [f"{where} {reason}" for where, reason in pairs[:_MOST_PROBLEMS]]
    found = ProblemsError(f"{lines[0]}." if lines else "The request can't be read.", lines)
    found.field = pairs[0][0] if pairs else None
    return found


def _reason(error: Mapping[str, Any]) -> str:
    """A clause that goes on after the field's path."""
    context = dict(error.get("ctx") or {})
    if error["type"] in _WORDS and context.get("expected"):  # of ours, and never what was sent
        words = words_of(str(context["expected"]))
        return N_("must be one of {expected}").format(expected=words)
    return _REASONS.get(error["type"], N_("is invalid")).format_map(context)


Show = Callable[[Request, AlertdError], Response]
"""Makes an answer of an error."""


def install(app: FastAPI, show: Show) -> None:
    """Have every error of `app` answered by `show`."""
    ours = (AlertdError, RequestValidationError, HTTPException, ClientDisconnect)
    for kind in (*ours, OperationalError, PoolTimeout, Exception):
        app.add_exception_handler(kind, _handler(show))


def _handler(show: Show) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return show(request, as_ours(request, error))

    return handle


def _allowed(request: Request) -> str:
    """The methods that are known at an address: the framework names those of one route only."""
    asked = {"type": "http", "path": request.url.path, "headers": []}
    # What is mounted takes any method, and refuses it itself.
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    known = [
        method
        for method in _METHODS
        if any(route.matches(asked | {"method": method})[0] is Match.FULL for route in routes)
    ]
    return ", ".join(known)


def as_ours(request: Request, error: Exception) -> AlertdError:
    """What an error of any origin says to a user."""
    if isinstance(error, AlertdError):
        return error
    if isinstance(error, RefusedBodyError):
        return error.error
    if isinstance(error, RequestValidationError):
        return refused(error.errors())
    if isinstance(error, HTTPException):
        return StatusError(
            error.status_code, _allowed(request) if error.status_code == _METHOD else ""
        )
    if isinstance(error, ClientDisconnect):
        return StatusError(400)  # for nobody: a browser that went on before it had sent all
    return _unforeseen(request, error)


def _unforeseen(request: Request, error: Exception) -> AlertdError:
    # The text may hold a number or a name; the type and the place don't.
    # So may a path, which holds the key of a person's own page: its pattern doesn't.
    route = request.scope.get("route")
    path = getattr(route, "path", request.url.path)
    log.error("request failed", path=path, error=dialect.cause_of(error))
    if dialect.is_away(error):
        return UnavailableError("The database doesn't answer, or can't be used.")
    return AlertdError("Something went wrong here; it is in the log.")
