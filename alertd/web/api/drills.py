"""Drill plans, the calendar of drills, and drills under way."""

import asyncio
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.model import Millis
from alertd.store.reads import drills as reads
from alertd.web.api.routing import api_router
from alertd.web.auth import Reader
from alertd.web.commands import drilling
from alertd.web.deps import Given
from alertd.web.fields import After, Limit, Number, Reason
from alertd.web.writes import Writing, created
from drills.plan import MOST_BYTES

router = api_router("drills")

PlanName = Annotated[str, Path(min_length=1, max_length=60)]
Toml = Annotated[str, Field(min_length=1, max_length=MOST_BYTES)]


class PlanText(BaseModel):
    """A plan as TOML; docs/drills.md has its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    toml: Toml


class Begin(BaseModel):
    """Which plan, and whether now or when the plan says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: Annotated[str, Field(min_length=1, max_length=60)]
    when: Literal["now", "planned"] = "planned"


class Why(BaseModel):
    """Why; without names and numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Reason


class PlanLine(BaseModel):
    """A plan in a list; a shipped one is an example."""

    name: str
    name_en: str
    owner: str
    saved_at: Millis | None
    saved_by: str
    shipped: bool


class PlanShown(PlanLine):
    """A plan as TOML and as JSON."""

    toml: str
    plan: dict[str, Any]


class Checked(BaseModel):
    """A plan that holds; whether it would reach anybody real."""

    name: str
    wakes_people: bool
    toml: str


class DrillLine(BaseModel):
    """A drill in a list. A window's moment is nowhere before the drill has begun.

    `commitment` is SHA-256 of `SALT:MOMENT`; one drill by itself has both in `proof`. `followed_by`
    are the alerts that it went on as, after somebody followed its own one up, by short code.
    """

    no: int
    id: str
    plan: str
    name_en: str
    paths: list[str]
    owner: str
    created_by: str
    created_at: Millis
    agreed_by: str | None
    state: str
    reason: str
    blind: bool
    opens_at: Millis
    closes_at: Millis
    commitment: str
    step: int
    reminded: int
    alert: str | None
    short_code: str | None
    followed_by: list[str]
    started_at: Millis | None
    ended_at: Millis | None


class Proof(BaseModel):
    """What opens a window's commitment, and whether it does: nobody has moved the moment."""

    moment: Millis
    salt: str
    holds: bool


class DrillShown(DrillLine):
    """A drill with the log of its control; `proof` is of a window that has begun."""

    log: list[dict[str, Any]]
    proof: Proof | None


class DrillPage(BaseModel):
    """The newest first."""

    items: list[DrillLine]
    next: int | None


@router.get("/drill-plans")
async def plans(deps: Given, reader: Reader) -> list[PlanLine]:
    """The city's own plans, and the shipped examples."""

    def read() -> list[dict[str, Any]]:
        with deps.store.read() as connection:
            return drilling.listed(connection, reader)

    return [PlanLine(**each) for each in await asyncio.to_thread(read)]


@router.get("/drill-plans/{name}")
async def plan(deps: Given, reader: Reader, name: PlanName) -> PlanShown:
    """One plan."""

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            return drilling.plan_shown(connection, reader, name)

    return PlanShown(**await asyncio.to_thread(read))


@router.post("/drill-plans", status_code=201, response_model=Checked)
async def save(deps: Given, write: Writing, text: PlanText) -> JSONResponse:
    """Check a plan whole and write it down, in place of the one of that name."""
    made = await write.do(partial(drilling.save, settings=deps.settings, text=text.toml))
    return created(made, f"/api/v1/drill-plans/{quote(made['name'], safe='')}")


@router.post("/drill-plans/check")
async def check(deps: Given, write: Writing, text: PlanText) -> Checked:
    """Check a plan whole, and write nothing down."""
    found = await write.do(partial(drilling.check, settings=deps.settings, text=text.toml))
    return Checked(**found)


@router.post("/drill-plans/{name}/remove")
async def remove(write: Writing, name: PlanName) -> dict[str, str]:
    """Take a plan of the city's own away; drills that were made from it keep theirs."""
    removed: dict[str, str] = await write.do(partial(drilling.remove, name=name))
    return removed


@router.get("/drills")
async def drills(deps: Given, reader: Reader, after: After = None, limit: Limit = 50) -> DrillPage:
    """All drills, the newest first."""

    def read() -> DrillPage:
        with deps.store.read() as connection:
            found = reads.drills(connection, path=reader.path, after=after, limit=limit)
        seen = [each for each in found.items if drilling.visible(each, reader)]
        return DrillPage(
            items=[DrillLine(**drilling.view_of(each)) for each in seen], next=found.next
        )

    return await asyncio.to_thread(read)


@router.get("/drills/calendar")
async def calendar(deps: Given, reader: Reader) -> list[DrillLine]:
    """What is to be held and what is under way, the next first."""

    def read() -> list[dict[str, Any]]:
        with deps.store.read() as connection:
            return drilling.calendar(connection, reader)

    return [DrillLine(**each) for each in await asyncio.to_thread(read)]


@router.get("/drills/{no}")
async def drill(deps: Given, reader: Reader, no: Number) -> DrillShown:
    """One drill, with the log of its control."""

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            return drilling.shown(connection, reader, no)

    return DrillShown(**await asyncio.to_thread(read))


@router.post("/drills", status_code=201, response_model=DrillShown)
async def begin(deps: Given, write: Writing, wanted: Begin) -> JSONResponse:
    """Put a drill into the calendar, or begin it now."""
    now = wanted.when == "now"
    does = partial(drilling.begin, settings=deps.settings, name=wanted.plan, now=now)
    made = await write.do(does)
    return created(made, f"/api/v1/drills/{made['no']}")


@router.post("/drills/{no}/agree")
async def agree(write: Writing, no: Number) -> DrillShown:
    """The second person agrees to a drill that reaches people."""
    return DrillShown(**await write.do(partial(drilling.agree, no=no)))


@router.post("/drills/{no}/call-off")
async def call_off(write: Writing, no: Number, why: Why) -> DrillShown:
    """Take a drill out of the calendar before it has begun."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        return drilling.call_off(turn, actor, no, why.reason)

    return DrillShown(**await write.do(do))


@router.post("/drills/{no}/stop")
async def stop(deps: Given, write: Writing, no: Number, why: Why) -> DrillShown:
    """End a drill that is under way; everybody who was told by it is told so."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        return drilling.stop(turn, actor, deps.settings, no, why.reason)

    return DrillShown(**await write.do(do))
