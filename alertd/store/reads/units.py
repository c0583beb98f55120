"""The hierarchy as it is now, a level at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select

from alertd.errors import NotFoundError
from alertd.model import FOREVER
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.fold.scope import below, in_force
from alertd.store.reads.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitView:
    """A unit; `households`, `vulnerable`, `should_transfer` are None where nobody said."""

    no: int
    code: str
    official_code: str
    name: str
    level: str
    path: str
    households: int | None
    vulnerable: int | None
    should_transfer: int | None
    shelter: str
    parent: bool  # whether there are units below it


def path_of(connection: Connection, code: str, *, left: bool = False) -> str | None:
    """The path of the unit of that code; None where the roster has none now.

    With `left` that of one that has left, too, as it was last.
    """
    c = t.unit.c
    query = select(c.path).where(c.code == code, *_in_force(c, left=left))
    return connection.execute(query.order_by(c.to_version.desc()).limit(1)).scalar()


def _in_force(c: Any, *, left: bool) -> tuple[ColumnElement[bool], ...]:
    return () if left else (c.to_version == FOREVER,)


def paths_of_terminals(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The paths of the units that loudspeakers stand in now, by id; not of one in no roster."""
    c, u = t.terminal.c, t.unit.c
    query = (
        select(c.terminal_id, u.path)
        .join(t.unit, u.no == c.unit_no)
        .where(c.to_version == FOREVER, u.to_version == FOREVER)
    )
    found: dict[str, str] = {}
    for batch in batches(dict.fromkeys(ids)):
        rows = connection.execute(query.where(c.terminal_id.in_(batch)))
        found.update((row.terminal_id, row.path) for row in rows)
    return found


def group_called(connection: Connection, key: str) -> tuple[bytes, bytes] | None:
    """Sealed address and secret (b"" for none) of the chat group of that id; None: no such one."""
    c = t.chat_group.c
    row = connection.execute(
        select(t.address.c.cipher, c.secret_cipher)
        .join(t.address, t.address.c.no == c.address_no)
        .where(c.group_key == key, c.to_version == FOREVER)
    ).first()
    return (row.cipher, row.secret_cipher) if row else None


def group_kinds(connection: Connection) -> list[str]:
    """The kinds of chat groups that the roster has now, sorted."""
    c = t.chat_group.c
    query = select(c.kind).where(c.to_version == FOREVER).distinct().order_by(c.kind)
    return list(connection.execute(query).scalars())


def names_of_areas(connection: Connection, codes: Iterable[str]) -> dict[str, str]:
    """The names of units by code; a code that is no unit's own is left out."""
    c = t.unit.c
    found: dict[str, str] = {}
    for batch in batches(dict.fromkeys(codes)):
        rows = connection.execute(
            select(c.code, c.name).where(c.code.in_(batch), c.to_version == FOREVER)
        )
        found.update((row.code, row.name) for row in rows)
    return found


def duty_at(connection: Connection, unit_code: str, role: str) -> int:
    """The number of the duty of a role in a unit.

    Raises:
        NotFoundError: There is no such unit, or no such duty in it.
    """
    d, u = t.duty.c, t.unit.c
    query = (
        select(d.no)
        .join(t.unit, and_(u.no == d.unit_no, u.to_version == FOREVER))
        .where(u.code == unit_code, d.role == role, d.to_version == FOREVER)
        .order_by(d.no)
        .limit(1)
    )
    found: int | None = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFoundError("There is no such duty in that unit.", field="duty")
    return found


def unit_of_duty(connection: Connection, duty_no: int) -> str:
    """The path of the unit that a duty belongs to now."""
    d, u = t.duty.c, t.unit.c
    query = (
        select(u.path)
        .join(t.duty, d.unit_no == u.no)
        .where(d.no == duty_no, d.to_version == FOREVER, u.to_version == FOREVER)
    )
    found: str = connection.execute(query).scalar_one()
    return found


def person_of(connection: Connection, person_id: str, *, left: bool = False) -> int:
    """The number of the person of that id; with `left` of one who has left, too.

    Raises:
        NotFoundError: Nobody in the roster has it now.
    """
    c = t.person.c
    query = select(c.no).where(c.person_id == person_id, *_in_force(c, left=left))
    found: int | None = connection.execute(query.order_by(c.to_version.desc()).limit(1)).scalar()
    if found is None:
        raise NotFoundError("Nobody in the roster has that id.", field="person_id")
    return found


def people_named(connection: Connection, persons: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Person number → (person id, name), as they are now; one that left as it was last."""
    c = t.person.c
    rows = connection.execute(
        select(c.no, c.person_id, c.name).where(c.no.in_(set(persons))).order_by(c.to_version)
    )
    return {row.no: (row.person_id, row.name) for row in rows}


def paths_of_person(connection: Connection, person_no: int, *, left: bool = False) -> list[str]:
    """The paths of the units in which somebody holds a duty now.

    With `left`, of somebody who holds none any more, where they did last.
    """
    h, u = t.holding.c, t.unit.c
    until = FOREVER
    if left:
        last = select(func.max(h.to_version)).where(h.person_no == person_no)
        until = connection.execute(last).scalar() or FOREVER
    query = (
        select(u.path)
        .distinct()
        .join(t.holding, h.unit_no == u.no)
        .where(h.person_no == person_no, h.to_version == until, in_force(t.unit, until - 1))
    )
    return list(connection.execute(query).scalars())


def unit_paths(connection: Connection, unit_nos: Iterable[int]) -> list[str]:
    """The paths of units by number, as they were last."""
    c = t.unit.c
    query = select(c.no, c.path).where(c.no.in_(set(unit_nos))).order_by(c.to_version)
    return list({row.no: row.path for row in connection.execute(query)}.values())


def children(
    connection: Connection,
    parent: str | None,
    *,
    path: str = "",
    after: int | None = None,
    limit: int = 200,
) -> Page[UnitView]:
    """The units below `parent`, in the hierarchy's order; without one, the subtree's own root.

    Raises:
        NotFoundError: There is no such unit in the subtree.
    """
    u, below_it = t.unit.c, t.unit.alias("below_it")
    has_more = exists().where(below_it.c.parent_no == u.no, below_it.c.to_version == FOREVER)
    names = (*UnitView.__dataclass_fields__,)[:-1]
    query = select(*(u[name] for name in names), has_more.label("parent")).where(
        u.to_version == FOREVER
    )
    if parent is not None:
        query = query.where(u.parent_no == _unit_no(connection, parent, path))
    else:
        query = query.where(u.path == path if path else u.parent_no.is_(None))
    if after is not None:
        query = query.where(u.path > _path_of_no(connection, after))
    rows = connection.execute(query.order_by(u.path).limit(limit + 1)).all()
    shown = rows[:limit]
    items = tuple(UnitView(**{**row._asdict(), "parent": bool(row.parent)}) for row in shown)
    return Page(items=items, next=shown[-1].no if len(rows) > limit else None)


def _unit_no(connection: Connection, code: str, path: str) -> int:
    u = t.unit.c
    query = select(u.no).where(u.code == code, u.to_version == FOREVER)
    if path:
        query = query.where(below(u.path, [path]))
    found: int | None = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFoundError("There is no such unit.", field="parent")
    return found


def _path_of_no(connection: Connection, no: int) -> str:
    u = t.unit.c
    found = connection.execute(select(func.max(u.path)).where(u.no == no)).scalar_one()
    return found or ""


def persons_inside(path: str) -> Any:
    """A subquery: the numbers of people who hold a duty in the subtree now."""
    h, u = t.holding.c, t.unit.c
    return (
        select(h.person_no)
        .join(t.unit, u.no == h.unit_no)
        .where(below(u.path, [path]), h.to_version == FOREVER, u.to_version == FOREVER)
    )
