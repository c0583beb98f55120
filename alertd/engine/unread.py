"""An alert of which this version can't read a part: who needs that part, and who hears of it."""

from functools import partial
from typing import Any, Final

from sqlalchemy import literal_column, select

from alertd.engine.apart import apart
from alertd.engine.turn import UNDER_WAY, LiveAlert, Turn
from alertd.errors import ConflictError
from alertd.store import tables as t
from alertd.store.prepared import Prepared

PART: Final = "frozen"
"""What `apart` calls it."""


def whole(alert: LiveAlert) -> LiveAlert:
    """The alert, if all that was frozen with it can be read.

    Raises:
        ConflictError: It can't; what depends on it must wait.
    """
    if alert.unread:
        raise ConflictError(
            "This version of alertd can't read all of that alert.",
            hint="Start the version that wrote it. Its answers and calls for help go on.",
        )
    return alert


def report(turn: Turn) -> None:
    """Say of each alert under way that can't be read whole that it is so, for as long as it is."""
    for (no,) in _UNDER_WAY.rows(turn.connection):
        alert = turn.alert(no)
        if alert.unread:
            apart(turn, PART, partial(whole, alert), alert, alert_no=no)


def _under_way(_: str) -> Any:
    c = t.alert.c
    return select(c.no).where(c.state.in_([literal_column(f"'{state}'") for state in UNDER_WAY]))


_UNDER_WAY = Prepared(_under_way)
