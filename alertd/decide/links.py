"""How long a link in a message is good for."""

from enum import StrEnum
from typing import Final

from alertd.decide.interpret import LATE_WINDOW_S
from alertd.model import Millis

GRACE_S: Final = LATE_WINDOW_S
"""How long after its alert's end a link still takes an answer, marked late: as long as a bare
reply to the same message would be taken for one."""


class Standing(StrEnum):
    """What a link is good for now."""

    OPEN = "open"  # the alert is under way
    LATE = "late"  # it is over; an answer counts and is marked late
    CLOSED = "closed"  # the link has ended with its alert


def standing(*, over: bool, expires_at: Millis, ended_at: Millis | None, now: Millis) -> Standing:
    """What a link is good for.

    Args:
        over: Whether the alert has ended.
        expires_at: When it ends by itself.
        ended_at: When it ended; None while it runs, or where that isn't on record.
        now: The time.
    """
    if not over:
        return Standing.OPEN
    end = expires_at if ended_at is None else ended_at
    return Standing.LATE if now <= end + GRACE_S * 1000 else Standing.CLOSED
