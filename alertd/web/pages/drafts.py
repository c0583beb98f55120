"""A draft before it goes out: whom it would reach, in which words, and who may agree to it."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from alertd import cap
from alertd.decide.lifecycle import Subject, needs_second_person
from alertd.decide.plan import Leave, reaches_people
from alertd.decide.typed import confirms, words_to_type
from alertd.engine import approving
from alertd.engine.authority import Actor, may
from alertd.engine.turn import Turn
from alertd.errors import InvalidInputError
from alertd.model import AlertState, Status
from alertd.store.reads import alerts as reads
from alertd.web.api.alerts import writing_of
from alertd.web.auth import Signed
from alertd.web.commands import drafting
from alertd.web.deps import Deps, Given
from alertd.web.fields import AlertRef
from alertd.web.pages.following import prepared_texts
from alertd.web.pages.signing import Form, Sender, back_to

router = APIRouter(prefix="/alerts", include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approving:
    """What the visitor may do about a draft.

    Args:
        second_needed: It takes somebody other than its author.
        own: The visitor wrote it.
        may_issue: The visitor's approval sends it out now.
        may_break: The visitor may break the glass: it waits, and is on record.
        may_discard: The visitor may withdraw it.
        wait_min: How long broken glass waits.
        words: Any of these must be typed to approve it; none where a press is enough.
    """

    second_needed: bool
    own: bool
    may_issue: bool
    may_break: bool
    may_discard: bool
    wait_min: int
    words: tuple[str, ...]


def approving_of(
    deps: Deps, actor: Actor, view: reads.AlertView, level: str | None = None
) -> Approving:
    """What the visitor may do about an alert that isn't out yet; the engine asks again."""
    status = Status[view.status.upper()]
    leave = Leave(
        status=status,
        routes=None if view.routes is None else frozenset(view.routes),
        simulated=view.simulated,
    )
    real = reaches_people(deps.runner.engine.routes.values(), leave)
    subject = Subject(state=view.state, status=status, author=view.created_by_id, real_routes=real)
    second = needs_second_person(subject)
    own = view.created_by_id == actor.id.hex()
    waiting = view.state in {AlertState.DRAFT, AlertState.APPROVED}
    approver, author = may(actor, "approve") and view.whole, may(actor, "draft") and view.whole
    return Approving(
        second_needed=second,
        own=own,
        may_issue=waiting and (approver and not own if second else approver or author),
        may_break=view.state is AlertState.DRAFT and second and own and approver,
        may_discard=waiting and (author or approver),
        wait_min=round(deps.settings.break_glass_delay_s / 60),
        words=words_to_type(status, short_code=view.short_code, level=level, real_routes=real),
    )


def read(
    deps: Deps, signed: Signed, connection: Connection, full: reads.FullAlert
) -> dict[str, Any]:
    """What the page of a draft shows; the second person sees exactly what will go out."""
    view, alert = full.view, cap.from_json(full.cap)
    outlook = drafting.outlook(
        connection,
        writing_of(deps),
        alert,
        view.short_code,
        policy=full.policy,
        leave=drafting.leave_of(view),
        now=deps.now(),
    )
    corrects = view.purpose in {"alert", "update"}
    return {
        "outlook": outlook,
        "approving": approving_of(deps, signed.actor, view, level_of(alert)),
        "prepared": prepared_texts(deps, connection, bytes.fromhex(view.id)) if corrects else [],
    }


def level_of(alert: cap.Alert) -> str | None:
    """The response level of an alert, `I` to `IV`."""
    found = cap.response_level(alert)
    return found.value if found else None


@router.post("/{alert}/approve")
async def approve(deps: Given, signed: Sender, alert: AlertRef, form: Form) -> Response:
    """Agree to an alert, with the word typed that decide.typed asks for."""
    break_glass = form.get("break_glass") == "yes"

    def do(turn: Turn) -> str:
        alert_id = reads.find(turn.connection, alert, path=signed.actor.path)
        full = reads.alert(turn.connection, alert_id, path=signed.actor.path)
        level = level_of(cap.from_json(full.cap))
        _require_typed(approving_of(deps, signed.actor, full.view, level), form)
        approving.approve(turn, signed.actor, alert_id, break_glass=break_glass)
        return full.view.short_code

    return back_to(f"/alerts/{await deps.runner.submit(do)}")


def _require_typed(asked: Approving, form: Form) -> None:
    if not confirms(form.get("confirm", ""), asked.words):
        raise InvalidInputError(
            "Type the word that confirms this alert.",
            field="confirm",
            hint=f"Type one of these: {', '.join(asked.words)}.",
        )


@router.post("/{alert}/discard")
async def discard(deps: Given, signed: Sender, alert: AlertRef) -> Response:
    """Withdraw an alert that wasn't issued."""

    def do(turn: Turn) -> None:
        alert_id = reads.find(turn.connection, alert, path=signed.actor.path)
        approving.discard(turn, signed.actor, alert_id)

    await deps.runner.submit(do)
    return back_to("/alerts")
