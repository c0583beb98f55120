"""Who calls whom: each duty is called by whoever answers for its unit, they by their superior.

Nobody calls themselves: whoever holds both posts is called from above.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from alertd.model import FOREVER
from alertd.store import people
from alertd.store import tables as t
from alertd.store.reads.paper import Asked, Holder, holders


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A duty that calls others: where, and who holds it."""

    duty_no: int
    unit_name: str
    role: str
    holders: tuple[Holder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Who calls each duty, and what is known of the callers.

    Args:
        caller_of: By unit and duty; whoever nobody calls isn't there.
        callers: By duty.
        leads: The duties that answer for their own unit.
    """

    caller_of: dict[tuple[int, int], int]
    callers: dict[int, Caller]
    leads: frozenset[int]

    def caller(self, row: Asked) -> int | None:
        """The duty that calls whoever is asked; None where nobody answers for them."""
        return self.caller_of.get((row.unit_no, row.duty_no))


def tree(connection: Connection, rows: Sequence[Asked], roles: Sequence[str]) -> Tree:
    """The tree of calls over some duties.

    Args:
        connection: For reading.
        rows: The duties.
        roles: Those that answer for a unit, the first before the others.
    """
    units = {row.unit_no for row in rows}
    leads = people.leads(connection, units, roles)
    above = people.leads_above(connection, units, roles)
    desk = people.duty_desk(connection)
    may_call = {
        (row.unit_no, row.duty_no): [
            duty
            for duty in (leads.get(row.unit_no), *above.get(row.unit_no, ()), desk)
            if duty is not None and duty != row.duty_no
        ]
        for row in rows
    }
    held = people.holders(connection, {duty for duties in may_call.values() for duty in duties})
    first = {duty: those[0].person_no for duty, those in held.items() if those}
    caller_of = {}
    for row in rows:
        called = {one.person_no for one in row.holders if one.rank == 1}
        others = (
            duty for duty in may_call[row.unit_no, row.duty_no] if first.get(duty) not in called
        )
        if (caller := next(others, None)) is not None:
            caller_of[row.unit_no, row.duty_no] = caller
    return Tree(
        caller_of=caller_of,
        callers=_callers(connection, set(caller_of.values())),
        leads=frozenset(leads.values()),
    )


def _callers(connection: Connection, duties: set[int]) -> dict[int, Caller]:
    d, u = t.duty.c, t.unit.c
    held = holders(connection, duties)
    rows = connection.execute(
        select(d.no, d.role, u.name)
        .join(t.unit, u.no == d.unit_no)
        .where(d.no.in_(duties), d.to_version == FOREVER, u.to_version == FOREVER)
    )
    return {
        row.no: Caller(
            duty_no=row.no, unit_name=row.name, role=row.role, holders=held.get(row.no, ())
        )
        for row in rows
    }
