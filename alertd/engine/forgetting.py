"""What an engine needn't remember: alerts that are over, of which nothing waits to be sent.

A season has hundreds, each with its texts; whoever still needs one (a late receipt, a late answer,
a call for help that climbs) has it read again. What has something waiting is kept: which route may
carry that is asked before anything is looked up.
"""

from typing import Any, Final

from sqlalchemy import Select, func, literal_column, select

from alertd.engine.turn import Turn
from alertd.model import DeliveryState, Millis
from alertd.store import tables as t
from alertd.store.prepared import Prepared, among, numbers

EVERY_MS: Final[Millis] = 1_000
"""How often it is looked for: what is needed again and again isn't read anew at each step."""


def forget(turn: Turn) -> None:
    """Forget the alerts that are over, but for those of which something waits."""
    over = [no for no, alert in turn.alerts.items() if alert.over]
    if not over:
        return
    waiting = {
        no for (no,) in _WAITING.rows(turn.connection, alerts=numbers(turn.connection, over))
    }
    for no in over:
        if no not in waiting:
            del turn.alerts[no]


def _waiting(dialect: str) -> Select[Any]:
    c = t.delivery_count.c
    pending = c.state == literal_column(str(int(DeliveryState.PENDING)))
    return (
        select(c.alert_no)
        .where(among(dialect, c.alert_no, "alerts"), pending)
        .group_by(c.alert_no)
        .having(func.sum(c.n) > literal_column("0"))
    )


_WAITING = Prepared(_waiting)
