"""What stands on paper about an alert: whom it asks in a part of the city, and what it says.

Names are read here, since people are called and gone to by their names; whole numbers are read by
`numbers_of_people`, for those alone who may see them.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, select

from alertd.errors import NotFoundError
from alertd.model import (
    Channel,
    MessageKind,
    Millis,
    RequirementState,
    duty_of,
    numbers_of,
)
from alertd.store import addresses, people
from alertd.store import tables as t
from alertd.store.fold.scope import below, in_force
from alertd.store.reads.alerts import FullAlert
from alertd.store.reads.board import path_then
from alertd.store.reads.own_grid import first_stage
from alertd.store.reads.told import told
from alertd.store.reads.units import people_named
from alertd.store.reads.vacant import vacancies
from alertd.store.vault import Vault
from rosters.shifts import spelled

_MOST_WAYS = 2  # of one person's numbers, as paper is narrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Somebody who holds a duty; the phone's last two digits only."""

    person_no: int
    name: str
    rank: int
    shift: str  # 20:00–08:00; "" where they are always on duty
    phone_tail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A duty that an alert asks, with how it stands.

    Args:
        duty_no: 0 where nobody is answerable, so that there is no duty.
        state: `covered`, `waiting`, `silent` where every rung was taken, `closed`; `vacant` where
            nobody is answerable.
        told: Whether anything about the alert has left for any of its holders.
        households: Of the unit; None where nobody said. So `vulnerable` and `should_transfer`.
    """

    duty_no: int
    unit_no: int
    unit_code: str
    unit_name: str
    level: str
    path: str
    parent_name: str
    role: str
    state: str
    told: bool
    covered_at: Millis | None
    households: int | None
    vulnerable: int | None
    should_transfer: int | None
    holders: tuple[Holder, ...]


_WORDS = {
    RequirementState.OPEN: "waiting",
    RequirementState.COVERED: "covered",
    RequirementState.EXHAUSTED: "silent",
    RequirementState.CLOSED: "closed",
}


def asked(connection: Connection, full: FullAlert, path: str, *, limit: int) -> list[Asked]:
    """What the alert asks first of the duties at `path` and below, in walking order.

    Of what is there now: where it stood in the roster that the alert went out with, as on its
    board. So nobody is on no list because a unit has moved, or left, meanwhile.
    """
    r, u, above = t.requirement.c, t.unit.c, t.unit.alias("above")
    version, path = full.version, path_then(connection, full.version, path)
    facts = (u.code, u.name, u.level, u.path, u.households, u.vulnerable, u.should_transfer)
    rows = connection.execute(
        select(r.no, r.unit_no, r.role, r.state, r.covered_at, *facts, above.c.name.label("parent"))
        .join(t.unit, and_(u.no == r.unit_no, in_force(t.unit, version)))
        .outerjoin(above, and_(above.c.no == u.parent_no, in_force(above, version)))
        .where(
            r.no.between(first_stage(full, 0), first_stage(full, (1 << 28) - 1)),
            below(u.path, [path]),
        )
        .limit(limit)
    ).all()
    held = holders(connection, [duty_of(row.no) for row in rows])
    heard = told(connection, full.view.no, {p.person_no for those in held.values() for p in those})
    found = [
        Asked(
            duty_no=duty_of(row.no),
            unit_no=row.unit_no,
            unit_code=row.code,
            unit_name=row.name,
            level=row.level,
            path=row.path,
            parent_name=row.parent or "",
            role=row.role,
            state=_WORDS[RequirementState(row.state)],
            told=any(one.person_no in heard for one in held.get(duty_of(row.no), ())),
            covered_at=row.covered_at,
            households=row.households,
            vulnerable=row.vulnerable,
            should_transfer=row.should_transfer,
            holders=held.get(duty_of(row.no), ()),
        )
        for row in rows
    ]
    found += _nobody(connection, full, path, version)
    return sorted(found, key=lambda one: (walking(one.path), one.duty_no))


def _nobody(connection: Connection, full: FullAlert, path: str, version: int) -> list[Asked]:
    """Where nobody is answerable, as rows without a duty: somebody must go there, too."""
    empty = {each.unit_no: each for each in vacancies(connection, full.view.no, path=path)}
    u = t.unit.c
    rows = connection.execute(
        select(u.no, u.households, u.vulnerable, u.should_transfer).where(
            u.no.in_(empty), in_force(t.unit, version)
        )
    )
    return [
        Asked(
            duty_no=0,
            unit_no=row.no,
            unit_code=empty[row.no].unit_code,
            unit_name=empty[row.no].unit_name,
            level=empty[row.no].level,
            path=empty[row.no].path,
            parent_name=empty[row.no].parent_name,
            role=empty[row.no].role,
            state="vacant",
            told=False,
            covered_at=None,
            households=row.households,
            vulnerable=row.vulnerable,
            should_transfer=row.should_transfer,
            holders=(),
        )
        for row in rows
    ]


def walking(path: str) -> tuple[tuple[int, int, str], ...]:
    """Where a unit stands among others as one walks: stairwell 2 is before stairwell 10."""
    pieces = re.findall(r"\d+|\D+", path)
    return tuple((1, int(piece), "") if piece.isdecimal() else (0, 0, piece) for piece in pieces)


def holders(connection: Connection, duty_nos: Iterable[int]) -> dict[int, tuple[Holder, ...]]:
    """Who holds each duty now, principals first."""
    held = people.holders(connection, duty_nos)
    persons = [one.person_no for those in held.values() for one in those]
    named = people_named(connection, persons)
    ways = people.contacts(connection, persons, int(Channel.SMS))
    first = {person: found[0][1] for person, found in ways.items() if found}
    tails = addresses.tails(connection, first.values())
    return {
        duty: tuple(
            Holder(
                person_no=one.person_no,
                name=named[one.person_no][1],
                rank=one.rank,
                shift=spelled(one.shift_from, one.shift_to),
                phone_tail=tails.get(first.get(one.person_no, 0), ""),
            )
            for one in those
            if one.person_no in named
        )
        for duty, those in held.items()
    }


def numbers_of_people(
    connection: Connection, vault: Vault, persons: Iterable[int]
) -> dict[int, tuple[str, ...]]:
    """Whole numbers to call, the first to try first; never for a log or a file that is kept."""
    wanted = list(dict.fromkeys(persons))
    by_channel = [
        people.contacts(connection, wanted, int(channel))
        for channel in (Channel.SMS, Channel.VOICE)
    ]
    ways = {
        person: [address for ways in by_channel for _, address in ways.get(person, ())][:_MOST_WAYS]
        for person in wanted
    }
    shown = addresses.reveal(connection, vault, {no for those in ways.values() for no in those})
    return {
        person: tuple(dict.fromkeys(shown[no] for no in those if no in shown))
        for person, those in ways.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitHead:
    """A unit as a sheet's head names it."""

    no: int
    code: str
    name: str
    level: str
    path: str
    parent_name: str


def unit_heads(connection: Connection, full: FullAlert, path: str) -> list[UnitHead]:
    """The unit that is at `path` now and the grids below it, by the same roster as `asked`."""
    u, above = t.unit.c, t.unit.alias("above")
    version, path = full.version, path_then(connection, full.version, path)
    rows = connection.execute(
        select(u.no, u.code, u.name, u.level, u.path, above.c.name.label("parent"))
        .outerjoin(above, and_(above.c.no == u.parent_no, in_force(above, version)))
        .where(
            in_force(t.unit, version),
            below(u.path, [path]),
            (u.level == "grid") | (u.path == path),
        )
    )
    found = [
        UnitHead(
            no=row.no,
            code=row.code,
            name=row.name,
            level=row.level,
            path=row.path,
            parent_name=row.parent or "",
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: walking(one.path))


def first_message(connection: Connection, alert_no: int) -> tuple[str, Mapping[str, object]]:
    """Template and values of what an alert said first.

    Raises:
        NotFoundError: Nobody has been told of it.
    """
    c = t.message.c
    row = connection.execute(
        select(c.template, c.params)
        .where(c.no.between(*numbers_of(alert_no)), c.kind == MessageKind.ALERT.value)
        .order_by(c.no)
        .limit(1)
    ).first()
    if row is None:
        raise NotFoundError("Nobody has been told of this alert.")
    return row.template, json.loads(row.params)
