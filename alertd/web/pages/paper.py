"""Paper: printed for a grid or a whole town, and entered back by a sheet's number, row by row."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from alertd.decide.sheets import MOST_TEXT, Entry, Result, read_code, read_marks, written
from alertd.engine.authority import may, require
from alertd.engine.turn import Turn
from alertd.errors import AlertdError, ConflictError, NotFoundError, ProblemsError
from alertd.store.reads import alerts, sheets
from alertd.store.reads import board as figures
from alertd.store.reads.units import names_of_areas, path_of
from alertd.web.api.paper import SheetNo, pdf
from alertd.web.commands import paper as commands
from alertd.web.deps import Given
from alertd.web.fields import AlertRef, Code
from alertd.web.language import language_of
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Author, Form, Sender, Visitor, back_to
from alertd.web.paper import Kind, Wanted, make

router = APIRouter(include_in_schema=False)

# What a row may be marked with on the page, the most usual first.
_LETTERS: Final = (
    Result.REACHED,
    Result.ON_POST,
    Result.NOBODY,
    Result.HELP,
    Result.REFUSED,
    Result.AWAY,
)
_UNEASY: Final = frozenset({Entry.DIFFERS, Entry.HOLDER_CHANGED, Entry.NOTHING_BEFORE})


@router.get("/alerts/{alert}/paper")
async def show(
    request: Request,
    deps: Given,
    signed: Visitor,
    alert: AlertRef,
    unit: Annotated[Code | None, Query(description="For this unit and the grids below")] = None,
) -> Response:
    """What can be printed, for which part of the city; and what was."""
    actor = signed.actor

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            found = alerts.find(connection, alert, path=actor.path)
            view = alerts.alert(connection, found, path=actor.path).view
            if view.issued_at is None:
                raise ConflictError("Nobody has been told of this alert.")
            path = path_of(connection, unit) if unit else None
            if unit and (path is None or not path.startswith(actor.path)):
                raise NotFoundError("There is no such unit.")
            return {
                "view": view,
                "towns": figures.cells(connection, view.no, level="subdistrict", path=actor.path),
                "grids": figures.cells(connection, view.no, level="grid", path=path or actor.path),
                "printed": sheets.sheets(connection, view.no, path=actor.path),
                "unit_name": names_of_areas(connection, [unit]).get(unit, unit) if unit else "",
                "numbers": commands.may_see_numbers(actor, path or actor.path)
                and not view.simulated,
            }

    values = await asyncio.to_thread(read)
    return page(
        request,
        deps,
        "paper/print.html",
        signed=signed,
        unit=unit or "",
        written=written,
        may_answer=may(actor, "answer"),
        links=deps.settings.ack_links and may(actor, "answer"),
        **values,
    )


@router.post("/alerts/{alert}/paper/{kind}")
async def print_paper(
    request: Request, deps: Given, signed: Sender, alert: AlertRef, kind: Kind, form: Form
) -> Response:
    """The PDF; that it was printed is on record."""
    language = language_of(request)
    wanted = Wanted(
        kind=kind,
        alert=alert,
        unit_code=form.get("unit_code", "")[:40],
        language=language,
        everybody=form.get("everybody", "") == "yes",
    )
    return pdf(await make(deps, signed.actor, wanted), language)


@router.get("/paper")
async def ask(
    request: Request,
    deps: Given,
    signed: Visitor,
    sheet: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Which sheet is it that came back?"""
    require(signed.actor, "answer")
    problem: AlertdError | None = None
    if sheet:
        try:
            return back_to(f"/paper/{written(read_code(sheet))}")
        except AlertdError as error:
            problem = error
    status = problem.http_status if problem else 200
    return page(
        request,
        deps,
        "paper/ask.html",
        signed=signed,
        status=status,
        typed=sheet,
        problem=problem,
    )


@router.get("/paper/{sheet}")
async def show_sheet(request: Request, deps: Given, signed: Visitor, sheet: SheetNo) -> Response:
    """A sheet's rows, to be marked as they are on paper."""
    require(signed.actor, "answer")
    return await _sheet(request, deps, signed, read_code(sheet))


@router.post("/paper/{sheet}")
async def enter(
    request: Request, deps: Given, signed: Author, sheet: SheetNo, form: Form
) -> Response:
    """Enter what was typed or marked; what can't be read leaves everything as it was."""
    code = read_code(sheet)
    ticked = " ".join(
        f"{name.removeprefix('row-')}{value}"
        for name, value in form.items()
        if name.startswith("row-") and value
    )
    typed = f"{form.get('marks', '')} {ticked}".strip()[: MOST_TEXT + 1]

    def do(turn: Turn) -> dict[str, Any]:
        kept = sheets.sheet(turn.connection, code, path=signed.actor.path)
        return commands.enter(turn, signed.actor, code, read_marks(typed, len(kept.rows)))

    try:
        done = await deps.runner.submit(do)
    except ProblemsError as error:
        return await _sheet(request, deps, signed, code, problem=error, typed=typed)
    return await _sheet(request, deps, signed, code, done=done)


async def _sheet(
    request: Request,
    deps: Given,
    signed: Visitor,
    code: str,
    *,
    problem: ProblemsError | None = None,
    typed: str = "",
    done: dict[str, Any] | None = None,
) -> Response:
    def read() -> sheets.SheetView:
        with deps.store.read() as connection:
            kept = sheets.sheet(connection, code, path=signed.actor.path)
            return sheets.shown(connection, kept)

    view = await asyncio.to_thread(read)
    outcomes = done["rows"] if done else []
    return page(
        request,
        deps,
        "paper/sheet.html",
        signed=signed,
        status=problem.http_status if problem else 200,
        view=view,
        letters=_LETTERS,
        problem=problem,
        typed=typed,
        outcomes=outcomes,
        uneasy=[row for row in outcomes if Entry(row["outcome"]) in _UNEASY],
    )
