"""One's own account: the second factor, where one is signed in, tokens for programs."""

import asyncio
import base64
from functools import partial
from typing import Any, Final

import pyotp
import segno
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from alertd.cap.problems import refuse_validation
from alertd.engine.authority import ACTIONS, may
from alertd.errors import AlertdError
from alertd.store import credentials, second_factor
from alertd.web.api.access import fresh_secret
from alertd.web.auth import Signed, require_csrf, require_same_origin, signed_in
from alertd.web.commands import access, sessions
from alertd.web.deps import Deps, Given
from alertd.web.door import AtDoor, address_of
from alertd.web.pages.issuing import Fields
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import (
    Form,
    Sender,
    SignInFirst,
    Visitor,
    WayBack,
    back_to,
    local,
    refused,
)
from alertd.web.standing import standing_of

router = APIRouter(include_in_schema=False)

_ISSUER: Final = "alertd"


@router.get("/code")
async def code_page(request: Request, deps: Given, to: WayBack = "/") -> Response:
    """Where the second factor's code is typed, after the password."""
    found = await signed_in(request, deps)
    if found is None or not found.secret:
        raise SignInFirst
    if not found.waits:
        return back_to(to)
    return _code_page(request, deps, found, to)


@router.post("/code")
async def enter_code(request: Request, deps: Given, door: AtDoor, form: Form) -> Response:
    """Take the code; a wrong one is counted like a wrong password."""
    found = await signed_in(request, deps)
    if found is None or not found.secret:
        raise SignInFirst
    to = form.get("to", "/")
    try:
        require_same_origin(request, deps)
        require_csrf(found, form.get("csrf", ""))
        await door.enter_code(found.principal, found.secret, form.get("code", "")[:16])
    except AlertdError as error:
        return refused(error, _code_page(request, deps, found, to, problem=error))
    return back_to(to)


def _code_page(
    request: Request, deps: Deps, found: Signed, to: str, problem: AlertdError | None = None
) -> Response:
    return page(
        request,
        deps,
        "access/code.html",
        csrf_token=found.csrf,
        to=local(to),
        problem=problem,
    )


@router.get("/account")
async def show(request: Request, deps: Given, signed: Visitor) -> Response:
    """The account, as it is."""
    return await _account(request, deps, signed)


@router.post("/account/factor")
async def change_factor(
    request: Request, deps: Given, signed: Sender, door: AtDoor, form: Form
) -> Response:
    """Begin a second factor, confirm it by its first code, or take it away by the password."""
    act = form.get("act", "")
    try:
        if act == "begin":
            await deps.runner.submit(
                partial(sessions.begin_factor, principal_no=signed.actor.no, factor=_factor(deps))
            )
        elif act == "confirm":
            code = form.get("code", "")[:16]
            await deps.runner.submit(
                partial(
                    sessions.confirm_factor,
                    principal_no=signed.actor.no,
                    code=code,
                    ahead_ms=standing_of(deps).ahead_ms,
                )
            )
        else:
            await door.confirm(signed.principal, form.get("password", ""), address_of(request))
            await deps.runner.submit(partial(sessions.remove_factor, principal=signed.principal))
    except AlertdError as error:
        return refused(error, await _account(request, deps, signed, problem=error))
    return back_to("/account")


def _factor(deps: Deps) -> str:
    """A secret of 160 bits, as RFC 4226 wants it."""
    return base64.b32encode(deps.token_bytes(20)).decode()


@router.post("/account/sessions/{key}/end")
async def end_session(deps: Given, signed: Sender, key: str) -> Response:
    """Sign out elsewhere."""
    await deps.runner.submit(partial(sessions.end_session, principal=signed.principal, key=key))
    return back_to("/account")


@router.post("/account/tokens")
async def create_token(request: Request, deps: Given, signed: Sender, fields: Fields) -> Response:
    """Make a token for a program; it is shown once."""
    label = next(iter(fields.get("label", ())), "").strip()
    secret = fresh_secret(deps)
    try:
        new = access.NewToken.model_validate(
            {"label": label, "scopes": fields.get("scope", []), "valid_days": _days(fields)}
        )
        await deps.runner.submit(
            partial(access.create_token, actor=signed.actor, new=new, secret=secret)
        )
    except ValidationError as error:
        problem = refuse_validation(error)
        return refused(problem, await _account(request, deps, signed, problem=problem))
    return await _account(request, deps, signed, fresh=secret)


def _days(fields: Fields) -> int | str:
    said = next(iter(fields.get("valid_days", ())), "90")
    return int(said) if said.isascii() and said.isdecimal() else said


@router.post("/account/tokens/{key}/revoke")
async def revoke_token(deps: Given, signed: Sender, key: str) -> Response:
    """Make one of one's own tokens good for nothing."""
    await deps.runner.submit(partial(access.revoke_token, actor=signed.actor, word=key))
    return back_to("/account")


async def _account(
    request: Request,
    deps: Deps,
    signed: Signed,
    problem: AlertdError | None = None,
    fresh: str | None = None,
) -> Response:
    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            factor = second_factor.factor_of(connection, signed.actor.no)
            begun = factor is not None and not factor.confirmed
            secret = second_factor.secret_of(deps.store.vault, factor) if factor and begun else ""
            return {
                "factor": "on" if factor and factor.confirmed else "begun" if begun else "off",
                "secret": secret,
                "sessions": credentials.sessions(connection, signed.actor.no, deps.now()),
                "tokens": [
                    token
                    for token in credentials.tokens(connection, signed.actor.no)
                    if token.revoked_at is None
                ],
            }

    values = await asyncio.to_thread(read)
    picture = _picture(values["secret"], signed.actor.name) if values["secret"] else ""
    return page(
        request,
        deps,
        "access/account.html",
        signed=signed,
        problem=problem,
        fresh=fresh,
        picture=picture,
        here_key=credentials.secret_hash(signed.secret).hex(),
        scopes=[action for action in ACTIONS if may(signed.actor, action)],
        **values,
    )


def _picture(secret: str, name: str) -> str:
    """The secret for a phone's camera, as an inline picture."""
    uri = pyotp.TOTP(secret, interval=second_factor.STEP_S).provisioning_uri(
        name=name, issuer_name=_ISSUER
    )
    return segno.make(uri).svg_data_uri(scale=5, border=2)
