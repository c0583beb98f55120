"""Calls for help, and what became of the messages by which others are told of them."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, select

from alertd.decide.settle import BY_HAND
from alertd.lanes import channel_of
from alertd.model import Channel, DeliveryState, Millis, Played, RecipientKind, numbers_of
from alertd.store import tables as t
from alertd.store.due import HelpCall
from alertd.store.prepared import Prepared, among, numbers

LATE_MS: Final = 30_000
"""So long a cry may wait for a gateway before somebody is told to telephone."""


class Reach(StrEnum):
    """How far word of a cry has come, by what is known of its messages."""

    SENT = "sent"  # a gateway took at least one
    BY_HAND = "by-hand"  # none, and an operator is to telephone somebody
    WAITING = "waiting"  # none, and some are still to be tried
    UNKNOWN = "unknown"  # none is known to have gone, and none is tried any more
    NOBODY = "nobody"  # all have failed, or there was nobody to be told


_BY_STATE: Mapping[int, Reach] = MappingProxyType(
    {
        int(DeliveryState.PENDING): Reach.WAITING,
        int(DeliveryState.SENDING): Reach.WAITING,
        int(DeliveryState.ACCEPTED): Reach.SENT,
        int(DeliveryState.DELIVERED): Reach.SENT,
        int(DeliveryState.FAILED): Reach.NOBODY,
        int(DeliveryState.UNKNOWN): Reach.UNKNOWN,
        int(DeliveryState.EXPIRED): Reach.NOBODY,
        int(DeliveryState.CANCELLED): Reach.NOBODY,
    }
)
_FURTHEST = tuple(Reach)


def reaches(connection: Connection, cases: Iterable[int]) -> dict[int, Reach]:
    """How far word of each of these cases, by their acks' numbers, has come.

    One whose messages aren't on record as its own (of an older alertd, or nobody) is left out.
    """
    found: dict[int, Reach] = {}
    wanted = numbers(connection, cases)
    for case, _, *word in _STATES.rows(connection, cases=wanted):
        reach = _reach(*word)
        found[case] = min(reach, found.get(case, reach), key=_FURTHEST.index)
    return found


def _reach(state: int, due_at: Millis | None, lane: int, played: int, reason: str | None) -> Reach:
    """A message's; what is unknown is sent once more while it has a time for that.

    A call that was hung up may have been heard, or declined: nobody can tell.
    """
    if channel_of(lane) == Channel.VOICE:
        if state == DeliveryState.ACCEPTED and reason == BY_HAND:
            return Reach.BY_HAND
        if played == Played.PARTIAL:
            return Reach.UNKNOWN
    again = state == DeliveryState.UNKNOWN and due_at is not None
    return Reach.WAITING if again else _BY_STATE[state]


def to_call(connection: Connection, cases: Iterable[int]) -> dict[int, list[int]]:
    """By case, the people whom an operator is to telephone about it."""
    found: dict[int, list[int]] = {}
    for case, person, *word in _STATES.rows(connection, cases=numbers(connection, cases)):
        if _reach(*word) is Reach.BY_HAND:
            found.setdefault(case, []).append(person)
    return found


def reach_of(climbed: int, found: Reach | None) -> Reach | None:
    """A case's, by how many levels know and by its messages: of nobody there are none."""
    return found if climbed else Reach.NOBODY


def untaken(connection: Connection) -> list[HelpCall]:
    """The calls for help that nobody has taken; the longest open first."""
    return list(map(HelpCall._make, _UNTAKEN.rows(connection)))


def told_by(connection: Connection, delivery: int) -> int:
    """The case that a delivery tells of; 0 where that isn't on record."""
    rows = _TOLD_BY.rows(connection, delivery=delivery)
    return int(rows[0][0]) if rows else 0


def crying(connection: Connection, delivery: int) -> int:
    """Who calls for help, of what a delivery tells of; 0 where that isn't on record."""
    rows = _CRYING.rows(connection, case=told_by(connection, delivery))
    return int(rows[0][0]) if rows else 0


def closed(connection: Connection, deliveries: Collection[int]) -> set[int]:
    """Those of the deliveries that tell of a call for help which a person has closed."""
    wanted = numbers(connection, deliveries)
    return {delivery for (delivery,) in _CLOSED.rows(connection, deliveries=wanted)}


def of_deliveries(connection: Connection, deliveries: Collection[int]) -> list[HelpCall]:
    """The calls for help that nobody has taken and that any of these deliveries tells of.

    By the few messages of such calls, however many deliveries are asked about.
    """
    calls = untaken(connection)
    if not calls:
        return []
    wanted = numbers(connection, [call.ack_no for call in calls])
    told = _MESSAGES.rows(connection, cases=wanted)
    about = {case for first, last, case in told if any(first <= no <= last for no in deliveries)}
    return [call for call in calls if call.ack_no in about]


def told_already(connection: Connection, case: int) -> set[int]:
    """The people who need no further message about this case.

    To them word of it is still to go, or to go once more; or they were rung and took it up, or an
    operator is to call them: who was rung once isn't rung every two minutes.
    """
    called = {Reach.SENT, Reach.BY_HAND}
    return {
        person
        for person, *word in _TO.rows(connection, case=case)
        if (reach := _reach(*word)) is Reach.WAITING
        or (reach in called and channel_of(word[2]) == Channel.VOICE)
    }


def telling(connection: Connection, deliveries: Collection[int]) -> set[int]:
    """Those of the deliveries that tell of a call for help."""
    if not deliveries:
        return set()
    wanted = numbers(connection, deliveries)
    return {delivery for (delivery,) in _TELLING.rows(connection, deliveries=wanted)}


def hears(connection: Connection, case: HelpCall, template: str) -> bool:
    """Whether whoever cries was sent a text, by its template, since this case was opened."""
    first, last = numbers_of(case.alert_no)
    known = {"person": case.person_no, "since": case.opened_at, "template": template}
    return bool(_HEARS.rows(connection, first=first, last=last, **known))


def of_cry(delivery: Any) -> ColumnElement[bool]:
    """Whether a row of `help_told` is the one that a delivery belongs to.

    Runs of deliveries don't overlap, so that it can only be the last that begins before it: one
    look-up, however many cries the city has had.
    """
    other = t.help_told.alias().c
    last = select(func.max(other.first)).where(other.first <= delivery).correlate(t.delivery)
    return and_(_H.first == last.scalar_subquery(), _H.last >= delivery)


def unheard(connection: Connection, now: Millis) -> int:
    """How many calls for help nobody has taken and nobody, for all that is known, was told of."""
    calls = untaken(connection)
    found = reaches(connection, [call.ack_no for call in calls]) if calls else {}
    silent = {Reach.NOBODY, Reach.UNKNOWN, Reach.BY_HAND}
    return sum(
        reach_of(call.climbed, found.get(call.ack_no))
        in (silent | {Reach.WAITING} if call.opened_at <= now - LATE_MS else silent)
        for call in calls
    )


_H, _C, _D = t.help_told.c, t.help_case.c, t.delivery.c


_WORD = (_D.state, _D.due_at, _D.lane, _D.played, _D.reason)


def _states(dialect: str) -> Select[Any]:
    return (
        select(_H.ack_no, _D.recipient_no, *_WORD)
        .join_from(t.help_told, t.delivery, _D.id.between(_H.first, _H.last))
        .where(among(dialect, _H.ack_no, "cases"))
    )


_STATES = Prepared(_states)
_TO = Prepared(
    lambda _: (
        select(_D.recipient_no, *_WORD)
        .join_from(t.help_told, t.delivery, _D.id.between(_H.first, _H.last))
        .where(_H.ack_no == bindparam("case"))
    )
)
_HEARS = Prepared(
    lambda _: (
        select(_D.id)
        .join_from(t.delivery, t.message, t.message.c.no == _D.message_no)
        .where(
            _D.recipient_no == bindparam("person"),
            _D.id.between(bindparam("first"), bindparam("last")),
            _D.recipient_kind == int(RecipientKind.PERSON),
            t.message.c.template == bindparam("template"),
            t.message.c.created_at >= bindparam("since"),
        )
        .limit(1)
    )
)
_MESSAGES = Prepared(
    lambda dialect: select(_H.first, _H.last, _H.ack_no).where(among(dialect, _H.ack_no, "cases"))
)
_UNTAKEN = Prepared(
    lambda _: (
        select(*(_C[name] for name in HelpCall._fields))
        .where(_C.taken_at.is_(None), _C.closed_at.is_(None))
        .order_by(_C.opened_at)
    )
)
_CLOSED = Prepared(
    lambda dialect: (
        select(_D.id)
        .join_from(t.delivery, t.help_told, of_cry(_D.id))
        .join(t.help_case, _C.ack_no == _H.ack_no)
        .where(among(dialect, _D.id, "deliveries"), _C.closed_at.is_not(None))
    )
)
_TELLING = Prepared(
    lambda dialect: (
        select(_D.id)
        .join_from(t.delivery, t.help_told, of_cry(_D.id))
        .where(among(dialect, _D.id, "deliveries"))
    )
)
_CRYING = Prepared(lambda _: select(_C.person_no).where(_C.ack_no == bindparam("case")))
_TOLD_BY = Prepared(lambda _: select(_H.ack_no).where(of_cry(bindparam("delivery"))))
