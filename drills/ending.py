"""How a drill ends: with its alert, by a person's word, or because a live alert came."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from alertd.decide.lifecycle import OVER
from alertd.engine import accept, approving, dispatch
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import AlertdError
from alertd.model import AlertState, DrillState
from alertd.store import tables as t
from alertd.store.reads import drills as reads
from drills.alerting import ENDED, INTERRUPTED, Office, notice_of
from drills.owners import CalendarActor


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a drill ends.

    Args:
        state: Of the drill.
        reason: In one word, or in somebody's own.
        template: What those who were told are told.
        by: The principal who ended it, hex; "" for the calendar.
        actual_no: The live alert that came, or 0.
    """

    state: DrillState
    reason: str
    template: str = ENDED
    by: str = ""
    actual_no: int = 0


def goes_on_as(turn: Turn, row: Any) -> LiveAlert:
    """The alert that a drill is now: its own, or what somebody has followed that up with.

    An update or a correction takes the place of the alert before when it is issued. The drill is
    over with what nothing follows.
    """
    alert = turn.alert(reads.alerts_of(turn.connection, row.no)[-1])
    while alert.state is AlertState.UPDATED:
        later = [turn.alert(no) for no in reads.followers(turn.connection, alert.no)]
        mine = [each for each in later if each.drill and each.drill.drill == row.no]
        if not mine:
            break
        alert = mine[0]
        turn.record("drill.followed", {"no": row.no}, alert_no=alert.no)
    return alert


def end(turn: Turn, office: Office, row: Any, how: End) -> None:
    """End a drill that is under way, whatever becomes of the message that says so."""
    alert = goes_on_as(turn, row)
    finish(turn, row, how, _end_alert(turn, office, alert, how.template, row.created_by))


def finish(turn: Turn, row: Any, how: End, notice_no: int = 0) -> None:
    """Record that a drill is over whose alert is."""
    body = {
        "no": row.no,
        "state": how.state.value,
        "reason": how.reason,
        "by": how.by,
        "actual_no": how.actual_no,
        "notice_no": notice_no,
    }
    turn.record("drill.ended", body, alert_no=row.alert_no)


def give_way(turn: Turn, office: Office, alert: LiveAlert, live_no: int) -> None:
    """End a drill without a plan, because a live alert came; its people are told like others'."""
    author = select(t.alert.c.created_by).where(t.alert.c.no == alert.no)
    by = turn.connection.execute(author).scalar_one()
    notice_no = _end_alert(turn, office, alert, INTERRUPTED, by)
    body = {"actual_no": live_no, "notice_no": notice_no}
    turn.record("drill.gave-way", body, alert_no=alert.no)


def _end_alert(turn: Turn, office: Office, alert: LiveAlert, template: str, by: bytes) -> int:
    """End its alert; returns the alert that says so to everybody who was told, or 0."""
    notice_no = 0
    if alert.state is AlertState.ISSUED:
        notice_no = _tell_the_told(turn, office, alert, template, by)
    if turn.alert(alert.no).state not in OVER:
        dispatch.give_up_resends(turn, alert.no)
        body = {"state": AlertState.CANCELLED.value, "reason": "drill-ended"}
        turn.record("alert.ended", body, alert_no=alert.no)
    return notice_no


def _tell_the_told(turn: Turn, office: Office, alert: LiveAlert, template: str, by: bytes) -> int:
    """The alert that ends it, to everybody who was told; 0 where it can't be made."""
    author = CalendarActor(no=0, id=by, name="", role="administrator", path="")
    try:
        with turn.tx.item():
            made = accept.draft(turn, author, notice_of(turn, office, alert, template))
            approving.approve(turn, author, bytes.fromhex(made["id"]))
            return int(made["no"])
    except AlertdError:
        turn.alerts.clear()
        return 0
