"""An alert that a person halts in mid-send: what waits, what goes on, and whose time stands still.

A halt is no state of the alert's life but a brake on its sending: the alert can still be updated,
cancelled, corrected or cleared, and still runs out. Who may halt it, and when, is in `lifecycle`.
"""

from dataclasses import dataclass
from enum import StrEnum

from alertd.model import MINUTE_MS, Millis

FORGOTTEN_MS = 10 * MINUTE_MS
"""A pause is for a look and a telephone call; one that lasts longer is pointed out anew."""
AGAIN_MS = 30 * MINUTE_MS
"""So often the duty desk is told once more, for as long as it lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """How an alert stands that was paused, or stopped, at some time.

    Attributes:
        paused_at: Since then nothing of it is handed over; None while it flows.
        paused_ms: How long the pauses lasted that are over.
        stopped_at: What hadn't left was withdrawn then; None unless it was.
    """

    paused_at: Millis | None = None
    paused_ms: Millis = 0
    stopped_at: Millis | None = None


NONE = Halt()


class Notice(StrEnum):
    """What everybody who looks at the alert is told, loudly."""

    NOTHING = ""
    PAUSED = "paused"
    FORGOTTEN = "forgotten"  # paused for so long that somebody may have forgotten it
    STOPPED = "stopped"  # and those who were told before don't know yet


def holds_back(halt: Halt, *, urgent: bool) -> bool:
    """Whether what waits stays where it is; what is `urgent` never does."""
    return halt.paused_at is not None and not urgent


def due_time(halt: Halt, now: Millis) -> Millis:
    """What "now" is to the ladders of the alert: they don't age while it is paused."""
    return now if halt.paused_at is None else halt.paused_at


def ran(halt: Halt, since: Millis, until: Millis) -> Millis:
    """How long an alert was under way, from its issue on, the pauses left out."""
    return due_time(halt, until) - since - halt.paused_ms


def lasted(halt: Halt, now: Millis) -> Millis:
    """By how much everything that counts time for the alert moves when it goes on."""
    return 0 if halt.paused_at is None else max(0, now - halt.paused_at)


def notice(halt: Halt, now: Millis, *, under_way: bool) -> Notice:
    """What is to be said of it.

    Args:
        halt: How it stands.
        now: The time.
        under_way: Whether the alert is issued and nothing has followed it: what follows a stopped
            alert tells those who were told.
    """
    if not under_way:
        return Notice.NOTHING
    if halt.stopped_at is not None:
        return Notice.STOPPED
    if halt.paused_at is None:
        return Notice.NOTHING
    return Notice.FORGOTTEN if now - halt.paused_at >= FORGOTTEN_MS else Notice.PAUSED
