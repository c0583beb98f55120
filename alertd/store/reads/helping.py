"""Calls for help, as they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, false, or_, select

from alertd.decide.lifecycle import OVER
from alertd.errors import NotFoundError
from alertd.model import Millis
from alertd.store import addresses, people
from alertd.store import tables as t
from alertd.store.cries import Reach, reach_of, reaches, to_call
from alertd.store.reads.board import units_below
from alertd.store.reads.principals import names_of
from alertd.store.reads.units import people_named


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpView:
    """A call for help.

    Args:
        no: What to take or close it by.
        climbed: How many levels know; 0: nobody could be told.
        reach: How far word of it has come, by its messages: `sent`, `by-hand` (an operator is to
            telephone), `waiting`, `unknown` or `nobody`; None where an older alertd didn't write
            them down as its own.
        to_call: Names of those whom an operator is to telephone: they take no text, and no
            machine rings them.
        next_at: It climbs again then, until somebody takes it.
    """

    no: int
    alert_id: str
    short_code: str
    unit_code: str
    unit_name: str
    person_name: str
    phone_tail: str
    opened_at: Millis
    climbed: int
    reach: str | None
    to_call: tuple[str, ...]
    next_at: Millis | None
    taken_by: str | None
    taken_at: Millis | None
    closed_by: str | None
    closed_at: Millis | None
    outcome: str


def help_cases(
    connection: Connection,
    *,
    alert_no: int | None = None,
    others_over: bool = False,
    path: str = "",
    closed: bool = False,
    limit: int = 200,
) -> tuple[HelpView, ...]:
    """Calls for help: those that nobody took first, the oldest first.

    Args:
        connection: For reading.
        alert_no: Those of one alert; 0: of none.
        others_over: And those of others that are over: nobody watches their boards any more.
        path: The asker's subtree.
        closed: Closed ones too.
        limit: At most so many.
    """
    c, a = t.help_case.c, t.alert.c
    query = (
        select(t.help_case, a.id.label("alert_id"), a.short_code)
        .join(t.alert, a.no == c.alert_no)
        .order_by(c.taken_at.is_not(None), c.opened_at)
        .limit(limit)
    )
    if not closed:
        query = query.where(c.closed_at.is_(None))
    if alert_no is not None:
        over = a.state.in_([state.value for state in OVER]) if others_over else false()
        query = query.where(or_(c.alert_no == alert_no, over))
    if path:
        query = query.where(c.unit_no.in_(units_below(path)))
    rows = connection.execute(query).all()
    units = people.units(connection, [row.unit_no for row in rows])
    who = _who(connection, [row.person_no for row in rows])
    by = names_of(connection, [x for row in rows for x in (row.taken_by, row.closed_by)])
    far = reaches(connection, [row.ack_no for row in rows])
    by_hand = to_call(connection, [row.ack_no for row in rows if row.taken_at is None])
    called = people_named(connection, [no for those in by_hand.values() for no in those])
    names = {case: [called[no][1] for no in those] for case, those in by_hand.items()}
    return tuple(
        _help(
            row,
            units.get(row.unit_no),
            who,
            by,
            reach_of(row.climbed, far.get(row.ack_no)),
            names.get(row.ack_no, ()),
        )
        for row in rows
    )


def _help(
    row: Row[Any],
    unit: people.UnitRef | None,
    who: dict[int, tuple[str, str, str]],
    by: dict[bytes, str],
    reach: Reach | None,
    called: Sequence[str],
) -> HelpView:
    _, name, tail = who.get(row.person_no, ("", "", ""))
    return HelpView(
        no=row.ack_no,
        alert_id=row.alert_id.hex(),
        short_code=row.short_code,
        unit_code=unit.code if unit else "",
        unit_name=unit.name if unit else "",
        person_name=name,
        phone_tail=tail,
        opened_at=row.opened_at,
        climbed=row.climbed,
        reach=reach.value if reach else None,
        to_call=tuple(called),
        next_at=row.due_at if row.taken_at is None and row.closed_at is None else None,
        taken_by=by.get(row.taken_by, "") if row.taken_by else None,
        taken_at=row.taken_at,
        closed_by=by.get(row.closed_by, "") if row.closed_by else None,
        closed_at=row.closed_at,
        outcome=row.outcome,
    )


def _who(connection: Connection, persons: Sequence[int]) -> dict[int, tuple[str, str, str]]:
    """Person number → (person id, name, last digits of the first phone)."""
    named = people_named(connection, persons)
    ways = people.contacts(connection, named, 1)
    first = {person: by_rank[0][1] for person, by_rank in ways.items() if by_rank}
    tails = addresses.tails(connection, first.values())
    return {
        no: (person_id, name, tails.get(first.get(no, 0), ""))
        for no, (person_id, name) in named.items()
    }


def unit_of_help(connection: Connection, ack_no: int) -> int:
    """Where help is needed; 0 where nobody knows.

    Raises:
        NotFoundError: There is no such call for help.
    """
    c = t.help_case.c
    query = select(c.unit_no).where(c.ack_no == ack_no)
    found: int | None = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFoundError("There is no such call for help.")
    return found
