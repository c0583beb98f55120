"""What a rehearsal's world knows of the city that it plays: who is where, and what is listed.

People's names and numbers aren't read: a rehearsal has none (store.scratch).
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, bindparam, case, func, literal_column, select

from alertd.model import (
    FOREVER,
    Channel,
    DeliveryState,
    Millis,
    RequirementState,
    Told,
    alert_of,
    numbers_of,
)
from alertd.store import tables as t
from alertd.store.fold.scope import one_of
from alertd.store.fold.shifts import hours
from alertd.store.prepared import Prepared, among, numbers
from alertd.store.scratch import NODE

_SOME: Final = 10


class Held(NamedTuple):
    """A person's part in a duty, and where."""

    person_no: int
    duty_no: int
    role: str
    rank: int
    unit_no: int
    path: str
    level: str
    address_no: int | None  # of the person's first phone for texts
    shift_from: int | None  # as store.people.Holder has it
    shift_to: int | None


class Asked(NamedTuple):
    """What was asked of a duty, as it stands; columns of `requirement`."""

    no: int
    unit_no: int
    role: str
    have: int
    state: int
    step: int
    due_at: Millis | None
    told: int
    covered_at: Millis | None


class Left(NamedTuple):
    """A delivery as it stands; columns of its table."""

    id: int
    message_no: int
    recipient_kind: int
    recipient_no: int
    lane: int
    priority: int
    state: int
    attempt: int
    due_at: Millis | None
    route: str | None
    duplicate: int
    reason: str | None
    played: int


class Cry(NamedTuple):
    """A call for help; columns of `help_case`."""

    ack_no: int
    alert_no: int
    person_no: int
    opened_at: Millis
    taken_at: Millis | None
    closed_at: Millis | None


def holdings(connection: Connection) -> list[Held]:
    """Who holds what, in the order of people and duties."""
    h, u = t.holding.c, t.unit.c
    query = (
        select(
            *(h.person_no, h.duty_no, h.role, h.rank, h.unit_no, u.path, u.level),
            *(h.address_no, *hours(h)),
        )
        .join_from(t.holding, t.unit, u.no == h.unit_no)
        .where(h.to_version == FOREVER, u.to_version == FOREVER)
        .order_by(h.person_no, h.duty_no)
    )
    return [Held._make(row) for row in connection.execute(query)]


def phones(connection: Connection) -> list[tuple[int, int]]:
    """(person, address) of everybody's phones, mobile and fixed."""
    c = t.contact.c
    query = select(c.person_no, c.address_no).where(
        c.channel.in_([int(Channel.SMS), int(Channel.VOICE)]), c.to_version == FOREVER
    )
    return [(p, a) for p, a in connection.execute(query.order_by(c.person_no, c.rank))]


def terminals(connection: Connection) -> dict[str, str]:
    """Each loudspeaker's id, and the path of its unit."""
    c, u = t.terminal.c, t.unit.c
    query = (
        select(c.terminal_id, u.path)
        .join_from(t.terminal, t.unit, u.no == c.unit_no)
        .where(c.to_version == FOREVER, u.to_version == FOREVER)
    )
    return dict(map(tuple, connection.execute(query)))


def places(connection: Connection) -> dict[int, tuple[str, str, str]]:
    """Each unit's (path, level, name)."""
    c = t.unit.c
    query = select(c.no, c.path, c.level, c.name).where(c.to_version == FOREVER)
    return {no: (path, level, name) for no, path, level, name in connection.execute(query)}


def asked(connection: Connection, alert_no: int) -> list[Asked]:
    """All that an alert asked, in its order."""
    first, last = numbers_of(alert_no)
    return list(map(Asked._make, _ASKED.rows(connection, first=first, last=last)))


def listed(connection: Connection, alert_no: int, bit: Told) -> list[tuple[int, int]]:
    """(requirement, unit) on one of the lists that people work off, and not covered."""
    first, last = numbers_of(alert_no)
    found = _LISTED.rows(connection, first=first, last=last, bit=int(bit))
    return [(no, unit) for no, unit in found]


def still_listed(connection: Connection, wanted: Iterable[int], bit: Told) -> set[int]:
    """Those of some requirements that are on a list."""
    rows = _STILL.rows(connection, wanted=numbers(connection, wanted), bit=int(bit))
    return {no for (no,) in rows}


def listed_since(connection: Connection, seq: int) -> tuple[int, bool]:
    """How far the record goes, and whether anything behind `seq` may have come on a list."""
    ((last, grown),) = _SINCE.rows(connection, after=seq)
    return last or seq, bool(grown)


def cries(connection: Connection) -> list[Cry]:
    """All calls for help, the oldest first."""
    return list(map(Cry._make, _CRIES.rows(connection)))


def deliveries(connection: Connection, alert_no: int) -> list[Left]:
    """All of an alert's deliveries, in their order."""
    first, last = numbers_of(alert_no)
    return list(map(Left._make, _LEFT.rows(connection, first=first, last=last)))


def kinds(connection: Connection, alert_no: int) -> dict[str, int]:
    """How many deliveries there are of each kind of message."""
    c, m = t.delivery.c, t.message.c
    query = (
        select(m.kind, func.count())
        .join_from(t.delivery, t.message, m.no == c.message_no)
        .where(c.id.between(*numbers_of(alert_no)))
        .group_by(m.kind)
    )
    return dict(map(tuple, connection.execute(query.order_by(m.kind))))


def states_of(connection: Connection, message_no: int) -> list[int]:
    """The states of a message's deliveries."""
    c = t.delivery.c
    within = c.id.between(*numbers_of(alert_of(message_no)))
    query = select(c.state).where(within, c.message_no == message_no).order_by(c.id)
    return list(connection.execute(query).scalars())


def counted(connection: Connection, alert_no: int) -> dict[tuple[int, int], int]:
    """The rollup of deliveries: how many by (channel, state)."""
    c = t.delivery_count.c
    query = (
        select(c.channel, c.state, func.sum(c.n))
        .where(c.alert_no == alert_no)
        .group_by(c.channel, c.state)
    )
    return {(channel, state): int(n) for channel, state, n in connection.execute(query) if n}


def answers(connection: Connection, alert_no: int) -> list[tuple[int, int, int]]:
    """(requirement, person, ack) of all that was counted."""
    a = t.answer.c
    query = select(a.requirement_no, a.person_no, a.ack_no).where(
        a.requirement_no.between(*numbers_of(alert_no))
    )
    return [(no, p, k) for no, p, k in connection.execute(query.order_by(a.requirement_no))]


def acks(connection: Connection, alert_no: int) -> list[tuple[int, int, str, str]]:
    """(number, person, kind, via) of all answers."""
    c = t.ack.c
    query = select(c.no, c.person_no, c.kind, c.via).where(c.alert_no == alert_no)
    return [(n, p, k, v) for n, p, k, v in connection.execute(query.order_by(c.no))]


def root_coverage(connection: Connection, alert_no: int) -> list[Any]:
    """The city's rollup at each stage: (stage, needed, covered, exhausted, helping)."""
    c, u = t.coverage.c, t.unit.c
    query = (
        select(c.stage, c.needed, c.covered, c.exhausted, c.helping)
        .join_from(t.coverage, t.unit, u.no == c.unit_no)
        .where(c.alert_no == alert_no, u.parent_no.is_(None), u.to_version == FOREVER)
    )
    return [tuple(row) for row in connection.execute(query.order_by(c.stage))]


def stuck(connection: Connection, before: Millis) -> list[int]:
    """Deliveries that rest in `sending` past their deadline."""
    return [number for (number,) in _STUCK.rows(connection, before=before)]


def waiting(connection: Connection) -> dict[int, Millis]:
    """Since when the longest due delivery of each lane waits."""
    return dict(_WAITING.rows(connection))


def idle_cries(connection: Connection, before: Millis) -> list[int]:
    """Calls for help that nobody took and that should have climbed by then."""
    return [number for (number,) in _IDLE_CRIES.rows(connection, before=before)]


def told(connection: Connection, wanted: Iterable[int]) -> dict[int, tuple[int, int]]:
    """(state, told) of some requirements."""
    rows = _TOLD.rows(connection, wanted=numbers(connection, wanted))
    return {no: (state, bits) for no, state, bits in rows}


def _number(value: int) -> Any:
    return literal_column(str(int(value)))


def _on_it() -> Any:
    c = t.requirement.c
    silent = (RequirementState.OPEN, RequirementState.EXHAUSTED)
    told = c.told.op("&")(bindparam("bit")) != _number(0)
    return c.state.in_(list(map(_number, silent))) & told


def _listed(_: str) -> Any:
    c = t.requirement.c
    within = c.no.between(bindparam("first"), bindparam("last"))
    return select(c.no, c.unit_no).where(within, _on_it()).order_by(c.no)


def _whole(table: Table, key: str, fields: Iterable[str]) -> Prepared:
    """All that an alert has in a table, in its order."""
    c = table.c
    within = c[key].between(bindparam("first"), bindparam("last"))
    return Prepared(lambda _: select(*(c[name] for name in fields)).where(within).order_by(c[key]))


def _still(dialect: str) -> Any:
    c = t.requirement.c
    return select(c.no).where(among(dialect, c.no, "wanted"), _on_it())


def _since(_: str) -> Any:
    c = t.journal.c
    # What was covered may be open again where an answer is taken back.
    grows = case((one_of(c.kind, ["climbed", "ack.withdrawn"]), 1), else_=0)
    mine = (c.node == NODE, c.writer == 1, c.seq > bindparam("after"))
    return select(func.max(c.seq), func.max(grows)).where(*mine)


def _cries(_: str) -> Any:
    c = t.help_case.c
    return select(*(c[name] for name in Cry._fields)).order_by(c.opened_at, c.ack_no)


def _stuck(_: str) -> Any:
    c = t.delivery.c
    # Spelled as the index on deadlines is.
    awaiting = c.state.in_([_number(state) for state in (1, 2, 5)])
    late = (c.due_at.is_not(None), c.due_at < bindparam("before"))
    sending = c.state == _number(DeliveryState.SENDING)
    return select(c.id).where(awaiting, *late, sending).limit(_number(_SOME))


def _waiting(_: str) -> Any:
    c = t.delivery.c
    pending = c.state == _number(DeliveryState.PENDING)
    return select(c.lane, func.min(c.due_at)).where(pending).group_by(c.lane)


def _idle_cries(_: str) -> Any:
    c = t.help_case.c
    untaken = (c.taken_at.is_(None), c.closed_at.is_(None))
    return select(c.ack_no).where(*untaken, c.due_at < bindparam("before"))


def _told(dialect: str) -> Any:
    c = t.requirement.c
    return select(c.no, c.state, c.told).where(among(dialect, c.no, "wanted"))


_LISTED = Prepared(_listed)
_ASKED = _whole(t.requirement, "no", Asked._fields)
_LEFT = _whole(t.delivery, "id", Left._fields)
_STILL = Prepared(_still)
_SINCE = Prepared(_since)
_CRIES = Prepared(_cries)
_STUCK = Prepared(_stuck)
_WAITING = Prepared(_waiting)
_IDLE_CRIES = Prepared(_idle_cries)
_TOLD = Prepared(_told)
