"""Parts of a step that may fail by themselves: a defect in one of them holds up no other.

What a drill's calendar or one alert's old data trip over must not keep a live alert from going out.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import structlog

from alertd.engine.turn import Turn
from alertd.errors import AlertdError
from alertd.model import Millis
from alertd.store.database import BrokenOffError

REST_MS: Final = 10_000
"""So long a part that failed is left out: it would fail again, and every failure is on record."""

_T = TypeVar("_T")

log = structlog.get_logger("alertd.engine")


def apart(turn: Turn, part: str, act: Callable[[], _T], otherwise: _T, *, alert_no: int = 0) -> _T:
    """Do a part of the step; where it fails in a way that nobody foresaw, it alone is undone.

    Args:
        turn: The step.
        part: Which.
        act: Does it.
        otherwise: What is returned where it fails, or failed just now.
        alert_no: Of this alert alone; 0: of all.
    """
    if turn.resting.get((part, alert_no), 0) > turn.now:
        return otherwise
    try:
        with turn.tx.item():
            done = act()
    except BrokenOffError:
        raise  # of this step nothing is left that could be committed
    except Exception as error:
        # What was foreseen says what it is; anything else says where.
        trace, reason = (None, error.message) if isinstance(error, AlertdError) else (error, "")
        log.error("part failed", part=part, alert=alert_no, reason=reason, exc_info=trace)  # noqa: TRY400
        turn.alerts.clear()
        turn.resting[part, alert_no] = turn.now + REST_MS
        turn.record("defect", {"error": type(error).__name__}, alert_no=alert_no)
        return otherwise
    turn.resting.pop((part, alert_no), None)
    return done


def left_out(turn: Turn, part: str) -> list[int]:
    """The alerts of which a part is left out now."""
    return [no for (name, no), until in turn.resting.items() if name == part and until > turn.now]


def failing(resting: Mapping[tuple[str, int], Millis], now: Millis) -> list[tuple[str, int]]:
    """(part, alert) that failed when they were tried last; of one that isn't tried any more, none.

    Args:
        resting: The engine's; read in whatever thread.
        now: The time.
    """
    return sorted(key for key, until in list(resting.items()) if until + REST_MS > now)
