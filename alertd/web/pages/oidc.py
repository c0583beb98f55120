"""To the office's identity provider and back; there only where one is set."""

from functools import partial
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from alertd.errors import AlertdError, NotFoundError, UnauthenticatedError
from alertd.store import access
from alertd.web.api.access import fresh_secret
from alertd.web.commands import sessions
from alertd.web.deps import Given
from alertd.web.oidc import BACK, COOKIE, LASTS_S, Provider
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import (
    SESSION_MS,
    WayBack,
    browser_of,
    by_tls,
    local,
    refused,
    set_session,
)

router = APIRouter(include_in_schema=False)


async def provider_of(request: Request, deps: Given) -> Provider:
    """The application's provider.

    Raises:
        NotFoundError: None is set.
    """
    if not deps.settings.oidc_issuer:
        raise NotFoundError("No identity provider is set here.")
    return cast("Provider", request.app.state.provider)


Elsewhere = Annotated[Provider, Depends(provider_of)]


@router.get("/oidc/start")
async def start(
    request: Request,
    deps: Given,
    provider: Elsewhere,
    to: WayBack = "/",
) -> Response:
    """Lead the browser to the provider."""
    journey = provider.begin(local(to))
    try:
        answer = RedirectResponse(await provider.address(journey), 303)
    except AlertdError as error:
        return refused(error, page(request, deps, "sign_in.html", to=to, name="", problem=error))
    answer.set_cookie(
        COOKIE,
        provider.seal(journey),
        max_age=LASTS_S,
        httponly=True,
        samesite="lax",  # it has to come along on the way back from another site
        secure=by_tls(request, deps),
        path=BACK,
    )
    return answer


@router.get(BACK)
async def back(
    request: Request,
    deps: Given,
    provider: Elsewhere,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4_000)] = "",
) -> Response:
    """Take whoever came back: a user of that name who isn't shut out."""
    try:
        journey = provider.open(request.cookies.get(COOKIE, ""))
        name = await provider.who(journey, state, code)
        with deps.store.read() as connection:
            found = access.find_principal(connection, name) if name else None
        if found is None or found.disabled_at is not None:
            await deps.runner.submit(partial(sessions.refuse, principal=found, reason="provider"))
            raise UnauthenticatedError(
                "The identity provider knows you, alertd doesn't.",
                hint="An administrator can let you in, under the name that you have there.",
            )
    except AlertdError as error:
        return refused(error, page(request, deps, "sign_in.html", to="/", name="", problem=error))
    secret = fresh_secret(deps)
    await deps.runner.submit(
        partial(
            sessions.enter_by_provider,
            principal_no=found.no,
            secret=secret,
            csrf=fresh_secret(deps),
            lasts_ms=SESSION_MS,
            agent=browser_of(request),
        )
    )
    # A page, and no redirect: a strict cookie isn't sent on a way that began at another site.
    answer = page(request, deps, "signed_in.html", to=journey.to)
    set_session(request, answer, deps, secret)
    answer.delete_cookie(COOKIE, path=BACK)
    return answer
