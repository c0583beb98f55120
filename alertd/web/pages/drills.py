"""Drills in the console: plans as TOML, the calendar, and a drill under way with its log."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from alertd.decide.typed import confirms, words_to_type
from alertd.engine.authority import may, require
from alertd.engine.turn import Turn
from alertd.errors import AlertdError, InvalidInputError
from alertd.model import DrillState, Status
from alertd.store.reads import alerts as reads
from alertd.store.reads import drills as stored
from alertd.web.auth import Signed
from alertd.web.commands import drilling
from alertd.web.deps import Deps, Given
from alertd.web.fields import Number
from alertd.web.language import language_of
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Author, Form, Sender, Visitor, back_to, refused
from drills import keeping
from drills import plan as plans
from drills.mistakes import PlanError, sentence_of

router = APIRouter(prefix="/drills", include_in_schema=False)

_SHOWN: Final = 50
_MOST_REASON: Final = 200
After = Annotated[int | None, Query(ge=1, le=2**62)]
Name = Annotated[str, Query(max_length=60)]


@router.get("")
async def drills(request: Request, deps: Given, signed: Visitor, after: After = None) -> Response:
    """What is to be held, the plans, and the drills that there were."""
    require(signed.actor, "read")
    return await _list(request, deps, signed, after=after)


@router.post("")
async def begin(request: Request, deps: Given, signed: Sender, form: Form) -> Response:
    """Put a drill into the calendar, or begin it now."""
    name, now = form.get("plan", ""), form.get("when") == "now"
    does = partial(drilling.begin, actor=signed.actor, settings=deps.settings, name=name, now=now)
    try:
        made = await deps.runner.submit(does)
    except AlertdError as error:
        return refused(error, await _list(request, deps, signed, problem=error))
    waits = made["state"] == DrillState.DRAFTED.value
    return back_to(f"/alerts/{made['short_code']}" if waits else f"/drills/{made['no']}")


@router.get("/plan")
async def plan(request: Request, deps: Given, signed: Visitor, name: Name = "") -> Response:
    """One plan to be written on; a new one begins as the first example."""
    require(signed.actor, "read" if name else "draft")

    def read(connection: Connection) -> dict[str, Any]:
        if name:
            return drilling.plan_shown(connection, signed.actor, name)
        example = next(iter(keeping.shipped().values()))
        return {"toml": plans.dumps(example), "shipped": True}

    found = await _read(deps, read)
    own = bool(name) and not found["shipped"]
    return _plan(request, deps, signed, found["toml"], name=name, own=own)


@router.post("/plan")
async def save(request: Request, deps: Given, signed: Author, form: Form) -> Response:
    """Check a plan, and save it where that was asked for; every mistake by its line."""
    text = form.get("toml", "").replace("\r\n", "\n")
    does = drilling.check if form.get("act") == "check" else drilling.save
    try:
        found = await deps.runner.submit(
            partial(does, actor=signed.actor, settings=deps.settings, text=text)
        )
    except AlertdError as error:
        return refused(error, _plan(request, deps, signed, text, problem=error))
    own = does is drilling.save
    name = found["name"] if own else ""
    return _plan(request, deps, signed, text, name=name, own=own, checked=found)


@router.post("/plan/remove")
async def remove(deps: Given, signed: Sender, form: Form) -> Response:
    """Take a plan of the city's own away."""
    name = form.get("name", "")
    await deps.runner.submit(partial(drilling.remove, actor=signed.actor, name=name))
    return back_to("/drills")


@router.get("/{no}")
async def show(request: Request, deps: Given, signed: Visitor, no: Number) -> Response:
    """One drill: its state, what may be done, and the log of its control."""
    require(signed.actor, "read")
    return await _show(request, deps, signed, no)


@router.post("/{no}/{act}")
async def do(
    deps: Given, signed: Sender, no: Number, act: Literal["agree", "call-off", "stop"], form: Form
) -> Response:
    """Agree to it, call it off, or stop it."""
    reason = form.get("reason", "").strip()[:_MOST_REASON]
    if act == "agree" and not confirms(form.get("confirm", ""), _WORDS):
        raise InvalidInputError("The word to confirm it was not typed.", field="confirm")
    if act != "agree" and not reason:
        raise InvalidInputError("Say why.", field="reason")

    def command(turn: Turn) -> None:
        stored.drill(turn.connection, no, path=signed.actor.path)
        if act == "agree":
            drilling.agree(turn, signed.actor, no)
        elif act == "stop":
            drilling.stop(turn, signed.actor, deps.settings, no, reason)
        else:
            drilling.call_off(turn, signed.actor, no, reason)

    await deps.runner.submit(command)
    return back_to(f"/drills/{no}")


_WORDS: Final = words_to_type(Status.EXERCISE, short_code="", level=None, real_routes=True)


async def _list(
    request: Request,
    deps: Deps,
    signed: Signed,
    *,
    after: int | None = None,
    problem: AlertdError | None = None,
) -> Response:
    path = signed.actor.path

    def read(connection: Connection) -> dict[str, Any]:
        over = stored.drills(connection, path=path, limit=_SHOWN).items
        views = [each for each in over if drilling.visible(each, signed.actor)]
        return {
            "calendar": drilling.calendar(connection, signed.actor),
            "plans": drilling.listed(connection, signed.actor),
            "past": [drilling.view_of(each) for each in views if each.state not in stored.LIVE],
            "found": reads.alerts(
                connection, path=path, status=Status.EXERCISE, after=after, limit=_SHOWN
            ),
        }

    values = await _read(deps, read)
    return page(
        request,
        deps,
        "drills/list.html",
        signed=signed,
        problem=problem,
        may_draft=may(signed.actor, "draft"),
        may_unmask=may(signed.actor, "unmask"),
        may_check=may(signed.actor, "read", [""]),
        name_of=_named(request),
        **values,
    )


def _plan(
    request: Request,
    deps: Deps,
    signed: Signed,
    toml: str,
    *,
    name: str = "",
    own: bool = False,
    problem: AlertdError | None = None,
    checked: dict[str, Any] | None = None,
) -> Response:
    return page(
        request,
        deps,
        "drills/plan.html",
        signed=signed,
        toml=toml,
        name=name,
        own=own,
        problem=problem,
        mistakes=_mistakes(problem, toml),
        checked=checked,
        may_draft=may(signed.actor, "draft"),
    )


def _mistakes(problem: AlertdError | None, toml: str) -> list[tuple[str, str]]:
    """Each mistake with the line that it is about."""
    if not isinstance(problem, PlanError):
        return []
    lines = ["", *toml.splitlines()]
    return [
        (sentence_of(each), lines[each[1]] if each[1] < len(lines) else "")
        for each in problem.mistakes
    ]


async def _show(request: Request, deps: Deps, signed: Signed, no: int) -> Response:
    actor = signed.actor

    def read(connection: Connection) -> dict[str, Any]:
        found = drilling.shown(connection, actor, no)
        view = stored.drill(connection, no, path=actor.path)
        frozen = plans.from_dict(dict(view.content))
        told = drilling.sees_blind(actor) and view.state in stored.LIVE
        return {
            "drill": found,
            "wakes": any(way == "real" for way in frozen.channels.values()),
            "to_come": drilling.to_come(frozen, view.step) if told else [],
            "toml": plans.dumps(frozen) if drilling.sees_blind(actor) else "",
            "own": stored.row_of(connection, no).created_by == actor.id,
        }

    values = await _read(deps, read)
    drill, paths = values["drill"], values["drill"]["paths"]
    scheduled = drill["state"] == DrillState.SCHEDULED.value
    under_way = drill["state"] in {DrillState.DRAFTED.value, DrillState.RUNNING.value}
    waits = scheduled and values["wakes"] and not drill["agreed_by"] and not values.pop("own")
    rights = {
        "agree": waits and may(actor, "approve", paths),
        "call_off": scheduled and may(actor, "draft", paths),
        "stop": under_way and may(actor, "pause", paths),
    }
    values.pop("own", None)
    return page(
        request,
        deps,
        "drills/show.html",
        signed=signed,
        may=rights,
        words=_WORDS,
        name_of=_named(request),
        **values,
    )


def _named(request: Request) -> Callable[[dict[str, Any]], str]:
    """A plan's or a drill's name in the reader's language."""
    english = language_of(request) == "en"

    def name_of(thing: dict[str, Any]) -> str:
        own = str(thing.get("name") or thing.get("plan", ""))
        return str(thing.get("name_en") or own) if english else own

    return name_of


async def _read(deps: Deps, read: Callable[[Connection], dict[str, Any]]) -> dict[str, Any]:
    def reading() -> dict[str, Any]:
        with deps.store.read() as connection:
            return read(connection)

    return await asyncio.to_thread(reading)
