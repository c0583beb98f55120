"""Show one person's whole number to somebody who is going to call it; on record, without it."""

from typing import Any

from alertd.engine.authority import Actor, require
from alertd.engine.telling import inside_plan
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ConflictError, ForbiddenError, NotFoundError
from alertd.model import Channel
from alertd.store import addresses, people
from alertd.store.reads.units import paths_of_person, people_named, person_of
from alertd.store.vault import Vault


def show_number(
    turn: Turn, actor: Actor, vault: Vault, alert_id: bytes, person_id: str
) -> dict[str, Any]:
    """The name and number of one person, for a call about an alert.

    Raises:
        NotFoundError: No such alert or person, or one without a number.
        ForbiddenError: The actor may not, or not there; or the person is outside a drill's plan.
        ConflictError: A simulated drill reaches nobody, also not by an operator's telephone.
    """
    alert = turn.alert_by_id(alert_id)
    person = person_of(turn.connection, person_id)
    paths = paths_of_person(turn.connection, person)
    inside = [path for path in paths if path.startswith(actor.path)]
    require(actor, "call", inside or paths or [""])
    _require_plan(turn, alert, person)
    number = _number(turn, vault, person)
    if not number:
        raise NotFoundError("The roster has no number of that person.")
    body = {"by": actor.id.hex(), "person_no": person}
    turn.record("number.shown", body, alert_no=alert.no, source=actor.source)
    (known,) = people_named(turn.connection, [person]).values()
    return {"person_id": known[0], "name": known[1], "number": number}


def _require_plan(turn: Turn, alert: LiveAlert, person: int) -> None:
    if not alert.issued_at:
        raise ConflictError("Nobody has been told of this alert.")
    if alert.leave.simulated:
        raise ConflictError("The drill is simulated: nobody real is called.")
    if not inside_plan(turn, alert, [person]):
        raise ForbiddenError("That person is outside the drill's plan.", field="person_id")


def _number(turn: Turn, vault: Vault, person: int) -> str:
    for channel in (Channel.SMS, Channel.VOICE):
        ways = people.contacts(turn.connection, [person], int(channel)).get(person, ())
        for _, address in ways:
            return addresses.reveal(turn.connection, vault, [address]).get(address, "")
    return ""
