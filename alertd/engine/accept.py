"""Alerts come in: drafted whole, or not at all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select

from alertd import cap
from alertd.decide.lifecycle import (
    Action,
)
from alertd.decide.plan import MUTED, Leave, Terms, refusal
from alertd.decide.short_code import short_code
from alertd.decide.supersede import Known, Superseding, supersede
from alertd.engine import following, refusals
from alertd.engine.authority import Actor, require
from alertd.engine.turn import LiveAlert, Turn
from alertd.engine.unread import whole
from alertd.errors import ConflictError, InvalidInputError
from alertd.messages import alert_params
from alertd.model import AlertState, Millis, Status
from alertd.store import given, roster
from alertd.store import tables as t
from alertd.store.roster.headcount import paths_for, roles_for

_STATUS = {
    cap.Status.ACTUAL: Status.ACTUAL,
    cap.Status.EXERCISE: Status.EXERCISE,
    cap.Status.TEST: Status.TEST,
}
ACTIONS = {
    "update": Action.UPDATE,
    "correction": Action.CORRECT,
    "cancel": Action.CANCEL,
    "all-clear": Action.ALL_CLEAR,
}
# What withdraws or corrects a warning is taken however little space there is.
_TAKEN_ALWAYS = frozenset({"cancel", "all-clear", "correction"})
ENDS = frozenset({"cancel", "all-clear"})
_DEFAULT_POLICY_COLOUR = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is handed in: a CAP alert and what CAP has no word for."""

    alert: cap.Alert
    routes: tuple[str, ...] | None = None  # a drill's plan: only these
    simulated: bool = False  # a drill with nobody woken
    policy: str | None = None  # by name; the colour's own where None
    event: str = ""  # the storm it belongs to; "" gives it the name of the alert's event
    prepared: bool = (
        False  # worded and approved with the alert that it corrects; only engine.mending
    )
    own: bool = True  # False: from a feed, which may leave out what we ask of ourselves
    drill: Terms | None = None  # of a drill that is made from a plan
    texts: tuple[str, ...] = ()  # templates that are frozen beside those of every alert


def draft(turn: Turn, actor: Actor, wanted: Draft) -> dict[str, Any]:
    """Validate and store an alert as a draft; returns its id, number and short code.

    Raises:
        InvalidInputError: The field is named; nothing is stored.
        ConflictError: The same sender, identifier and sent are stored already.
        ForbiddenError: An area is outside the actor's subtree, or was told of what it follows.
        NotConfiguredError: It would go out in another office's name.
    """
    alert = cap.require_own(wanted.alert) if wanted.own else wanted.alert
    status = _status(alert)
    version = roster.current_version(turn.connection)
    paths = paths_for(turn.connection, version, cap.area_codes(alert))
    right = "approve" if wanted.prepared else "draft"
    require(actor, right, paths)
    _refuse_repeated(turn, alert)
    purpose = _purpose(alert)
    if purpose not in _TAKEN_ALWAYS:
        turn.require_room()
        if turn.nameless:
            raise refusals.lost_identity(turn.nameless)
    followed = _supersede(turn, alert, purpose)
    heard = _heard(turn, alert) if followed else []
    require(actor, right, heard)
    if status is not Status.ACTUAL:  # by which routes the drill went must be known
        followed = [whole(each) for each in followed]
    references = followed[-1] if followed else None
    drill = next((each for each in reversed(followed) if each.drill), None)
    wanted = _confined(turn, wanted, status, references)
    terms = wanted.drill or _inherited(drill, purpose)
    selection = _selection(turn, actor, wanted, status, version, paths) | _frozen(terms, status)
    selection |= {"told": heard} if heard else {}
    _refuse_unroutable(turn, selection, status, terms)
    number = given.next_alert(turn.connection)
    params = _params(turn, alert, short_code(number))
    templates = _templates(turn, wanted, references, drill)
    turn.wording.preflight(template_of(alert), templates, params, status=alert.status.value)
    body = {
        "id": turn.ids.uuid().hex(),
        "event_no": _event(turn, wanted.event or alert.info[0].event, references),
        "identifier": alert.identifier,
        "sender": alert.sender,
        "sent": alert.sent,
        "status": int(status),
        "msg_type": alert.msg_type.value,
        "purpose": purpose,
        "short_code": short_code(number),
        "colour": _colour(alert),
        "severity": severity_of(alert),
        "headline": alert.info[0].headline or alert.info[0].event,
        "cap": cap.to_json(alert),
        "selection": {**selection, "params": params},
        "audience": _audience(purpose),
        "policy": turn.library.policy(wanted.policy or _colour(alert)).to_dict(),
        "templates": templates,
        "references_no": references.no if references else None,
        "by": actor.id.hex(),
        "expires_at": _holds_until(turn, alert, purpose),
    }
    turn.record("alert.drafted", body, alert_no=number, source=actor.source)
    return {"no": number, "id": body["id"], "short_code": body["short_code"]}


def _holds_until(turn: Turn, alert: cap.Alert, purpose: str) -> Millis:
    """What ends others holds as long as they would have: until then one may have to be told."""
    own = alert.expires_at or turn.now + 24 * 3_600_000
    if purpose not in ENDS:
        return own
    return max(own, following.sounds_until(turn.connection, alert, turn.now))


def severity_of(alert: cap.Alert) -> int:
    """1 Extreme … 4 Minor, or unknown."""
    return min(cap.severity_rank(alert), 4)


def _status(alert: cap.Alert) -> Status:
    found = _STATUS.get(alert.status)
    if found is None:
        raise InvalidInputError("Status must be Actual, Exercise or Test.", field="status")
    return found


def _refuse_repeated(turn: Turn, alert: cap.Alert) -> None:
    c = t.alert.c
    known = turn.connection.execute(
        select(c.no).where(
            c.sender == alert.sender, c.identifier == alert.identifier, c.sent == alert.sent
        )
    ).first()
    if known:
        raise ConflictError("This alert (sender, identifier, sent) is stored already.")


def _selection(
    turn: Turn,
    actor: Actor,
    wanted: Draft,
    status: Status,
    version: int,
    paths: Sequence[str],
) -> dict[str, Any]:
    roles = roles_for(turn.connection, version, cap.roles(wanted.alert))
    for route in wanted.routes or ():
        if route not in turn.routes:
            raise InvalidInputError(f"There is no route {route}.", field="routes")
    if wanted.simulated and status is Status.ACTUAL and not wanted.alert.references:
        raise InvalidInputError(
            "A live alert can't be simulated: nobody would be told.",
            field="simulated",
            hint="Make it an Exercise, or leave that out.",
        )
    if status is Status.TEST and actor.person_no is None:
        raise InvalidInputError(
            "A Test alert reaches its author only, and you are nobody in the roster.",
            field="status",
        )
    return {
        "areas": list(cap.area_codes(wanted.alert)),
        "paths": list(paths),
        "roles": list(roles),
        "routes": list(wanted.routes) if wanted.routes is not None else None,
        "simulated": wanted.simulated,
        "author_person": actor.person_no if status is Status.TEST else None,
        **({"prepared": True} if wanted.prepared else {}),
    }


def _confined(turn: Turn, wanted: Draft, status: Status, followed: LiveAlert | None) -> Draft:
    """What follows a drill leaves by none but the drill's own routes: nobody new is woken."""
    if status is not Status.EXERCISE or followed is None:
        return wanted
    routes, own = wanted.routes, followed.leave.routes
    if own is not None:
        there = own & turn.routes.keys()
        routes = tuple(sorted(there if routes is None else there.intersection(routes)))
    return replace(wanted, routes=routes, simulated=wanted.simulated or followed.leave.simulated)


def _inherited(drill: LiveAlert | None, purpose: str) -> Terms | None:
    """What follows a drill that was made from a plan keeps to that plan.

    Its script takes no route away from the word that it is over.
    """
    found = drill.drill if drill else None
    return replace(found, lost=()) if found and purpose in ENDS else found


def _templates(
    turn: Turn, wanted: Draft, references: LiveAlert | None, drill: LiveAlert | None
) -> dict[str, Any]:
    """What is frozen with it; what follows a drill keeps the words of its plan's script."""
    own = template_of(wanted.alert)
    if wanted.prepared and references and own in references.templates:
        return dict(references.templates)
    kept = drill.templates if drill else {}
    return {**kept, **turn.library.freeze(own, *wanted.texts)}


def _frozen(terms: Terms | None, status: Status) -> dict[str, Any]:
    if terms is None:
        return {}
    if status is not Status.EXERCISE:
        raise InvalidInputError("Only an Exercise has a drill's plan.", field="status")
    return {
        "drill": {
            "no": terms.drill,
            "ways": {name: way.value for name, way in terms.ways.items()},
            "climb_to": terms.climb_to,
            "lost": [list(each) for each in terms.lost],
        }
    }


def _refuse_unroutable(
    turn: Turn, selection: Mapping[str, Any], status: Status, terms: Terms | None
) -> None:
    leave = replace(_leave(selection, status), ways=terms.ways if terms else None)
    # A drill that mutes all of its channels is one at the table.
    if all(refusal(route, leave) not in {None, MUTED} for route in turn.routes.values()):
        raise InvalidInputError(
            "No route may carry this alert.",
            field="routes",
            hint="Look at `carries` in the routes' settings, and at the plan's routes.",
        )


def _leave(selection: Mapping[str, Any], status: Status) -> Leave:
    routes = selection["routes"]
    return Leave(
        status=status,
        routes=None if routes is None else frozenset(routes),
        simulated=selection["simulated"],
    )


def _supersede(turn: Turn, alert: cap.Alert, purpose: str) -> list[LiveAlert]:
    """The alerts that this one follows, the latest last; they must be known and fit.

    Raises:
        InvalidInputError: Every reference that can't be followed is named; or an all-clear names
            none, and so would reach nobody.
    """
    known = known_alerts(turn, alert.references)
    found = supersede(
        alert.msg_type.value,
        alert.references,
        {each.identity: each for each in known},
        identity=alert.identity,
        status=_status(alert),
        purpose=ACTIONS.get(purpose),
    )
    if isinstance(found, Superseding):
        if purpose in ENDS and not found.tells_told_of:
            raise InvalidInputError(
                "An all-clear must name the alert whose danger is over.",
                field="references",
                hint="It goes to those who were told of that; without it nobody would hear it.",
            )
        return sorted(
            (turn.alert_by_id(alert_id) for alert_id in found.tells_told_of),
            key=lambda live: live.no,
        )
    codes = {
        each.identity: turn.alert_by_id(each.alert_id).short_code
        for each in known
        if any(each.identity == wrong.identity for wrong in found)
    }
    reasons = "; ".join(
        f"{codes.get(wrong.identity, wrong.identity[1])}: {refusals.of_reference(wrong.reason)}"
        if wrong.identity
        else refusals.of_reference(wrong.reason)
        for wrong in found
    )
    raise InvalidInputError(f"What it refers to doesn't fit: {reasons}.", field="references")


def known_alerts(turn: Turn, references: Sequence[cap.Reference]) -> list[Known]:
    """Those of the references that are stored here."""
    c = t.alert.c
    found = []
    for sender, identifier, sent in references:
        row = turn.connection.execute(
            select(t.alert).where(c.sender == sender, c.identifier == identifier, c.sent == sent)
        ).first()
        if row is not None:
            found.append(
                Known(
                    alert_id=row.id,
                    identity=(row.sender, row.identifier, row.sent),
                    state=AlertState(row.state),
                    status=Status(row.status),
                    follows=frozenset(
                        turn.alert(no).id for no in following.followed(turn.connection, row.cap)
                    ),
                )
            )
    return found


def _heard(turn: Turn, alert: cap.Alert) -> list[str]:
    """The paths of all who were told of what an alert follows: they hear of it as well."""
    numbers = following.followed(turn.connection, json.dumps(cap.to_json(alert)))
    return list(dict.fromkeys(path for no in numbers for path in turn.alert(no).reach))


def _purpose(alert: cap.Alert) -> str:
    if alert.msg_type is cap.MsgType.UPDATE and template_of(alert) == "correction":
        return "correction"
    if alert.msg_type is cap.MsgType.CANCEL:
        return "cancel"
    clear = any(cap.ResponseType.ALL_CLEAR in info.response_type for info in alert.info)
    if clear:
        return "all-clear"
    return "update" if alert.msg_type is cap.MsgType.UPDATE else "alert"


def _audience(purpose: str) -> str:
    return {"alert": "selection", "update": "both"}.get(purpose, "told")


def _colour(alert: cap.Alert) -> str:
    found = cap.colour(alert)
    return found.value if found else _DEFAULT_POLICY_COLOUR


def template_of(alert: cap.Alert) -> str:
    """The name of the message template that an alert is worded by."""
    found = [name for info in alert.info for name in info.parameters(cap.TEMPLATE)]
    return found[0] if found else "notice"


def _params(turn: Turn, alert: cap.Alert, code: str) -> dict[str, Any]:
    return alert_params(alert, code=code, zone=turn.library.zone)


def _event(turn: Turn, name: str, references: LiveAlert | None) -> int:
    c = t.event.c
    if references is not None:
        return int(
            turn.connection.execute(
                select(t.alert.c.event_no).where(t.alert.c.no == references.no)
            ).scalar_one()
        )
    number = _next(turn, c.no)
    turn.record("event.opened", {"no": number, "id": turn.ids.uuid().hex(), "name": name})
    return number


def _next(turn: Turn, column: Any) -> int:
    return int(turn.connection.execute(select(func.max(column))).scalar_one() or 0) + 1
