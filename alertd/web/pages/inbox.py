"""Replies that no machine understood, across all alerts: one key each says what they mean."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from alertd.engine.authority import may, require
from alertd.model import AlertState
from alertd.store.reads import alerts
from alertd.store.reads import inbox as reads
from alertd.web.commands import answers as commands
from alertd.web.deps import Given
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Sender, Visitor, back_to

router = APIRouter(prefix="/inbox", include_in_schema=False)

_SHOWN: Final = 50
_RUNNING: Final = 200


@router.get("")
async def show(
    request: Request,
    deps: Given,
    signed: Visitor,
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """The replies that wait, the newest first, with what they may be said to mean."""
    require(signed.actor, "answer")
    path = signed.actor.path

    def read() -> tuple[object, object, int]:
        with deps.store.read() as connection:
            waiting = reads.inbound(
                connection, deps.store.vault, path=path, after=after, limit=_SHOWN
            )
            out = alerts.alerts(connection, path=path, states=[AlertState.ISSUED], limit=_RUNNING)
            before = reads.over_before(connection, deps.now())
            old = reads.old_count(connection, before, path=path)
            return waiting, out.items, old

    found, running, old = await asyncio.to_thread(read)
    return page(
        request,
        deps,
        "inbox/list.html",
        signed=signed,
        found=found,
        running=running,
        old=old,
        may_answer=may(signed.actor, "answer"),
    )


@router.post("/set-aside")
async def set_aside(deps: Given, signed: Sender) -> Response:
    """What came long ago is no answer."""
    await deps.runner.submit(lambda turn: commands.set_aside(turn, signed.actor))
    return back_to("/inbox")
