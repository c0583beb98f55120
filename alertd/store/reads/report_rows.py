"""An alert row by row, for the tables of its report: in bounded memory, by the roster it had.

Pages go by the key, so that other statements may run between them on every database.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, select

from alertd.lanes import channel_of
from alertd.model import (
    Channel,
    DeliveryState,
    Millis,
    RecipientKind,
    duty_of,
    numbers_of,
    stage_of,
)
from alertd.store import addresses
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.fold.scope import in_force
from alertd.store.vault import Vault

_PAGE = 4_000


@dataclass(frozen=True, slots=True)
class Who:
    """A person: the name, and as much of a phone number as may be shown."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Place:
    """A unit; a building's or a grid's name has the one above it in front."""

    code: str
    name: str
    level: str


@dataclass(frozen=True, slots=True)
class Guise:
    """How people are shown. Without a vault: the surname, and the last two digits.

    With one: whole names and numbers, which is on record before anybody asks for it.
    """

    vault: Vault | None = None

    def name(self, name: str) -> str:
        """A name as it is shown."""
        return name if self.vault or not name else name[0] + "＊" * min(2, len(name) - 1)


MASKED = Guise()


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyRow:
    """What was asked of one duty at one stage, and how it ended.

    Args:
        state: A number of model.RequirementState.
        told: Bits of model.Told.
        via: How the first answer came that counts; "" without one.
    """

    no: int
    stage: str
    place: Place
    role: str
    state: int
    told: int
    covered_at: Millis | None
    via: str
    holders: tuple[Who, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One message for one contact; `to` is a person, a loudspeaker's id or a group's kind."""

    no: int
    channel: str
    kind: str
    to: str
    phone: str
    state: int
    attempts: int
    route: str
    reason: str
    played: int
    settled_at: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BurdenRow:
    """How many messages one person got, and how many of them arrived for certain.

    Those that had a try: what waits, or was withdrawn, burdened nobody.
    """

    name: str
    messages: int
    delivered: int


def duties(
    connection: Connection, alert_no: int, version: int, guise: Guise = MASKED
) -> Iterator[DutyRow]:
    """Everything that was asked, in the order of stages and duties."""
    c = t.requirement.c
    columns = (c.no, c.unit_no, c.role, c.state, c.told, c.covered_at)
    for rows in _pages(connection, c.no, columns, alert_no):
        held = holders(connection, version, [duty_of(row.no) for row in rows], guise)
        ways = _ways(connection, [row.no for row in rows])
        places = _places(connection, version, {row.unit_no for row in rows})
        for row in rows:
            yield DutyRow(
                no=row.no,
                place=places.get(row.unit_no, Place("", f"#{row.unit_no}", "")),
                role=row.role,
                state=row.state,
                told=row.told,
                covered_at=row.covered_at,
                stage=stage_of(row.no).word,
                via=ways.get(row.no, ""),
                holders=held.get(duty_of(row.no), ()),
            )


def deliveries(
    connection: Connection, alert_no: int, version: int, guise: Guise = MASKED
) -> Iterator[DeliveryRow]:
    """Every message, in the order in which they were made."""
    c = t.delivery.c
    columns = (
        *(c.id, c.message_no, c.recipient_kind, c.recipient_no, c.address_no, c.lane, c.state),
        *(c.attempt, c.route, c.reason, c.played, c.settled_at),
    )
    kinds = _kinds(connection, alert_no)
    first, _ = numbers_of(alert_no)
    for rows in _pages(connection, c.id, columns, alert_no):
        names = _recipients(connection, version, rows, guise)
        phones = _shown(connection, {row.address_no for row in rows} - {None}, guise)
        for row in rows:
            person = row.recipient_kind == RecipientKind.PERSON
            yield DeliveryRow(
                no=row.id - first,
                channel=Channel(channel_of(row.lane)).word,
                kind=kinds.get(row.message_no, ""),
                to=names.get((row.recipient_kind, row.recipient_no), ""),
                phone=phones.get(row.address_no, "") if person else "",
                state=row.state,
                attempts=row.attempt,
                route=row.route or "",
                reason=row.reason or "",
                played=row.played,
                settled_at=row.settled_at,
            )


def burdens(
    connection: Connection, alert_no: int, version: int, guise: Guise = MASKED
) -> Iterator[BurdenRow]:
    """Messages by person, in the order of the people's numbers."""
    d = t.delivery.c
    first, last = numbers_of(alert_no)
    sums = (
        select(
            d.recipient_no,
            func.count(),
            func.sum(case((d.state == int(DeliveryState.DELIVERED), 1), else_=0)),
        )
        .where(
            d.id.between(first, last),
            d.recipient_kind == int(RecipientKind.PERSON),
            d.attempt > 0,
        )
        .group_by(d.recipient_no)
        .order_by(d.recipient_no)
    )
    # A line a person: some ten megabytes for a city of a hundred thousand who hold a duty.
    for batch in batches(connection.execute(sums).all()):
        names = _people(connection, version, [no for no, _, _ in batch], guise)
        for no, messages, delivered in batch:
            yield BurdenRow(name=names.get(no, ""), messages=messages, delivered=int(delivered))


def holders(
    connection: Connection, version: int, duty_nos: Iterable[int], guise: Guise = MASKED
) -> dict[int, tuple[Who, ...]]:
    """Who held each duty at a roster version, principals first."""
    c = t.holding.c
    found: dict[int, list[int]] = {}
    address: dict[int, int] = {}
    for batch in batches(dict.fromkeys(duty_nos)):
        rows = connection.execute(
            select(c.duty_no, c.person_no, c.address_no)
            .where(c.duty_no.in_(batch), in_force(t.holding, version))
            .order_by(c.duty_no, c.rank, c.person_no)
        )
        for duty_no, person_no, address_no in rows:
            found.setdefault(duty_no, []).append(person_no)
            if address_no is not None:
                address[person_no] = address_no
    people = _people(connection, version, {no for nos in found.values() for no in nos}, guise)
    phones = _shown(connection, address.values(), guise)
    return {
        duty: tuple(Who(people.get(no, ""), phones.get(address.get(no, 0), "")) for no in nos)
        for duty, nos in found.items()
    }


def _pages(
    connection: Connection, key: Any, columns: Sequence[Any], alert_no: int
) -> Iterator[list[Any]]:
    after, last = numbers_of(alert_no)
    query: Select[Any] = select(*columns).order_by(key).limit(_PAGE)
    while rows := list(connection.execute(query.where(key > after, key <= last))):
        yield rows
        after = rows[-1][0]


def _places(connection: Connection, version: int, nos: Iterable[int]) -> dict[int, Place]:
    unit, above = t.unit.alias(), t.unit.alias()
    joined = unit.outerjoin(above, and_(above.c.no == unit.c.parent_no, in_force(above, version)))
    query = select(unit.c.no, unit.c.code, unit.c.name, unit.c.level, above.c.name.label("above"))
    found: dict[int, Place] = {}
    for batch in batches(nos):
        rows = connection.execute(
            query.select_from(joined).where(unit.c.no.in_(batch), in_force(unit, version))
        )
        for no, code, name, level, over in rows:
            low = level in {"grid", "building"} and over
            found[no] = Place(code, f"{over} {name}" if low else name, level)
    return found


def _people(
    connection: Connection, version: int, nos: Iterable[int], guise: Guise
) -> dict[int, str]:
    c = t.person.c
    found: dict[int, str] = {}
    for batch in batches(nos):
        rows = connection.execute(
            select(c.no, c.name).where(c.no.in_(batch), in_force(t.person, version))
        )
        found.update((no, guise.name(name)) for no, name in rows)
    return found


def _shown(connection: Connection, address_nos: Iterable[int], guise: Guise) -> dict[int, str]:
    if guise.vault is not None:
        return addresses.reveal(connection, guise.vault, address_nos)
    tails = addresses.tails(connection, address_nos)
    return {no: f"***{tail}" for no, tail in tails.items() if tail}


def _ways(connection: Connection, requirements: Sequence[int]) -> Mapping[int, str]:
    a, k = t.answer.c, t.ack.c
    rows = connection.execute(
        select(a.requirement_no, k.via)
        .join_from(t.answer, t.ack, k.no == a.ack_no)
        .where(a.requirement_no.in_(requirements))
        .order_by(k.occurred_at.desc(), k.no.desc())
    )
    return {row.requirement_no: row.via for row in rows}


def _kinds(connection: Connection, alert_no: int) -> Mapping[int, str]:
    c = t.message.c
    first, last = numbers_of(alert_no)
    rows = connection.execute(select(c.no, c.kind).where(c.no.between(first, last)))
    return {row.no: row.kind for row in rows}


def _recipients(
    connection: Connection, version: int, rows: Sequence[Any], guise: Guise
) -> dict[tuple[int, int], str]:
    wanted: dict[int, set[int]] = {}
    for row in rows:
        wanted.setdefault(row.recipient_kind, set()).add(row.recipient_no)
    person, terminal, group = (int(kind) for kind in RecipientKind)
    found = {
        (person, no): name
        for no, name in _people(connection, version, wanted.get(person, ()), guise).items()
    }
    for kind, table, column in (
        (terminal, t.terminal, t.terminal.c.terminal_id),
        (group, t.chat_group, t.chat_group.c.group_key),
    ):
        for batch in batches(wanted.get(kind, ())):
            query = select(table.c.no, column)
            query = query.where(table.c.no.in_(batch), in_force(table, version))
            found.update(((kind, no), name) for no, name in connection.execute(query))
    return found
