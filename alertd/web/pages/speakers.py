"""The loudspeakers: which are there, where, when heard of last; to try one, or to shut it out."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from alertd.engine.authority import may, require
from alertd.errors import ConflictError
from alertd.store.reads import terminals as reads
from alertd.web.api.status import read_terminals
from alertd.web.api.terminals import shut_out
from alertd.web.commands.trying import try_route
from alertd.web.deps import Given
from alertd.web.language import language_of
from alertd.web.pages import plan
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Form, Sender, Visitor, back_to
from alertd.web.writes import Writer
from channels.base import ChannelKind

router = APIRouter(prefix="/loudspeakers", include_in_schema=False)

_SHOWN: Final = 100
_WAIT_S: Final = 8.0


@router.get("")
async def show(
    request: Request,
    deps: Given,
    signed: Visitor,
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """The plan, the counts, and a page of the list."""
    require(signed.actor, "read")

    def read() -> dict[str, Any]:
        found = read_terminals(deps, signed.actor, None, after, _SHOWN)
        with deps.store.read() as connection:
            places = reads.terminal_places(connection, path=signed.actor.path)
        by_id = {place.code: state for place, state in places}
        return {
            "counts": found.counts,
            "speakers": found.page.items,
            "next": found.page.next,
            "sheet": plan.draw([place for place, _ in places]),
            "states": by_id,
        }

    values = await asyncio.to_thread(read)
    return page(
        request,
        deps,
        "speakers/list.html",
        signed=signed,
        may_enrol=may(signed.actor, "terminals"),
        may_try=may(signed.actor, "routes", [""]) and bool(_routes(deps)),
        **values,
    )


def _routes(deps: Given) -> list[str]:
    """The loudspeakers' routes that carry tests."""
    return [
        name
        for name, channel in deps.channels.items()
        if channel.kind is ChannelKind.LOUDSPEAKER and "Test" in channel.config.carries
    ]


@router.post("/try")
async def try_one(request: Request, deps: Given, signed: Sender, form: Form) -> Response:
    """Have one loudspeaker say that this is a test; who did so is on record."""
    require(signed.actor, "routes", [""])
    routes = _routes(deps)
    if not routes:
        raise ConflictError(
            "No route of the loudspeakers carries tests.", hint='Add "Test" to its `carries`.'
        )
    terminal = form.get("terminal", "")[:64]
    trial = await try_route(
        Writer(deps, signed.actor),
        routes[0],
        terminal,
        language=language_of(request),
        wait_s=_WAIT_S,
    )
    return page(
        request, deps, "health/tried.html", signed=signed, trial=trial, back="/loudspeakers"
    )


@router.post("/revoke")
async def revoke(deps: Given, signed: Sender, form: Form) -> Response:
    """Shut one out of the broker: it was stolen, or says what it shouldn't."""
    await shut_out(deps, signed.actor, form.get("terminal", "")[:64])
    return back_to("/loudspeakers")
