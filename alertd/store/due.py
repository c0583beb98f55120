"""What a tick looks for. Each question is answered by an index of what is due, and costs by that.

Conditions are spelled as the partial indexes spell theirs: with a parameter in place of a literal,
SQLite may read the whole table.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnClause,
    Connection,
    Select,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)

from alertd.decide.halt import AGAIN_MS, FORGOTTEN_MS
from alertd.model import (
    AlertState,
    DeliveryState,
    Millis,
    RequirementState,
    numbers_of,
)
from alertd.store import dialect as dialects
from alertd.store import tables as t
from alertd.store.prepared import Prepared, among, numbers

_NOW: Any = bindparam("now")
_MOST: Any = bindparam("most")


class Ladder(NamedTuple):
    """A ladder whose next rung is due; columns of `requirement`."""

    no: int
    unit_no: int
    step: int
    start_at: Millis
    told: int


class HelpCall(NamedTuple):
    """A call for help that nobody has taken; columns of `help_case`."""

    ack_no: int
    alert_no: int
    unit_no: int
    person_no: int
    opened_at: Millis
    climbed: int


class Entry(NamedTuple):
    """A silent requirement that a superior is to hear of."""

    requirement_no: int
    covered: bool
    unit_no: int | None  # None: there is no such requirement any more
    unit: str | None  # its name, of now or of before it left


class Forgotten(NamedTuple):
    """An alert that somebody paused and nobody let go on; columns of `halt`."""

    alert_no: int
    paused_at: Millis


def alerts_to_issue(connection: Connection, now: Millis) -> list[int]:
    """Approved ones whose delay is over, and whose time isn't."""
    return [number for (number,) in _TO_ISSUE.rows(connection, now=now)]


def alerts_to_expire(connection: Connection, now: Millis) -> list[int]:
    """Those whose time has run out, whether they were issued or not."""
    return [number for (number,) in _TO_EXPIRE.rows(connection, now=now)]


def paused(connection: Connection) -> list[int]:
    """Alerts that are paused; a handful of rows, whatever else there is."""
    return [number for (number,) in _PAUSED.rows(connection)]


def forgotten(connection: Connection, now: Millis) -> list[Forgotten]:
    """Issued alerts that have been paused for so long that the duty desk is to hear of it."""
    rows = _FORGOTTEN.rows(connection, long_ago=now - FORGOTTEN_MS, told_ago=now - AGAIN_MS)
    return list(map(Forgotten._make, rows))


def ladders(
    connection: Connection, now: Millis, most: int, *, without: Sequence[int] = ()
) -> list[Ladder]:
    """Open ladders, the longest due first; locked against other workers. Not those `without`."""
    if without:
        query = _ladders(connection.dialect.name)
        for alert_no in without:
            query = query.where(~t.requirement.c.no.between(*numbers_of(alert_no)))
        found = connection.execute(query, {"now": now, "most": most})
        return [Ladder._make(row) for row in found]
    return list(map(Ladder._make, _LADDERS.rows(connection, now=now, most=most)))


def digests(
    connection: Connection, now: Millis, most: int, *, without: Sequence[int] = ()
) -> list[tuple[int, int]]:
    """(alert, superior's duty) of digests whose window is over; none of alerts `without`."""
    if without:
        query = _digests("").where(t.digest_entry.c.alert_no.not_in(list(without)))
        found = connection.execute(query, {"now": now, "most": most})
        return [(alert, duty) for alert, duty in found]
    return [(alert, duty) for alert, duty in _DIGESTS.rows(connection, now=now, most=most)]


def digest_entries(
    connection: Connection, alert_no: int, duties: Iterable[int]
) -> dict[int, list[Entry]]:
    """By superior's duty, what an alert's next digest is about, in the order of requirements."""
    first, last = numbers_of(alert_no)
    wanted = numbers(connection, duties)
    return _by_first(_ENTRIES.rows(connection, first=first, last=last, duties=wanted))


def digested(connection: Connection, messages: Iterable[int]) -> dict[int, list[Entry]]:
    """By message, what digests were made of, as it stands now; a message that is none is left out.

    So is a digest's by another contact: it is a message of its own.
    """
    return _by_first(_DIGESTED.rows(connection, messages=numbers(connection, messages)))


def _by_first(rows: Iterable[Any]) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = {}
    for first, no, state, *unit in rows:
        found.setdefault(first, []).append(Entry(no, state == RequirementState.COVERED, *unit))
    return found


def help_calls(connection: Connection, now: Millis, most: int) -> list[HelpCall]:
    """Calls for help that are to climb, the longest due first."""
    return list(map(HelpCall._make, _HELP.rows(connection, now=now, most=most)))


def held_back(connection: Connection, alert_no: int) -> int:
    """How many deliveries of an alert wait, by the rollup."""
    c = t.delivery_count.c
    query = select(func.sum(c.n)).where(
        c.alert_no == alert_no, c.state == int(DeliveryState.PENDING)
    )
    return int(connection.execute(query).scalar_one() or 0)


def waiting(connection: Connection) -> list[tuple[int, int]]:
    """(alert, channel) with deliveries that wait, by the rollup."""
    return [(alert, channel) for alert, channel in _WAITING.rows(connection)]


def handed_over(connection: Connection) -> set[tuple[int, int]]:
    """(status, channel) by which anything was ever given to a gateway, by the rollup."""
    return {(status, channel) for status, channel in _HANDED_OVER.rows(connection)}


def waits(connection: Connection, now: Millis) -> bool:
    """Whether any delivery waits whose time has come."""
    return bool(_READY.rows(connection, now=now))


def next_moment(connection: Connection) -> Millis | None:
    """The earliest due time of all that is written down; None where nothing is to come.

    For a clock that jumps. Reads the heads of the indexes, and of deliveries all that wait.
    """
    (times,) = _NEXT.rows(connection)
    return min((at for at in times if at is not None), default=None)


def _word(state: AlertState) -> ColumnClause[str]:
    return literal_column(f"'{state.value}'")


def _number(state: int) -> ColumnClause[int]:
    return literal_column(str(int(state)))


def _to_issue(_: str) -> Select[Any]:
    c = t.alert.c
    return select(c.no).where(
        c.state == _word(AlertState.APPROVED), c.issue_at <= _NOW, c.expires_at > _NOW
    )


def _to_expire(_: str) -> Select[Any]:
    c = t.alert.c
    live = (AlertState.ISSUED, AlertState.APPROVED, AlertState.DRAFT)
    return select(c.no).where(c.state.in_([_word(state) for state in live]), c.expires_at <= _NOW)


def _paused(_: str) -> Select[Any]:
    return select(t.halt.c.alert_no).where(t.halt.c.paused_at.is_not(None))


def _forgotten(_: str) -> Select[Any]:
    h, a = t.halt.c, t.alert.c
    return (
        select(h.alert_no, h.paused_at)
        .join(t.alert, a.no == h.alert_no)
        .where(
            h.paused_at <= bindparam("long_ago"),
            or_(h.told_at.is_(None), h.told_at <= bindparam("told_ago")),
            a.state == _word(AlertState.ISSUED),
        )
    )


def _ladders(dialect: str) -> Select[Any]:
    c = t.requirement.c
    query = (
        select(*(c[name] for name in Ladder._fields))
        .where(c.state == _number(RequirementState.OPEN), c.due_at <= _NOW)
        .order_by(c.due_at)
        .limit(_MOST)
    )
    return dialects.unclaimed(dialect, query)


def _digests(_: str) -> Select[Any]:
    c = t.digest_entry.c
    return (
        select(c.alert_no, c.duty_no)
        .where(c.message_no.is_(None), c.due_at <= _NOW)
        .group_by(c.alert_no, c.duty_no)
        .order_by(func.min(c.due_at))
        .limit(_MOST)
    )


def _entries(dialect: str) -> Select[Any]:
    c = t.digest_entry.c
    due_ones = (
        among(dialect, c.duty_no, "duties"),
        # A superior's entries of this alert; of years they have many.
        c.requirement_no.between(bindparam("first"), bindparam("last")),
        c.message_no.is_(None),
    )
    return _silence(c.duty_no).where(*due_ones)


def _said(dialect: str) -> Select[Any]:
    c = t.digest_entry.c
    return _silence(c.message_no).where(among(dialect, c.message_no, "messages"))


def _silence(by: Any) -> Select[Any]:
    c, r, u, other = t.digest_entry.c, t.requirement.c, t.unit.c, t.unit.alias().c
    last = select(func.max(other.to_version)).where(other.no == r.unit_no)
    asked = t.digest_entry.outerjoin(t.requirement, r.no == c.requirement_no)
    latest = u.to_version == last.correlate(t.requirement).scalar_subquery()
    named = asked.outerjoin(t.unit, (u.no == r.unit_no) & latest)
    return (
        select(by, c.requirement_no, r.state, r.unit_no, u.name)
        .select_from(named)
        .order_by(by, c.requirement_no)
    )


def _help(_: str) -> Select[Any]:
    c = t.help_case.c
    return (
        select(*(c[name] for name in HelpCall._fields))
        .where(c.taken_at.is_(None), c.closed_at.is_(None), c.due_at <= _NOW)
        .order_by(c.due_at)
        .limit(_MOST)
    )


def _waiting(_: str) -> Select[Any]:
    c = t.delivery_count.c
    return (
        select(c.alert_no, c.channel)
        .where(c.state == _number(DeliveryState.PENDING))
        .group_by(c.alert_no, c.channel)
        .having(func.sum(c.n) > literal_column("0"))
    )


def _handed_over(_: str) -> Select[Any]:
    c, a = t.delivery_count.c, t.alert.c
    states = (DeliveryState.SENDING, DeliveryState.ACCEPTED, DeliveryState.DELIVERED)
    given = (*states, DeliveryState.UNKNOWN)
    return (
        select(a.status, c.channel)
        .join(t.alert, a.no == c.alert_no)
        .where(c.state.in_([_number(state) for state in given]))
        .group_by(a.status, c.channel)
        .having(func.sum(c.n) > literal_column("0"))
    )


_TO_ISSUE = Prepared(_to_issue)
_TO_EXPIRE = Prepared(_to_expire)
_PAUSED = Prepared(_paused)
_FORGOTTEN = Prepared(_forgotten)
_LADDERS = Prepared(_ladders)
_DIGESTS = Prepared(_digests)
_ENTRIES = Prepared(_entries)
_DIGESTED = Prepared(_said)
_HELP = Prepared(_help)
_WAITING = Prepared(_waiting)
_HANDED_OVER = Prepared(_handed_over)


def _ready(_: str) -> Select[Any]:
    c = t.delivery.c
    pending = c.state == _number(DeliveryState.PENDING)
    return select(c.id).where(pending, c.due_at <= _NOW).limit(1)


def _first(column: Any, *where: Any) -> Any:
    return select(func.min(column)).where(*where).scalar_subquery()


_D, _A, _H = t.delivery.c, t.alert.c, t.help_case.c
_AWAITING = (DeliveryState.SENDING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)
_READY = Prepared(_ready)
_FIRST = (
    _first(_A.issue_at, _A.state == _word(AlertState.APPROVED)),
    _first(_A.expires_at, _A.state.in_([_word(AlertState.ISSUED), _word(AlertState.APPROVED)])),
    _first(_D.due_at, _D.state == _number(DeliveryState.PENDING)),
    _first(_D.due_at, _D.state.in_(list(map(_number, _AWAITING))), _D.due_at.is_not(None)),
    _first(t.requirement.c.due_at, t.requirement.c.state == _number(RequirementState.OPEN)),
    _first(t.digest_entry.c.due_at, t.digest_entry.c.message_no.is_(None)),
    _first(_H.due_at, _H.taken_at.is_(None), _H.closed_at.is_(None)),
)
_NEXT = Prepared(lambda _: select(*_FIRST))
