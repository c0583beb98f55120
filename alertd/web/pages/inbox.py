"""Replies that no machine understood, across all alerts: one key each says what they mean."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from alertd.engine.authority import may, require
from alertd.store.reads import alerts, answers
from alertd.web.deps import Given
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Visitor

router = APIRouter(prefix="/inbox", include_in_schema=False)

_SHOWN: Final = 50


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

    def read() -> tuple[object, object]:
        with deps.store.read() as connection:
            waiting = answers.inbound(
                connection, deps.store.vault, path=path, after=after, limit=_SHOWN
            )
            running = alerts.alerts(connection, path=path, running=True).items
            return waiting, [view for view in running if view.issued_at is not None]

    found, running = await asyncio.to_thread(read)
    return page(
        request,
        deps,
        "inbox/list.html",
        signed=signed,
        found=found,
        running=running,
        may_answer=may(signed.actor, "answer"),
    )
