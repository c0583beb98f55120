"""The roster as its pages show it: a unit with its duties, a person, and what a search finds."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, or_, select

from alertd.errors import NotFoundError
from alertd.model import FOREVER
from alertd.store import addresses, people
from alertd.store import tables as t
from alertd.store.fold.scope import below
from alertd.store.reads.units import UnitView
from alertd.store.roster.values import Stored
from alertd.store.vault import Vault
from rosters.model import Holding, Person
from rosters.phones import read_phone, read_short_phone

_TAIL = 2  # digits of a number that are kept to be found by


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Somebody's part in a duty; `person` has masked numbers."""

    person: Person
    holding: Holding


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPage:
    """A unit, who serves in it, and what hangs in it.

    Args:
        above: (code, name) from the visitor's own root down.
        posts: Each duty's holders, the principal first, in the roster's order.
        speakers: (id, name) of its loudspeakers.
        groups: (id, kind) of its chat groups.
    """

    unit: UnitView
    above: tuple[tuple[str, str], ...]
    posts: tuple[tuple[str, tuple[Held, ...]], ...]
    speakers: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found, the first of each.

    Args:
        units: (code, name, level, name of the unit above).
        people: (id, name, where they serve: (code, name, post) each).
        more: Whether there are more than are shown.
    """

    units: tuple[tuple[str, str, str, str], ...]
    people: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...]
    more: bool


def unit_page(connection: Connection, vault: Vault, code: str, *, path: str) -> UnitPage:
    """A unit of the asker's subtree.

    Raises:
        NotFoundError: There is no such unit there.
    """
    u = t.unit.c
    names = (*UnitView.__dataclass_fields__,)[:-1]
    row = connection.execute(
        select(*(u[name] for name in names)).where(u.code == code, *_inside(path))
    ).first()
    if row is None:
        raise NotFoundError("There is no such unit.", field="unit_code")
    below_it = connection.execute(
        select(u.no).where(u.parent_no == row.no, u.to_version == FOREVER).limit(1)
    ).first()
    stored = Stored(connection, vault)
    held = stored.holdings([row.no]).get(row.no, [])
    persons = stored.people({no for no, _ in held})
    posts: dict[str, list[Held]] = {}
    for no, holding in held:
        posts.setdefault(holding.post, []).append(Held(person=persons[no], holding=holding))
    x, g = t.terminal.c, t.chat_group.c
    speakers = connection.execute(
        select(x.terminal_id, x.name)
        .where(x.unit_no == row.no, x.to_version == FOREVER)
        .order_by(x.no)
    )
    groups = connection.execute(
        select(g.group_key, g.kind)
        .where(g.unit_no == row.no, g.to_version == FOREVER)
        .order_by(g.no)
    )
    return UnitPage(
        unit=UnitView(**row._asdict(), parent=below_it is not None),
        above=_above(connection, row.path, path),
        posts=tuple(
            (post, tuple(sorted(each, key=lambda h: h.holding.rank)))
            for post, each in posts.items()
        ),
        speakers=tuple((key, name) for key, name in speakers),
        groups=tuple((key, kind) for key, kind in groups),
    )


def person_page(
    connection: Connection, vault: Vault, person_id: str, *, path: str
) -> tuple[Person, tuple[tuple[str, Holding], ...], bool]:
    """A person with masked numbers, their duties (unit's name, holding), and if all are inside.

    Raises:
        NotFoundError: Nobody of that id has a duty in the asker's subtree.
    """
    p = t.person.c
    no = connection.execute(
        select(p.no).where(p.person_id == person_id, p.to_version == FOREVER, *_serving(p.no, path))
    ).scalar_one_or_none()
    if no is None:
        raise NotFoundError("Nobody in the roster has that id.", field="person_id")
    stored = Stored(connection, vault)
    duties = people.duties_of(connection, [no]).get(no, [])
    names = {duty.unit_no: duty.unit_name for duty in duties}
    held = stored.holdings(names)
    mine = [
        (names[unit_no], holding)
        for unit_no, each in held.items()
        for person_no, holding in each
        if person_no == no
    ]
    inside = set(
        connection.execute(
            select(t.unit.c.code).where(t.unit.c.no.in_(list(names)), *_inside(path))
        ).scalars()
    )
    seen = tuple(pair for pair in mine if pair[1].unit_code in inside)
    return stored.people([no])[no], seen, len(seen) == len(mine)


def search(connection: Connection, vault: Vault, text: str, *, path: str, limit: int = 50) -> Found:
    """Units by name or code; people by name, id, number or its last two digits.

    A whole number is found by its keyed index, any other digits by the last two of them.
    """
    text = text.strip()
    if not text:
        return Found(units=(), people=(), more=False)
    units = connection.execute(_units_called(text, path, limit + 1)).all()
    p = t.person.c
    query = (
        select(p.no, p.person_id, p.name)
        .where(p.to_version == FOREVER, _is_them(connection, vault, text), *_serving(p.no, path))
        .order_by(p.no)
        .limit(limit + 1)
    )
    persons = connection.execute(query).all()
    places = people.duties_of(connection, [row.no for row in persons[:limit]])
    return Found(
        units=tuple((row.code, row.name, row.level, row.above or "") for row in units[:limit]),
        people=tuple(
            (
                row.person_id,
                row.name,
                tuple((d.unit_code, d.unit_name, d.role) for d in places.get(row.no, ())),
            )
            for row in persons[:limit]
        ),
        more=len(units) > limit or len(persons) > limit,
    )


def _units_called(text: str, path: str, limit: int) -> Select[Any]:
    u, above = t.unit.c, t.unit.alias("above")
    return (
        select(u.code, u.name, u.level, above.c.name.label("above"))
        .outerjoin_from(
            t.unit, above, and_(above.c.no == u.parent_no, above.c.to_version == FOREVER)
        )
        .where(
            or_(
                u.name.contains(text, autoescape=True),
                u.code.startswith(text, autoescape=True),
                u.official_code == text,
            ),
            *_inside(path),
        )
        .order_by(u.path)
        .limit(limit)
    )


def _is_them(connection: Connection, vault: Vault, text: str) -> ColumnElement[bool]:
    p, c, a = t.person.c, t.contact.c, t.address.c
    ways: list[ColumnElement[bool]] = [
        p.name.contains(text, autoescape=True),
        p.person_id == text,
    ]
    numbers = [read_phone(text).number, read_short_phone(text)]
    known = [addresses.find(connection, vault, number) for number in numbers if number]
    reach = and_(c.person_no == p.no, c.to_version == FOREVER)
    if any(known):
        ways.append(exists().where(reach, c.address_no.in_([no for no in known if no])))
    digits = text.isascii() and text.isdecimal()
    if digits and len(text) >= _TAIL and not any(known):
        ways.append(
            exists(
                select(c.person_no)
                .join_from(t.contact, t.address, a.no == c.address_no)
                .where(reach, a.tail == text[-_TAIL:])
                .correlate(t.person)
            )
        )
    return or_(*ways)


def _inside(path: str) -> list[ColumnElement[bool]]:
    live: ColumnElement[bool] = t.unit.c.to_version == FOREVER
    return [live, below(t.unit.c.path, [path])] if path else [live]


def _serving(person_no: Any, path: str) -> list[ColumnElement[bool]]:
    """Whether a person has a duty in the subtree."""
    h, u = t.holding.c, t.unit.c
    if not path:
        return []
    return [
        exists(
            select(h.person_no)
            .join_from(t.holding, t.unit, u.no == h.unit_no)
            .where(h.person_no == person_no, h.to_version == FOREVER, *_inside(path))
            .correlate(t.person)
        )
    ]


def _above(connection: Connection, whole: str, path: str) -> tuple[tuple[str, str], ...]:
    """The units above one, from the visitor's own root down."""
    codes = whole.split("/")[:-2]
    u = t.unit.c
    rows = connection.execute(
        select(u.code, u.name).where(u.code.in_(codes), *_inside(path)).order_by(u.path)
    )
    return tuple((row.code, row.name) for row in rows)
