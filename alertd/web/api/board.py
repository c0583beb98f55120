"""One alert under way: figures, heat map, who hasn't answered, what happened."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from fastapi import Query
from sqlalchemy import Connection

from alertd.engine.authority import Actor, require
from alertd.model import Stage
from alertd.store import journal
from alertd.store.eras import Place, go_on
from alertd.store.reads import alerts, answers, unanswered
from alertd.store.reads import board as reads
from alertd.store.reads.paging import Page
from alertd.store.reads.timeline import Entry, timeline
from alertd.store.reads.vacant import Vacancy
from alertd.web.api.routing import api_router
from alertd.web.api.shapes import Facts, FactView
from alertd.web.auth import Reader
from alertd.web.deps import Deps, Given
from alertd.web.fields import After, AlertRef, Cursor, Limit
from alertd.web.live import fact_of, format_cursor, parse_cursor

T = TypeVar("T")
router = api_router("board", "/alerts/{alert}")

StageName = Literal["received", "on_post", "done"]
LevelName = Literal["city", "subdistrict", "community", "grid", "building"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardView:
    """The board of an alert, with the time at which it was read."""

    alert: alerts.AlertView
    now: int
    board: reads.Board


async def about(
    deps: Deps, reader: Actor, word: str, read: Callable[[Connection, alerts.AlertView], T]
) -> T:
    """Read something of an alert that the reader may see; raises NotFoundError."""

    def work() -> T:
        with deps.store.read() as connection:
            found = alerts.find(connection, word, path=reader.path)
            return read(connection, alerts.alert(connection, found, path=reader.path).view)

    return await asyncio.to_thread(work)


def board_of(
    deps: Deps, reader: Actor, connection: Connection, view: alerts.AlertView
) -> BoardView:
    """An alert's board as the reader may see it."""
    figures = reads.board(connection, view.no, path=reader.path, whole=view.whole)
    return BoardView(alert=view, now=deps.now(), board=figures)


@router.get("/board")
async def board(deps: Given, reader: Reader, alert: AlertRef) -> BoardView:
    """The figures, from rollups; cheap enough to ask for twice a second."""
    return await about(deps, reader, alert, lambda c, view: board_of(deps, reader, c, view))


@router.get("/cells")
async def cells(
    deps: Given,
    reader: Reader,
    alert: AlertRef,
    level: Annotated[LevelName, Query()] = "grid",
    stage: Annotated[
        StageName | None, Query(description="Without, the first that the alert asks at")
    ] = None,
) -> list[reads.Cell]:
    """Every unit of a level that was asked something, with its state; the heat map."""
    asked = Stage[stage.upper()] if stage else None
    return await about(
        deps,
        reader,
        alert,
        lambda c, view: reads.cells(c, view.no, level=level, stage=asked, path=reader.path),
    )


@router.get("/vacant")
async def list_vacant(deps: Given, reader: Reader, alert: AlertRef) -> list[Vacancy]:
    """Grids and stairwells in which nobody is answerable: nobody was asked there."""
    return await about(
        deps, reader, alert, lambda c, view: reads.empty(c, view.no, path=reader.path)
    )


@router.get("/unanswered")
async def list_unanswered(
    deps: Given,
    reader: Reader,
    alert: AlertRef,
    state: Annotated[Literal["open", "exhausted", "any", "closed"], Query()] = "any",
    stage: Annotated[StageName | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Page[unanswered.Unanswered]:
    """Duties without an answer, with their holders; phones by their last two digits."""
    asked = Stage[stage.upper()] if stage else None
    return await about(
        deps,
        reader,
        alert,
        lambda c, view: unanswered.unanswered(
            c, view.no, path=reader.path, state=state, stage=asked, after=after, limit=limit
        ),
    )


@router.get("/acks")
async def list_acks(
    deps: Given, reader: Reader, alert: AlertRef, after: After = None, limit: Limit = 100
) -> Page[answers.AckView]:
    """Acknowledgements, the newest first."""
    return await about(
        deps,
        reader,
        alert,
        lambda c, view: answers.acks(c, view.no, path=reader.path, after=after, limit=limit),
    )


@router.get("/timeline")
async def show_timeline(
    deps: Given, reader: Reader, alert: AlertRef, after: Cursor = None, limit: Limit = 200
) -> tuple[Entry, ...]:
    """What happened, a fact a line; for those whose area the alert lies in altogether."""
    place = parse_cursor(after)
    return await about(
        deps, reader, alert, lambda c, view: _timeline(c, reader, view, place, limit)
    )


def _timeline(
    connection: Connection,
    reader: Actor,
    view: alerts.AlertView,
    place: Place,
    limit: int,
) -> tuple[Entry, ...]:
    require_whole(reader, view)
    go_on(connection, place)
    return timeline(connection, view.no, after=place.cursor, limit=limit)


def require_whole(reader: Actor, view: alerts.AlertView) -> None:
    """Raise ForbiddenError where the alert reaches beyond the reader's area.

    A fact may be about a thousand deliveries in every part of the city.
    """
    if not view.whole:
        require(reader, "read", [""])


@router.get("/facts")
async def show_facts(
    deps: Given, reader: Reader, alert: AlertRef, after: Cursor = None, limit: Limit = 200
) -> Facts:
    """The journal's facts of the alert with their bodies, behind a cursor."""
    place = parse_cursor(after)

    def read(connection: Connection, view: alerts.AlertView) -> Facts:
        require_whole(reader, view)
        go_on(connection, place)
        rows = journal.read(connection, place.cursor, alert_no=view.no, limit=limit)
        place.cursor.update({(row.node, row.writer): row.seq for row in rows})
        items = [FactView(**fact_of(row, bodies=True)) for row in rows]
        return Facts(items=items, cursor=format_cursor(place))

    return await about(deps, reader, alert, read)
