"""Which time a node goes by: the machine's wall clock, or on from what it has lived through.

Promises are spans of time: three minutes until the alternate is asked, an hour until the alert
ends. A clock that leaps must not spend them. So while anything is under way the node's time only
counts on, and after a start it is never before what the node has lived through. Where the wall
clock can't be believed the node goes on from there: every rung keeps what it had left, nothing ends
early, and somebody is told.
"""

from dataclasses import dataclass
from enum import StrEnum

from alertd.model import Millis

TOLERANCE_MS = 120_000
"""Clocks so close agree; a machine without a time service drifts by seconds a day."""
GAP_MS = 48 * 3_600_000
"""How long a node may have been off, with work under way, and its wall clock is still believed."""
SETTLES_MS = 10 * 60_000
"""How long after a leap what can't be undone waits: whoever mistyped the year, or the time service,
puts it right in that time."""


class Why(StrEnum):
    """Why the node's time is what it is; the journal's words."""

    WALL = "wall"  # the wall clock has gone on plausibly
    NEAR = "near"  # it lags by less than the tolerance: time doesn't go back
    AHEAD = "wall-ahead"  # too far ahead with work under way: not believed
    BEHIND = "wall-behind"  # before what the node has lived through: not believed
    IDLE = "idle"  # nothing was under way, so the wall clock was taken, however far off
    ACCEPTED = "accepted"  # an operator says that the wall clock is right
    JOINED = "joined"  # older records have it of a process that went over to the others' time


@dataclass(frozen=True, slots=True)
class Resumed:
    """The time that a node goes on from, and why."""

    at: Millis
    why: Why

    @property
    def believed(self) -> bool:
        """Whether that is the wall clock's time."""
        return self.why not in {Why.AHEAD, Why.BEHIND}


def resume(
    lived: Millis | None, wall: Millis, *, under_way: bool, gap_ms: Millis = GAP_MS
) -> Resumed:
    """The time that a starting node begins at.

    Args:
        lived: The latest time that it is known to have lived through; None for a new node.
        wall: What the machine's clock says.
        under_way: Whether anything waits for its time.
        gap_ms: The longest time off that is believed while something is under way.
    """
    if lived is None:
        return Resumed(wall, Why.WALL)
    gone = wall - lived
    if gone < 0:
        return Resumed(lived, Why.NEAR if gone >= -TOLERANCE_MS else Why.BEHIND)
    if gone <= max(gap_ms, TOLERANCE_MS):
        return Resumed(wall, Why.WALL)
    return Resumed(lived, Why.AHEAD) if under_way else Resumed(wall, Why.IDLE)


def standing(now: Millis, wall: Millis) -> Why:
    """How the wall clock stands to the node's time `now`: `WALL` where they agree."""
    if abs(wall - now) <= TOLERANCE_MS:
        return Why.WALL
    return Why.AHEAD if wall > now else Why.BEHIND


def follow(
    now: Millis, wall: Millis, *, last_fact: Millis | None, under_way: bool, leapt_ms: int = 0
) -> bool:
    """Whether a running node takes the wall clock's time in the place of its own.

    Only with nothing under way, and to before the last fact on record only where the wall clock is
    back where it would be without its leap ahead: the leap was the mistake.

    Args:
        now: The node's time.
        wall: What the machine's clock says.
        last_fact: When the last fact was recorded; None: there is none.
        under_way: Whether anything waits for its time.
        leapt_ms: How far this process has followed the wall clock ahead by itself.
    """
    if under_way or standing(now, wall) is Why.WALL:
        return False
    undone = leapt_ms > 0 and standing(now - leapt_ms, wall) is Why.WALL
    return last_fact is None or wall >= last_fact or undone


def joined(wall: Millis, others: Millis) -> Millis:
    """The time of one of several processes that finds that the others live by another.

    One of them has set it, or this one was suspended. Theirs is taken, whatever the wall clock
    says: two times in one city would be silence in one part of it, and everything twice in the
    other.

    Args:
        wall: What the wall clock says; more exact, where it agrees.
        others: What they wrote down last, some seconds ago.
    """
    return wall if standing(others, wall) is Why.WALL else others


def in_our_time(told: Millis, now: Millis, ahead_ms: int) -> Millis:
    """The node's time of what a peer says when it happened.

    While the machine's clock isn't believed the peer may go by the same time as either; nothing has
    happened later than now, and what has just come has just happened, rather than an hour ago.

    Args:
        told: What the peer says.
        now: The node's time.
        ahead_ms: How far the machine's clock is ahead of it.
    """
    return max((at for at in (told, told - ahead_ms) if at <= now), default=told)


class Refusal(StrEnum):
    """Why an operator's word for the wall clock isn't acted on."""

    NOT_THE_TIME = "not-the-time"  # what the operator's own watch says is something else
    BACK_UNDER_WAY = "back-under-way"  # back, while something waits for its time


def accept(now: Millis, wall: Millis, *, said: Millis, under_way: bool) -> Refusal | None:
    """Whether the wall clock is taken because an operator says that it is right; None: it is.

    Two witnesses: the operator says what time it is, and must agree with the machine. Time goes
    back only while nothing is under way; what waits would wait for as long again.
    """
    if abs(said - wall) > TOLERANCE_MS:
        return Refusal.NOT_THE_TIME
    return Refusal.BACK_UNDER_WAY if under_way and wall < now - TOLERANCE_MS else None
