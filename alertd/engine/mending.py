"""A wrong alert is put right with one press: the correction was prepared and approved with it.

In Hawaii in 2018 none was prepared, and 38 minutes passed. Whoever approved the alert agreed to
its correction as well, whose wording was frozen beside it; so one person with the right to approve
sends it, for a day. A correction in other words takes a second person, like any alert.
"""

from collections.abc import Callable
from typing import Any, Final

from alertd import cap
from alertd.engine import accept, approving
from alertd.engine.accept import Draft
from alertd.engine.authority import Actor, require
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ConflictError
from alertd.messages.template import Template
from alertd.model import Millis

WINDOW_MS: Final = 24 * 3_600_000
CORRECTION: Final = "correction"


def correctable(issued_at: Millis | None, purpose: str, now: Millis) -> bool:
    """Whether the prepared correction of an alert may be sent."""
    told = purpose in {"alert", "update"}
    return told and issued_at is not None and now - issued_at < WINDOW_MS


def correct(
    turn: Turn,
    actor: Actor,
    alert: LiveAlert,
    purpose: str,
    compose: Callable[[Template], cap.Alert],
) -> dict[str, Any]:
    """Send the prepared correction to everybody who was told; returns what `accept.draft` does.

    Args:
        turn: Where it is recorded.
        actor: Who presses.
        alert: What was wrong.
        purpose: The alert's.
        compose: Makes the correction by the template that was frozen with the alert.

    Raises:
        ConflictError: It never went out, or more than a day ago, or is no alert.
        ForbiddenError: The actor may not approve, or not there.
    """
    require(actor, "approve", alert.reach)
    if not correctable(alert.issued_at or None, purpose, turn.now):
        raise ConflictError(
            "Its prepared correction can no longer be sent.",
            hint="It can be for 24 hours after the issue; write a correction of your own.",
        )
    template = Template.from_dict(alert.templates[CORRECTION])
    draft = Draft(
        alert=compose(template),
        routes=None if alert.leave.routes is None else tuple(sorted(alert.leave.routes)),
        simulated=alert.leave.simulated,
        prepared=True,
    )
    made = accept.draft(turn, actor, draft)
    approving.approve(turn, actor, bytes.fromhex(made["id"]))
    return made
