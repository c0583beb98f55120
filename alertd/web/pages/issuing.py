"""Write an alert: a template, then one page with whom, where and what, and what would go out."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from alertd import cap
from alertd.cap import Colour, ResponseLevel
from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.errors import AlertdError, NotFoundError
from alertd.messages.template import Template
from alertd.store import roster
from alertd.store.reads import alerts as reads
from alertd.store.reads import units
from alertd.store.reads.places import places
from alertd.store.roster.headcount import known_roles
from alertd.web.api.alerts import writing_of
from alertd.web.auth import Signed
from alertd.web.bodies import read_fields
from alertd.web.commands import drafting
from alertd.web.deps import Deps, Given
from alertd.web.fields import AlertRef, Code
from alertd.web.pages import plan
from alertd.web.pages.alert_form import Filled
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Author, Visitor, back_to
from alertd.web.writes import form_key, form_writer, same_key
from rosters.words import ROLES

router = APIRouter(prefix="/issue", include_in_schema=False)

_IN_A_HURRY: Final = ("typhoon", "rainstorm", "flood", "transfer")
_SHOWN: Final = 300  # units below one that are shown at once
_WITHOUT_COLOUR: Final = Colour.BLUE  # what a template without a signal's colour is kept as


async def fields_of(request: Request) -> dict[str, list[str]]:
    """Every field of a form that was sent."""
    return read_fields(await request.body(), request.headers.get("content-type", ""))


Fields = Annotated[dict[str, list[str]], Depends(fields_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One kind of alert to choose.

    Args:
        name: The template's, without a colour.
        title: By language.
        colours: In which it comes; empty where it has none.
    """

    name: str
    title: Mapping[str, str]
    colours: tuple[str, ...]


def choices(templates: Sequence[Template]) -> list[Choice]:
    """The kinds of alert that an operator may choose, those with colours first; no follow-ups."""
    found: dict[str, Choice] = {}
    for template in templates:
        if template.name in drafting.FOLLOW_UPS.values():
            continue
        name = template.name
        colours: tuple[str, ...] = ()
        if template.colour is not None:
            name = name.removesuffix(f"-{template.colour.value}")
            before = found.get(name)
            colours = (*(before.colours if before else ()), template.colour.value)
        found[name] = Choice(name=name, title=_titles(template), colours=colours)
    order = [colour.value for colour in Colour]
    sorted_colours = [
        Choice(name=c.name, title=c.title, colours=tuple(sorted(c.colours, key=order.index)))
        for c in found.values()
    ]
    return sorted(sorted_colours, key=_place)


def _place(choice: Choice) -> tuple[int, str]:
    """A city's own kinds come after those that are wanted in a hurry."""
    known = choice.name in _IN_A_HURRY
    return _IN_A_HURRY.index(choice.name) if known else len(_IN_A_HURRY), choice.name


def _titles(template: Template) -> dict[str, str]:
    return {str(language): title for language, title in template.title.items()}


@router.get("")
async def choose(
    request: Request, deps: Given, signed: Visitor, follows: AlertRef | None = None
) -> Response:
    """Which kind of alert; perhaps of one that takes another's place."""
    require(signed.actor, "draft")
    found = choices(deps.library.templates.for_operators())
    return page(
        request, deps, "issue/choose.html", signed=signed, choices=found, follows=follows or ""
    )


@router.get("/areas")
async def areas(
    request: Request, deps: Given, signed: Visitor, parent: Annotated[Code, Query()]
) -> Response:
    """The units below one, as a part of the form."""
    require(signed.actor, "draft")

    def read() -> Any:
        with deps.store.read() as connection:
            return units.children(connection, parent, path=signed.actor.path, limit=_SHOWN)

    found = await asyncio.to_thread(read)
    return page(
        request, deps, "issue/part_areas.html", signed=signed, units=found.items, chosen=frozenset()
    )


@router.get("/inside")
async def inside(
    deps: Given, signed: Visitor, polygon: Annotated[str, Query(max_length=8_000)]
) -> JSONResponse:
    """The grids within a polygon that was drawn on the plan: code and name of each."""
    require(signed.actor, "draft")

    def read() -> list[dict[str, str]]:
        with deps.store.read() as connection:
            sheet = plan.draw(places(connection, path=signed.actor.path))
        if sheet is None:
            raise NotFoundError("There is no plan: the roster has no coordinates here.")
        marks = plan.inside(sheet, plan.read_corners(polygon))
        return [{"code": mark.code, "name": mark.name} for mark in marks]

    return JSONResponse(await asyncio.to_thread(read))


@router.get("/{template}")
async def write(
    request: Request,
    deps: Given,
    signed: Visitor,
    template: str,
    colour: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The form, empty."""
    require(signed.actor, "draft")
    chosen, shade = _template(deps, template, colour)
    query = {name: request.query_params.getlist(name) for name in request.query_params}
    if follows := next(iter(query.get("follows", ())), ""):
        query = await asyncio.to_thread(_as_before, deps, signed, follows) | query
    filled = Filled.read(query, chosen)
    return await _form(request, deps, signed, template, chosen, shade, filled)


@router.post("/{template}")
async def send(
    request: Request, deps: Given, signed: Author, template: str, fields: Fields
) -> Response:
    """Show what would go out, or make it a draft; what was filled in is never lost."""
    require(signed.actor, "draft")
    chosen, shade = _template(deps, template, next(iter(fields.get("colour", ())), ""))
    filled = Filled.read(fields, chosen)
    wanted = next(iter(fields.get("do", ())), "preview")
    found: dict[str, Any] = {}
    try:
        new = filled.new_alert(template, shade)
        if wanted == "draft":
            writing = writing_of(deps)

            def do(turn: Turn, actor: Actor) -> str:
                if not filled.follows:
                    return str(drafting.draft_short(turn, actor, writing, new)["short_code"])
                before = reads.find(turn.connection, filled.follows, path=actor.path)
                return str(drafting.update(turn, actor, writing, before, new)["short_code"])

            once = form_writer(request, deps, signed.actor, fields)
            return back_to(f"/alerts/{await once.do(do)}")
        found["outlook"] = await asyncio.to_thread(_preview, deps, signed.actor, new)
        if filled.follows:
            found["outlook"] |= _OF_A_FOLLOWER
    except AlertdError as error:
        found["problem"] = error
    if wanted == "part":
        return page(request, deps, "issue/part_outlook.html", signed=signed, **_shown(found))
    found["key"] = same_key(deps, fields)
    answer = await _form(request, deps, signed, template, chosen, shade, filled, **found)
    if found.get("problem"):
        answer.status_code = found["problem"].http_status
    return answer


def _template(deps: Deps, name: str, colour: str) -> tuple[Template, str]:
    known = colour if colour in {each.value for each in Colour} else _WITHOUT_COLOUR.value
    chosen = deps.library.templates.select(name, known)
    if chosen.kind != "alert":
        raise NotFoundError(f"There is no message template {name}.", field="template")
    return chosen, known


_OF_A_FOLLOWER: Final[Mapping[str, Any]] = {
    "forecast": {},
    "budget": None,
    "beside": [],
}  # as its draft has it


def _as_before(deps: Deps, signed: Signed, word: str) -> dict[str, list[str]]:
    """The fields of a form that begins as an alert that is out: whom, where, of which kind."""
    with deps.store.read() as connection:
        found = reads.find(connection, word, path=signed.actor.path)
        full = reads.alert(connection, found, path=signed.actor.path)
    view, known = full.view, cap.from_json(full.cap)
    level = cap.response_level(known)
    return {
        "status": [view.status],
        "area": list(view.areas),
        "role": list(cap.roles(known)),
        "level": [level.value] if level else [],
        "simulated": ["yes"] if view.simulated else [],
        "route": list(view.routes or ()),
    }


def _preview(deps: Deps, actor: Actor, new: drafting.NewAlert) -> dict[str, Any]:
    with deps.store.read() as connection:
        return drafting.preview(connection, actor, writing_of(deps), new, now=deps.now())


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    return {"outlook": None, "problem": None, **found}


async def _form(
    request: Request,
    deps: Deps,
    signed: Signed,
    name: str,
    template: Template,
    colour: str,
    filled: Filled,
    **found: Any,
) -> Response:
    values = await asyncio.to_thread(_read_form, deps, signed, filled)
    return page(
        request,
        deps,
        "issue/write.html",
        signed=signed,
        name=name,
        message=template,
        colour=colour,
        filled=filled,
        levels=[level.value for level in ResponseLevel],
        routes=sorted(deps.runner.engine.routes),
        **values,
        **{"key": form_key(deps), **_shown(found)},
    )


def _read_form(deps: Deps, signed: Signed, filled: Filled) -> dict[str, Any]:
    path = signed.actor.path
    with deps.store.read() as connection:
        root = units.children(connection, None, path=path).items
        tree = _below(connection, root, path)
        listed = {unit.code for unit in (*root, *tree)}
        others = [code for code in filled.areas if code not in listed]
        names = units.names_of_areas(connection, others)
        return {
            "root": root,
            "tree": tree,
            "others": [(code, names.get(code, "")) for code in others],
            "chosen": frozenset(filled.areas),
            "roles": _by_rank(known_roles(connection, roster.current_version(connection))),
            "sheet": plan.draw(places(connection, path=path)),
        }


def _by_rank(roles: Sequence[str]) -> list[str]:
    """The roles from the city down, then a city's own."""
    ranks = list(ROLES)
    return sorted(roles, key=lambda role: ranks.index(role) if role in ranks else len(ranks))


def _below(connection: Connection, root: Sequence[units.UnitView], path: str) -> list[Any]:
    return [
        unit
        for each in root
        for unit in units.children(connection, each.code, path=path, limit=_SHOWN).items
    ]
