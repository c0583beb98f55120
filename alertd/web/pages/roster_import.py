"""Roster files by the console: uploaded, read, shown page by page, and then put in force."""

import asyncio
import csv
import io
from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection
from starlette.datastructures import FormData, UploadFile

from alertd.errors import AlertdError, ConflictError, InvalidInputError
from alertd.i18n import translator
from alertd.store import roster
from alertd.store.reads import roster_names
from alertd.store.roster import Plan
from alertd.web.api import roster_changes as changes
from alertd.web.api.roster import require_whole_city
from alertd.web.auth import Signed, require_csrf, require_same_origin
from alertd.web.bodies import MOST_PAGE_BYTES
from alertd.web.commands.rostering import Planned, require_meant
from alertd.web.deps import Deps, Given
from alertd.web.imports import LASTS_MS, MOST_ROWS, FileName, Importing, Kept, Reading
from alertd.web.language import language_of
from alertd.web.pages import differences
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Form, Sender, Visitor, back_to, refused
from rosters.columns import column_name
from rosters.diff import sweeping
from rosters.problems import Problem, Severity

router = APIRouter(prefix="/roster/import", include_in_schema=False)

FILES: Final[tuple[FileName, ...]] = ("people", "terminals", "groups")
LINES: Final = 100
_MOST_SHOWN: Final = 200  # problems; the file to take back has all that were kept
_WAIT_S: Final = 1.0
_AGAIN_S: Final = 2
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
Key = Annotated[str, Path(pattern=r"^\d{13}-[A-Za-z0-9_-]{22}$")]


@router.get("")
async def form(request: Request, deps: Given, signed: Visitor) -> Response:
    """Where the files are chosen."""
    require_whole_city(signed.actor)
    return _form(request, deps, signed)


@router.post("")
async def upload(request: Request, deps: Given, signed: Visitor, imports: Importing) -> Response:
    """Take files in; who isn't allowed to is refused before the files are read."""
    require_whole_city(signed.actor)
    require_same_origin(request, deps)
    async with request.form(max_files=len(FILES), max_fields=10) as sent:
        require_csrf(signed, str(sent.get("csrf", "")))
        try:
            key = await imports.begin(signed.actor, _parts(sent))
        except AlertdError as error:
            return refused(error, _form(request, deps, signed, error))
    return back_to(f"/roster/import/{key}")


def _parts(sent: FormData) -> dict[FileName, UploadFile]:
    found: dict[FileName, UploadFile] = {}
    for name in FILES:
        file = sent.get(name)
        if isinstance(file, UploadFile) and file.filename:
            found[name] = file
    if "people" not in found:
        raise InvalidInputError("Choose the file of people and their duties.", field="people")
    return found


def _form(
    request: Request, deps: Deps, signed: Signed, problem: AlertdError | None = None
) -> Response:
    most = {"mb": MOST_PAGE_BYTES >> 20, "rows": f"{MOST_ROWS:,}"}
    return page(
        request,
        deps,
        "roster/import.html",
        signed=signed,
        problem=problem,
        most=most,
        most_bytes=MOST_PAGE_BYTES,
    )


@router.get("/{key}")
async def show(
    request: Request,
    deps: Given,
    signed: Visitor,
    imports: Importing,
    key: Key,
    first: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:
    """How far the reading is; then what is wrong with the files, or what they would change."""
    require_whole_city(signed.actor)
    reading = imports.reading(key, signed.actor)
    if reading is not None:
        with suppress(TimeoutError):
            await asyncio.wait_for(reading.over.wait(), _WAIT_S)
        if reading.error:
            return refused(reading.error, _form(request, deps, signed, reading.error))
        if not reading.over.is_set():
            return _still(request, deps, signed, reading)
    kept = await imports.kept(key, signed.actor)
    if kept.said is None:
        return _wrong(request, deps, signed, key, kept)
    with await imports.plan(key, signed.actor) as plan:
        return await _planned(request, deps, signed, key, kept, plan, first=first)


def _still(request: Request, deps: Deps, signed: Signed, reading: Reading) -> Response:
    answer = page(
        request,
        deps,
        "roster/reading.html",
        signed=signed,
        rows=f"{reading.rows:,}",
        comparing=reading.comparing,
    )
    # Not in the page: a page that reloads itself by its own word is a barrier to some readers.
    answer.headers["Refresh"] = str(_AGAIN_S)
    return answer


def _wrong(request: Request, deps: Deps, signed: Signed, key: str, kept: Kept) -> Response:
    errors = kept.of(Severity.ERROR)
    return page(
        request,
        deps,
        "roster/wrong.html",
        signed=signed,
        key=key,
        total=kept.totals[Severity.ERROR],
        lines=_lines(errors[:_MOST_SHOWN], language_of(request)),
    )


def _lines(problems: Iterable[Problem], language: str) -> list[tuple[str, str, str, str]]:
    """(file, line, column, reason) of each."""
    chinese = language.startswith("zh")
    return [
        (
            each.file,
            str(each.line) if each.line else "",
            (column_name(each.field) if chinese else each.field) if each.field else "",
            each.reason(language),
        )
        for each in problems
    ]


async def _planned(
    request: Request,
    deps: Deps,
    signed: Signed,
    key: str,
    kept: Kept,
    plan: Plan,
    *,
    first: int = 0,
    problem: AlertdError | None = None,
) -> Response:
    language = language_of(request)

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            return _part(connection, plan, first, language)

    total = sum(plan.diff.counts.values())
    try:
        part = await asyncio.to_thread(read)
    except ConflictError as error:
        part, problem = {"sections": ()}, problem or error
    answer = page(
        request,
        deps,
        "roster/planned.html",
        signed=signed,
        key=key,
        problem=problem,
        stale=not part["sections"] and total > first,
        tallies=differences.tallies(plan.diff),
        counts=plan.counts,
        total=total,
        first=first,
        size=LINES,
        many=sweeping(plan.diff, plan.counts),
        warnings=kept.totals[Severity.WARNING] + kept.totals[Severity.NOTE],
        until=int(key[:13]) + LASTS_MS,
        **part,
    )
    return refused(problem, answer) if problem else answer


def _part(connection: Connection, plan: Plan, first: int, language: str) -> dict[str, Any]:
    diff = plan.part(connection, differences.ORDER, first=first, limit=LINES)
    names = roster_names.names(connection, diff.listed, plan.stage)
    added = roster.described(diff.listed, connection, plan.stage)
    return {"sections": differences.sections(diff, names, language, added)}


@router.get("/{key}/problems.csv")
async def problems(
    request: Request, deps: Given, signed: Visitor, imports: Importing, key: Key
) -> Response:
    """All that was found, to take back to whoever keeps the files."""
    del deps
    require_whole_city(signed.actor)
    kept = await imports.kept(key, signed.actor)
    language = language_of(request)
    _ = translator(language)
    words = {"error": _("wrong"), "warning": _("to be looked at"), "note": _("mended")}
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([_("File"), _("Line"), _("Column"), _("Severity"), _("Reason")])
    for severity in Severity:
        for file, line, column, reason in _lines(kept.of(severity), language):
            cells = (file, line, column, words[severity.value], reason)
            writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    headers = {"Content-Disposition": 'attachment; filename="roster-problems.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv", headers=headers)


@router.post("/{key}/confirm")
async def confirm(
    request: Request, deps: Given, signed: Sender, imports: Importing, key: Key, form: Form
) -> Response:
    """Make what was shown the roster in force."""
    require_whole_city(signed.actor)
    with await imports.plan(key, signed.actor) as plan:
        try:
            require_meant(plan, _number(form.get("leaving", "")))
            planned = Planned(plan=plan, paths=("",))
            made = await changes.put_in_force(
                deps, signed.actor, planned, form.get("why", "")[:200]
            )
        except (InvalidInputError, ConflictError) as error:
            kept = await imports.kept(key, signed.actor)
            return await _planned(request, deps, signed, key, kept, plan, problem=error)
    await imports.remove(key, signed.actor)
    return back_to(f"/roster/history/{made.version}")


def _number(text: str) -> int | None:
    text = text.strip().replace(",", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None  # noqa: PLR2004 - more than there are people


@router.post("/{key}/discard")
async def discard(signed: Sender, imports: Importing, key: Key) -> Response:
    """Keep it no longer."""
    require_whole_city(signed.actor)
    await imports.remove(key, signed.actor)
    return back_to("/roster")
