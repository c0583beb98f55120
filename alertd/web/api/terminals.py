"""Loudspeakers' logins at the broker: list them, let loudspeakers in, shut them out."""

import asyncio
from functools import partial
from typing import Any

from pydantic import BaseModel

from alertd.engine.authority import Actor
from alertd.engine.logins import follow
from alertd.model import Millis
from alertd.store import logins as store
from alertd.store.reads.units import paths_of_terminals
from alertd.web.api.routing import api_router
from alertd.web.auth import Reader
from alertd.web.commands import loudspeakers
from alertd.web.deps import Deps, Given
from alertd.web.writes import Writing

router = api_router("terminals")


class LoginShown(BaseModel):
    """A loudspeaker's login; `revoked_at` is null while it is let in."""

    terminal: str
    areas: list[str]
    enrolled_at: Millis
    revoked_at: Millis | None


class LoginsChanged(BaseModel):
    """What a write did, which is on record.

    Attributes:
        logins: As they are now.
        followed: Whether the embedded broker's file says so here already. Where it can't be
            written that is tried again every second.
    """

    logins: list[LoginShown]
    followed: bool


@router.get("/terminals/logins")
async def logins(deps: Given, reader: Reader) -> list[LoginShown]:
    """Every login of the asker's area, good or not; of those in no roster for the whole city."""

    def read() -> list[LoginShown]:
        with deps.store.read() as connection:
            known = store.accounts(connection, deps.store.vault)
            places = paths_of_terminals(connection, known) if reader.path else {}
        return [
            LoginShown(**loudspeakers.view_of(account))
            for account in known.values()
            if places.get(account.terminal, "").startswith(reader.path)
        ]

    return await asyncio.to_thread(read)


@router.post("/terminals/enrol")
async def enrol(write: Writing, new: loudspeakers.Enrolling) -> LoginsChanged:
    """Let loudspeakers in, each by the password that its bundle holds; all or none."""
    return await _changed(write.deps, await write.do(partial(loudspeakers.enrol, new=new)))


@router.post("/terminals/revoke")
async def revoke(write: Writing, given: loudspeakers.Revoking) -> LoginsChanged:
    """Shut loudspeakers out; the embedded broker hangs up on them within two seconds."""
    done = await write.do(partial(loudspeakers.revoke, terminals=given.terminals))
    return await _changed(write.deps, done)


async def shut_out(deps: Deps, actor: Actor, terminal: str) -> None:
    """Shut one out, for a form."""
    await deps.runner.submit(
        partial(loudspeakers.revoke, actor=actor, terminals=[terminal]),
    )
    await asyncio.to_thread(follow, deps.store, deps.settings.broker_dir)


async def _changed(deps: Deps, done: list[dict[str, Any]]) -> LoginsChanged:
    followed = await asyncio.to_thread(follow, deps.store, deps.settings.broker_dir)
    return LoginsChanged(logins=[LoginShown(**each) for each in done], followed=followed)
