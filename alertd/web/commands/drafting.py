"""From what an operator hands in to a draft, and on to the alert that follows one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from sqlalchemy import Connection

from alertd import cap, messages
from alertd.cap.problems import refuse_validation
from alertd.decide.budget import Account
from alertd.decide.plan import Leave, Route
from alertd.engine import accept, approving, mending
from alertd.engine.accept import Draft
from alertd.engine.authority import Actor, require
from alertd.engine.library import Library
from alertd.engine.turn import Turn
from alertd.errors import ConflictError
from alertd.messages import ShortForm
from alertd.messages.template import Template
from alertd.model import Millis, Status
from alertd.settings import Settings
from alertd.store import roster
from alertd.store.reads import alerts as reads
from alertd.store.reads import queue
from alertd.store.reads.units import names_of_areas
from alertd.web.commands.expecting import Expected, budget, forecast, kept
from rosters.shifts import minute_of_day

Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
FOLLOW_UPS: Mapping[str, str] = {
    "cancel": "cancel",
    "all-clear": "all-clear",
    "correction": "correction",
}
"""What can follow an alert, and the message template that says so; an update has its own."""


class NewAlert(ShortForm):
    """The short form of an alert, and what CAP has no word for.

    Attributes:
        routes: A drill's plan: only these routes may carry it; null for any that may.
        simulated: A drill with nobody woken: simulated routes only.
        policy: An escalation policy by name; null for the colour's own.
        storm: The storm it belongs to, by name.
        issue: Have it issued at once where no second person is needed.
    """

    routes: Annotated[tuple[Word, ...], Field(min_length=1, max_length=50)] | None = None
    simulated: bool = False
    policy: Word | None = None
    storm: Annotated[str, Field(max_length=60)] = ""
    issue: bool = False


class FollowUp(ShortForm):
    """What ends or corrects an alert; what isn't given is as in the alert itself.

    Attributes:
        issue: Have it issued at once where no second person is needed.
    """

    template: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,60}$")] = "correction"
    colour: cap.Colour = cap.Colour.BLUE
    areas: Annotated[
        tuple[Annotated[str, Field(pattern=f"^{cap.AREA_CODE.pattern}$")], ...],
        Field(max_length=1_500),
    ] = ()
    status: Literal["Actual", "Exercise", "Test"] = "Actual"
    issue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What drafting needs beside the turn.

    Args:
        library: Templates and policies.
        settings: Whose alerts they are.
        link: What stands for a person's own link in a text; "" for none.
        routes: What there is to send by.
        accounts: What of the routes' budgets is spent.
    """

    library: Library
    settings: Settings
    link: str
    routes: Mapping[str, Route]
    accounts: Mapping[str, Account]

    def compose(
        self,
        connection: Connection,
        short: ShortForm,
        *,
        identifier: str,
        now: Millis,
        references: Sequence[cap.Reference] = (),
        template: Template | None = None,
    ) -> cap.Alert:
        """The CAP alert of a short form; by the library's template where none is given."""
        return messages.compose(
            short,
            template or self.library.templates.select(short.template, short.colour),
            identifier=identifier,
            sender=self.settings.sender,
            sent_at=now,
            zone=self.library.zone,
            sender_name=self.settings.sender_name,
            area_names=names_of_areas(connection, short.areas),
            references=references,
        )


def draft_short(
    turn: Turn,
    actor: Actor,
    writing: Writing,
    new: NewAlert,
    references: Sequence[cap.Reference] = (),
) -> dict[str, Any]:
    """Draft what the short form says."""
    alert = writing.compose(
        turn.connection, new, identifier=_identifier(turn), now=turn.now, references=references
    )
    wanted = Draft(
        alert=alert,
        routes=new.routes,
        simulated=new.simulated,
        policy=new.policy,
        event=new.storm,
    )
    return _drafted(turn, actor, writing, wanted, issue=new.issue)


def draft_cap(turn: Turn, actor: Actor, writing: Writing, alert: cap.Alert) -> dict[str, Any]:
    """Draft a CAP alert as it was handed in."""
    return _drafted(turn, actor, writing, Draft(alert=alert), issue=False)


def update(
    turn: Turn, actor: Actor, writing: Writing, alert_id: bytes, new: NewAlert
) -> dict[str, Any]:
    """Draft the alert that takes another's place."""
    before = reads.alert(turn.connection, alert_id, path=actor.path)
    return draft_short(turn, actor, writing, new, [_identity(before.view)])


def follow(
    turn: Turn, actor: Actor, writing: Writing, alert_id: bytes, kind: str, given: FollowUp
) -> dict[str, Any]:
    """Draft what cancels, clears or corrects an alert: to everybody who was told of it.

    Raises:
        NotFoundError: There is no such alert in the actor's subtree.
    """
    before = reads.alert(turn.connection, alert_id, path=actor.path)
    new = _completed(before, given, FOLLOW_UPS[kind])
    return draft_short(turn, actor, writing, new, [_identity(before.view)])


def correct_at_once(turn: Turn, actor: Actor, writing: Writing, alert_id: bytes) -> dict[str, Any]:
    """Send the correction that was prepared with an alert, and approved with it.

    Raises:
        NotFoundError: There is no such alert in the actor's subtree.
    """
    before = reads.alert(turn.connection, alert_id, path=actor.path)
    new = _completed(before, FollowUp(), mending.CORRECTION)

    def compose(template: Template) -> cap.Alert:
        return writing.compose(
            turn.connection,
            new,
            identifier=_identifier(turn),
            now=turn.now,
            references=[_identity(before.view)],
            template=template,
        )

    live = turn.alert_by_id(alert_id)
    made = mending.correct(turn, actor, live, before.view.purpose, compose)
    return drafted_view(turn, writing, actor, bytes.fromhex(made["id"]))


def _completed(before: reads.FullAlert, given: FollowUp, template: str) -> NewAlert:
    known = cap.from_json(before.cap)
    level = cap.response_level(known)
    values: dict[str, Any] = {
        "colour": before.view.colour or cap.Colour.BLUE,
        "areas": list(before.view.areas),
        "roles": list(cap.roles(known)),
        "response_level": level.value if level else None,
        "incident": known.incidents,
        "event": _events(known),
    }
    chosen = given.model_dump(mode="json", exclude_unset=True)
    fixed = {
        "template": template,
        "status": before.view.status,
        "simulated": before.view.simulated,
        "routes": before.view.routes,
    }
    try:
        return NewAlert.model_validate({**values, **chosen, **fixed})
    except ValidationError as error:
        raise refuse_validation(error) from None


def _events(alert: cap.Alert) -> dict[str, str]:
    """What the alert was about, by language; its follower says the same."""
    return {info.language: info.event for info in alert.info if info.language in {"zh-CN", "en"}}


def _identity(view: reads.AlertView) -> cap.Reference:
    return cap.Reference(view.sender, view.identifier, view.sent)


def _identifier(turn: Turn) -> str:
    return f"alertd-{turn.ids.uuid().hex()}"


def _drafted(
    turn: Turn, actor: Actor, writing: Writing, wanted: Draft, *, issue: bool
) -> dict[str, Any]:
    made = accept.draft(turn, actor, wanted)
    alert_id = bytes.fromhex(made["id"])
    shown = drafted_view(turn, writing, actor, alert_id)
    if shown["forecast"]:
        turn.record("alert.forecast", {"channels": kept(shown["forecast"])}, alert_no=made["no"])
    if issue:
        _issue_alone(turn, actor, alert_id)
    return shown | _standing(turn.connection, actor, alert_id)


def _issue_alone(turn: Turn, actor: Actor, alert_id: bytes) -> None:
    """Issue it where that needs nobody more; else the draft waits for a second person."""
    try:
        with turn.tx.item():
            approving.approve(turn, actor, alert_id)
    except ConflictError:
        turn.alerts.clear()


def drafted_view(turn: Turn, writing: Writing, actor: Actor, alert_id: bytes) -> dict[str, Any]:
    """What the author of a draft is shown: its names, whom it reaches, how long the texts are."""
    full = reads.alert(turn.connection, alert_id, path=actor.path)
    alert = cap.from_json(full.cap)
    return {
        "id": full.view.id,
        "no": full.view.no,
        "short_code": full.view.short_code,
        "state": full.view.state.value,
        "status": full.view.status,
        "headline": full.view.headline,
        "expires_at": full.view.expires_at,
        **outlook(
            turn.connection,
            writing,
            alert,
            full.view.short_code,
            policy=full.policy,
            leave=leave_of(full.view),
            now=turn.now,
        ),
    }


def _standing(connection: Connection, actor: Actor, alert_id: bytes) -> dict[str, Any]:
    """What issuing it may have changed of what is shown."""
    view = reads.alert(connection, alert_id, path=actor.path).view
    return {"state": view.state.value, "expires_at": view.expires_at}


def leave_of(alert: reads.AlertView | NewAlert) -> Leave:
    """By which routes an alert may travel."""
    return Leave(
        status=Status[alert.status.upper()],
        routes=None if alert.routes is None else frozenset(alert.routes),
        simulated=alert.simulated,
    )


def outlook(
    connection: Connection,
    writing: Writing,
    alert: cap.Alert,
    code: str,
    *,
    policy: Mapping[str, Any],
    leave: Leave,
    now: Millis,
) -> dict[str, Any]:
    """Whom an alert would reach now, when, and its texts with their SMS parts; nothing is stored.

    Raises:
        InvalidInputError: An area or role that the roster doesn't know, or a text that can't be.
    """
    version = roster.current_version(connection)
    paths = roster.paths_for(connection, version, cap.area_codes(alert))
    roles = roster.roles_for(connection, version, cap.roles(alert))
    found = roster.headcount(
        connection,
        version,
        paths=paths,
        roles=roles,
        ladder_roles=policy["ladder_roles"],
        everyone=policy["tell"] == "everyone",
        minute=minute_of_day(now, writing.library.zone),
    )
    template = writing.library.templates.get(accept.template_of(alert))
    params = messages.alert_params(alert, code=code, zone=writing.library.zone)
    texts = messages.preview(
        template,
        {**params, "link": writing.link},
        status=alert.status.value,
        signatures=writing.settings.signatures,
    )
    parts = max((t.size.parts for t in texts if t.channel == "sms"), default=0)
    expected = Expected(
        routes=tuple(writing.routes.values()),
        policy=policy,
        leave=leave,
        severity=accept.severity_of(alert),
        parts=parts,
        waiting=queue.waiting(connection),
        alike=not template.tells_apart,
    )
    # A follower goes to whomever the alert before it reached, and a test to one: no headcount says.
    told = not alert.references and leave.status is not Status.TEST
    asking = reads.beside(connection, leave.status, paths, roles) if told else ()
    return {
        "beside": list(asking),
        "headcount": {
            name: _plain(getattr(found, name))
            for name in found.__slots__
            if name not in {"waves", "sharing"}
        },
        "forecast": forecast(found, expected) if told else {},
        "budget": budget(found, expected, writing.accounts) if told else None,
        "texts": [
            {
                "language": text.language,
                "channel": text.channel,
                "text": text.text,
                "sms_parts": text.size.parts if text.channel == "sms" else None,
                "encoding": text.size.encoding.value if text.channel == "sms" else None,
            }
            for text in texts
        ],
        "sms_parts": parts,
    }


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def preview(
    connection: Connection, actor: Actor, writing: Writing, new: NewAlert, *, now: Millis
) -> dict[str, Any]:
    """What a short form would come to; nothing is stored.

    Raises:
        ForbiddenError: The actor may not draft, or not there.
    """
    version = roster.current_version(connection)
    require(actor, "draft", roster.paths_for(connection, version, new.areas))
    alert = writing.compose(connection, new, identifier="preview", now=now)
    policy = writing.library.policy(new.policy or new.colour.value).to_dict()
    shown = {"expires_at": alert.expires_at, "headline": alert.info[0].headline or ""}
    return {
        **shown,
        **outlook(connection, writing, alert, "A1", policy=policy, leave=leave_of(new), now=now),
    }
