"""Waiting for what must come: a condition that is asked again, never a pause that hopes."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 30.0  # the longest that a test waits for what must come; none waits for nothing
_POLL_S = (0.05, 0.25)  # soon at first, then seldom: asking costs what is asked time, too


def within(seconds: float = PATIENCE_S, *, that: Callable[[], Any], why: str = "") -> Any:
    """What `that` returns once it is true; an AssertionError with its last value after `seconds`.

    An AssertionError inside `that` counts as not true yet, so that it may hold several.
    """
    until = time.monotonic() + seconds
    pause_s, longest_s = _POLL_S
    while True:
        try:
            found = that()
        except AssertionError as error:
            found, last = None, str(error)
        else:
            if found:
                return found
            last = repr(found)
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {why or last}")
        time.sleep(pause_s)
        pause_s = min(longest_s, pause_s * 1.2)
