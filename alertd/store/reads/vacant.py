"""Where nobody is answerable: units that an alert is for, and in which there is nobody to ask.

What nobody holds isn't asked, so it stands in no count of what was asked and what was answered.
Such a place is one that nobody reaches: somebody must go there.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Connection, Engine, and_, case, exists, literal, select

from alertd.model import Status
from alertd.store import tables as t
from alertd.store.fold.scope import below, in_force, one_of
from alertd.store.frozen import policy_of, shown
from rosters.words import LEAD_ROLES, Level

DOORS: Final = (Level.GRID, Level.BUILDING)
"""Where there are doors to knock at; a post above them that nobody holds is the roster's matter."""


# An issued alert's selection and its roster version never change, and boards ask twice a second for
# what takes 15 ms in a city of 6,900 stairwells: kept by database, alert and version.
_found: WeakKeyDictionary[Engine, dict[tuple[bytes, int], list[tuple[int, str]]]] = (
    WeakKeyDictionary()
)
_MOST_KEPT: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacancy:
    """A unit in which nobody is answerable; `role` is who would be."""

    unit_no: int
    unit_code: str
    unit_name: str
    level: str
    path: str
    parent_name: str
    role: str


def unheld(
    connection: Connection,
    version: int | None,
    paths: Sequence[str],
    roles: Collection[str],
    *,
    levels: Collection[Level] = tuple(LEAD_ROLES),
    asked: Collection[str] = (),
) -> list[tuple[int, str]]:
    """(unit, role of its lead) of what nobody holds, in the hierarchy's order.

    Args:
        connection: For reading.
        version: Of the roster.
        paths: At these and below.
        roles: Leads of these roles alone.
        levels: Units of these levels alone.
        asked: A unit with a duty of these roles isn't empty, though its lead is missing.
    """
    d, h, u = t.duty.c, t.holding.c, t.unit.c
    leads = {level: LEAD_ROLES[level] for level in levels}
    lead = case(
        *((u.level == str(level), literal(role)) for level, role in leads.items()),
        else_=literal(""),
    )
    if asked:  # once through the duties: looking for each unit's own takes five times as long
        there = select(d.unit_no).where(one_of(d.role, asked), in_force(t.duty, version))
        empty: ColumnElement[bool] = u.no.not_in(there)
    else:
        held = select(literal(1)).join_from(t.duty, t.holding, h.duty_no == d.no)
        here = (d.unit_no == u.no, d.role == lead)
        now = (in_force(t.duty, version), in_force(t.holding, version))
        empty = ~exists(held.where(*here, *now).correlate(t.unit))
    wanted = [str(level) for level, role in leads.items() if role in roles]
    query = select(u.no, lead).where(
        in_force(t.unit, version), below(u.path, paths), one_of(u.level, wanted), empty
    )
    return [(no, role) for no, role in connection.execute(query.order_by(u.path))]


def vacant(connection: Connection, alert_no: int) -> list[tuple[int, str]]:
    """(unit, role) of the doors at which an alert asks nobody, by the roster that it went out with.

    Nothing before it was issued, of a Test, and of one that goes to those alone who were told.
    """
    c = t.alert.c
    row = connection.execute(
        select(c.id, c.roster_version, c.selection, c.policy, c.audience, c.status).where(
            c.no == alert_no, c.issued_at.is_not(None)
        )
    ).first()
    if row is None or row.audience == "told" or row.status == int(Status.TEST):
        return []
    chosen = shown(row.selection)
    paths = chosen.get("paths")
    if not paths:  # it can't be read: for whom it is, nobody knows
        return []
    asked = set(chosen["roles"]) & set(policy_of(row.policy).ladder_roles)
    found = _found.setdefault(connection.engine, {})
    key = (row.id, row.roster_version)
    if key not in found:
        while len(found) >= _MOST_KEPT:
            found.pop(next(iter(found)), None)
        version = row.roster_version
        found[key] = unheld(connection, version, paths, asked, levels=DOORS, asked=asked)
    return found[key]


def vacancies(connection: Connection, alert_no: int, *, path: str = "") -> list[Vacancy]:
    """The same with their names, in the subtree at `path` of the alert's own roster."""
    roles = dict(vacant(connection, alert_no))
    if not roles:
        return []
    u, above, a = t.unit.c, t.unit.alias("above"), t.alert.c
    version = select(a.roster_version).where(a.no == alert_no).scalar_subquery()
    query = (
        select(u.no, u.code, u.name, u.level, u.path, above.c.name.label("parent"))
        .select_from(t.unit)
        .outerjoin(above, and_(above.c.no == u.parent_no, in_force(above, version)))
        .where(u.no.in_(roles), in_force(t.unit, version))
        .order_by(u.path)
    )
    if path:
        query = query.where(below(u.path, [path]))
    rows: Sequence[Any] = connection.execute(query).all()
    return [
        Vacancy(
            unit_no=row.no,
            unit_code=row.code,
            unit_name=row.name,
            level=row.level,
            path=row.path,
            parent_name=row.parent or "",
            role=roles[row.no],
        )
        for row in rows
    ]
