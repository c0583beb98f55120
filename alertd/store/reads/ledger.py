"""The reachability ledger: for each duty, when and how it was last really reached.

Reached is a duty one of whose present holders has answered, by whatever way, themselves or by
somebody who spoke to them; a gateway's word that a message arrived isn't enough. What came from a
simulated gateway is kept apart: it reached nobody.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from alertd.model import FOREVER, Millis, Status
from alertd.store import tables as t
from alertd.store.fold.scope import below
from rosters.words import PERSONAL_ROLES

_DUTIES_AT_ONCE: Final = 1_000
_ALERTS: Final = 500  # the newest; an answer to an older one is no longer worth anything


class In(StrEnum):
    """In what somebody was reached; these never mix."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    TEST = "Test"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """When and how somebody answered.

    Args:
        at: When.
        alert: The short code of the alert.
        kind: Of In.
        via: model.Via: by SMS, their own page, phone, radio, somebody at the door …
        route: Whose gateway brought the answer; "" where none did.
        grade: model.Grade: own, shared phone, or entered by somebody else.
        rank: 1 where the principal answered, else an alternate's.
    """

    at: Millis
    alert: str
    kind: In
    via: str
    route: str
    grade: str
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A duty of the ledger.

    Args:
        holders: How many people hold it; 0: nobody.
        last: The last time it was really reached, or None.
        by_kind: The last time in each kind of alert, simulated ones too.
    """

    duty_no: int
    unit_no: int
    unit_code: str
    unit_name: str
    level: str
    parent_name: str
    role: str
    post: str
    holders: int
    last: Reached | None
    by_kind: Mapping[str, Millis] = field(default_factory=dict)

    def dark_since(self, at: Millis) -> bool:
        """Whether it wasn't reached since then."""
        return self.last is None or self.last.at < at


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A grid that is dark: nobody holds a duty of its own, or none was reached for too long."""

    unit_no: int
    unit_code: str
    unit_name: str
    parent_name: str
    town_name: str
    duties: int
    held: int
    last: Reached | None


def entries(
    connection: Connection,
    *,
    path: str = "",
    simulated: Collection[str] = (),
    after: int | None = None,
    level: str = "",
) -> Iterator[Entry]:
    """The ledger in the hierarchy's order; some hundred duties are in memory at once.

    Args:
        connection: For reading.
        path: The asker's subtree.
        simulated: Routes whose gateway reaches nobody real.
        after: Go on behind this duty.
        level: Units of this level only.
    """
    alerts = _alerts(connection)
    while True:
        rows = _duties(connection, path, after, level)
        held = _holders(connection, [row.no for row in rows])
        persons = sorted({person for parts in held.values() for person, _ in parts})
        answers = _answers(connection, persons, alerts, simulated)
        for row in rows:
            yield _entry(row, held.get(row.no, ()), answers)
        if len(rows) < _DUTIES_AT_ONCE:
            return
        after = rows[-1].no


def _duties(connection: Connection, path: str, after: int | None, level: str) -> Sequence[Row[Any]]:
    d, u, above = t.duty.c, t.unit.c, t.unit.alias("above")
    own = or_(d.role.not_in(PERSONAL_ROLES), d.role == d.post)
    query: Select[Any] = (
        select(
            d.no,
            d.role,
            d.post,
            d.unit_no,
            u.code,
            u.name,
            u.level,
            above.c.name.label("parent_name"),
        )
        .join_from(t.duty, t.unit, and_(u.no == d.unit_no, u.to_version == FOREVER))
        .outerjoin(above, and_(above.c.no == u.parent_no, above.c.to_version == FOREVER))
        .where(d.to_version == FOREVER, own)
        .order_by(u.path, d.no)
        .limit(_DUTIES_AT_ONCE)
    )
    if path:
        query = query.where(below(u.path, [path]))
    if level:
        query = query.where(u.level == level)
    if after is not None:
        seen = (
            select(u.path)
            .join_from(t.duty, t.unit, u.no == d.unit_no)
            .where(d.no == after, d.to_version == FOREVER, u.to_version == FOREVER)
        )
        at = connection.execute(seen).scalar_one_or_none() or ""
        query = query.where(or_(u.path > at, and_(u.path == at, d.no > after)))
    return connection.execute(query).all()


def _holders(connection: Connection, duty_nos: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """(person, rank) of each duty."""
    h = t.holding.c
    rows = connection.execute(
        select(h.duty_no, h.person_no, h.rank)
        .where(h.duty_no.in_(duty_nos), h.to_version == FOREVER)
        .order_by(h.duty_no, h.rank)
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for duty_no, person_no, rank in rows:
        found.setdefault(duty_no, []).append((person_no, rank))
    return found


def _alerts(connection: Connection) -> dict[int, tuple[In, str]]:
    """What each of the newest alerts was, and its short code."""
    c = t.alert.c
    query: Select[Any] = (
        select(c.no, c.status, c.selection, c.short_code)
        .where(c.issued_at.is_not(None))
        .order_by(c.no.desc())
        .limit(_ALERTS)
    )
    return {row.no: (_kind(row), row.short_code) for row in connection.execute(query)}


def _kind(row: Row[Any]) -> In:
    if json.loads(row.selection).get("simulated"):
        return In.SIMULATED
    return In[Status(row.status).name]


_Answers = dict[int, dict[In, tuple[Row[Any], str]]]
"""By person: by kind of alert, the last answer and the alert's short code."""


def _answers(
    connection: Connection,
    persons: Sequence[int],
    alerts: Mapping[int, tuple[In, str]],
    simulated: Collection[str],
) -> _Answers:
    found: _Answers = {}
    for kind in In:
        of_kind = [no for no, (known, _) in alerts.items() if known is kind]
        if not of_kind or not persons:
            continue
        for row in connection.execute(_last_answers(of_kind, persons, simulated)):
            counted = In.SIMULATED if row.route in simulated else kind
            mine = found.setdefault(row.person_no, {})
            if counted not in mine or mine[counted][0].occurred_at <= row.occurred_at:
                mine[counted] = row, alerts[row.alert_no][1]
    return found


def _last_answers(
    alerts: Sequence[int], persons: Sequence[int], simulated: Collection[str]
) -> Select[Any]:
    """Each person's last answer to any of some alerts; one by a simulated route is apart."""
    a, i = t.ack.c, t.inbound.c
    chosen = (a.alert_no.in_(alerts), a.person_no.in_(persons), a.withdrawn_at.is_(None))
    last = select(func.max(a.no)).where(*chosen)
    if simulated:
        last = last.outerjoin_from(t.ack, t.inbound, i.no == a.inbound_no)
        last = last.group_by(a.person_no, i.route.in_(sorted(simulated)))
    else:
        last = last.group_by(a.person_no)
    return (
        select(a.person_no, a.alert_no, a.occurred_at, a.via, a.grade, i.route)
        .outerjoin_from(t.ack, t.inbound, i.no == a.inbound_no)
        .where(a.no.in_(last))
        .order_by(a.no)
    )


def _entry(row: Row[Any], held: Sequence[tuple[int, int]], answers: _Answers) -> Entry:
    each = [
        Reached(
            at=answer.occurred_at,
            alert=code,
            kind=kind,
            via=answer.via,
            route=answer.route or "",
            grade=answer.grade,
            rank=rank,
        )
        for person_no, rank in held
        for kind, (answer, code) in answers.get(person_no, {}).items()
    ]
    by_kind: dict[str, Millis] = {}
    for one in each:
        by_kind[one.kind.value] = max(one.at, by_kind.get(one.kind.value, one.at))
    real = [one for one in each if one.kind is not In.SIMULATED]
    return Entry(
        duty_no=row.no,
        unit_no=row.unit_no,
        unit_code=row.code,
        unit_name=row.name,
        level=row.level,
        parent_name=row.parent_name or "",
        role=row.role,
        post=row.post,
        holders=len({person_no for person_no, _ in held}),
        last=max(real, key=lambda one: one.at, default=None),
        by_kind=by_kind,
    )


def dark_grids(
    connection: Connection, *, since: Millis, path: str = "", simulated: Collection[str] = ()
) -> list[Grid]:
    """Grids to close before the season, in the hierarchy's order.

    A grid is dark where nobody holds a duty of its own, or where none of those was really reached
    since `since`. Its stairwells don't count: they can't speak for it.
    """
    own: dict[int, list[Entry]] = {}
    for entry in entries(connection, path=path, simulated=simulated, level="grid"):
        own.setdefault(entry.unit_no, []).append(entry)
    found = []
    for row in _grids(connection, path):
        duties = own.get(row.no, [])
        held = [duty for duty in duties if duty.holders]
        if held and not all(duty.dark_since(since) for duty in held):
            continue
        times = [duty.last for duty in held if duty.last is not None]
        found.append(
            Grid(
                unit_no=row.no,
                unit_code=row.code,
                unit_name=row.name,
                parent_name=row.parent_name or "",
                town_name=row.town_name or "",
                duties=len(duties),
                held=len(held),
                last=max(times, key=lambda one: one.at, default=None),
            )
        )
    return found


def _grids(connection: Connection, path: str) -> Sequence[Row[Any]]:
    u, above, town = t.unit.c, t.unit.alias("above"), t.unit.alias("town")
    query: Select[Any] = (
        select(
            u.no,
            u.code,
            u.name,
            above.c.name.label("parent_name"),
            town.c.name.label("town_name"),
        )
        .outerjoin(above, and_(above.c.no == u.parent_no, above.c.to_version == FOREVER))
        .outerjoin(town, and_(town.c.no == above.c.parent_no, town.c.to_version == FOREVER))
        .where(u.to_version == FOREVER, u.level == "grid")
        .order_by(u.path)
    )
    if path:
        query = query.where(below(u.path, [path]))
    return connection.execute(query).all()


def grids_in_all(connection: Connection, path: str = "") -> int:
    """How many grids the roster has."""
    u = t.unit.c
    query = select(func.count()).where(u.to_version == FOREVER, u.level == "grid")
    if path:
        query = query.where(below(u.path, [path]))
    return int(connection.execute(query).scalar_one())
