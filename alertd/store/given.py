"""Numbers that may have been given, also by what a restored database lacks.

An alert's number is in its short code and in each of its deliveries' numbers, and these are what
gateways name a message by. Given anew, they would make an answer to a lost alert one to another,
and a late receipt of a lost message another's. A person's is in the link that they answer by.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, exists, func, or_, select

from alertd.decide.short_code import PER_LETTER
from alertd.model import Fact, Millis
from alertd.store import tables as t
from alertd.store.database import Transaction

LONGEST_MS: Final = 30 * 86_400_000  # of what chance may add


class _Span(NamedTuple):
    """How many numbers are left out: at least `least`, and one more each `each_ms` since.

    Nobody drafts alerts, has messages made or takes people in so fast for long. What grows with the
    time has a second restoring of the same backup give none that the first one gave. Past `most` it
    goes round in as many again: there is no room for more.
    """

    least: int
    each_ms: Millis
    most: int

    def after(self, since: Millis) -> int:
        grown = since // self.each_ms
        return self.least + (grown if grown < self.most else self.most + grown % self.most)


_ALERTS: Final = _Span(PER_LETTER, 60_000, 8_640)  # so far, codes of two letters
_DELIVERIES: Final = _Span(1 << 24, 1, 1 << 27)  # eight to each of two million; an alert has 2^31
_PEOPLE: Final = _Span(10_000, 1_000, 100_000)  # a link holds 24 bits of a person's number
_KIND: Final = "alert.numbers-left-out"


def next_alert(connection: Connection) -> int:
    """The number of the next alert."""
    given = (func.max(t.alert.c.no), func.max(t.journal.c.alert_no))
    return max(connection.execute(select(each)).scalar() or 0 for each in given) + 1


def last_person(connection: Connection) -> int:
    """The last number that a person may have been given."""
    there = connection.execute(select(func.max(t.person.c.no))).scalar() or 0
    bodies = left_out(connection, t.journal.c.body)
    return max([there, *(int(json.loads(row.body).get("person", 0)) for row in bodies)])


def left_out(connection: Connection, *columns: ColumnElement[Any]) -> Sequence[Row[Any]]:
    """These columns of the fact of each time that numbers were left out.

    Such a fact is about a number that no alert has: that before an alert's, or the last there is.
    So neither the journal nor what is on record of a running alert is gone through.
    """
    j, a, b = t.journal.c, t.alert.c, t.alert.alias().c
    before = select(a.no - 1).where(a.no > 1, ~exists().where(b.no == a.no - 1))
    newest = select(func.max(j.alert_no).label("no")).subquery()
    last = select(newest.c.no).where(~exists().where(b.no == newest.c.no)).scalar_subquery()
    query = select(*columns).where(or_(j.alert_no.in_(before), j.alert_no == last))
    return connection.execute(query.where(j.kind == _KIND)).all()


def leave_out(tx: Transaction, taken_at: Millis, *, source: str, chance_ms: Millis = 0) -> None:
    """Leave out what may have been given since `taken_at`.

    A clock that is behind doesn't tell how long that is: there `chance_ms` is added, of 0 to
    `LONGEST_MS`, for a second restoring of the same backup to give other numbers all the same.

    Of alerts a letter of codes, and more by the time since: the fact has the last of these numbers
    for its alert's. Of each alert's deliveries more than it can have made: also a draft may have
    been issued since, and who answers one that is over is thanked. Of people some thousands.
    """
    since = max(0, tx.now - taken_at) + chance_ms
    last = next_alert(tx.connection) - 1 + _ALERTS.after(since)
    person = last_person(tx.connection) + _PEOPLE.after(since)
    body = {"taken_at": taken_at, "deliveries": _DELIVERIES.after(since), "person": person}
    tx.record(Fact(kind=_KIND, occurred_at=tx.now, body=body, alert_no=last, source=source))
