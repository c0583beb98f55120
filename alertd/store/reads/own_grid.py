"""What a leader sees of the units below: who has answered, and whom to go to.

Names are read here, since one goes to people by their names; numbers are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select

from alertd.model import Millis, RequirementState, Stage, Via, duty_of, requirement_no
from alertd.store import people
from alertd.store import tables as t
from alertd.store.fold.scope import below, in_force
from alertd.store.reads import alerts
from alertd.store.reads.board import path_then
from alertd.store.reads.own_page import led_units
from alertd.store.reads.told import told
from alertd.store.reads.units import people_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """A duty in a unit below the reader's own.

    Args:
        state: `covered`, `waiting`, or `silent` where every rung was taken.
        told: Whether anything about the alert has left for any of its holders.
        covered_at: When it was answered.
        knocked: Somebody was there and told them.
        holders: Their names, principals first.
        should_transfer: People to be moved from there; None where nobody said.
    """

    duty_no: int
    unit_name: str
    parent_name: str
    role: str
    state: str
    told: bool
    covered_at: Millis | None
    knocked: bool
    holders: tuple[str, ...]
    vulnerable: int | None
    should_transfer: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The duties below the units that somebody leads, a page of them.

    Args:
        units: The names of the units that they lead.
        needed: How many duties there are below, on all pages.
        covered: How many of them are answered.
        start: Which is the first here, from 0.
        more: Whether there are more behind.
    """

    units: tuple[str, ...]
    needed: int
    covered: int
    rows: tuple[Below, ...]
    start: int
    more: bool


def grid(
    connection: Connection,
    full: alerts.FullAlert,
    person_no: int,
    *,
    start: int = 0,
    limit: int = 40,
    only: int | None = None,
) -> Grid:
    """What is below the units that somebody leads in an alert; nothing where they lead none.

    Args:
        connection: For reading.
        full: The alert.
        person_no: Who looks.
        start: How many to leave out.
        limit: At most so many.
        only: This duty alone.
    """
    roles = tuple(full.policy.get("ladder_roles", ()))
    led = people.units(connection, led_units(connection, full.view.no, person_no, roles))
    names = tuple(unit.name for unit in led.values())
    if not led:
        return Grid(units=(), needed=0, covered=0, rows=(), start=0, more=False)
    query = _below(full, [path_then(connection, full.version, unit.path) for unit in led.values()])
    if only is not None:
        query = query.where(t.requirement.c.no == first_stage(full, only))
    whole = query.subquery()
    is_covered = whole.c.state == int(RequirementState.COVERED)
    counted = select(func.count(), func.count().filter(is_covered)).select_from(whole)
    needed, covered = connection.execute(counted).one()
    page = query.order_by(t.requirement.c.no).offset(start).limit(limit + 1)
    rows = connection.execute(page).all()
    return Grid(
        units=names,
        needed=needed,
        covered=covered,
        rows=_rows(connection, full.view.no, rows[:limit]),
        start=start,
        more=len(rows) > limit,
    )


def first_stage(full: alerts.FullAlert, duty_no: int) -> int:
    """The number of the first that an alert asks of a duty."""
    names = [str(stage["name"]) for stage in full.policy.get("stages", ())] or ["received"]
    stage = min(Stage[name.upper()] for name in names)
    return requirement_no(full.view.no, stage, duty_no)


def _below(full: alerts.FullAlert, paths: Sequence[str]) -> Select[Any]:
    r, u, above = t.requirement.c, t.unit.c, t.unit.alias("above")
    version = full.version
    names = (u.name, u.vulnerable, u.should_transfer, above.c.name.label("parent_name"))
    return (
        select(r.no, r.role, r.state, r.covered_at, *names)
        .join(t.unit, and_(u.no == r.unit_no, in_force(t.unit, version)))
        .outerjoin(above, and_(above.c.no == u.parent_no, in_force(above, version)))
        .where(
            r.no.between(first_stage(full, 0), first_stage(full, (1 << 28) - 1)),
            below(u.path, paths),
            u.path.not_in(paths),
        )
    )


_WORDS = {RequirementState.COVERED: "covered", RequirementState.EXHAUSTED: "silent"}


def _rows(connection: Connection, alert_no: int, rows: Sequence[Row[Any]]) -> tuple[Below, ...]:
    held = people.holders(connection, [duty_of(row.no) for row in rows])
    persons = [holder.person_no for those in held.values() for holder in those]
    named, heard = people_named(connection, persons), told(connection, alert_no, persons)
    brought = _brought(connection, [row.no for row in rows])
    return tuple(
        Below(
            duty_no=duty_of(row.no),
            unit_name=row.name,
            parent_name=row.parent_name or "",
            role=row.role,
            state=_WORDS.get(RequirementState(row.state), "waiting"),
            told=any(one.person_no in heard for one in held.get(duty_of(row.no), ())),
            covered_at=row.covered_at,
            knocked=row.no in brought,
            holders=tuple(
                named[holder.person_no][1]
                for holder in held.get(duty_of(row.no), ())
                if holder.person_no in named
            ),
            vulnerable=row.vulnerable,
            should_transfer=row.should_transfer,
        )
        for row in rows
    )


def _brought(connection: Connection, requirement_nos: Sequence[int]) -> set[int]:
    """Those whose answer somebody brought who had been there."""
    a, c = t.answer.c, t.ack.c
    query = (
        select(a.requirement_no)
        .join(t.ack, c.no == a.ack_no)
        .where(a.requirement_no.in_(requirement_nos), c.via == Via.RUNNER.value)
    )
    return set(connection.execute(query).scalars())
