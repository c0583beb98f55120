"""A person pauses an alert's sending, lets it go on, or stops it for good (`decide/halt`)."""

from functools import partial

from alertd.decide import halt
from alertd.decide.lifecycle import Action
from alertd.engine import dispatch
from alertd.engine.apart import apart
from alertd.engine.approving import move_of, subject_of
from alertd.engine.authority import Actor, require
from alertd.engine.telling import tell
from alertd.engine.turn import LiveAlert, Turn
from alertd.model import MINUTE_MS, MessageKind, Millis
from alertd.store import due, people


def pause(turn: Turn, actor: Actor, alert_id: bytes, reason: str) -> None:
    """Hand over nothing more of it until somebody resumes it; calls for help go on.

    Raises:
        ConflictError: It isn't being sent, or is paused or stopped already.
        ForbiddenError: The actor may not, or not there.
    """
    _do(turn, actor, alert_id, Action.PAUSE, reason)


def resume(turn: Turn, actor: Actor, alert_id: bytes, reason: str) -> None:
    """Let it go on; ladders go on where they stood. Raises as `pause`."""
    _do(turn, actor, alert_id, Action.RESUME, reason)


def stop(turn: Turn, actor: Actor, alert_id: bytes, reason: str) -> None:
    """Withdraw what hasn't left; what follows tells those who were told. Raises as `pause`."""
    _do(turn, actor, alert_id, Action.STOP, reason)


def forgotten_due(turn: Turn) -> int:
    """Tell the duty desk of alerts that are paused and may be forgotten; again for as long."""
    found = due.forgotten(turn.connection, turn.now)
    for each in found:
        remind = partial(_remind, turn, each)
        apart(turn, "paused", remind, None, alert_no=each.alert_no)
    return len(found)


def _remind(turn: Turn, each: due.Forgotten) -> None:
    alert = turn.alert(each.alert_no)
    message = _tell_desk(turn, alert, turn.now - each.paused_at)
    turn.record("pause.told", {"message": message}, alert_no=alert.no)


def _tell_desk(turn: Turn, alert: LiveAlert, paused_ms: Millis) -> int:
    """The message's number; 0 where nobody can be told, or an old alert has no words for it."""
    kind = MessageKind.PAUSED
    desk = people.duty_desk(turn.connection)
    if desk is None or kind.value not in alert.templates:
        return 0
    held = people.holders(turn.connection, [desk]).get(desk, ())
    params = {
        **alert.selection["params"],
        "minutes": paused_ms // MINUTE_MS,
        "count": due.held_back(turn.connection, alert.no),
    }
    return tell(
        turn,
        alert,
        kind,
        people.within_reach(held, turn.minute),
        template=kind.value,
        params=params,
    )


_FACTS = {
    Action.PAUSE: "alert.paused",
    Action.RESUME: "alert.resumed",
    Action.STOP: "alert.stopped",
}


def _do(turn: Turn, actor: Actor, alert_id: bytes, action: Action, reason: str) -> None:
    alert = turn.alert_by_id(alert_id)
    require(actor, "pause", alert.reach)
    move_of(turn, subject_of(turn, alert), action, actor.id.hex())
    body: dict[str, str | int] = {"by": actor.id.hex(), "reason": reason}
    if action is not Action.PAUSE:
        body |= {"lasted_ms": halt.lasted(alert.halt, turn.now)}
    if action is Action.STOP:
        dispatch.give_up_resends(turn, alert.no)
    turn.record(_FACTS[action], body, alert_no=alert.no, source=actor.source)
    turn.alert(alert.no)  # known again before anything is claimed in this step
