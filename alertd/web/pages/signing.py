"""Sign in, sign out, a password of one's own, and the page's language."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from alertd.errors import AlertdError, ForbiddenError, InvalidInputError
from alertd.i18n import LANGUAGES
from alertd.store.credentials import AGENT_LIMIT
from alertd.web.api.access import fresh_secret
from alertd.web.auth import COOKIE, Signed, require_csrf, require_same_origin, signed_in
from alertd.web.bodies import read_form
from alertd.web.commands import sessions
from alertd.web.deps import Deps, Given
from alertd.web.door import AtDoor, address_of
from alertd.web.language import COOKIE as LANGUAGE_COOKIE
from alertd.web.pages.rendering import MOST_ADDRESS, page
from alertd.web.passwords import require_good
from alertd.web.throttle import TooManyTriesError

SESSION_MS: Final = 12 * 3_600_000  # a shift
_YEAR_S: Final = 365 * 86_400
_MOST_NAME: Final = 64
WayBack = Annotated[str, Query(max_length=MOST_ADDRESS)]

router = APIRouter(include_in_schema=False)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent."""
    return read_form(await request.body(), request.headers.get("content-type", ""))


Form = Annotated[dict[str, str], Depends(form_of)]


class SignInFirst(Exception):  # noqa: N818 - a way through the pages, not an error
    """Nobody is signed in: to the page where one does."""


class CodeFirst(Exception):  # noqa: N818 - a way through the pages, not an error
    """The password was right: to the page where one types the second factor's code."""


class ChangeFirst(Exception):  # noqa: N818 - the same
    """The password is for one sign-in only: to the page where one changes it."""


async def visitor(request: Request, deps: Given) -> Signed:
    """Whoever is signed in in this browser, for a page."""
    found = await signed_in(request, deps)
    if found is None or not found.secret:
        raise SignInFirst
    if found.waits:
        raise CodeFirst
    if found.principal.must_change:
        raise ChangeFirst
    return found


Visitor = Annotated[Signed, Depends(visitor)]


async def sender(request: Request, deps: Given, form: Form, signed: Visitor) -> Signed:
    """Whoever sent a form of ours, asked for once all of it is here.

    A body may take an hour to come, on purpose; whoever was shut out meanwhile does nothing more.
    """
    require_same_origin(request, deps)
    require_csrf(signed, form.get("csrf", ""))
    return signed


Sender = Annotated[Signed, Depends(sender)]


class AskAgain(Exception):  # noqa: N818 - a way through the pages, not an error
    """A form that took long to write was refused at the door, and is kept to be sent once more.

    Args:
        signed: Who is signed in by now: the page was older than their session. None for nobody.
    """

    def __init__(self, signed: Signed | None) -> None:
        self.signed = signed


async def author(request: Request, deps: Given, form: Form) -> Signed:
    """Like `sender`, of a form that somebody has written on for long: a session ends after a shift.

    Whoever was signed out meanwhile, or signed in anew in another tab, loses nothing of it.
    """
    require_same_origin(request, deps)
    found = await signed_in(request, deps)
    if found is None or not found.secret or found.waits or found.principal.must_change:
        raise AskAgain(None)
    try:
        require_csrf(found, form.get("csrf", ""))
    except ForbiddenError:
        raise AskAgain(found) from None
    return found


Author = Annotated[Signed, Depends(author)]


def back_to(path: str) -> RedirectResponse:
    """To a page of ours after a form."""
    return RedirectResponse(local(path), 303)


def local(path: str) -> str:
    """A path on this site, whatever was asked for: never another host."""
    sound = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if sound and path.isascii() else "/"


@router.get("/sign-in")
async def sign_in_page(request: Request, deps: Given, to: WayBack = "/") -> Response:
    """The page to sign in on."""
    return page(request, deps, "sign_in.html", to=local(to), name="", problem=None)


@router.post("/sign-in")
async def sign_in(request: Request, deps: Given, door: AtDoor, form: Form) -> Response:
    """Check a password; the answer doesn't say whether the name was right."""
    name, to = form.get("name", "")[:_MOST_NAME], local(form.get("to", "/"))
    try:
        require_same_origin(request, deps)
        principal = await door.enter(name, form.get("password", ""), address_of(request))
    except AlertdError as error:
        return refused(error, page(request, deps, "sign_in.html", to=to, name=name, problem=error))
    secret = fresh_secret(deps)
    await deps.runner.submit(
        partial(
            sessions.open_session,
            principal_no=principal.no,
            secret=secret,
            csrf=fresh_secret(deps),
            lasts_ms=SESSION_MS,
            agent=browser_of(request),
        )
    )
    answer = back_to("/password" if principal.must_change else to)
    set_session(request, answer, deps, secret)
    return answer


def browser_of(request: Request) -> str:
    """What a browser calls itself, as far as it can be kept."""
    said = request.headers.get("user-agent", "")[:AGENT_LIMIT]
    return "".join(char for char in said if char.isprintable())


def refused(error: AlertdError, answer: Response) -> Response:
    """The same page again with an error's status."""
    answer.status_code = error.http_status
    if isinstance(error, TooManyTriesError):
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def by_tls(request: Request, deps: Deps) -> bool:
    """Whether the browser came by TLS, by the settings or by a proxy's word that is believed."""
    return "https" in (request.url.scheme, deps.settings.base_url.partition(":")[0])


def set_session(request: Request, answer: Response, deps: Deps, secret: str) -> None:
    """Have the browser keep a session's secret."""
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION_MS // 1000,
        httponly=True,
        samesite="strict",
        secure=by_tls(request, deps),
        path="/",
    )


@router.post("/sign-out")
async def sign_out(deps: Given, signed: Sender) -> Response:
    """End this browser's session."""
    await deps.runner.submit(partial(sessions.close_session, secret=signed.secret))
    answer = back_to("/sign-in")
    answer.delete_cookie(COOKIE, path="/")
    return answer


async def known(request: Request, deps: Given) -> Signed:
    """Whoever is signed in, be it with a one-time password."""
    found = await signed_in(request, deps)
    if found is None or not found.secret:
        raise SignInFirst
    if found.waits:
        raise CodeFirst
    return found


@router.get("/password")
async def password_page(request: Request, deps: Given) -> Response:
    """The page to change one's password on; open with a one-time password too."""
    found = await known(request, deps)
    return page(request, deps, "password.html", signed=found, problem=None)


@router.post("/password")
async def change_password(request: Request, deps: Given, door: AtDoor, form: Form) -> Response:
    """Change one's password; then sign in anew."""
    found = await known(request, deps)
    try:
        require_same_origin(request, deps)
        require_csrf(found, form.get("csrf", ""))
        new = _new_password(form)
        await door.confirm(found.principal, form.get("old_password", ""), address_of(request))
        await door.change(found.principal, new)
    except AlertdError as error:
        again = page(request, deps, "password.html", signed=found, problem=error)
        return refused(error, again)
    answer = back_to("/sign-in")
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _new_password(form: Mapping[str, str]) -> str:
    new = form.get("new_password", "")
    require_good(new)
    if new != form.get("again", ""):
        raise InvalidInputError("The two new passwords differ.", field="again")
    if new == form.get("old_password", ""):
        raise InvalidInputError("The new password is the old one.", field="new_password")
    return new


@router.get("/language")
async def choose_language(
    set_to: Annotated[str, Query(alias="set", max_length=10)],
    to: WayBack = "/",
) -> Response:
    """Remember the page's language in this browser."""
    answer = back_to(to)
    if set_to in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE, set_to, max_age=_YEAR_S, samesite="lax", httponly=True, path="/"
        )
    return answer
