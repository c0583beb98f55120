"""Who is asking: a bearer token or a signed-in browser, made into the engine's Actor.

What an actor may is decided by the engine (engine.authority); here only who it is. A browser's
cookie isn't enough for a write: the page must send the session's CSRF token, and the browser must
say that the page was ours.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from alertd.engine.authority import Actor, require
from alertd.errors import ForbiddenError, UnauthenticatedError
from alertd.i18n import N_
from alertd.store import access, credentials
from alertd.store.access import Principal
from alertd.web.deps import Deps, Given

COOKIE: Final = "alertd_session"
CSRF_HEADER: Final = "x-csrf-token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SECRET = re.compile(r"[A-Za-z0-9_-]{20,100}")

# Shown in OpenAPI; `who_asks` reads both itself, and refuses in our own words.
_BEARER = HTTPBearer(auto_error=False, description="An API token")
_COOKIE = APIKeyCookie(name=COOKIE, auto_error=False, description="A signed-in browser")


class SecondFactorError(ForbiddenError):
    """The password was right; the second factor's code comes next."""

    code = "second-factor"


class MustChangePasswordError(ForbiddenError):
    """A one-time password opens nothing but the page that changes it."""

    code = "must-change-password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Somebody known.

    Args:
        actor: As the engine knows them.
        principal: As the store does.
        csrf: The session's token that a page must send with a write; "" with a bearer token.
        secret: The cookie's; "" with a bearer token.
        waits: For the second factor: it opens nothing but the page that asks for it.
    """

    actor: Actor
    principal: Principal
    csrf: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    waits: bool = False


async def signed_in(request: Request, deps: Deps) -> Signed | None:
    """Whoever asks, or None where nobody known does."""
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if header:
        secret = token.strip()
        if scheme.lower() != "bearer" or not _SECRET.fullmatch(secret):
            return None
        return await asyncio.to_thread(_by_token, deps, secret)
    cookie = request.cookies.get(COOKIE, "")
    if not _SECRET.fullmatch(cookie):
        return None
    return await asyncio.to_thread(_by_session, deps, cookie)


def _by_token(deps: Deps, secret: str) -> Signed | None:
    with deps.store.read() as connection:
        found = credentials.holder_of(connection, secret, deps.now())
        if found is None:
            return None
        principal, scopes = found
        path = access.path_of(connection, principal)
    return Signed(actor=actor_of(principal, path, scopes), principal=principal)


def _by_session(deps: Deps, secret: str) -> Signed | None:
    with deps.store.read() as connection:
        session = credentials.session_of(connection, secret, deps.now())
        if session is None:
            return None
        path = access.path_of(connection, session.principal)
    actor = actor_of(session.principal, path, None)
    return Signed(
        actor=actor,
        principal=session.principal,
        csrf=session.csrf,
        secret=secret,
        waits=session.waits,
    )


def actor_of(principal: Principal, path: str, scopes: frozenset[str] | None) -> Actor:
    """A principal as the engine's Actor, at the path of its unit."""
    return Actor(
        no=principal.no,
        id=principal.id,
        name=principal.name,
        role=principal.role,
        path=path,
        person_no=principal.person_no,
        scopes=scopes,
    )


async def who_asks(
    request: Request,
    deps: Given,
    _bearer: Annotated[object, Depends(_BEARER)] = None,
    _cookie: Annotated[object, Depends(_COOKIE)] = None,
) -> Signed:
    """Whoever asks, for an API route.

    Raises:
        UnauthenticatedError: Nobody known.
        ForbiddenError: A browser's write without our page's token, or with a one-time password.
    """
    found = await signed_in(request, deps)
    if found is None:
        raise UnauthenticatedError(
            "Nobody is signed in.", hint="Send a bearer token, or sign in by the console."
        )
    if found.secret and request.method not in SAFE:
        require_same_origin(request, deps)
        require_csrf(found, request.headers.get(CSRF_HEADER, ""))
    if found.waits:
        raise SecondFactorError("Type the code of your second factor first.")
    if found.secret and found.principal.must_change:
        raise MustChangePasswordError(N_("This password is for one sign-in only; change it first."))
    return found


Asker = Annotated[Signed, Depends(who_asks)]


async def reader(asker: Asker) -> Actor:
    """Whoever asks, who may read.

    Raises:
        ForbiddenError: A token without the scope.
    """
    require(asker.actor, "read")
    return asker.actor


Reader = Annotated[Actor, Depends(reader)]


def require_csrf(found: Signed, sent: str) -> None:
    """Raise ForbiddenError unless the page sent the session's own token."""
    if not credentials.secret_hash(sent) == credentials.secret_hash(found.csrf):
        raise ForbiddenError(
            "The page is out of date, or the request didn't come from it.",
            hint="Reload the page and try again.",
        )


def require_same_origin(request: Request, deps: Deps) -> None:
    """Raise ForbiddenError where the browser says that another site's page sent this."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site in {"cross-site", "same-site"} or not _is_ours(origin, request.headers, deps):
        raise ForbiddenError("The request came from a page of another site.")


def _is_ours(origin: str | None, headers: Mapping[str, str], deps: Deps) -> bool:
    """Without an Origin there is nothing to compare: the CSRF token still stands in the way."""
    if not origin:
        return True
    try:
        host = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    known = {headers.get("host", "").lower(), urlsplit(deps.settings.base_url).netloc.lower()}
    return bool(host) and host in known
