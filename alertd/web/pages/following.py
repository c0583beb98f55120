"""What follows an alert: all-clear, withdrawal, correction, update; each a draft of its own.

Only the prepared correction goes at once: it was approved with the alert (engine.mending).
"""

import asyncio
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from alertd import cap, messages
from alertd.engine import mending
from alertd.engine.authority import Actor, may, require
from alertd.engine.turn import Turn
from alertd.errors import AlertdError
from alertd.messages.template import Template
from alertd.store.reads import alerts as reads
from alertd.web.api.alerts import writing_of
from alertd.web.auth import Signed
from alertd.web.commands import drafting
from alertd.web.deps import Deps, Given
from alertd.web.fields import AlertRef
from alertd.web.pages.alert_form import Filled
from alertd.web.pages.issuing import Fields
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Author, Sender, Visitor, back_to
from alertd.web.writes import form_key, form_writer, same_key

router = APIRouter(prefix="/alerts", include_in_schema=False)

Kind = Literal["cancel", "all-clear", "correction"]


@router.get("/{alert}/follow/{kind}")
async def write(
    request: Request, deps: Given, signed: Visitor, alert: AlertRef, kind: Kind
) -> Response:
    """The form for what ends or corrects an alert; empty, it says what its template says."""
    require(signed.actor, "draft")
    return await _form(request, deps, signed, alert, kind, Filled())


@router.post("/{alert}/follow/{kind}")
async def send(
    request: Request, deps: Given, signed: Author, alert: AlertRef, kind: Kind, fields: Fields
) -> Response:
    """Make it a draft, which goes the way of every alert."""
    writing = writing_of(deps)
    filled = Filled.read(fields, deps.library.templates.get(drafting.FOLLOW_UPS[kind]))

    def do(turn: Turn, actor: Actor, given: drafting.FollowUp) -> str:
        alert_id = reads.find(turn.connection, alert, path=actor.path)
        made = drafting.follow(turn, actor, writing, alert_id, kind, given)
        return str(made["short_code"])

    once = form_writer(request, deps, signed.actor, fields)
    try:
        made = await once.do(partial(do, given=filled.follow_up()))
    except AlertdError as error:
        key = same_key(deps, fields)
        again = await _form(request, deps, signed, alert, kind, filled, problem=error, key=key)
        again.status_code = error.http_status
        return again
    return back_to(f"/alerts/{made}")


@router.post("/{alert}/correct")
async def correct(deps: Given, signed: Sender, alert: AlertRef) -> Response:
    """Send the prepared correction, now, to everybody who was told."""
    writing = writing_of(deps)

    def do(turn: Turn) -> str:
        alert_id = reads.find(turn.connection, alert, path=signed.actor.path)
        made = drafting.correct_at_once(turn, signed.actor, writing, alert_id)
        return str(made["short_code"])

    return back_to(f"/alerts/{await deps.runner.submit(do)}")


async def _form(
    request: Request,
    deps: Deps,
    signed: Signed,
    alert: str,
    kind: Kind,
    filled: Filled,
    problem: AlertdError | None = None,
    key: str = "",
) -> Response:
    def read() -> dict[str, Any]:
        with deps.store.read() as connection:
            found = reads.find(connection, alert, path=signed.actor.path)
            view = reads.alert(connection, found, path=signed.actor.path).view
            return {"view": view, "prepared": prepared_texts(deps, connection, found)}

    values = await asyncio.to_thread(read)
    return page(
        request,
        deps,
        "issue/follow.html",
        signed=signed,
        kind=kind,
        message=deps.library.templates.get(drafting.FOLLOW_UPS[kind]),
        filled=filled,
        key=key or form_key(deps),
        problem=problem,
        may_correct=may_correct(deps, signed, values["view"]),
        **values,
    )


def may_correct(deps: Deps, signed: Signed, view: reads.AlertView) -> bool:
    """Whether the visitor may send the prepared correction now; the engine asks again."""
    in_time = mending.correctable(view.issued_at, view.purpose, deps.now())
    return in_time and view.whole and may(signed.actor, "approve")


def prepared_texts(deps: Deps, connection: Connection, alert_id: bytes) -> list[messages.Preview]:
    """What the correction that was prepared with an alert says, by language and channel."""
    full, templates = reads.alert(connection, alert_id), reads.templates_of(connection, alert_id)
    return list(
        messages.preview(
            Template.from_dict(templates[mending.CORRECTION]),
            messages.alert_params(
                cap.from_json(full.cap), code=full.view.short_code, zone=deps.settings.zone
            ),
            status=full.view.status,
            signatures=deps.settings.signatures,
        )
    )
