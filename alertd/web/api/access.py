"""Principals and tokens. Secrets are shown once, in the answer that made them."""

import asyncio
import base64
from functools import partial
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import BaseModel

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.model import Millis
from alertd.store import access as store
from alertd.store import credentials
from alertd.web.api.routing import api_router
from alertd.web.auth import Asker
from alertd.web.commands import access
from alertd.web.commands.access import NewPrincipal, NewToken
from alertd.web.deps import Deps, Given
from alertd.web.passwords import hash_password, one_time_password
from alertd.web.writes import Writing, created

router = api_router("access")

PrincipalName = Annotated[str, Path(min_length=1, max_length=64)]
TokenName = Annotated[str, Path(min_length=1, max_length=64)]


class Me(BaseModel):
    """Who is asking: the role, the unit one acts in, and the token's scopes (null: all)."""

    name: str
    role: str
    unit_code: str
    scopes: list[str] | None


class PrincipalShown(BaseModel):
    """Somebody who may act; empty `unit_code` means everywhere."""

    id: str
    name: str
    role: str
    unit_code: str
    must_change: bool
    created_at: Millis
    disabled_at: Millis | None


class PrincipalMade(PrincipalShown):
    """The same, with a password for one sign-in, and how many of their tokens still work."""

    one_time_password: str
    tokens: int


class TokenShown(BaseModel):
    """A token; `key` names it and opens nothing."""

    key: str
    label: str
    principal: str
    scopes: list[str]
    created_at: Millis
    expires_at: Millis | None
    revoked_at: Millis | None


class TokenMade(TokenShown):
    """The same, with the token itself: it is kept nowhere."""

    token: str


@router.get("/me")
async def me(asker: Asker) -> Me:
    """Who is asking."""
    actor = asker.actor
    return Me(
        name=actor.name,
        role=actor.role,
        unit_code=asker.principal.unit_code,
        scopes=None if actor.scopes is None else sorted(actor.scopes),
    )


@router.get("/principals")
async def principals(deps: Given, asker: Asker) -> list[PrincipalShown]:
    """Everybody who may act."""
    require(asker.actor, "principals", [""])

    def read() -> list[PrincipalShown]:
        with deps.store.read() as connection:
            return [PrincipalShown(**access.view_of(p)) for p in store.principals(connection)]

    return await asyncio.to_thread(read)


@router.post("/principals", status_code=201, response_model=PrincipalMade)
async def create_principal(deps: Given, write: Writing, new: NewPrincipal) -> Response:
    """Let somebody in, with a password for one sign-in."""
    require(write.actor, "principals")  # before the hash, which is dear on purpose
    password, kept = await fresh_password(deps)

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        made = access.create_principal(turn, actor, new, kept)
        return {**made, "one_time_password": password, "tokens": 0}

    return created(await write.do(do, secret=True), "/api/v1/principals")


async def fresh_password(deps: Deps) -> tuple[str, str]:
    """A password for one sign-in, and what is kept of it."""
    password = one_time_password(deps.token_bytes)
    return password, await asyncio.to_thread(hash_password, password)


@router.post("/principals/{name}/disable")
async def disable(write: Writing, name: PrincipalName) -> PrincipalShown:
    """Shut somebody out at once."""
    return PrincipalShown(**await write.do(partial(access.disable, name=name)))


@router.post("/principals/{name}/enable")
async def enable(write: Writing, name: PrincipalName) -> PrincipalShown:
    """Let somebody in again."""
    return PrincipalShown(**await write.do(partial(access.enable, name=name)))


@router.post("/principals/{name}/password")
async def reset_password(
    deps: Given,
    write: Writing,
    name: PrincipalName,
    revoke_tokens: Annotated[bool, Query(description="End their tokens, too")] = False,
) -> PrincipalMade:
    """Give somebody a password for one sign-in; their sessions end, and on request their tokens."""
    require(write.actor, "principals")  # before the hash, which is dear on purpose
    password, kept = await fresh_password(deps)

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        done = access.reset_password(turn, actor, name, kept, revoke_tokens=revoke_tokens)
        return {**done, "one_time_password": password}

    return PrincipalMade(**await write.do(do, secret=True))


@router.get("/tokens")
async def tokens(deps: Given, asker: Asker) -> list[TokenShown]:
    """The asker's own tokens."""

    def read() -> list[TokenShown]:
        with deps.store.read() as connection:
            mine = credentials.tokens(connection, asker.actor.no)
        return [TokenShown(**access.token_view(token, asker.actor.name)) for token in mine]

    return await asyncio.to_thread(read)


@router.post("/tokens", status_code=201, response_model=TokenMade)
async def create_token(deps: Given, write: Writing, new: NewToken) -> Response:
    """Make a token; it is shown once."""
    secret = fresh_secret(deps)

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        return {**access.create_token(turn, actor, new, secret), "token": secret}

    return created(await write.do(do, secret=True), "/api/v1/tokens")


def fresh_secret(deps: Deps) -> str:
    """256 random bits, URL-safe."""
    return base64.urlsafe_b64encode(deps.token_bytes(32)).decode().rstrip("=")


@router.delete("/tokens/{name}")
async def revoke_token(write: Writing, name: TokenName) -> TokenShown:
    """Revoke a token by its key, at least eight digits of it, or its label."""
    return TokenShown(**await write.do(partial(access.revoke_token, word=name)))
