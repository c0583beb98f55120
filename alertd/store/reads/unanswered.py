"""Who hasn't answered yet: duties whose ladder is open or exhausted, with whom to ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from alertd.lanes import BY_SMS, lane_of
from alertd.model import (
    Channel,
    DeliveryState,
    Millis,
    RecipientKind,
    RequirementState,
    Stage,
    Status,
    Told,
    duty_of,
    numbers_of,
    requirement_no,
    stage_of,
)
from alertd.store import addresses, people
from alertd.store import tables as t
from alertd.store.fold.scope import below, in_force
from alertd.store.reads.board import issued_version
from alertd.store.reads.paging import Page

HEARD = "heard"
_STATES = {
    "open": (RequirementState.OPEN,),
    "exhausted": (RequirementState.EXHAUSTED,),
    "any": (RequirementState.OPEN, RequirementState.EXHAUSTED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """A holder of a duty; the phone's last two digits only.

    Args:
        delivery: What became of the last text to this person, in a word, or "" for none.
        reason: Why, where it failed or nobody can tell.
        call: What became of a machine's call: heard, or a delivery's state; "" for none. Heard is
            no answer: somebody else may have picked up.
    """

    person_id: str
    name: str
    rank: int
    phone_tail: str
    delivery: str
    reason: str
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A duty that hasn't been answered for.

    Args:
        no: Its requirement's number; a page's `next`.
        since_at: The ladder counts from then.
        next_at: When the next rung is due; None where all were taken.
        told: What the ladder has done so far: alternates, parent, grandparent, call_list,
            door_knock, duty_desk.
        holders: Principals first.
    """

    no: int
    stage: str
    unit_code: str
    unit_name: str
    level: str
    parent_name: str
    role: str
    exhausted: bool
    since_at: Millis
    next_at: Millis | None
    told: tuple[str, ...]
    holders: tuple[PersonView, ...]


def unanswered(
    connection: Connection,
    alert_no: int,
    *,
    path: str = "",
    state: str = "any",
    stage: Stage | None = None,
    after: int | None = None,
    limit: int = 100,
) -> Page[Unanswered]:
    """Duties without an answer, in the hierarchy's order.

    Args:
        connection: For reading.
        alert_no: The alert.
        path: The asker's subtree.
        state: `open` (still climbing), `exhausted` (go and knock) or `any`.
        stage: Only this one.
        after: A page's `next`.
        limit: At most so many.
    """
    rows = _rows(connection, alert_no, path, state, stage, after, limit + 1)
    shown = rows[:limit]
    held = people.holders(connection, [duty_of(row.no) for row in shown])
    persons = [holder.person_no for holders in held.values() for holder in holders]
    views = _people(connection, alert_no, persons)
    items = tuple(_item(row, held.get(duty_of(row.no), ()), views) for row in shown)
    return Page(items=items, next=shown[-1].no if len(rows) > limit else None)


def _rows(
    connection: Connection,
    alert_no: int,
    path: str,
    state: str,
    stage: Stage | None,
    after: int | None,
    limit: int,
) -> Sequence[Row[Any]]:
    r, u, above = t.requirement.c, t.unit.c, t.unit.alias("above")
    version = issued_version(connection, alert_no)
    first, last = numbers_of(alert_no)
    if stage is not None:
        first = requirement_no(alert_no, stage, 0)
        last = requirement_no(alert_no, stage, (1 << 28) - 1)
    query = (
        select(t.requirement, u.code, u.name, u.level, above.c.name.label("parent_name"))
        .join(t.unit, and_(u.no == r.unit_no, in_force(t.unit, version)))
        .outerjoin(above, and_(above.c.no == u.parent_no, in_force(above, version)))
        .where(
            r.no.between(first if after is None else max(first, after + 1), last),
            r.state.in_([int(wanted) for wanted in _STATES[state]]),
        )
        .order_by(r.no)
        .limit(limit)
    )
    if path:
        query = query.where(below(u.path, [path]))
    return connection.execute(query).all()


def _item(
    row: Row[Any], holders: Sequence[people.Holder], views: dict[int, dict[str, Any]]
) -> Unanswered:
    return Unanswered(
        no=row.no,
        stage=stage_of(row.no).word,
        unit_code=row.code,
        unit_name=row.name,
        level=row.level,
        parent_name=row.parent_name or "",
        role=row.role,
        exhausted=row.state == RequirementState.EXHAUSTED,
        since_at=row.start_at,
        next_at=row.due_at,
        told=tuple(bit.name.lower() for bit in Told if bit.name and row.told & bit),
        holders=tuple(
            PersonView(**views[holder.person_no], rank=holder.rank)
            for holder in holders
            if holder.person_no in views
        ),
    )


def _people(
    connection: Connection, alert_no: int, persons: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """Person number → name, last digits of the phone, and what became of the last message."""
    who = people_named(connection, persons)
    ways = people.contacts(connection, persons, int(Channel.SMS))
    first = {person: by_rank[0][1] for person, by_rank in ways.items() if by_rank}
    tails = addresses.tails(connection, first.values())
    last = _last_delivery(connection, alert_no, persons)
    calls = _last_calls(connection, alert_no, persons)
    return {
        no: {
            "person_id": person_id,
            "name": name,
            "phone_tail": tails.get(first.get(no, 0), ""),
            "delivery": last.get(no, ("", ""))[0],
            "reason": last.get(no, ("", ""))[1],
            "call": calls.get(no, ""),
        }
        for no, (person_id, name) in who.items()
    }


def people_named(connection: Connection, persons: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Person number → (person id, name), as they are now; one that left as it was last."""
    c = t.person.c
    rows = connection.execute(
        select(c.no, c.person_id, c.name).where(c.no.in_(set(persons))).order_by(c.to_version)
    )
    return {row.no: (row.person_id, row.name) for row in rows}


def _last_delivery(
    connection: Connection, alert_no: int, persons: Sequence[int]
) -> dict[int, tuple[str, str]]:
    d = t.delivery.c
    first, last = numbers_of(alert_no)
    rows = connection.execute(
        select(d.recipient_no, d.state, d.reason)
        .where(
            d.recipient_no.in_(set(persons)),
            d.id.between(first, last),
            d.recipient_kind == int(RecipientKind.PERSON),
            d.lane.in_(BY_SMS),
        )
        .order_by(d.id)
    )
    return {row.recipient_no: (DeliveryState(row.state).word, row.reason or "") for row in rows}


def _last_calls(connection: Connection, alert_no: int, persons: Sequence[int]) -> dict[int, str]:
    d = t.delivery.c
    rows = connection.execute(
        select(d.recipient_no, d.state, d.played)
        .where(
            d.recipient_no.in_(set(persons)),
            d.id.between(*numbers_of(alert_no)),
            d.recipient_kind == int(RecipientKind.PERSON),
            d.lane.in_([lane_of(Channel.VOICE, status) for status in Status]),
        )
        .order_by(d.id)
    )
    return {
        row.recipient_no: HEARD if row.played else DeliveryState(row.state).word for row in rows
    }
