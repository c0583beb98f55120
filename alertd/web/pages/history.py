"""What happened: an alert's facts in words, a unit's duties, and one person's course through it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from alertd.engine.authority import Actor, may
from alertd.errors import NotFoundError
from alertd.store import people
from alertd.store.reads import alerts as reads
from alertd.store.reads import answers, course, inbox, timeline
from alertd.store.reads import board as figures
from alertd.store.reads.units import names_of_areas, path_of, paths_of_person, person_of
from alertd.web.api.board import require_whole
from alertd.web.deps import Given
from alertd.web.fields import AlertRef, Code, PersonId
from alertd.web.pages.board import rights
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Visitor

router = APIRouter(prefix="/alerts/{alert}", include_in_schema=False)

_SHOWN: Final = 100

Subject = Literal["all", "life", "sending", "ladders", "answers", "hands"]
SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "all": (),
    "life": (
        *("alert.drafted", "alert.forecast", "alert.approved", "alert.issued", "alert.ended"),
        *("alert.paused", "pause.told", "alert.resumed", "alert.stopped"),
    ),
    "sending": ("alert.expanded", "alert.selected", "told"),
    "ladders": ("climbed", "hurried", "digest.queued", "digest.sent"),
    "answers": (
        *("acked", "ack.counted", "ack.withdrawn", "interpreted"),
        *("help.opened", "help.climbed", "help.taken", "help.closed"),
    ),
    "hands": (
        *("urged", "number.shown", "ack.withdrawn", "help.taken", "help.closed"),
        *("paper.printed", "paper.entered"),
    ),
}


@router.get("/timeline")
async def show_timeline(
    request: Request,
    deps: Given,
    signed: Visitor,
    alert: AlertRef,
    about: Subject = "all",
    before: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}\.[0-9]{1,18}$")] = None,
) -> Response:
    """The facts of an alert, the newest first, a page at a time."""
    turn, _, seq = (before or "").partition(".")

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            view = _view(connection, signed.actor, alert)
            require_whole(signed.actor, view)
            entries, more = timeline.newest(
                connection,
                view.no,
                kinds=SUBJECTS[about],
                before=(int(turn), int(seq)) if before else None,
                limit=_SHOWN,
            )
            return {"view": view, "entries": entries, "more": more}

    values = await asyncio.to_thread(read)
    return page(
        request,
        deps,
        "board/timeline.html",
        signed=signed,
        about=about,
        subjects=list(SUBJECTS),
        **values,
    )


@router.get("/units/{unit}")
async def show_unit(
    request: Request,
    deps: Given,
    signed: Visitor,
    alert: AlertRef,
    unit: Code,
    after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> Response:
    """A grid, or any unit: what was asked there and below, who answered when and how."""

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            view = _view(connection, signed.actor, alert)
            path = path_of(connection, unit, left=True)
            if path is None or not path.startswith(signed.actor.path):
                raise NotFoundError("There is no such unit.")
            found = course.standings(connection, view.no, path=path, after=after, limit=_SHOWN)
            names = _line(connection, path)
            more = rights(deps, signed, view)
            empty = figures.empty(connection, view.no, path) if after is None else []
            nobody = {"nobody": empty[:_SHOWN], "figures": {"vacant": len(empty)}}
            return {"view": view, "found": found, "line": names, **nobody, **more}

    values = await asyncio.to_thread(read)
    here = f"/alerts/{values['view'].short_code}/units/{unit}"
    return page(request, deps, "board/unit.html", signed=signed, url=here, unit_code=unit, **values)


@router.get("/people/{person}")
async def show_person(
    request: Request, deps: Given, signed: Visitor, alert: AlertRef, person: PersonId
) -> Response:
    """What one person was sent, when they answered, and what they wrote."""

    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            view = _view(connection, signed.actor, alert)
            number = person_of(connection, person, left=True)
            paths = paths_of_person(connection, number, left=True)
            if signed.actor.path and not any(p.startswith(signed.actor.path) for p in paths):
                raise NotFoundError("Nobody in the roster has that id.", field="person_id")
            return {
                "view": view,
                "person": course.person_view(connection, view.no, number),
                "duties": people.duties_of(connection, [number]).get(number, []),
                "messages": course.messages_to(connection, view.no, number),
                "acks": answers.acks(connection, view.no, person_no=number).items,
                "replies": inbox.inbound(
                    connection, deps.store.vault, written=(view.no, number)
                ).items
                if may(signed.actor, "answer")
                else (),
                "shown_at": course.numbers_shown(connection, view.no, number),
                **rights(deps, signed, view),
            }

    values = await asyncio.to_thread(read)
    return page(request, deps, "board/person.html", signed=signed, **values)


def _view(connection: Connection, actor: Actor, alert: str) -> reads.AlertView:
    found = reads.find(connection, alert, path=actor.path)
    return reads.alert(connection, found, path=actor.path).view


def _line(connection: Connection, path: str) -> list[tuple[str, str]]:
    """(code, name) of the units from the top down to one: a path is made of codes."""
    codes = [code for code in path.split("/") if code]
    names = names_of_areas(connection, codes)
    return [(code, names.get(code, code)) for code in codes]
