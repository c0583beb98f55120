"""The roster: files in (dry run first), versions, the hierarchy, files out."""

import asyncio
import datetime as dt
import hashlib
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import File, Form, Query, Request, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.i18n import N_
from alertd.model import Millis
from alertd.store import roster
from alertd.store.reads import units as reads
from alertd.store.reads.paging import Page
from alertd.store.roster import Plan, RosterVersion
from alertd.web.api.roster_changes import ChangedView, diff_view
from alertd.web.api.routing import api_router
from alertd.web.auth import Asker, Reader
from alertd.web.bodies import check_text
from alertd.web.commands.rostering import require_meant
from alertd.web.deps import Deps, Given
from alertd.web.fields import After, Code, Limit
from alertd.web.imports import FileName, Importing, save_upload
from alertd.web.language import language_of
from alertd.web.writes import IdempotencyKey, Writer, hash_of
from rosters.export import Style, write_groups, write_people, write_terminals
from rosters.parse import Checked, RosterFiles, check
from rosters.problems import Severity

router = api_router("roster", "/roster")

_MOST_WARNINGS = 200
_MEANT = N_(
    "If that is meant, say so by their number (leaving, on the command line --leaving); "
    "else look for what the files lack, or for ids that were given out anew."
)


class Imported(BaseModel):
    """What an import does, or did.

    Attributes:
        version: The new version; None in a dry run, and where nothing has changed.
        base: The version that it was compared with.
        counts: How many of each there are with it.
        changes: {kind: {added, changed, left}}.
        listed: The first changes of each kind, with the fields that changed.
        warnings: What isn't wrong but should be looked at.
    """

    dry_run: bool
    version: int | None
    base: int
    counts: dict[str, int]
    changes: dict[str, dict[str, int]]
    listed: list[ChangedView]
    warnings: list[str]


def require_whole_city(actor: Actor) -> None:
    """A roster's files are the whole city's: raise ForbiddenError for a part's administrator."""
    require(actor, "roster", [""])


@router.post("")
async def upload(
    request: Request,
    deps: Given,
    asker: Asker,
    imports: Importing,
    people: Annotated[UploadFile, File(description="CSV or XLSX")],
    terminals: Annotated[UploadFile | None, File()] = None,
    groups: Annotated[UploadFile | None, File()] = None,
    why: Annotated[str, Form(max_length=200)] = "",
    dry_run: Annotated[bool, Query(description="Show what would change; change nothing")] = False,
    leaving: Annotated[
        int | None,
        Query(description="How many leave, or of people change, where it is a fifth or more"),
    ] = None,
    key: IdempotencyKey = None,
) -> Imported:
    """Import a roster; all errors at once with file and line, and then nothing changes."""
    require_whole_city(asker.actor)
    check_text(why, "why")
    language = language_of(request)
    with imports.in_clear() as folder:
        files = RosterFiles(
            people=await save_upload(folder, "people", people),
            terminals=await save_upload(folder, "terminals", terminals) if terminals else None,
            groups=await save_upload(folder, "groups", groups) if groups else None,
        )
        write = Writer(deps, asker.actor)
        if key is not None:
            body = await _digest(files, why)
            write = Writer(deps, asker.actor, key, hash_of(request, deps, body))
        if not dry_run and (known := await write.known()) is not None:
            return Imported(**known)
        checked, planned = await asyncio.to_thread(_plan, deps, files, language)
    warnings = checked.problems.lines(Severity.WARNING, language)[:_MOST_WARNINGS]
    with planned:
        if dry_run:
            return _imported(planned, None, warnings, dry_run=True)
        require_meant(planned, leaving, _MEANT)

        def do(turn: Turn, actor: Actor) -> dict[str, Any]:
            made = _apply(turn, actor=actor, planned=planned, why=why)
            return _imported(planned, made, warnings).model_dump(mode="json")

        return Imported(**await write.do(do))


async def _digest(files: RosterFiles, why: str) -> str:
    """What makes two imports the same; the files are too large to be held for it."""

    def made() -> str:
        digest = hashlib.sha256(why.encode() + b"\0")
        for kind, path in files.each():
            with path.open("rb") as file:
                digest.update(kind.value.encode() + hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    return await asyncio.to_thread(made)


def _plan(deps: Deps, files: RosterFiles, language: str) -> tuple[Checked, Plan]:
    today = dt.datetime.fromtimestamp(deps.now() / 1000, deps.settings.zone).date()
    checked = check(files, today=today)
    checked.require_ok(language)
    with deps.store.read() as connection:
        ids = deps.runner.engine.ids
        return checked, roster.plan(connection, deps.store.vault, checked, ids)


def _apply(turn: Turn, *, actor: Actor, planned: Plan, why: str) -> RosterVersion | None:
    """The new version; None where the files are the roster in force: that stays as it is."""
    if planned.diff.empty:
        planned.require_current(turn.tx.connection)
        return None
    turn.require_room()
    return roster.apply(turn.tx, planned, by=actor.source, why=why, now=turn.now)


def _imported(
    planned: Plan, made: RosterVersion | None, warnings: list[str], *, dry_run: bool = False
) -> Imported:
    return Imported(
        dry_run=dry_run,
        version=made.version if made else None,
        base=planned.base,
        counts=dict(planned.counts),
        changes=planned.diff.table(),
        listed=diff_view(planned.diff).listed,
        warnings=warnings,
    )


class VersionView(BaseModel):
    """One version of the roster."""

    version: int
    created_at: Millis
    by: str
    why: str
    digest: str
    counts: dict[str, int]


@router.get("/versions")
async def versions(deps: Given, reader: Reader) -> list[VersionView]:
    """Every version there was, the newest first."""
    del reader

    def read() -> list[VersionView]:
        with deps.store.read() as connection:
            return [
                VersionView(**{name: getattr(each, name) for name in VersionView.model_fields})
                for each in roster.versions(connection)
            ]

    return await asyncio.to_thread(read)


@router.get("/units")
async def units(
    deps: Given,
    reader: Reader,
    parent: Annotated[Code | None, Query(description="A unit's code; the root without")] = None,
    after: After = None,
    limit: Limit = 200,
) -> Page[reads.UnitView]:
    """The units below one, a page at a time."""

    def read() -> Page[reads.UnitView]:
        with deps.store.read() as connection:
            return reads.children(connection, parent, path=reader.path, after=after, limit=limit)

    return await asyncio.to_thread(read)


@router.get("/export", response_class=FileResponse)
async def export(
    request: Request,
    deps: Given,
    reader: Reader,
    imports: Importing,
    file: Annotated[FileName, Query()] = "people",
    unmasked: Annotated[bool, Query(description="With phone numbers; on record")] = False,
) -> FileResponse:
    """A roster file that can be read, and imported again where it is unmasked."""
    require(reader, "read", [""])
    if unmasked:
        require(reader, "unmask", [""])
        await deps.runner.submit(partial(_on_record, actor=reader, file=file))
    style = Style(language=language_of(request), unmasked=unmasked)
    path = await asyncio.to_thread(_write, deps, imports.file_in_clear(), file, style)
    return FileResponse(
        path,
        media_type="text/csv",
        filename=f"{file}{'' if unmasked else '-masked'}.csv",
        headers={"Cache-Control": "no-store"},
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


def _on_record(turn: Turn, *, actor: Actor, file: str) -> None:
    body = {"what": f"roster-{file}", "unmasked": True}
    turn.record("report.exported", body, source=actor.source)


def _write(deps: Deps, path: Path, file: FileName, style: Style) -> Path:
    try:
        with deps.store.read() as connection:
            stored = roster.Stored(connection, deps.store.vault, masked=not style.unmasked)
            _write_rows(stored, file, path, style)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _write_rows(stored: roster.Stored, file: FileName, path: Path, style: Style) -> None:
    if file == "people":
        write_people(stored.rows(), path, style)
    elif file == "terminals":
        write_terminals(stored.terminals(), path, style)
    else:
        write_groups(stored.groups(), path, style)
