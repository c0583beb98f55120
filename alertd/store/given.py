"""Numbers that may have been given, also by what a restored database lacks.

An alert's number is in its short code and in each of its deliveries' numbers, and these are what
gateways name a message by. Given anew, they would make an answer to a lost alert one to another,
and a late receipt of a lost message another's. A person's is in the link that they answer by.
"""

import json
from typing import Final

from sqlalchemy import Connection, exists, func, or_, select

from alertd.decide.short_code import PER_LETTER
from alertd.model import Fact, Millis
from alertd.store import tables as t
from alertd.store.database import Transaction

# Nobody drafts alerts, has messages made or takes people in so fast for long. What grows with time
# since the backup has a second restoring of the same one give no number that the first life gave.
_AN_ALERT_MS: Final = 300_000
_DELIVERIES_A_SECOND: Final = 1_000
_LONGEST_MS: Final = 30 * 86_400_000
# Eight messages to each of two million people.
_DELIVERIES: Final = 1 << 24
_MOST_DELIVERIES: Final = 1 << 28  # an alert has room for these some times
_PEOPLE: Final = 10_000
_MOST_PEOPLE: Final = 200_000  # a link holds 24 bits of a person's number
_KIND: Final = "alert.numbers-left-out"


def next_alert(connection: Connection) -> int:
    """The number of the next alert."""
    given = (func.max(t.alert.c.no), func.max(t.journal.c.alert_no))
    return max(connection.execute(select(each)).scalar() or 0 for each in given) + 1


def last_person(connection: Connection) -> int:
    """The last number that a person may have been given."""
    there = connection.execute(select(func.max(t.person.c.no))).scalar() or 0
    return max([there, *_left_out(connection)])


def _left_out(connection: Connection) -> list[int]:
    """The last numbers of people that were left out, each time.

    Such a fact is about the number before an alert's, which no alert has, or about the last there
    is: so the journal isn't gone through.
    """
    j, a, b = t.journal.c, t.alert.c, t.alert.alias().c
    before = select(a.no - 1).where(a.no > 1, ~exists().where(b.no == a.no - 1))
    last = select(func.max(j.alert_no)).scalar_subquery()
    query = select(j.body).where(or_(j.alert_no.in_(before), j.alert_no == last), j.kind == _KIND)
    return [json.loads(body).get("person", 0) for body in connection.execute(query).scalars()]


def leave_out(tx: Transaction, taken_at: Millis, *, source: str) -> None:
    """Leave out what may have been given since `taken_at`.

    Of alerts a letter of codes, and more by the time since: the fact has the last of these numbers
    for its alert's. Of each alert's deliveries more than it can have made: also a draft may have
    been issued since, and who answers one that is over is thanked. Of people some thousands.
    """
    since = min(max(0, tx.now - taken_at), _LONGEST_MS)
    last = next_alert(tx.connection) - 1 + PER_LETTER + since // _AN_ALERT_MS
    deliveries = min(_DELIVERIES + since // 1_000 * _DELIVERIES_A_SECOND, _MOST_DELIVERIES)
    person = last_person(tx.connection) + min(_PEOPLE + since // 1_000, _MOST_PEOPLE)
    body = {"taken_at": taken_at, "deliveries": deliveries, "person": person}
    tx.record(Fact(kind=_KIND, occurred_at=tx.now, body=body, alert_no=last, source=source))
