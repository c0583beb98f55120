"""The roster changed by hand, its history, and the lists of what should be looked at."""

import asyncio
import datetime as dt
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request
from pydantic import BaseModel

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.model import Millis
from alertd.store import roster
from alertd.store.reads import roster_lists
from alertd.store.reads.roster_lists import Line
from alertd.store.roster import RosterVersion
from alertd.web.api.routing import api_router
from alertd.web.auth import Reader
from alertd.web.commands import rostering
from alertd.web.commands.rostering import NewEdit, Planned
from alertd.web.deps import Deps, Given
from alertd.web.fields import INT64
from alertd.web.language import language_of
from alertd.web.writes import Writer, Writing
from rosters.diff import Diff
from rosters.edits import Act

router = api_router("roster", "/roster")

Version = Annotated[int, Path(ge=1, le=INT64)]
DryRun = Annotated[bool, Query(description="Show what would change; change nothing")]
ListName = Literal["no-alternate", "vacant", "failed", "unverified", "opted-out"]


class FieldView(BaseModel):
    """One field's change; numbers and secrets are masked."""

    field: str
    before: str
    after: str


class ChangedView(BaseModel):
    """One thing that was added, changed or has left."""

    kind: str
    what: str
    key: list[str]
    fields: list[FieldView]


class DiffView(BaseModel):
    """What a version changes.

    Attributes:
        changes: {kind: {added, changed, left}}.
        listed: The first changes of each kind.
    """

    changes: dict[str, dict[str, int]]
    listed: list[ChangedView]


class Changed(DiffView):
    """What a change by hand does, or did; `version` is None in a dry run."""

    dry_run: bool
    version: int | None
    base: int
    warnings: list[str]


class VersionDiff(DiffView):
    """A version against the one before."""

    version: int
    created_at: Millis
    by: str
    why: str
    counts: dict[str, int]


class ListView(BaseModel):
    """A part of a list: `total` lines in all, of which these begin at `first`."""

    total: int
    first: int
    lines: list[Line]


class Why(BaseModel):
    """Why; it goes on record."""

    why: str = ""


def diff_view(diff: Diff) -> DiffView:
    """A diff as it is answered."""
    return DiffView(
        changes=diff.table(),
        listed=[
            ChangedView(
                kind=each.kind,
                what=each.what,
                key=list(each.key),
                fields=[
                    FieldView(field=f.field, before=f.before, after=f.after) for f in each.fields
                ],
            )
            for each in diff.listed
        ],
    )


def plan_edit(
    deps: Deps, actor: Actor, acts: list[Act], language: str, *, to_apply: bool
) -> Planned:
    """Plan an edit against the roster in force."""
    today = dt.datetime.fromtimestamp(deps.now() / 1000, deps.settings.zone).date()
    with deps.store.read() as connection:
        return rostering.plan_edit(
            connection,
            deps.store.vault,
            actor,
            acts,
            ids=deps.runner.engine.ids,
            today=today,
            language=language,
            to_apply=to_apply,
        )


def plan_restore(deps: Deps, actor: Actor, version: int) -> Planned:
    """Plan to bring a version back."""
    with deps.store.read() as connection:
        vault, ids = deps.store.vault, deps.runner.engine.ids
        return rostering.plan_restore(connection, vault, actor, version, ids=ids)


async def put_in_force(deps: Deps, actor: Actor, planned: Planned, why: str) -> RosterVersion:
    """Make a planned change the roster in force."""
    doing = partial(rostering.put_in_force, actor=actor, planned=planned, why=why)
    made: RosterVersion = await deps.runner.submit(doing)
    return made


def _changed(planned: Planned, made: RosterVersion | None) -> Changed:
    return Changed(
        **diff_view(planned.plan.diff).model_dump(),
        dry_run=made is None,
        version=made.version if made else None,
        base=planned.plan.base,
        warnings=list(planned.warnings),
    )


async def _put(write: Writer, planned: Planned, why: str) -> Changed:
    """Make a planned change the roster in force; returns what is answered."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        made = rostering.put_in_force(turn, actor=actor, planned=planned, why=why)
        return _changed(planned, made).model_dump(mode="json")

    return Changed(**await write.do(do))


@router.post("/edits")
async def edit(
    request: Request, deps: Given, write: Writing, new: NewEdit, dry_run: DryRun = False
) -> Changed:
    """Change people and their duties; all errors at once, and then nothing changes."""
    require(write.actor, "roster")
    if not dry_run:
        rostering.require_why(new.why)
        if (known := await write.known()) is not None:
            return Changed(**known)
    acts = [each.act() for each in new.acts]
    planned = await asyncio.to_thread(
        plan_edit, deps, write.actor, acts, language_of(request), to_apply=not dry_run
    )
    with planned.plan:
        rostering.require_base(planned.plan.base, new.base)
        return _changed(planned, None) if dry_run else await _put(write, planned, new.why)


@router.get("/versions/{version}")
async def version_diff(deps: Given, reader: Reader, version: Version) -> VersionDiff:
    """One version, and what it changed of the one before; the whole city's."""
    require(reader, "read", [""])

    def read() -> VersionDiff:
        with deps.store.read() as connection:
            made = roster.version_of(connection, version)
            diff = roster.between(connection, deps.store.vault, version)
        return VersionDiff(
            **diff_view(diff).model_dump(),
            version=version,
            created_at=made.created_at,
            by=made.by,
            why=made.why,
            counts=dict(made.counts),
        )

    return await asyncio.to_thread(read)


@router.post("/versions/{version}/restore")
async def restore(
    deps: Given, write: Writing, version: Version, body: Why, dry_run: DryRun = False
) -> Changed:
    """Bring a version back, as a new one; with the version before the newest, this is undo."""
    require(write.actor, "roster", [""])
    if not dry_run:
        rostering.require_why(body.why)
        if (known := await write.known()) is not None:
            return Changed(**known)
    planned = await asyncio.to_thread(plan_restore, deps, write.actor, version)
    with planned.plan:
        return _changed(planned, None) if dry_run else await _put(write, planned, body.why)


@router.get("/lists/{name}")
async def listed(
    deps: Given,
    reader: Reader,
    name: ListName,
    first: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ListView:
    """What should be looked at: who or which duty, in the asker's area."""

    def read() -> ListView:
        with deps.store.read() as connection:
            now = deps.now()
            found = roster_lists.read(
                connection, name, path=reader.path, now=now, first=first, limit=limit
            )
        return ListView(total=found.total, first=first, lines=list(found.lines))

    return await asyncio.to_thread(read)
