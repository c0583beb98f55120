"""Paper about an alert: sheets and posters to print, and what comes back on them."""

import asyncio
from typing import Annotated, Any

from fastapi import Path as InPath
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alertd.decide.sheets import MOST_TEXT, read_code, read_marks, written
from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.store.reads import sheets as reads
from alertd.web.api.board import about
from alertd.web.api.routing import api_router
from alertd.web.auth import Asker, Reader
from alertd.web.commands import paper as commands
from alertd.web.deps import Given
from alertd.web.fields import AlertRef, Code, Moment, Text
from alertd.web.language import language_of
from alertd.web.paper import Kind, Paper, Wanted, make
from alertd.web.writes import Writing

router = api_router("paper")

SheetNo = Annotated[
    str, InPath(max_length=20, description="A sheet's number, such as K7M-4QX, as it was read")
]


class NewPaper(BaseModel):
    """What is to be printed.

    Attributes:
        unit_code: For this unit and the grids below it; a sheet or a page a grid.
        everybody: Those who have answered, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit_code: Code
    everybody: bool = True


class NewMarks(BaseModel):
    """What came back on a sheet.

    Attributes:
        marks: Rows with the letters of their results: `3y 4n 7-9y`.
        occurred_at: When that was so, ms since the epoch; null for now.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    marks: Annotated[Text, Field(min_length=1, max_length=MOST_TEXT)]
    occurred_at: Moment | None = None


class EnteredRow(BaseModel):
    """What became of a row.

    Attributes:
        outcome: counts, known, taken-back, nothing-before, differs or holder-changed.
        ack: The number of the answer that it counts as, if it does.
    """

    row: int
    result: str
    outcome: str
    ack: int | None


class EnteredSheet(BaseModel):
    """What became of a sheet's rows; `late`: the alert is over."""

    sheet: str
    alert: str
    late: bool
    rows: list[EnteredRow]


@router.post(
    "/alerts/{alert}/paper/{kind}",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
async def print_paper(
    request: Request, deps: Given, asker: Asker, alert: AlertRef, kind: Kind, new: NewPaper
) -> Response:
    """A PDF to print; that it was, with whose numbers, goes on record before it is handed out."""
    language = language_of(request)
    wanted = Wanted(
        kind=kind,
        alert=alert,
        unit_code=new.unit_code,
        language=language,
        everybody=new.everybody,
    )
    return pdf(await make(deps, asker.actor, wanted), language)


def pdf(paper: Paper, language: str) -> Response:
    """Paper as an answer, which nobody on the way keeps."""
    return Response(
        paper.pdf,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{paper.name}"',
            "Content-Language": language,
            "Cache-Control": "no-store",
            "X-Sheets": ",".join(written(code) for code in paper.sheets),
        },
    )


@router.get("/alerts/{alert}/sheets")
async def list_sheets(deps: Given, reader: Reader, alert: AlertRef) -> list[reads.SheetLine]:
    """Sheets that were printed about an alert, the newest first."""
    return await about(
        deps, reader, alert, lambda c, view: reads.sheets(c, view.no, path=reader.path)
    )


@router.get("/sheets/{sheet}")
async def show_sheet(deps: Given, reader: Reader, sheet: SheetNo) -> reads.SheetView:
    """A sheet's rows, and what was entered of each."""
    code = read_code(sheet)

    def read() -> reads.SheetView:
        with deps.store.read() as connection:
            return reads.shown(connection, reads.sheet(connection, code, path=reader.path))

    return await asyncio.to_thread(read)


@router.post("/sheets/{sheet}/marks")
async def enter_marks(write: Writing, sheet: SheetNo, new: NewMarks) -> EnteredSheet:
    """Enter what came back on a sheet, row by row; entered again, it counts no second time."""
    code = read_code(sheet)

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        kept = reads.sheet(turn.connection, code, path=actor.path)
        marks = read_marks(new.marks, len(kept.rows))
        return commands.enter(turn, actor, code, marks, new.occurred_at)

    return EnteredSheet(**await write.do(do))
