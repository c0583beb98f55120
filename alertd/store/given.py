"""Numbers that may have been given, also by what a restored database lacks.

An alert's number is in its short code and in each of its deliveries' numbers, and these are what
gateways name a message by. Given anew, they would make an answer to a lost alert one to another,
and a late receipt of a lost message another's.
"""

from typing import Final

from sqlalchemy import Connection, func, select

from alertd.decide.short_code import PER_LETTER
from alertd.model import Fact, Millis
from alertd.store import tables as t
from alertd.store.database import Transaction

_DAY_MS: Final = 86_400_000
_MOST_DAYS: Final = 30
# Eight messages to each of two million people; and there is room for that some hundred times.
_DELIVERIES: Final = 1 << 24


def next_alert(connection: Connection) -> int:
    """The number of the next alert."""
    given = (func.max(t.alert.c.no), func.max(t.journal.c.alert_no))
    return max(connection.execute(select(each)).scalar() or 0 for each in given) + 1


def leave_out(tx: Transaction, taken_at: Millis, *, source: str) -> None:
    """Leave out what may have been given since `taken_at`.

    Of alerts a letter of codes, and one for each day: the fact has the last of these numbers for
    its alert's. Of each alert's deliveries more than it can have made: also a draft may have been
    issued since, and who answers one that is over is thanked.
    """
    days = min(max(0, tx.now - taken_at) // _DAY_MS, _MOST_DAYS)
    last = next_alert(tx.connection) - 1 + PER_LETTER * (1 + days)
    kind, body = "alert.numbers-left-out", {"taken_at": taken_at, "deliveries": _DELIVERIES}
    tx.record(Fact(kind=kind, occurred_at=tx.now, body=body, alert_no=last, source=source))
