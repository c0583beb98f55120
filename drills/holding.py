"""Drills are scheduled, agreed to, begun and stopped; each by a person, or by the calendar."""

from typing import Any, Final

from sqlalchemy import func, select

from alertd.decide.lifecycle import needs_second_person
from alertd.decide.plan import Leave, reaches_people, resolve
from alertd.engine import accept, approving
from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.errors import ConflictError, InvalidInputError
from alertd.i18n import N_
from alertd.model import AlertState, DrillState, Millis, Status
from alertd.store import tables as t
from alertd.store.reads import drills as reads
from drills import keeping, moment
from drills import plan as plans
from drills.alerting import Office, draft_of, open_routes
from drills.ending import End, end
from drills.plan import Plan


def schedule(turn: Turn, actor: Actor, office: Office, plan: Plan) -> int:
    """Put a drill into the calendar, its plan frozen as it is; returns its number.

    Raises:
        InvalidInputError: It has no date, or one that is over; or the plan doesn't hold.
        ForbiddenError: The actor may not draft, or not there.
    """
    opens, closes = plan.when.opens_at, plan.when.closes_at
    if opens is None or closes is None:
        raise InvalidInputError(
            "The plan has no date and no window.",
            field="when",
            hint="Give it one under [when], or begin it by hand.",
        )
    if opens <= turn.now:
        raise InvalidInputError("The plan's date is over.", field="when")
    return _add(turn, actor, office, plan, opens, closes)


def run(turn: Turn, actor: Actor, office: Office, plan: Plan) -> int:
    """Begin a drill now; returns its number.

    Where it reaches people, its alert is drafted and waits for a second person.

    Raises:
        ConflictError: A live alert or another drill is under way.
        InvalidInputError: The plan doesn't hold.
        ForbiddenError: The actor may not draft, or not there.
    """
    _paths(turn, actor, plan)  # whoever may not isn't told what is under way
    refused = hindrance(turn)
    if refused is not None:
        sentence, hint = _HINDERED[refused[0]]
        raise ConflictError(sentence, hint=hint)
    no = _add(turn, actor, office, plan, turn.now, turn.now, begun=True)
    begin(turn, office, no, plan, actor)
    return no


_HINDERED: Final = {
    "live-alert": (
        N_("A live alert is out: no drill begins now."),
        N_("Wait until it is over."),
    ),
    "another-drill": (
        N_("Another drill is under way."),
        N_("Stop it first, or wait for its end."),
    ),
}


def hindrance(turn: Turn) -> tuple[str, int] | None:
    """Why no drill may begin now, and the alert's number; None where one may."""
    live = reads.live_alert(turn.connection)
    if live is not None:
        return "live-alert", live
    return ("another-drill", 0) if reads.under_way(turn.connection) else None


def agree(turn: Turn, actor: Actor, no: int) -> None:
    """The second person agrees to a drill in the calendar that reaches people.

    Raises:
        ConflictError: It needs nobody more, or the actor is who scheduled it.
        ForbiddenError: The actor may not approve, or not there.
    """
    row = reads.row_of(turn.connection, no)
    require(actor, "approve", reads.paths_of(row))
    _require_scheduled(row)
    if row.agreed_by is not None:
        raise ConflictError("Somebody has agreed to it already.")
    if approving.is_person_of(turn, actor, row.created_by):
        raise ConflictError(
            "A second person must agree to this drill.",
            hint="Ask a colleague with the right to approve.",
        )
    turn.record("drill.agreed", {"no": no, "by": actor.id.hex()}, source=actor.source)


def call_off(turn: Turn, actor: Actor, no: int, reason: str) -> None:
    """Take a drill out of the calendar before it has begun.

    Raises:
        ConflictError: It has begun, or is over.
        ForbiddenError: The actor may not draft, or not there.
    """
    row = reads.row_of(turn.connection, no)
    require(actor, "draft", reads.paths_of(row))
    _require_scheduled(row)
    put_off(turn, no, DrillState.CALLED_OFF, reason, actor=actor)


def stop(turn: Turn, actor: Actor, office: Office, no: int, reason: str) -> None:
    """End a drill that is under way: everybody who was told by it is told so.

    Raises:
        ConflictError: It isn't under way.
        ForbiddenError: The actor may not halt alerts, or not there.
    """
    row = reads.row_of(turn.connection, no)
    require(actor, "pause", reads.paths_of(row))
    if row.state not in {DrillState.DRAFTED.value, DrillState.RUNNING.value}:
        raise ConflictError("That drill isn't under way.")
    by = actor.id.hex()
    end(turn, office, row, End(state=DrillState.ENDED, reason=reason, by=by))


def put_off(
    turn: Turn, no: int, state: DrillState, reason: str, *, actor: Actor | None = None
) -> None:
    """Record that a drill isn't held."""
    by = actor.id.hex() if actor else ""
    body = {"no": no, "state": state.value, "reason": reason, "by": by}
    turn.record("drill.off", body, source=actor.source if actor else None)


def begin(
    turn: Turn, office: Office, no: int, plan: Plan, author: Actor, second: Actor | None = None
) -> None:
    """Draft its alert, and have it issued where nobody more is needed, or somebody has agreed.

    Raises:
        AlertdError: The plan doesn't hold any more, or they may not.
    """
    gone = [name for name in plan.channels if name not in turn.routes]
    if gone:
        # It would run, muted, and its people would be scored as silent.
        raise InvalidInputError(
            N_("The plan names a route that isn't there any more: {route}.").format(route=gone[0]),
            field="channels",
        )
    begin_with(turn, no, draft_of(turn, office, plan, no), author, second)


def begin_with(
    turn: Turn, no: int, wanted: accept.Draft, author: Actor, second: Actor | None = None
) -> int:
    """As `begin`, with its alert at hand; returns the alert's number."""
    made = accept.draft(turn, author, wanted)
    body = {"no": no, "due_at": turn.now}
    turn.record("drill.drafted", body, alert_no=made["no"], source=author.source)
    alert_id = bytes.fromhex(made["id"])
    if not needs_second_person(approving.subject_of(turn, turn.alert(made["no"]))):
        approving.approve(turn, author, alert_id)
    elif second is not None:
        approving.approve(turn, second, alert_id)
    started(turn, no)
    return int(made["no"])


def started(turn: Turn, no: int) -> bool:
    """Record that it has begun, once its alert is out; whether it is."""
    row = reads.row_of(turn.connection, no)
    alert = turn.alert(row.alert_no)
    if alert.state is not AlertState.ISSUED:
        return False
    body: dict[str, Any] = {"no": no, "due_at": alert.issued_at}
    if row.commitment:
        keyed = turn.tx.vault.blind
        body |= {
            "moment": moment.draw(keyed, row.id, row.opens_at, row.closes_at),
            "salt": moment.salt_of(keyed, row.id),
        }
    turn.record("drill.started", body, alert_no=alert.no, occurred_at=alert.issued_at)
    return True


def _add(
    turn: Turn,
    actor: Actor,
    office: Office,
    plan: Plan,
    opens: Millis,
    closes: Millis,
    *,
    begun: bool = False,
) -> int:
    turn.require_room()
    paths = _paths(turn, actor, plan)
    rehearse(turn, actor, office, plan)
    no = int(turn.connection.execute(select(func.max(t.drill.c.no))).scalar() or 0) + 1
    drill_id, keyed = turn.ids.uuid(), turn.tx.vault.blind
    promise = ""
    if plan.when.blind and not begun:
        drawn = moment.draw(keyed, drill_id, opens, closes)
        promise = moment.commitment(drawn, moment.salt_of(keyed, drill_id))
    content = plans.to_dict(plan)
    owner = keeping.owner_of(turn.connection, content.pop("owner", ""), actor)
    body = {
        "no": no,
        "id": drill_id.hex(),
        "plan": plan.name,
        "content": content,
        "paths": list(paths),
        "owner": owner.hex(),
        "by": actor.id.hex(),
        "opens_at": opens,
        "closes_at": closes,
        "commitment": promise,
        "due_at": min([*reminders(plan, opens, turn.now), opens]),
    }
    turn.record("drill.scheduled", body, source=actor.source)
    return no


def _paths(turn: Turn, actor: Actor, plan: Plan) -> tuple[str, ...]:
    """Of the units that a plan reaches, where the actor may draft."""
    paths = keeping.check(turn.connection, turn.library, turn.routes, plan)
    require(actor, "draft", paths)
    return paths


def reminders(plan: Plan, opens: Millis, scheduled_at: Millis) -> list[Millis]:
    """When the owner is reminded, in order; what was over when it was scheduled is left out."""
    times = (opens - round(hours * 3_600_000) for hours in plan.when.remind_h)
    return sorted(at for at in times if at > scheduled_at)


def rehearse(turn: Turn, actor: Actor, office: Office, plan: Plan) -> None:
    """Draft its alert and take that back: every text and every right is tried before it counts.

    Raises:
        AlertdError: As `accept.draft`.
    """
    try:
        with turn.tx.item():
            _draft_in_vain(turn, actor, office, plan)
    except _TakenBackError:
        turn.alerts.clear()


def _draft_in_vain(turn: Turn, actor: Actor, office: Office, plan: Plan) -> None:
    accept.draft(turn, actor, draft_of(turn, office, plan, 0))
    raise _TakenBackError


class _TakenBackError(Exception):
    """Undoes a rehearsal."""


def wakes_people(turn: Turn, plan: Plan) -> bool:
    """Whether it would reach anybody real by the routes that there are now."""
    ways = resolve(turn.routes.values(), plan.channels)
    leave = Leave(
        status=Status.EXERCISE,
        routes=frozenset(open_routes(turn.routes, ways)),
        simulated=False,
        ways=ways,
    )
    return reaches_people(turn.routes.values(), leave)


def _require_scheduled(row: Any) -> None:
    if row.state != DrillState.SCHEDULED.value:
        raise ConflictError("That drill isn't in the calendar any more.")
