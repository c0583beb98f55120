"""Who was told of which alert, and when: what an answer of theirs can be about."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from alertd.decide.interpret import RECENT_S
from alertd.decide.told import SAYS_IT
from alertd.engine.turn import Turn
from alertd.model import (
    ALERT_SHIFT,
    AlertState,
    DeliveryState,
    MessageKind,
    Millis,
    RecipientKind,
)
from alertd.store import tables as t
from alertd.store.prepared import Prepared, among, numbers

_ANSWERS: Final = frozenset({MessageKind.HEARD, MessageKind.CONFIRMATION})
_MAY_HAVE_COME: list[Any] = [
    literal_column(str(int(state)))
    for state in (
        *(DeliveryState.SENDING, DeliveryState.ACCEPTED),
        *(DeliveryState.DELIVERED, DeliveryState.UNKNOWN),
    )
]


class Told(NamedTuple):
    """That somebody was told of an alert."""

    at: Millis  # when it was first handed over to them, at the earliest
    heard: bool  # a message of it may have come
    aside: bool = False  # only what says something else, such as that somebody calls for help


def told_of(
    query: Prepared, connection: Connection, recipients: Iterable[int], since: int = 0
) -> dict[int, dict[int, Told]]:
    """Recipient → alert → that they were told of it.

    Args:
        query: Made by `first_told`.
        connection: The step's.
        recipients: By number.
        since: The first alert that is looked at, by number; a long-serving city has hundreds.
    """
    wanted, found = numbers(connection, recipients), dict[int, dict[int, Told]]()
    rows = query.rows(connection, recipients=wanted, first=since << ALERT_SHIFT)
    for recipient, alert_no, at, heard, itself, beside in rows:
        known = Told(at, bool(heard), (itself or 0) < (beside or 0))
        found.setdefault(recipient, {})[alert_no] = known
    return found


def recent_from(turn: Turn) -> int:
    """The first alert that is under way, or so recently over that a bare answer may be about it."""
    rows = _RECENT.rows(turn.connection, since=turn.now - RECENT_S * 1000)
    return min(no for (no,) in rows) if rows else _NONE


def first_told(kind: RecipientKind) -> Prepared:
    """When each alert was first tried to be told to each recipient of a kind, by number.

    Rows of (recipient, alert, ms, whether it may have come, whether what says what is to be done
    may have, whether what is beside it may have) for those in `recipients`; None where nothing of
    the kind was tried. What a gateway turned away, or says that it failed, hasn't come; what is
    under way may have. A digest, or what tells of a call for help, is no word of the alert, and
    begins before it where that still waits for a modem. Nor is what answers an answer; but nobody
    gets that who knows of nothing.
    """

    def query(dialect: str) -> Select[Any]:
        d, m = t.delivery.c, t.message.c
        # Literal: PostgreSQL shifts by a small integer, and groups by what is the same text.
        alert_no = d.id.op(">>")(literal_column(str(ALERT_SHIFT))).label("alert_no")
        # A city takes minutes to tell: what was written meanwhile isn't about what was yet to come.
        itself = m.kind.in_([literal(kind.value) for kind in sorted(SAYS_IT)])
        times = [func.min(case((itself, at))) for at in (d.left_at, m.created_at)]
        first = func.coalesce(*times, func.min(d.left_at), func.min(m.created_at))
        came = may_have_come()
        beside = m.kind.not_in([literal(kind.value) for kind in sorted(SAYS_IT | _ANSWERS)])
        some = [func.max(case((each, came))) for each in (itself, beside)]
        return (
            select(d.recipient_no, alert_no, first, func.max(came), *some)
            .join(t.message, m.no == d.message_no)
            .where(
                among(dialect, d.recipient_no, "recipients"),
                d.id >= bindparam("first", type_=BigInteger),
                d.recipient_kind == int(kind),
                d.attempt > 0,
            )
            .group_by(d.recipient_no, alert_no)
        )

    return Prepared(query)


def may_have_come() -> ColumnElement[int]:
    """1 for a delivery that may have come to its recipient, else 0."""
    d = t.delivery.c
    again = (d.state == int(DeliveryState.PENDING)) & (d.duplicate != 0)
    return case((d.state.in_(_MAY_HAVE_COME) | again, 1), else_=0)


def _recent(_dialect: str) -> Any:
    a = t.alert.c
    over = select(a.no).where(a.ended_at >= bindparam("since"))
    return union_all(select(a.no).where(a.state == AlertState.ISSUED.value), over)


_RECENT = Prepared(_recent)
_NONE: Final = (1 << 31) - 1  # above every alert's number
