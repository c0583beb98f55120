"""How ready the city is: drills' scores, what is to be mended, who was really reached."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from alertd.engine.authority import may, require
from alertd.engine.turn import Turn
from alertd.model import Status
from alertd.report.readiness import kind_word
from alertd.store.reads import alerts as reads
from alertd.store.reads import drilled, ledger, todo, units
from alertd.web.api import readiness as api
from alertd.web.auth import Signed
from alertd.web.commands import mending
from alertd.web.deps import Deps, Given
from alertd.web.fields import AlertRef, Number
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Form, Sender, Visitor, back_to
from drills.score import words

router = APIRouter(prefix="/readiness", include_in_schema=False)

_SHOWN: Final = 100
_DRILLS: Final = 20
_TOWNS: Final = 500
_MOST_UNITS: Final = 500  # of a level, in the page of a score
After = Annotated[int | None, Query(ge=0, le=2**62)]
Unit = Annotated[str, Query(pattern=r"^[0-9A-Za-z_-]{0,40}$")]


def _said() -> dict[str, Any]:
    """A score's words, for every template here; the page's own language is theirs."""
    return {
        "verdicts": words.VERDICTS,
        "marks": words.MARKS,
        "figures": words.FIGURES,
        "kinds": words.KINDS,
        "cause_of": words.cause_word,
        "to_do": words.to_do,
        "in_what": kind_word,
    }


@router.get("")
async def overview(request: Request, deps: Given, signed: Visitor) -> Response:
    """What is open, how many grids are dark, and the last drills."""
    require(signed.actor, "read")
    path = signed.actor.path
    found = await asyncio.to_thread(_overview, deps, path)
    dark = await asyncio.to_thread(api.dark, deps, path, None, 12)
    return page(
        request, deps, "readiness/overview.html", signed=signed, dark=len(dark), **_said(), **found
    )


def _overview(deps: Deps, path: str) -> dict[str, Any]:
    with deps.store.read() as connection:
        found = reads.alerts(connection, path=path, status=Status.EXERCISE, limit=_DRILLS)
        later = drilled.follow_ups(connection, [view.no for view in found.items])
        drills = [view for view in found.items if _scored(view) and view.no not in later]
        results = drilled.scored_of(connection, [view.no for view in drills])
        cut = drilled.cut_short_of(connection, [view.no for view in drills])
        return {
            "drills": drills,
            "results": results,
            "cut": cut,
            "counts": todo.counts(connection, path=path),
            "grids": ledger.grids_in_all(connection, path),
        }


@router.get("/scores/{alert}")
async def score(
    request: Request, deps: Given, signed: Visitor, alert: AlertRef, against: Unit = ""
) -> Response:
    """A drill's score as of now."""
    require(signed.actor, "read")
    found, view, _ = await asyncio.to_thread(
        api.scored, deps, signed.actor, alert, against or None, None
    )
    return page(
        request,
        deps,
        "readiness/score.html",
        signed=signed,
        found=found,
        view=view,
        against=against,
        others=await asyncio.to_thread(_others, deps, signed, view),
        most_units=_MOST_UNITS,
        may_record=may(signed.actor, "draft") and found["over"],
        **_said(),
    )


def _others(deps: Deps, signed: Signed, view: reads.AlertView) -> list[reads.AlertView]:
    path = signed.actor.path
    with deps.store.read() as connection:
        found = reads.alerts(connection, path=path, status=Status.EXERCISE, limit=_DRILLS)
        later = drilled.follow_ups(connection, [other.no for other in found.items])
    return [
        other
        for other in found.items
        if _scored(other) and other.no < view.no and other.no not in later
    ]


def _scored(view: reads.AlertView) -> bool:
    """Whether it is a drill that asked for something; its end is an Exercise, too."""
    return view.issued_at is not None and view.purpose in {"alert", "update"}


@router.post("/scores/{alert}")
async def put_score(deps: Given, signed: Sender, alert: AlertRef, form: Form) -> Response:
    """Put a score on record, with what is to be mended."""
    require(signed.actor, "draft")
    against = form.get("against") or None
    _, view, made = await asyncio.to_thread(api.scored, deps, signed.actor, alert, against, None)

    def do(turn: Turn) -> None:
        mending.put_on_record(turn, signed.actor, view, made, deps.settings)

    await deps.runner.submit(do)
    return back_to(f"/readiness/scores/{view.short_code}#defects")


@router.get("/todo")
async def list_todo(
    request: Request,
    deps: Given,
    signed: Visitor,
    state: todo.State = "open",
    kind: Annotated[str, Query(pattern=r"^[a-z-]{0,20}$")] = "",
    after: After = None,
) -> Response:
    """The to-do list, the newest first."""
    require(signed.actor, "read")
    path = signed.actor.path

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            items = todo.todos(
                connection, path=path, state=state, kind=kind, after=after, limit=_SHOWN
            )
            return {"items": items, "counts": todo.counts(connection, path=path)}

    return page(
        request,
        deps,
        "readiness/todo.html",
        signed=signed,
        state=state,
        kind=kind,
        may_close=may(signed.actor, "answer"),
        here_url=f"/readiness/todo?{urlencode({'state': state, 'kind': kind})}",
        **_said(),
        **await asyncio.to_thread(read),
    )


@router.post("/todo/{no}/close")
async def close(deps: Given, signed: Sender, no: Number, form: Form) -> Response:
    """Say that something is mended."""
    note = form.get("note", "").strip()[:500]

    def do(turn: Turn) -> dict[str, Any]:
        return asdict(mending.close(turn, signed.actor, no, note))

    await deps.runner.submit(do)
    return back_to(form.get("to", "/readiness/todo"))


@router.get("/ledger")
async def show_ledger(
    request: Request,
    deps: Given,
    signed: Visitor,
    unit: Unit = "",
    level: api.Level = "",
    dark: Annotated[bool, Query()] = False,
    months: api.Months = 12,
    after: After = None,
) -> Response:
    """For each duty when and how it was last really reached."""
    require(signed.actor, "read")
    since = deps.now() - months * api.MONTH_MS if dark else None
    path = signed.actor.path
    found = await asyncio.to_thread(
        api.ledger_page, deps, path, unit or None, level, since, after, _SHOWN
    )
    chosen = {"unit": unit, "level": level, "months": months, **({"dark": "1"} if dark else {})}
    return page(
        request,
        deps,
        "readiness/ledger.html",
        signed=signed,
        found=found,
        unit=unit,
        at_level=level,
        dark=dark,
        months=months,
        chosen=urlencode({key: value for key, value in chosen.items() if value}),
        towns=await asyncio.to_thread(_towns, deps, path),
        **_said(),
    )


@router.get("/dark")
async def dark_grids(
    request: Request, deps: Given, signed: Visitor, months: api.Months = 12
) -> Response:
    """The grids to close before the season."""
    require(signed.actor, "read")
    path = signed.actor.path
    found = await asyncio.to_thread(api.dark, deps, path, None, months)
    with_all = await asyncio.to_thread(_grids, deps, path)
    return page(
        request,
        deps,
        "readiness/dark.html",
        signed=signed,
        found=found,
        grids=with_all,
        months=months,
        **_said(),
    )


def _grids(deps: Deps, path: str) -> int:
    with deps.store.read() as connection:
        return ledger.grids_in_all(connection, path)


def _towns(deps: Deps, path: str) -> list[units.UnitView]:
    with deps.store.read() as connection:
        root = units.children(connection, None, path=path).items
        return [
            town
            for each in root
            for town in units.children(connection, each.code, path=path, limit=_TOWNS).items
        ]
