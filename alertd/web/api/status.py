"""How the node's routes and loudspeakers are, and the live stream of facts."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import SQLAlchemyError

from alertd.engine.authority import Actor, may
from alertd.errors import ForbiddenError
from alertd.store.eras import Place
from alertd.store.reads import alerts
from alertd.store.reads import terminals as reads
from alertd.store.reads.paging import Page
from alertd.web.api.routing import api_router
from alertd.web.auth import Reader, signed_in
from alertd.web.commands.drilling import sees_blind
from alertd.web.deps import Deps, Given
from alertd.web.fields import After, Cursor, Limit
from alertd.web.live import Listener, follow, parse_cursor
from alertd.web.tail import Tailing

router = api_router("status")


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalsView:
    """A page of loudspeakers, and how all of them are."""

    counts: reads.TerminalCounts
    page: Page[reads.TerminalView]


@router.get("/terminals")
async def terminals(
    deps: Given,
    reader: Reader,
    alert: Annotated[
        str | None,
        Query(pattern=r"^[0-9A-Za-z]{1,32}$", description="With what became of its command"),
    ] = None,
    after: After = None,
    limit: Limit = 100,
) -> TerminalsView:
    """Loudspeakers in the asker's area."""
    return await asyncio.to_thread(read_terminals, deps, reader, alert, after, limit)


def read_terminals(
    deps: Deps, reader: Actor, alert: str | None, after: int | None, limit: int
) -> TerminalsView:
    """Loudspeakers as the reader may see them; raises NotFoundError for an unknown alert."""
    with deps.store.read() as connection:
        number = None
        if alert is not None:
            found = alerts.find(connection, alert, path=reader.path)
            number = alerts.alert(connection, found, path=reader.path).view.no
        return TerminalsView(
            counts=reads.terminal_counts(connection, path=reader.path),
            page=reads.terminals(
                connection, path=reader.path, alert_no=number, after=after, limit=limit
            ),
        )


async def cursor_of(
    after: Cursor = None,
    last_event_id: Annotated[str | None, Header(max_length=2_000)] = None,
) -> Place | None:
    """Where a listener goes on: what it saw last, else what it asks for; None: from now on."""
    text = last_event_id or after
    return parse_cursor(text) if text is not None else None


async def _still(request: Request, deps: Deps, reader: Actor) -> bool:
    """Whether whoever began to listen may do the same now as then."""
    try:
        found = await signed_in(request, deps)
    except ForbiddenError:  # their unit has left the roster
        return False
    except SQLAlchemyError:  # nothing comes while it is away, and they are asked again
        return True
    return found is not None and found.actor == reader


async def listener_of(
    request: Request,
    reader: Reader,
    deps: Given,
    after: Cursor = None,
    last_event_id: Annotated[str | None, Header(max_length=2_000)] = None,
    alert: Annotated[str | None, Query(pattern=r"^[0-9A-Za-z]{1,32}$")] = None,
    bodies: Annotated[bool, Query(description="Whole facts; else only what changed")] = False,
) -> Listener:
    """Read before the stream begins, so that a refusal is an answer and not a broken stream."""
    cursor = await cursor_of(after, last_event_id)
    number = await asyncio.to_thread(_number, deps, reader, alert) if alert else None
    # A fact's body may be about any part of the city.
    whole = may(reader, "read", [""])
    return Listener(
        cursor=cursor,
        alert_no=number,
        bodies=bodies and whole,
        calendar=sees_blind(reader),
        still=partial(_still, request, deps, reader),
    )


def _number(deps: Deps, reader: Actor, word: str) -> int:
    with deps.store.read() as connection:
        found = alerts.find(connection, word, path=reader.path)
        return alerts.alert(connection, found, path=reader.path).view.no


class EventStream(StreamingResponse):
    """Server-sent events, rendered by `alertd.web.live`."""

    media_type = "text/event-stream"


@router.get("/events", response_class=EventStream)
async def events(tail: Tailing, listener: Annotated[Listener, Depends(listener_of)]) -> EventStream:
    """Facts as they are committed: `fact` events, and a `beat` every five seconds.

    Goes on behind `Last-Event-ID` (or `after`); ends within some seconds for a client that may no
    longer listen, and by itself after ten minutes.
    """
    # Neither kept by anybody on the way, nor held back by a proxy until there is more of it.
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return EventStream(follow(tail, listener), headers=headers)
