"""Who holds what now, and how to reach them: what the engine reads at each step.

"Now" is the roster in force at the moment, not the one an alert went out with: a change of shift
or of number in mid-alert works at once (DESIGN §8). Every reader takes many numbers at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, select

from alertd.model import FOREVER, SHORT_RANK, Channel
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.fold.expansion import chain, parents_of
from alertd.store.fold.scope import in_force
from alertd.store.fold.shifts import hours
from alertd.store.prepared import Prepared, among, numbers, texts
from rosters.shifts import covers

NOW = FOREVER - 1  # a version at which exactly the rows in force now are in force
DUTY_DESK_ROLE = "city_duty"


@dataclass(frozen=True, slots=True)
class Holder:
    """A person's part in a duty.

    Args:
        person_no: Who.
        rank: 1 the principal, 2… the alternates in order.
        shift_from: Minutes after local midnight; None, as `shift_to`: always on duty.
        shift_to: Its end; a shift may pass midnight.
        address_no: Of the first SMS contact; None: no message can be sent to them.
    """

    person_no: int
    rank: int
    shift_from: int | None
    shift_to: int | None
    address_no: int | None


@dataclass(frozen=True, slots=True)
class DutyRef:
    """A duty that somebody holds, and where."""

    duty_no: int
    unit_no: int
    role: str
    rank: int
    unit_name: str
    unit_code: str


@dataclass(frozen=True, slots=True)
class UnitRef:
    """A unit of the hierarchy."""

    no: int
    code: str
    name: str
    level: str
    parent_no: int | None
    path: str


def holders(
    connection: Connection, duty_nos: Iterable[int], version: int = NOW
) -> dict[int, list[Holder]]:
    """Who holds each duty, principals first; a vacant duty is left out."""
    found: dict[int, list[Holder]] = {}
    wanted = numbers(connection, dict.fromkeys(duty_nos))
    for duty_no, *holder in _HOLDERS.rows(connection, duties=wanted, version=version):
        found.setdefault(duty_no, []).append(Holder(*holder))
    return found


def _holders(dialect: str) -> Select[Any]:
    c = t.holding.c
    return (
        select(c.duty_no, c.person_no, c.rank, *hours(c), c.address_no)
        .where(among(dialect, c.duty_no, "duties"), in_force(t.holding, bindparam("version")))
        .order_by(c.duty_no, c.rank, c.person_no)
    )


_HOLDERS = Prepared(_holders)


class OfDuty(Protocol):
    """What says whom a duty is asked of; fields as in `Holder`."""

    @property
    def person_no(self) -> int: ...  # noqa: D102 - see Holder
    @property
    def rank(self) -> int: ...  # noqa: D102
    @property
    def shift_from(self) -> int | None: ...  # noqa: D102
    @property
    def shift_to(self) -> int | None: ...  # noqa: D102
    @property
    def address_no(self) -> int | None: ...  # noqa: D102


def principals(held: Sequence[OfDuty], minute: int) -> list[int]:
    """Whom a duty is asked of at a minute of the city's day.

    Who is off duty stands down while another principal is on duty and can be reached.
    """
    first = [each for each in held if each.rank == 1]
    there = [each for each in first if covers(each.shift_from, each.shift_to, minute)]
    reached = any(each.address_no is not None for each in there)
    return [each.person_no for each in (there if reached else first)]


def stand_ins(held: Sequence[OfDuty], minute: int) -> list[int]:
    """Who may take over: the alternates, and principals who are off duty; as `principals`."""
    asked = set(principals(held, minute))
    return [each.person_no for each in held if each.person_no not in asked]


def replacements(held: Sequence[OfDuty], minute: int) -> list[int]:
    """Those of `stand_ins` who can be sent a message."""
    reached = {each.person_no for each in held if each.address_no is not None}
    return [no for no in stand_ins(held, minute) if no in reached]


def in_charge(held: Sequence[OfDuty], minute: int) -> list[int]:
    """The people to turn to for a duty: its principals, or where it has none whoever holds it."""
    return principals(held, minute) or [each.person_no for each in held]


def within_reach(
    held: Sequence[Holder], minute: int, rung: Collection[int] = frozenset()
) -> list[int]:
    """Of those in charge the ones who can be sent a message, else whoever of the duty can.

    With those in charge who can only be rung, where some may be. They take no message from anybody:
    a telephone that rings is no sign yet that somebody is there.
    """
    reached = {each.person_no: None for each in held if each.address_no is not None}
    charged = in_charge(held, minute)
    told = [no for no in charged if no in reached] or list(reached)
    called = [no for no in charged if no in rung and no not in reached]
    return [*told, *called] or [each.person_no for each in held if each.person_no in rung]


def rung(connection: Connection, held: Iterable[Holder]) -> dict[int, int]:
    """Those who can be sent no message but can be rung, by a fixed line say → address number.

    A short number rings only inside the office's own exchange, and is left out.
    """
    silent = [each.person_no for each in held if each.address_no is None]
    ways = contacts(connection, silent, int(Channel.VOICE)) if silent else {}
    outside = {no: [at for rank, at in found if rank < SHORT_RANK] for no, found in ways.items()}
    return {no: found[0] for no, found in outside.items() if found}


def contacts(
    connection: Connection, person_nos: Iterable[int], channel: int
) -> dict[int, list[tuple[int, int]]]:
    """Each person's (rank, address number) on a channel, the first to try first."""
    found: dict[int, list[tuple[int, int]]] = {}
    wanted = numbers(connection, dict.fromkeys(person_nos))
    for person_no, rank, address_no in _CONTACTS.rows(connection, persons=wanted, by=channel):
        found.setdefault(person_no, []).append((rank, address_no))
    return found


def _contacts(dialect: str) -> Select[Any]:
    c = t.contact.c
    return (
        select(c.person_no, c.rank, c.address_no)
        .where(
            among(dialect, c.person_no, "persons"),
            c.channel == bindparam("by"),
            c.to_version == FOREVER,
        )
        .order_by(c.person_no, c.rank)
    )


_CONTACTS = Prepared(_contacts)


def duties_of(connection: Connection, person_nos: Iterable[int]) -> dict[int, list[DutyRef]]:
    """What each person holds, in the order of the hierarchy."""
    found: dict[int, list[DutyRef]] = {}
    wanted = numbers(connection, dict.fromkeys(person_nos))
    for person_no, *duty in _DUTIES.rows(connection, persons=wanted):
        found.setdefault(person_no, []).append(DutyRef(*duty))
    return found


def _duties(dialect: str) -> Select[Any]:
    h, u = t.holding.c, t.unit.c
    return (
        select(h.person_no, h.duty_no, h.unit_no, h.role, h.rank, u.name, u.code)
        .join_from(t.holding, t.unit, u.no == h.unit_no)
        .where(
            among(dialect, h.person_no, "persons"),
            h.to_version == FOREVER,
            u.to_version == FOREVER,
        )
        .order_by(h.person_no, h.duty_no)
    )


_DUTIES = Prepared(_duties)


def persons_at(connection: Connection, address_no: int) -> list[int]:
    """Whose phone it is: more than one person where a phone is shared."""
    c = t.contact.c
    query = select(c.person_no).where(c.address_no == address_no, c.to_version == FOREVER)
    return list(connection.execute(query.distinct().order_by(c.person_no)).scalars())


def ever_at(connection: Connection, address_nos: Iterable[int]) -> dict[int, list[int]]:
    """Address → whose it is or was, of those who are on the roster now."""
    c, p = t.contact.c, t.person.c
    found: dict[int, list[int]] = {}
    for batch in batches(dict.fromkeys(address_nos)):
        query = (
            select(c.address_no, c.person_no)
            .join(t.person, (p.no == c.person_no) & (p.to_version == FOREVER))
            .where(c.address_no.in_(batch))
            .distinct()
            .order_by(c.address_no, c.person_no)
        )
        for address_no, person in connection.execute(query):
            found.setdefault(address_no, []).append(person)
    return found


def units(connection: Connection, unit_nos: Iterable[int]) -> dict[int, UnitRef]:
    """Units by number, as they are now; one that left is as it was last."""
    c = t.unit.c
    found: dict[int, UnitRef] = {}
    for batch in batches(dict.fromkeys(unit_nos)):
        rows = connection.execute(
            select(c.no, c.code, c.name, c.level, c.parent_no, c.path)
            .where(c.no.in_(batch))
            .order_by(c.to_version)
        )
        found.update((row.no, UnitRef(*row)) for row in rows)
    return found


def ancestors(
    connection: Connection, unit_nos: Iterable[int], version: int = NOW
) -> dict[int, tuple[int, ...]]:
    """Each unit and all above it at a roster version, from itself upward.

    Above a unit that has left is whatever it was last below, and what is above that.
    """
    wanted = list(dict.fromkeys(unit_nos))
    parents = parents_of(connection, version, wanted)
    left = [no for no in wanted if no not in parents]
    last = units(connection, left) if left else {}
    lost = {no: last[no].parent_no for no in left if no in last}
    over = [no for no in lost.values() if no is not None]
    above = ancestors(connection, over, version) if over else {}
    return {
        no: (no, *above.get(lost[no] or 0, ())) if no in lost else tuple(chain(no, parents))
        for no in wanted
    }


def lead_duty(connection: Connection, unit_no: int, ladder_roles: Sequence[str]) -> int | None:
    """The duty that answers for a unit, or None where nobody holds one."""
    return leads(connection, [unit_no], ladder_roles).get(unit_no)


def leads_above(
    connection: Connection, unit_nos: Iterable[int], ladder_roles: Sequence[str]
) -> dict[int, tuple[int, ...]]:
    """The duties above each unit, the nearest first.

    A level that nobody holds is passed over, so that silence still climbs to somebody.
    """
    above = {no: line[1:] for no, line in ancestors(connection, unit_nos).items()}
    first = leads(connection, {no for line in above.values() for no in line}, ladder_roles)
    return {unit: tuple(first[no] for no in line if no in first) for unit, line in above.items()}


def others_above(
    connection: Connection,
    silent: Mapping[int, tuple[int, Collection[int]]],
    ladder_roles: Sequence[str],
    minute: int,
    *,
    ring: bool = False,
) -> dict[int, tuple[int, ...]]:
    """As `leads_above`, without the duties of which nobody else can be sent a message.

    A village's head is often a grid's leader, too: nobody else hears what he tells himself.

    Args:
        connection: For reading.
        silent: By any key, a unit and the people there that are asked and don't answer.
        ladder_roles: Who answers for a unit, in their order.
        minute: Of the city's day.
        ring: Who can only be rung is told by a call.
    """
    lines = leads_above(connection, {unit for unit, _ in silent.values()}, ladder_roles)
    held = holders(connection, {duty for line in lines.values() for duty in line})
    called = rung(connection, [each for those in held.values() for each in those]) if ring else {}
    told = {duty: set(within_reach(held[duty], minute, called)) for duty in held}
    return {
        key: tuple(duty for duty in lines.get(unit, ()) if told.get(duty, set()) - set(persons))
        for key, (unit, persons) in silent.items()
    }


def levels_of(connection: Connection, duty_nos: Iterable[int]) -> dict[int, str]:
    """At which level of the hierarchy each duty is held."""
    d, u = t.duty.c, t.unit.c
    found: dict[int, str] = {}
    for batch in batches(duty_nos):
        rows = connection.execute(
            select(d.no, u.level)
            .join(t.unit, (u.no == d.unit_no) & (u.to_version == FOREVER))
            .where(d.no.in_(batch), d.to_version == FOREVER)
        )
        found.update((no, level) for no, level in rows)
    return found


def duty_desk(connection: Connection) -> int | None:
    """The city's duty desk: the duty of that role at the root; None where nobody holds it."""
    nos = [no for (no,) in _ROOTS.rows(connection)]
    desks = leads(connection, nos, [DUTY_DESK_ROLE])
    return next((desks[no] for no in nos if no in desks), None)


def desk_within_reach(
    connection: Connection, minute: int, *, ring: bool = False
) -> tuple[int | None, frozenset[int]]:
    """The duty desk, and whoever there can be sent a message; None and nobody where there is none.

    Args:
        connection: For reading.
        minute: Of the city's day.
        ring: As `others_above` has it.
    """
    duty = duty_desk(connection)
    held = holders(connection, [duty]).get(duty, ()) if duty is not None else ()
    return duty, frozenset(within_reach(held, minute, rung(connection, held) if ring else {}))


def _roots(_: str) -> Select[Any]:
    u = t.unit.c
    return select(u.no).where(u.parent_no.is_(None), u.to_version == FOREVER).order_by(u.no)


_ROOTS = Prepared(_roots)


def leads(
    connection: Connection, unit_nos: Iterable[int], roles: Sequence[str]
) -> Mapping[int, int]:
    """Each unit's first held duty of `roles`; an earlier role leads before a later one."""
    order = {role: place for place, role in enumerate(roles)}
    best: dict[int, tuple[int, int]] = {}
    wanted = {"units": numbers(connection, unit_nos), "roles": texts(connection, roles)}
    for no, unit_no, role in _LEADS.rows(connection, **wanted):
        duty = (order[role], no)
        best[unit_no] = min(duty, best.get(unit_no, duty))
    return {unit_no: no for unit_no, (_, no) in best.items()}


def _leads(dialect: str) -> Select[Any]:
    c = t.duty.c
    return select(c.no, c.unit_no, c.role).where(
        among(dialect, c.unit_no, "units"),
        among(dialect, c.role, "roles"),
        c.to_version == FOREVER,
        _held(),
    )


def _held() -> ColumnElement[bool]:
    h = t.holding.c
    return exists().where(h.duty_no == t.duty.c.no, h.to_version == FOREVER)


_LEADS = Prepared(_leads)
