"""What a drill's owner hears of it: a Test alert of their own, which reaches nobody else."""

from typing import Any, Final

from alertd import cap, messages
from alertd.engine import accept, approving
from alertd.engine.accept import Draft
from alertd.engine.authority import Actor
from alertd.engine.turn import Turn
from alertd.errors import AlertdError
from alertd.messages import ShortForm
from alertd.store import access
from alertd.store.access import Principal
from alertd.store.reads.units import names_of_areas
from drills.alerting import Office
from drills.plan import Plan

REMINDER: Final = "drill_owner-reminder"
POSTPONED: Final = "drill_owner-postponed"
INTERRUPTED: Final = "drill_owner-interrupted"


class CalendarActor(Actor):
    """Somebody in whose name the calendar acts: what it does is the engine's doing."""

    __slots__ = ()

    @property
    def source(self) -> str:
        """The journal's word for who did it."""
        return "engine"


def in_name_of(turn: Turn, principal_id: bytes) -> Actor | None:
    """The calendar, with just the rights that a principal has now; None where they have none.

    Raises:
        ForbiddenError: Their unit has left the roster.
    """
    found = access.principal_with(turn.connection, principal_id)
    return None if found is None or found.disabled_at is not None else _actor(turn, found)


def _actor(turn: Turn, principal: Principal) -> Actor:
    return CalendarActor(
        no=principal.no,
        id=principal.id,
        name=principal.name,
        role=principal.role,
        path=access.path_of(turn.connection, principal),
        person_no=principal.person_no,
    )


def tell(
    turn: Turn, office: Office, owner: bytes, plan: Plan, template: str, params: dict[str, Any]
) -> int:
    """Have the owner told by SMS; returns the Test alert's number.

    0 where they have no person in the roster, may draft nothing, or no route carries tests: they
    find it on the console then.
    """
    try:
        with turn.tx.item():
            return _told(turn, office, owner, plan, template, params)
    except AlertdError:
        turn.alerts.clear()
        return 0


def _told(
    turn: Turn, office: Office, owner: bytes, plan: Plan, template: str, params: dict[str, Any]
) -> int:
    actor = in_name_of(turn, owner)
    if actor is None or actor.person_no is None:
        return 0
    short = ShortForm.from_dict(
        {
            "template": template,
            "colour": cap.Colour.BLUE,
            "areas": list(plan.alert.areas),
            "status": "Test",
            "params": {"plan": plan.name[:_MOST_NAME], **params},
        }
    )
    alert = messages.compose(
        short,
        turn.library.templates.get(template),
        identifier=f"alertd-{turn.ids.uuid().hex()}",
        sender=office.sender,
        sent_at=turn.now,
        zone=turn.library.zone,
        sender_name=office.sender_name,
        area_names=names_of_areas(turn.connection, short.areas),
    )
    made = accept.draft(turn, actor, Draft(alert=alert, event=plan.name))
    approving.approve(turn, actor, bytes.fromhex(made["id"]))
    return int(made["no"])


_MOST_NAME: Final = 20  # so that it stays one part
