"""What is done at the board, by forms: halt the sending, call somebody, remind, escalate."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from alertd.cap.problems import refuse_validation
from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.errors import InvalidInputError
from alertd.store.reads import alerts as reads
from alertd.web.api.acting import HALTS, Halting, Why
from alertd.web.commands import calling, urging
from alertd.web.deps import Given
from alertd.web.fields import AlertRef
from alertd.web.pages.rendering import page
from alertd.web.pages.signing import Form, Sender, back_to
from alertd.web.writes import form_writer

router = APIRouter(prefix="/alerts/{alert}", include_in_schema=False)

_MOST_ID = 64


@router.post("/halt/{how}")
async def halt(deps: Given, signed: Sender, alert: AlertRef, how: Halting, form: Form) -> Response:
    """Pause, resume or stop the sending; a reason is asked for."""
    if not form.get("reason", "").strip():
        raise InvalidInputError("Say why.", field="reason")
    try:
        why = Why(reason=form["reason"].strip())
    except ValidationError as error:
        raise refuse_validation(error) from None

    def do(turn: Turn) -> None:
        alert_id = reads.find(turn.connection, alert, path=signed.actor.path)
        HALTS[how](turn, signed.actor, alert_id, why.reason)

    await deps.runner.submit(do)
    return back_to(f"/alerts/{alert}")


@router.post("/urge/{act}")
async def urge(
    request: Request,
    deps: Given,
    signed: Sender,
    alert: AlertRef,
    act: urging.Act,
    form: Form,
) -> Response:
    """Remind, or let ladders climb: one duty's, or all in a part of the city."""
    fields = {name: form[name] for name in ("unit_code", "role", "state") if form.get(name)}
    given: dict[str, object] = dict(fields)
    if "role" in fields:
        given = {"duty": {"unit_code": fields.get("unit_code", ""), "role": fields["role"]}}
    try:
        about = urging.Urge.model_validate(given)
    except ValidationError as error:
        raise refuse_validation(error) from None

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        alert_id = reads.find(turn.connection, alert, path=actor.path)
        return urging.urge(turn, actor, alert_id, act, about)

    once = form_writer(request, deps, signed.actor, {name: [form[name]] for name in form})
    await once.do(do)
    return back_to(form.get("to", f"/alerts/{alert}#unanswered"))


@router.post("/call")
async def call(
    request: Request, deps: Given, signed: Sender, alert: AlertRef, form: Form
) -> Response:
    """One person's whole number, in large type; that it was shown is on record."""

    def do(turn: Turn) -> dict[str, str]:
        alert_id = reads.find(turn.connection, alert, path=signed.actor.path)
        person = form.get("person_id", "")[:_MOST_ID]
        return calling.show_number(turn, signed.actor, deps.store.vault, alert_id, person)

    shown = await deps.runner.submit(do)
    back = form.get("to", f"/alerts/{alert}")
    answer = page(
        request, deps, "board/call.html", signed=signed, shown=shown, back=back, alert=alert
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer
