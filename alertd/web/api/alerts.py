"""Alerts: drafted from a short form or CAP, approved, followed by others."""

import asyncio
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError

from alertd import cap
from alertd.cap.problems import refuse_validation
from alertd.engine import approving
from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.errors import InvalidInputError
from alertd.model import Status
from alertd.store.reads import alerts as reads
from alertd.store.reads.paging import Page
from alertd.web.api.routing import api_router
from alertd.web.api.shapes import Drafted, Outlook, State
from alertd.web.auth import Reader
from alertd.web.bodies import read_json
from alertd.web.commands import drafting
from alertd.web.commands.drafting import FollowUp, NewAlert
from alertd.web.deps import Deps, Given
from alertd.web.fields import After, AlertRef, Limit
from alertd.web.writes import Writing, created

CAP_XML = "application/cap+xml"
CAP_JSON = "application/cap+json"
_XML = frozenset({CAP_XML, "application/xml", "text/xml"})

router = api_router("alerts", "/alerts")

_BODIES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": NewAlert.model_json_schema()},
            CAP_JSON: {"schema": {"type": "object", "description": "CAP 1.2 with CAP's names"}},
            CAP_XML: {"schema": {"type": "string", "description": "CAP 1.2"}},
        },
    }
}


class Approval(BaseModel):
    """How an alert is agreed to.

    Attributes:
        break_glass: By one person alone: it waits, and is on record as such.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    break_glass: bool = False


def writing_of(deps: Deps) -> drafting.Writing:
    """What drafting needs of the node."""
    engine = deps.runner.engine
    return drafting.Writing(
        library=deps.library,
        settings=deps.settings,
        link=deps.wording.link,
        routes=engine.routes,
        accounts={name: flow.account for name, flow in dict(engine.flows).items()},
    )


@router.post("", status_code=201, response_model=Drafted, openapi_extra=_BODIES)
async def create(request: Request, deps: Given, write: Writing) -> Response:
    """Draft an alert: a short form, CAP as JSON, or CAP as XML, by the content type."""
    wanted = _read(await request.body(), request.headers.get("content-type", ""))
    writing = writing_of(deps)
    if isinstance(wanted, cap.Alert):
        made = await write.do(partial(drafting.draft_cap, writing=writing, alert=wanted))
    else:
        made = await write.do(partial(drafting.draft_short, writing=writing, new=wanted))
    return created(made, f"/api/v1/alerts/{made['id']}")


def _read(body: bytes, content_type: str) -> cap.Alert | NewAlert:
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _XML:
        return cap.from_xml(body)
    if kind == CAP_JSON:
        return cap.from_json(body)
    if kind != "application/json":
        raise InvalidInputError(
            "That kind of body isn't taken here.",
            field="Content-Type",
            hint=f"Send application/json, {CAP_JSON} or {CAP_XML}.",
        )
    try:
        return NewAlert.model_validate(read_json(body))
    except ValidationError as error:
        raise refuse_validation(error) from None


@router.post("/preview", response_model=Outlook)
async def preview(deps: Given, reader: Reader, new: NewAlert) -> dict[str, Any]:
    """Whom a short form would reach, and its texts with their SMS parts; nothing is stored."""
    require(reader, "draft")
    return await asyncio.to_thread(_preview, deps, reader, new)


def _preview(deps: Deps, actor: Actor, new: NewAlert) -> dict[str, Any]:
    with deps.store.read() as connection:
        return drafting.preview(connection, actor, writing_of(deps), new, now=deps.now())


@router.get("")
async def list_alerts(
    deps: Given,
    reader: Reader,
    running: Annotated[bool, Query(description="Only drafts and alerts under way")] = False,
    status: Annotated[Literal["Actual", "Exercise", "Test"] | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[reads.AlertView]:
    """Alerts that concern the asker's area, the newest first."""

    def read() -> Page[reads.AlertView]:
        with deps.store.read() as connection:
            return reads.alerts(
                connection,
                path=reader.path,
                states=reads.RUNNING if running else (),
                status=Status[status.upper()] if status else None,
                after=after,
                limit=limit,
            )

    return await asyncio.to_thread(read)


@router.get(
    "/{alert}",
    response_model=reads.FullAlert,
    responses={
        200: {
            "content": {
                CAP_XML: {"schema": {"type": "string"}},
                CAP_JSON: {"schema": {"type": "object"}},
            }
        }
    },
)
async def show(request: Request, deps: Given, reader: Reader, alert: AlertRef) -> Any:
    """One alert; as CAP 1.2 alone, XML or JSON, where the client accepts that."""
    full = await asyncio.to_thread(_full, deps, reader, alert)
    accepted = request.headers.get("accept", "")
    if CAP_XML in accepted:
        return Response(cap.to_xml(cap.from_json(full.cap)), media_type=CAP_XML)
    if CAP_JSON in accepted:
        return JSONResponse(full.cap, media_type=CAP_JSON)
    return full


def _full(deps: Deps, reader: Actor, word: str) -> reads.FullAlert:
    with deps.store.read() as connection:
        found = reads.find(connection, word, path=reader.path)
        return reads.alert(connection, found, path=reader.path)


@router.post("/{alert}/approve")
async def approve(write: Writing, alert: AlertRef, how: Approval | None = None) -> State:
    """Agree to an alert: a second person's word, or broken glass. What needs nobody is issued."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = reads.find(turn.connection, alert, path=actor.path)
        approving.approve(turn, actor, alert_id, break_glass=bool(how and how.break_glass))
        return state_of(turn, alert_id)

    return State(**await write.do(do))


@router.post("/{alert}/discard")
async def discard(write: Writing, alert: AlertRef) -> State:
    """Withdraw an alert that wasn't issued."""

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = reads.find(turn.connection, alert, path=actor.path)
        approving.discard(turn, actor, alert_id)
        return state_of(turn, alert_id)

    return State(**await write.do(do))


def state_of(turn: Turn, alert_id: bytes) -> dict[str, Any]:
    """What is answered when an alert was acted on."""
    view = reads.alert(turn.connection, alert_id).view
    return {
        "id": view.id,
        "short_code": view.short_code,
        "state": view.state.value,
        "issue_at": view.issue_at,
    }


@router.post("/{alert}/update", status_code=201, response_model=Drafted)
async def update(deps: Given, write: Writing, alert: AlertRef, new: NewAlert) -> Response:
    """Draft the alert that takes this one's place."""
    writing = writing_of(deps)

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = reads.find(turn.connection, alert, path=actor.path)
        return drafting.update(turn, actor, writing, alert_id, new)

    made = await write.do(do)
    return created(made, f"/api/v1/alerts/{made['id']}")


@router.post("/{alert}/correct", status_code=201, response_model=Drafted)
async def correct(deps: Given, write: Writing, alert: AlertRef) -> Response:
    """Send the prepared correction at once: it was approved with the alert; for 24 hours."""
    writing = writing_of(deps)

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = reads.find(turn.connection, alert, path=actor.path)
        return drafting.correct_at_once(turn, actor, writing, alert_id)

    made = await write.do(do)
    return created(made, f"/api/v1/alerts/{made['id']}")


@router.post("/{alert}/{kind}", status_code=201, response_model=Drafted)
async def follow(
    deps: Given,
    write: Writing,
    alert: AlertRef,
    kind: Literal["cancel", "all-clear", "correction"],
    given: FollowUp | None = None,
) -> Response:
    """Draft what ends or corrects this alert; it goes to everybody who was told."""
    writing = writing_of(deps)

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = reads.find(turn.connection, alert, path=actor.path)
        return drafting.follow(turn, actor, writing, alert_id, kind, given or FollowUp())

    made = await write.do(do)
    return created(made, f"/api/v1/alerts/{made['id']}")
