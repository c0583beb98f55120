"""Alerts go out: approved by a second person, issued, superseded, expired."""

import hashlib
import json
from functools import partial
from typing import Any

from sqlalchemy import select

from alertd import cap
from alertd.decide.lifecycle import (
    TRANSITIONS,
    Action,
    Refusal,
    Subject,
    Transition,
    needs_second_person,
    transition,
)
from alertd.decide.plan import meet, reaches_people
from alertd.decide.supersede import overtaken
from alertd.engine import dispatch, refusals
from alertd.engine.accept import ACTIONS, ENDS, known_alerts, template_of
from alertd.engine.apart import apart
from alertd.engine.authority import Actor, may, require
from alertd.engine.turn import LiveAlert, Turn
from alertd.engine.unread import whole
from alertd.errors import ConflictError
from alertd.model import ALERT_SHIFT, AlertState, MessageKind, Status
from alertd.store import access, due, roster
from alertd.store import tables as t
from alertd.store.reads.drills import out


def approve(turn: Turn, actor: Actor, alert_id: bytes, *, break_glass: bool = False) -> AlertState:
    """Agree to an alert and have it issued; returns its state.

    An Actual, and an Exercise that reaches people, needs somebody other than its author; by
    break-glass one person may do it, after a delay and on record as such. What needs nobody more
    is issued at once.

    Raises:
        ConflictError: It can't be approved so; the sentence says why and what to do.
        ForbiddenError: The actor may not approve, or not there.
    """
    alert = whole(turn.alert_by_id(alert_id))
    subject = subject_of(turn, alert)
    _refuse_drill(turn, alert)
    _refuse_overtaken(turn, _row(turn, alert.no))
    action = Action.BREAK_GLASS if break_glass else Action.APPROVE
    if not needs_second_person(subject):
        action = Action.ISSUE
    alone = action is Action.ISSUE and may(actor, "draft", alert.reach)
    require(actor, "draft" if alone else "approve", alert.reach)
    move = move_of(turn, subject, action, _who(turn, actor, subject))
    turn.record(
        "alert.approved",
        {
            "by": actor.id.hex(),
            "issue_at": turn.now if move.issue_at is None else move.issue_at,
            "break_glass": move.record == "break-glass",
        },
        alert_no=alert.no,
        source=actor.source,
    )
    if alert.no in due.alerts_to_issue(turn.connection, turn.now):
        _issue(turn, alert.no)
    return turn.alert(alert.no).state


def _who(turn: Turn, actor: Actor, subject: Subject) -> str:
    """The principal who approves; where it is another account of one who was before, that one."""
    for before in (subject.author, subject.approved_by):
        if before and is_person_of(turn, actor, bytes.fromhex(before)):
            return before
    return actor.id.hex()


def is_person_of(turn: Turn, actor: Actor, principal_id: bytes) -> bool:
    """Whether somebody is a principal, be it by another account that names the same person."""
    if actor.id == principal_id:
        return True
    found = access.principal_with(turn.connection, principal_id)
    return found is not None and found.person_no is not None and found.person_no == actor.person_no


def _refuse_drill(turn: Turn, alert: LiveAlert) -> None:
    """No drill begins where a live alert is out: it would have to be broken off at once."""
    if _beside_live(turn, alert):
        raise ConflictError(
            "A live alert is out in its areas: no drill begins now.",
            hint="Wait until it is over.",
        )


def _beside_live(turn: Turn, alert: LiveAlert) -> bool:
    """Whether it is a drill that asks for something where a live alert is out."""
    if alert.status is not Status.EXERCISE or not alert.asks:
        return False
    live, _ = out(turn.connection)
    return any(meet(turn.alert(no).paths, alert.paths) for no in live)


def _refuse_overtaken(turn: Turn, row: Any) -> None:
    """What follows an alert that has been replaced, or ended, since this was drafted.

    The word that a danger is over would tell people that what the other alert asks of them is off.
    Of two updates both would be out, and a bare answer would count for neither.
    """
    if _overtaken(turn, row):
        raise ConflictError(
            "The alert that it follows was replaced or ended since it was drafted.",
            hint="Follow the alert that is out now.",
        )


def _overtaken(turn: Turn, row: Any) -> bool:
    """Whether nothing that it follows can be followed now; what ran out meanwhile still can.

    The word that a danger is over must end the successor of each that it names, too.
    """
    action = ACTIONS.get(row.purpose)
    if action is None:
        return False
    known = known_alerts(turn, cap.from_json(json.loads(row.cap)).references)
    if row.purpose in ENDS and overtaken(known):
        return True
    return not any(
        each.state is AlertState.EXPIRED or (each.state, action) in TRANSITIONS for each in known
    )


def subject_of(turn: Turn, alert: LiveAlert) -> Subject:
    """What the lifecycle asks about an alert."""
    row = _row(turn, alert.no)
    return Subject(
        state=AlertState(row.state),
        status=alert.status,
        author=row.created_by.hex(),
        real_routes=reaches_people(turn.routes.values(), alert.leave),
        approved_by=row.approved_by.hex() if row.approved_by else None,
        glass_broken=bool(row.break_glass),
        issue_at=row.issue_at,
        expires_at=row.expires_at,
        prepared=bool(alert.selection.get("prepared")),
        was_issued=row.issued_at is not None,
        paused=alert.halt.paused_at is not None,
        stopped=alert.halt.stopped_at is not None,
    )


def move_of(turn: Turn, subject: Subject, action: Action, actor: str) -> Transition:
    """The move, allowed; raises ConflictError with the reason where it isn't."""
    found = transition(
        subject,
        action,
        actor=actor,
        now=turn.now,
        break_glass_delay_s=turn.break_glass_delay_ms / 1000,
    )
    if isinstance(found, Refusal):
        sentence, hint = refusals.of_move(found.reason)
        raise ConflictError(sentence, hint=hint)
    return found


def issue_due(turn: Turn) -> None:
    """Issue what was approved and whose delay is over; what can't be holds up no other."""
    for number in due.alerts_to_issue(turn.connection, turn.now):
        apart(turn, _ISSUE, partial(_issue, turn, number), None, alert_no=number)


_ISSUE = "issue"


def _issue(turn: Turn, alert_no: int) -> None:
    alert = whole(turn.alert(alert_no))
    row = _row(turn, alert.no)
    if (row.purpose in ENDS and _overtaken(turn, row)) or _beside_live(turn, alert):
        # While broken glass waited. A warning would go out all the same: nobody is there to ask.
        body = {"state": AlertState.CANCELLED.value, "reason": "overtaken"}
        turn.record("alert.ended", body, alert_no=alert.no)
        return
    version = roster.current_version(turn.connection)
    turn.record(
        "alert.issued",
        {
            "roster_version": version,
            "roster_digest": _digest(turn, version),
            "message": {
                "no": (alert.no << ALERT_SHIFT) + 1,
                "kind": MessageKind.ALERT.value,
                "template": _own_template(row),
                "params": dict(alert.selection["params"]),
                "text_hash": _text_hash(turn, alert, _own_template(row)),
            },
        },
        alert_no=alert.no,
    )
    _end_followed(turn, row)


def _digest(turn: Turn, version: int) -> str:
    c = t.roster_version.c
    found = turn.connection.execute(select(c.digest).where(c.version == version)).scalar()
    return found or ""


def _own_template(row: Any) -> str:
    return template_of(cap.from_json(json.loads(row.cap)))


def _text_hash(turn: Turn, alert: LiveAlert, template: str) -> str:
    text = turn.wording.text(
        alert.templates[template],
        language="zh-CN",
        channel="sms",
        params={**alert.selection["params"], "duties": []},
        status=alert.status.word,
        duplicate=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _end_followed(turn: Turn, row: Any) -> None:
    """What the new alert takes the place of is over, whatever became of it meanwhile."""
    action = ACTIONS.get(row.purpose)
    for known in (
        known_alerts(turn, cap.from_json(json.loads(row.cap)).references) if action else ()
    ):
        found = transition(
            Subject(state=known.state, status=known.status, author=""),
            action or Action.UPDATE,
            actor="engine",
            now=turn.now,
        )
        if isinstance(found, Transition) and found.after is not found.before:
            number = turn.alert_by_id(known.alert_id).no
            dispatch.give_up_resends(turn, number)
            turn.record(
                "alert.ended",
                {"state": found.after.value, "reason": f"by-{row.purpose}"},
                alert_no=number,
            )


def expire_due(turn: Turn) -> None:
    """End what ran out; an approved or drafted one expires too."""
    for number in due.alerts_to_expire(turn.connection, turn.now):
        apart(turn, _EXPIRE, partial(_expire, turn, number), None, alert_no=number)


_EXPIRE = "expire"


def _expire(turn: Turn, alert_no: int) -> None:
    dispatch.give_up_resends(turn, alert_no)
    body = {"state": AlertState.EXPIRED.value, "reason": "expired"}
    turn.record("alert.ended", body, alert_no=alert_no)


def discard(turn: Turn, actor: Actor, alert_id: bytes) -> None:
    """Withdraw a draft that was never issued."""
    alert = turn.alert_by_id(alert_id)
    # Whoever may agree to it may refuse it: while broken glass waits there may be nobody else.
    require(actor, "approve" if may(actor, "approve", alert.reach) else "draft", alert.reach)
    if alert.state is AlertState.ISSUED:
        raise ConflictError(
            "It has been issued; it can only be cancelled, by an alert that says so.",
            hint="Use cancel.",
        )
    if alert.state not in {AlertState.DRAFT, AlertState.APPROVED}:
        raise ConflictError("It is over already.")
    turn.record(
        "alert.ended",
        {"state": AlertState.CANCELLED.value, "reason": "discarded"},
        alert_no=alert.no,
        source=actor.source,
    )


def _row(turn: Turn, alert_no: int) -> Any:
    return turn.connection.execute(select(t.alert).where(t.alert.c.no == alert_no)).one()
