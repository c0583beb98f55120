"""How ready the city is: a drill's score, what is to be mended, who was really reached when."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.errors import NotFoundError
from alertd.model import Millis
from alertd.report.readiness import grids_sheet, ledger_sheet
from alertd.store.reads import alerts, ledger, todo
from alertd.store.reads.paging import Page
from alertd.store.reads.units import path_of
from alertd.web.api.board import require_whole
from alertd.web.api.routing import api_router
from alertd.web.auth import Reader
from alertd.web.commands import mending
from alertd.web.deps import Deps, Given
from alertd.web.fields import After, AlertRef, Code, Limit, Note, Number
from alertd.web.language import language_of
from alertd.web.writes import Writing
from drills.plan import MOST_BYTES
from drills.scoring import Scored

router = api_router("readiness")

MONTH_MS: Final = 30 * 86_400_000
Format = Literal["json", "csv"]
Level = Literal["", "city", "subdistrict", "community", "grid", "building"]
Months = Annotated[int, Query(ge=1, le=120, description="Longer ago than so many months is dark")]
Against = Annotated[
    str | None,
    Query(pattern=r"^[0-9A-Za-z]{1,32}$", description="The drill to compare it with"),
]
Unit = Annotated[Code | None, Query(description="This unit and below")]


class ScoreWish(BaseModel):
    """How to score a drill.

    Attributes:
        against: The drill to compare it with, by id or short code; else the last of its plan.
        plan: A plan's TOML, whose marks are asked for; else as the drill's own plan says.
        record: Whether score and to-do list go on record; else it is only looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    against: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,32}$")] | None = None
    plan: Annotated[str, Field(max_length=MOST_BYTES)] | None = None
    record: bool = True


class Mended(BaseModel):
    """What was done, without names and numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: Note = ""


@router.get("/alerts/{alert}/score")
async def score(
    deps: Given, reader: Reader, alert: AlertRef, against: Against = None
) -> dict[str, Any]:
    """A drill's score as of now, for those whose area it lies in altogether; nothing is written."""
    found, _, _ = await asyncio.to_thread(scored, deps, reader, alert, against, None)
    return found


@router.post("/alerts/{alert}/score")
async def put_score(
    deps: Given, write: Writing, alert: AlertRef, wish: ScoreWish
) -> dict[str, Any]:
    """Score a drill that is over, and put on record what it came to and what is to be mended."""
    found, view, made = await asyncio.to_thread(
        scored, deps, write.actor, alert, wish.against, wish.plan
    )
    if not wish.record:
        return found

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        mending.put_on_record(turn, actor, view, made, deps.settings)
        return {**found, "on_record": True}

    result: dict[str, Any] = await write.do(do)
    return result


def scored(
    deps: Deps, reader: Actor, word: str, against: str | None, plan: str | None
) -> tuple[dict[str, Any], alerts.AlertView, Scored]:
    """A drill's score with names, its alert, and the score itself."""
    with deps.store.read() as connection:

        def seen(word: str) -> alerts.AlertView:
            found = alerts.find(connection, word, path=reader.path)
            view = alerts.alert(connection, found, path=reader.path).view
            require_whole(reader, view)
            return view

        view = seen(word)
        wish = mending.Wish(against=seen(against).no if against else None, plan=plan)
        made = mending.score_of(connection, view.no, wish)
        return mending.shown(connection, made), view, made


@router.get("/readiness/todo")
async def list_todo(
    deps: Given,
    reader: Reader,
    state: Annotated[todo.State, Query()] = "open",
    kind: Annotated[str, Query(max_length=20, pattern=r"^[a-z-]*$")] = "",
    after: After = None,
    limit: Limit = 100,
) -> Page[todo.TodoView]:
    """What drills have shown to be wrong in the asker's area, the newest first."""
    path = reader.path

    def read() -> Page[todo.TodoView]:
        with deps.store.read() as connection:
            return todo.todos(
                connection, path=path, state=state, kind=kind, after=after, limit=limit
            )

    return await asyncio.to_thread(read)


@router.post("/readiness/todo/{no}/close")
async def close(write: Writing, no: Number, done: Mended | None = None) -> todo.TodoView:
    """Say that something is mended."""
    note = done.note if done else ""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        return asdict(mending.close(turn, actor, no, note))

    return todo.TodoView(**await write.do(do))


@router.get("/readiness/ledger", response_model=Page[ledger.Entry])
async def show_ledger(
    request: Request,
    deps: Given,
    reader: Reader,
    form: Annotated[Format, Query(alias="format")] = "json",
    unit: Unit = None,
    level: Annotated[Level, Query()] = "",
    dark: Annotated[bool, Query(description="Only what is dark")] = False,
    months: Months = 12,
    after: After = None,
    limit: Limit = 100,
) -> Any:
    """For each duty when and how it was last really reached; as CSV whole."""
    since = deps.now() - months * MONTH_MS if dark else None
    if form == "csv":
        language = language_of(request)
        path = await asyncio.to_thread(subtree, deps, reader.path, unit)
        rows = partial(lines, deps, path, None, level, since)
        pieces = _ledger_file(deps, rows, language)
        async with deps.drawing:
            return await asyncio.to_thread(_file, pieces, "ledger", language)
    return await asyncio.to_thread(ledger_page, deps, reader.path, unit, level, since, after, limit)


def ledger_page(
    deps: Deps,
    path: str,
    unit: str | None,
    level: str,
    since: Millis | None,
    after: int | None,
    limit: int,
) -> Page[ledger.Entry]:
    """A page of the ledger; `since`: only what wasn't reached since then."""
    with deps.store.read() as connection:
        found = list(islice(lines(deps, path, unit, level, since, connection, after), limit + 1))
    shown = tuple(found[:limit])
    return Page(items=shown, next=shown[-1].duty_no if len(found) > limit else None)


def lines(
    deps: Deps,
    path: str,
    unit: str | None,
    level: str,
    since: Millis | None,
    connection: Any,
    after: int | None = None,
) -> Iterator[ledger.Entry]:
    """The ledger of a unit within the asker's subtree."""
    found = ledger.entries(
        connection,
        path=within(connection, path, unit),
        simulated=simulated_routes(deps),
        level=level,
        after=after,
    )
    return (entry for entry in found if since is None or entry.dark_since(since))


def within(connection: Any, path: str, unit: str | None) -> str:
    """The path of a unit in the asker's subtree, or the subtree's own; raises NotFoundError."""
    if not unit:
        return path
    found = path_of(connection, unit)
    if found is None or not found.startswith(path):
        raise NotFoundError("There is no such unit.", field="unit")
    return found


def subtree(deps: Deps, path: str, unit: str | None) -> str:
    """The same, by a connection of its own."""
    with deps.store.read() as connection:
        return within(connection, path, unit)


def simulated_routes(deps: Deps) -> frozenset[str]:
    """Routes whose gateway reaches nobody real; around a sample city they are all there is."""
    if deps.phones is not None:
        return frozenset()
    return frozenset(name for name, route in deps.settings.routes.items() if route.simulated)


def _ledger_file(deps: Deps, rows: Any, language: str) -> Iterator[bytes]:
    with deps.store.read() as connection:
        yield from ledger_sheet(rows(connection), language=language, zone=deps.settings.zone)


@router.get("/readiness/dark-grids", response_model=list[ledger.Grid])
async def dark_grids(
    request: Request,
    deps: Given,
    reader: Reader,
    form: Annotated[Format, Query(alias="format")] = "json",
    unit: Unit = None,
    months: Months = 12,
) -> Any:
    """Grids in which no duty was really reached for so long, or is held by nobody."""
    found = await asyncio.to_thread(dark, deps, reader.path, unit, months)
    if form == "json":
        return found
    language = language_of(request)
    pieces = grids_sheet(found, language=language, zone=deps.settings.zone)
    return await asyncio.to_thread(_file, pieces, "dark-grids", language)


def dark(deps: Deps, path: str, unit: str | None, months: int) -> list[ledger.Grid]:
    """The dark grids of a unit within the asker's subtree."""
    with deps.store.read() as connection:
        return ledger.dark_grids(
            connection,
            since=deps.now() - months * MONTH_MS,
            path=within(connection, path, unit),
            simulated=simulated_routes(deps),
        )


def _file(pieces: Iterator[bytes], name: str, language: str) -> Response:
    """A file, whole on disk before it is sent: who reads slowly holds no part of the database."""
    with tempfile.NamedTemporaryFile(prefix="alertd-readiness-", delete=False) as file:
        path = Path(file.name)
        try:
            file.writelines(pieces)
        except BaseException:
            path.unlink()
            raise
    return FileResponse(
        path,
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Content-Language": language,
        },
        background=BackgroundTask(path.unlink, missing_ok=True),
    )
