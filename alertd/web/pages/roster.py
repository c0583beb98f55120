"""The roster: the tree, a unit, a person and what may be said of them, search, lists, versions."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from alertd.engine.authority import may, require
from alertd.errors import AlertdError, ConflictError, InvalidInputError
from alertd.store import roster
from alertd.store.reads import roster_lists, roster_names, roster_pages, units
from alertd.web.api import roster_changes as changes
from alertd.web.auth import Signed
from alertd.web.commands.rostering import EditAct, Planned, require_base
from alertd.web.deps import Deps, Given
from alertd.web.fields import Code
from alertd.web.language import language_of
from alertd.web.pages import differences, people_forms
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Form, Sender, Visitor, back_to, refused
from alertd.web.totals import Counting
from rosters.edits import ALLOWED, Do

router = APIRouter(prefix="/roster", include_in_schema=False)

_SHOWN: Final = 500
_LINES: Final = 100
_CONTEXT: Final = "roster-change"  # what a change that waits to be confirmed is sealed under
_LASTS_MS: Final = 30 * 60_000
Text = Annotated[str, Query(max_length=100)]
T = TypeVar("T")


async def _read(deps: Deps, work: Callable[[Connection], T]) -> T:
    def read() -> T:
        with deps.store.read() as connection:
            return work(connection)

    return await asyncio.to_thread(read)


@router.get("")
async def tree(
    request: Request, deps: Given, signed: Visitor, counting: Counting, q: Text = ""
) -> Response:
    """The tree from the visitor's own root down, or what a search finds."""
    require(signed.actor, "read")
    path, vault = signed.actor.path, deps.store.vault

    def read(connection: Connection) -> dict[str, Any]:
        root = units.children(connection, None, path=path).items
        towns = [
            unit
            for each in root
            for unit in units.children(connection, each.code, path=path, limit=_SHOWN).items
        ]
        found = roster_pages.search(connection, vault, q, path=path) if q.strip() else None
        totals = counting.of(connection, path=path, now=deps.now())
        return {"root": root, "units": towns, "found": found, "totals": totals}

    values = await _read(deps, read)
    whole = may(signed.actor, "read", [""])
    values["may_unmask"] = may(signed.actor, "unmask", [""])
    values["may_import"] = may(signed.actor, "roster", [""])
    return page(request, deps, "roster/tree.html", signed=signed, q=q, whole=whole, **values)


@router.get("/branches")
async def branches(
    request: Request, deps: Given, signed: Visitor, parent: Annotated[Code, Query()]
) -> Response:
    """The units below one, as a part of the tree."""
    require(signed.actor, "read")
    path = signed.actor.path
    found = await _read(deps, lambda c: units.children(c, parent, path=path, limit=_SHOWN))
    return page(request, deps, "roster/part_units.html", signed=signed, units=found.items)


@router.get("/units/{code}")
async def unit(request: Request, deps: Given, signed: Visitor, code: Code) -> Response:
    """A unit: its duties, who holds them, what hangs in it, and what is below it."""
    require(signed.actor, "read")
    path, vault = signed.actor.path, deps.store.vault

    def read(connection: Connection) -> dict[str, Any]:
        found = roster_pages.unit_page(connection, vault, code, path=path)
        return {
            "found": found,
            "units": units.children(connection, code, path=path, limit=_SHOWN).items,
            "may_edit": may(signed.actor, "roster", [found.unit.path]),
        }

    values = {**await _read(deps, read), **people_forms.choices(language_of(request))}
    return page(request, deps, "roster/unit.html", signed=signed, **values)


@router.get("/person")
async def person(
    request: Request, deps: Given, signed: Visitor, who: Annotated[str, Query(alias="id")]
) -> Response:
    """A person, and the forms by which something else is said of them."""
    require(signed.actor, "read")
    path, vault, language = signed.actor.path, deps.store.vault, language_of(request)
    found, duties, inside = await _read(
        deps, lambda c: roster_pages.person_page(c, vault, who, path=path)
    )
    return page(
        request,
        deps,
        "roster/person.html",
        signed=signed,
        found=found,
        said=people_forms.said_of(found, language),
        duties=[people_forms.duty(name, held, language) for name, held in duties],
        may_edit=may(signed.actor, "roster"),
        inside=inside,
        **people_forms.choices(language),
    )


@router.get("/lists/{name}")
async def listed(
    request: Request,
    deps: Given,
    signed: Visitor,
    name: changes.ListName,
    first: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:
    """What should be looked at."""
    require(signed.actor, "read")
    path, now = signed.actor.path, deps.now()
    found = await _read(
        deps,
        lambda c: roster_lists.read(c, name, path=path, now=now, first=first, limit=_LINES),
    )
    more = first + _LINES if first + _LINES < found.total else None
    return page(request, deps, "roster/list.html", signed=signed, name=name, found=found, more=more)


@router.get("/history")
async def history(request: Request, deps: Given, signed: Visitor) -> Response:
    """Every version: who, when, why."""
    require(signed.actor, "read", [""])

    def read(connection: Connection) -> dict[str, Any]:
        found = roster.versions(connection)
        return {"versions": found, "by": roster_names.authors(connection, found)}

    values = await _read(deps, read)
    return page(request, deps, "roster/history.html", signed=signed, **values)


@router.get("/history/{version}")
async def version_page(
    request: Request, deps: Given, signed: Visitor, version: changes.Version
) -> Response:
    """What a version changed of the one before."""
    require(signed.actor, "read", [""])
    vault, language = deps.store.vault, language_of(request)

    def read(connection: Connection) -> dict[str, Any]:
        made = roster.version_of(connection, version)
        newest = roster.current_version(connection) == version
        diff = roster.between(connection, vault, version)
        names = roster_names.names(connection, diff.listed)
        return {
            "made": made,
            "by": roster_names.authors(connection, [made]),
            "newest": newest,
            "tallies": differences.tallies(diff),
            "sections": differences.sections(diff, names, language),
        }

    may_edit = may(signed.actor, "roster", [""])
    values = await _read(deps, read)
    return page(request, deps, "roster/version.html", signed=signed, may_edit=may_edit, **values)


@router.post("/edit")
async def edit(request: Request, deps: Given, signed: Sender, form: Form) -> Response:
    """Show what an edit, or an old version brought back, would change."""
    require(signed.actor, "roster")
    return await _preview(request, deps, signed, _wish(form))


@router.post("/confirm")
async def confirm(request: Request, deps: Given, signed: Sender, form: Form) -> Response:
    """Make what was shown the roster in force."""
    require(signed.actor, "roster")
    wish = _open(deps, signed, form.get("change", ""))
    planned = await asyncio.to_thread(
        _plan, deps, signed, wish, language_of(request), to_apply=True
    )
    with planned.plan:
        require_base(planned.plan.base, wish["base"])
        try:
            await changes.put_in_force(deps, signed.actor, planned, form.get("why", "")[:200])
        except InvalidInputError as error:
            return refused(error, await _shown(request, deps, signed, wish, planned, error))
    return back_to(wish["to"])


def _wish(form: Mapping[str, str]) -> dict[str, Any]:
    """What a form of ours wants; blank cells say nothing, a dash takes away."""
    to = form.get("to", "/roster")
    if form.get("restore"):
        number = form["restore"]
        if not number.isascii() or not number.isdecimal() or len(number) > 15:  # noqa: PLR2004
            raise InvalidInputError("There is no such version.", field="restore")
        return {"restore": int(number), "to": to}
    who, acts = form.get("person_id", "").strip(), []
    wanted = form.get("do", "").split()
    for word in wanted:
        if word not in {each.value for each in Do}:
            raise InvalidInputError("There is no such change.", field="do")
        cells = {
            key: "" if form[key].strip() == "-" else form[key].strip()
            for key in ALLOWED[Do(word)]
            if form.get(key, "").strip()
        }
        acts.append({"do": word, "person_id": who, "cells": cells})
    return {"acts": acts, "to": to}


def _plan(
    deps: Deps, signed: Signed, wish: Mapping[str, Any], language: str, *, to_apply: bool
) -> Planned:
    if "restore" in wish:
        return changes.plan_restore(deps, signed.actor, wish["restore"])
    acts = [EditAct.model_validate(each).act() for each in wish["acts"]]
    if not acts:
        raise InvalidInputError("There is no such change.", field="do")
    return changes.plan_edit(deps, signed.actor, acts, language, to_apply=to_apply)


async def _preview(request: Request, deps: Deps, signed: Signed, wish: dict[str, Any]) -> Response:
    try:
        planned = await asyncio.to_thread(
            _plan, deps, signed, wish, language_of(request), to_apply=False
        )
    except AlertdError as error:
        return refused(error, await _shown(request, deps, signed, wish, None, error))
    with planned.plan:
        wish["base"] = planned.plan.base
        return await _shown(request, deps, signed, wish, planned)


async def _shown(
    request: Request,
    deps: Deps,
    signed: Signed,
    wish: dict[str, Any],
    planned: Planned | None,
    problem: AlertdError | None = None,
) -> Response:
    sections: tuple[differences.Section, ...] = ()
    if planned:
        diff, stage, language = planned.plan.diff, planned.plan.stage, language_of(request)
        names = await _read(deps, lambda c: roster_names.names(c, diff.listed, stage))
        added = await _read(deps, lambda c: roster.described(diff.listed, c, stage))
        sections = differences.sections(diff, names, language, added)
    return page(
        request,
        deps,
        "roster/change.html",
        signed=signed,
        to=wish["to"],
        sections=sections,
        warnings=planned.warnings if planned else (),
        change=_seal(deps, signed, wish) if planned else "",
        problem=problem,
        problems=getattr(problem, "problems", ()),
    )


def _seal(deps: Deps, signed: Signed, wish: dict[str, Any]) -> str:
    """A change as the page may carry it: a number that was typed isn't in the page again."""
    whole = json.dumps({**wish, "by": signed.actor.no, "at": deps.now()})
    return base64.urlsafe_b64encode(deps.store.vault.seal(whole, context=_CONTEXT)).decode()


def _open(deps: Deps, signed: Signed, change: str) -> dict[str, Any]:
    try:
        sealed = base64.urlsafe_b64decode(change.encode())
        wish: dict[str, Any] = json.loads(deps.store.vault.open(sealed, context=_CONTEXT))
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it isn't ours
        raise InvalidInputError("That isn't a change that was shown here.") from None
    if wish["by"] != signed.actor.no or deps.now() - wish["at"] > _LASTS_MS:
        raise ConflictError("The change has waited too long; look at it again.")
    return wish
