"""What came back and counts: acknowledgements."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from alertd.errors import NotFoundError
from alertd.model import Grade, Millis
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.reads.board import units_below
from alertd.store.reads.paging import Page
from alertd.store.reads.principals import names_of
from alertd.store.reads.units import people_named, persons_inside


@dataclass(frozen=True, slots=True, kw_only=True)
class AckView:
    """One acknowledgement; `by` is who entered it for them, an operator or a leader."""

    no: int
    person_id: str
    person_name: str
    kind: str
    count: int | None
    of: int | None
    via: str
    grade: str
    late: bool
    occurred_at: Millis
    by: str | None
    note: str
    withdrawn_at: Millis | None


def acks(
    connection: Connection,
    alert_no: int,
    *,
    path: str = "",
    person_no: int | None = None,
    after: int | None = None,
    limit: int = 100,
) -> Page[AckView]:
    """An alert's acknowledgements, or one person's, the newest first."""
    c = t.ack.c
    query = select(t.ack).where(c.alert_no == alert_no).order_by(c.no.desc()).limit(limit + 1)
    if after is not None:
        query = query.where(c.no < after)
    if person_no is not None:
        query = query.where(c.person_no == person_no)
    if path:
        query = query.where(*_inside(connection, alert_no, path))
    rows = connection.execute(query).all()
    shown = rows[:limit]
    who = people_named(connection, [row.person_no for row in shown])
    by = names_of(connection, [row.by for row in shown])
    brought = _brought_by(connection, shown)
    items = tuple(_ack(row, who, by, brought) for row in shown)
    return Page(items=items, next=shown[-1].no if len(rows) > limit else None)


def _brought_by(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, str]:
    """Reply number → name, of those who entered on their own page what others answered."""
    c = t.inbound.c
    wanted = [row.inbound_no for row in rows if row.grade == Grade.PROXY.value and row.inbound_no]
    tapped = connection.execute(select(c.no, c.person_no).where(c.no.in_(wanted))).all()
    named = people_named(connection, [row.person_no for row in tapped if row.person_no])
    return {row.no: named[row.person_no][1] for row in tapped if row.person_no in named}


def _ack(
    row: Row[Any],
    who: dict[int, tuple[str, str]],
    by: dict[bytes, str],
    brought: dict[int, str],
) -> AckView:
    person_id, name = who.get(row.person_no, ("", ""))
    same = ("no", "kind", "via", "grade", "occurred_at", "note", "withdrawn_at")
    # A row has methods called `count` and `index`, as every tuple does.
    numbers = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    return AckView(
        **{name: getattr(row, name) for name in same},
        count=numbers["count"],
        of=numbers["of"],
        person_id=person_id,
        person_name=name,
        late=bool(row.late),
        by=by.get(row.by, "") if row.by else brought.get(row.inbound_no),
    )


def people_by_answer(connection: Connection, alert_no: int, *, path: str = "") -> dict[str, int]:
    """How many people gave each kind of answer to an alert; withdrawn ones aside.

    Whoever said two things counts for both.
    """
    c = t.ack.c
    query = (
        select(c.kind, func.count(c.person_no.distinct()).label("people"))
        .where(c.alert_no == alert_no, c.withdrawn_at.is_(None))
        .group_by(c.kind)
    )
    if path:
        query = query.where(*_inside(connection, alert_no, path))
    return {row.kind: row.people for row in connection.execute(query)}


def _inside(connection: Connection, alert_no: int, path: str) -> tuple[Any, ...]:
    """That an ack is of somebody in a subtree, and for something there."""
    c = t.ack.c
    for_others = c.no.not_in(_for_others(connection, alert_no, path))
    return c.person_no.in_(persons_inside(path)), for_others


def person_of_ack(connection: Connection, alert_no: int, ack_no: int) -> int:
    """Whose acknowledgement it is.

    Raises:
        NotFoundError: The alert has none of that number.
    """
    c = t.ack.c
    query = select(c.person_no).where(c.no == ack_no, c.alert_no == alert_no)
    found: int | None = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFoundError("There is no such acknowledgement.")
    return found


def _for_others(connection: Connection, alert_no: int, path: str) -> list[int]:
    """Acks of people of a subtree that named duties, none of them there.

    Who has duties in two towns and answers for one hasn't answered in the other.
    """
    c, d = t.ack.c, t.duty.c
    rows = connection.execute(
        select(c.no, c.duties).where(
            c.alert_no == alert_no,
            c.duties.is_not(None),
            c.person_no.in_(persons_inside(path)),
        )
    )
    named = {row.no: set(json.loads(row.duties)) for row in rows}
    here: set[int] = set()
    for batch in batches({duty for duties in named.values() for duty in duties}):
        query = select(d.no).where(d.no.in_(batch), d.unit_no.in_(units_below(path)))
        here |= set(connection.execute(query).scalars())
    return [no for no, duties in named.items() if duties and duties.isdisjoint(here)]
