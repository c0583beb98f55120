"""What in the roster should be looked at; each list is counted whole and shown a part at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)

from alertd.model import FOREVER, DeliveryState, Millis, RecipientKind, numbers_of
from alertd.store import tables as t
from alertd.store.fold.scope import below
from rosters.words import LEAD_ROLES, PERSONAL_ROLES

STALE_MS = 90 * 86_400_000  # a holding that was verified longer ago is on the list
_LAST_ALERTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a list; "" where it isn't about that.

    Args:
        at: When: verified, failed, asked; None where nobody knows.
        reason: Why a message failed, in the gateway's word.
        alert: The short code of the alert in which it did.
    """

    unit_code: str = ""
    unit_name: str = ""
    post: str = ""
    person_id: str = ""
    name: str = ""
    at: Millis | None = None
    reason: str = ""
    alert: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So many lines in all, and some of them."""

    total: int
    lines: tuple[Line, ...]


def read(
    connection: Connection, name: str, *, path: str, now: Millis, first: int = 0, limit: int = 100
) -> Part:
    """A part of a list.

    Args:
        connection: For reading.
        name: A key of LISTS.
        path: The asker's subtree.
        now: From which "long ago" is counted, ms.
        first: How many lines to pass over.
        limit: At most so many.
    """
    whole = LISTS[name](connection, path, now)
    # One order of all lines: PostgreSQL has equals in another at each page, twice or never.
    order = sorted(whole.selected_columns, key=lambda column: column.key not in {"place", "post"})
    names = [c.key for c in whole.selected_columns if c.key and c.key != "place"]
    rows = connection.execute(whole.order_by(*order).offset(first).limit(limit))
    return Part(
        total=total(connection, name, path=path, now=now),
        lines=tuple(Line(**{name: getattr(row, name) for name in names}) for row in rows),
    )


def total(connection: Connection, name: str, *, path: str, now: Millis) -> int:
    """How many lines a list has."""
    whole = LISTS[name](connection, path, now).subquery()
    return connection.execute(select(func.count()).select_from(whole)).scalar_one()


def _unit(path: str) -> list[ColumnElement[bool]]:
    live: ColumnElement[bool] = t.unit.c.to_version == FOREVER
    return [live, below(t.unit.c.path, [path])] if path else [live]


def _posts(path: str) -> Select[Any]:
    """(unit, post) of every duty that somebody holds; roles that come with a person are none."""
    d, h, u = t.duty.c, t.holding.c, t.unit.c
    own = or_(d.role.not_in(PERSONAL_ROLES), d.role == d.post)
    return (
        select(u.path.label("place"), u.code.label("unit_code"), u.name.label("unit_name"), d.post)
        .join_from(t.duty, t.holding, h.duty_no == d.no)
        .join(t.unit, u.no == d.unit_no)
        .where(d.to_version == FOREVER, h.to_version == FOREVER, own, *_unit(path))
        .group_by(u.path, u.code, u.name, d.post)
    )


def _no_alternate(_connection: Connection, path: str, _now: Millis) -> Select[Any]:
    """Duties that have only principals."""
    post = t.duty.c.post
    return _posts(path).where(post.not_in(PERSONAL_ROLES)).having(func.max(t.holding.c.rank) == 1)


def _vacant(_connection: Connection, path: str, _now: Millis) -> Select[Any]:
    """Units in which nobody answers, and duties that only alternates hold."""
    d, h, u = t.duty.c, t.holding.c, t.unit.c
    lead = case(
        *((u.level == str(level), literal(role)) for level, role in LEAD_ROLES.items()),
        else_=literal(""),
    )
    held = exists(
        select(literal(1))
        .join_from(t.duty, t.holding, h.duty_no == d.no)
        .where(d.unit_no == u.no, d.role == lead, d.to_version == FOREVER, h.to_version == FOREVER)
        .correlate(t.unit)
    )
    nobody = select(
        u.path.label("place"),
        u.code.label("unit_code"),
        u.name.label("unit_name"),
        lead.label("post"),
    ).where(~held, *_unit(path))
    both = union_all(nobody, _posts(path).having(func.min(h.rank) > 1)).subquery()
    return select(*(both.c[name] for name in ("place", "unit_code", "unit_name", "post")))


def _unverified(_connection: Connection, path: str, now: Millis) -> Select[Any]:
    """Parts in duties that nobody has verified for long, or ever."""
    d, h, u, p = (x.c for x in (t.duty, t.holding, t.unit, t.person))
    stale = or_(h.verified_at.is_(None), h.verified_at < now - STALE_MS)
    # By itself, so that no database pairs every unit with every person first.
    parts = (
        select(h.person_no, h.unit_no, d.post, h.verified_at)
        .distinct()
        .join_from(t.holding, t.duty, and_(d.no == h.duty_no, d.to_version == FOREVER))
        .where(h.to_version == FOREVER, stale)
        .subquery()
    )
    part = parts.c
    return (
        select(
            u.path.label("place"),
            u.code.label("unit_code"),
            u.name.label("unit_name"),
            part.post,
            p.person_id,
            p.name,
            part.verified_at.label("at"),
        )
        .join_from(parts, t.unit, u.no == part.unit_no)
        .join(t.person, and_(p.no == part.person_no, p.to_version == FOREVER))
        .where(*_unit(path))
    )


def _failed(connection: Connection, path: str, _now: Millis) -> Select[Any]:
    """People whose number failed for good in one of the latest alerts, and is theirs still."""
    a, d, c, p = t.alert.c, t.delivery.c, t.contact.c, t.person.c
    latest = connection.execute(
        select(a.no, a.short_code)
        .where(a.issued_at.is_not(None))
        .order_by(a.no.desc())
        .limit(_LAST_ALERTS)
    ).all()
    still_theirs = exists().where(
        c.person_no == d.recipient_no,
        c.address_no == d.address_no,
        c.to_version == FOREVER,
    )
    found = [
        select(
            d.id.label("place"),
            p.person_id,
            p.name,
            d.settled_at.label("at"),
            func.coalesce(d.reason, "").label("reason"),
            literal(short_code).label("alert"),
        )
        .join(t.person, and_(p.no == d.recipient_no, p.to_version == FOREVER))
        .where(
            d.id.between(*numbers_of(no)),
            d.state == int(DeliveryState.FAILED),
            d.recipient_kind == int(RecipientKind.PERSON),
            still_theirs,
            *_serves(p.no, path),
        )
        for no, short_code in latest
    ]
    if not found:
        return select(p.no.label("place"), p.person_id, p.name).where(false())
    each = union_all(*found).subquery().c
    # Of one person's failures the last stands for all.
    newest = func.row_number().over(partition_by=each.person_id, order_by=each.place.desc())
    ranked = select(*each, newest.label("turn")).subquery().c
    names = ("place", "person_id", "name", "at", "reason", "alert")
    return select(*(ranked[name] for name in names)).where(ranked.turn == 1)


def _opted_out(_connection: Connection, path: str, _now: Millis) -> Select[Any]:
    """People who asked to be left out, whose wish nobody has dealt with."""
    i, p = t.inbound.c, t.person.c
    return (
        select(i.no.label("place"), p.person_id, p.name, i.received_at.label("at"))
        .join(t.person, and_(p.no == i.person_no, p.to_version == FOREVER))
        .where(i.verdict == "opt-out", *_serves(p.no, path))
    )


def _serves(person_no: Any, path: str) -> list[ColumnElement[bool]]:
    """Whether a person has a duty in the subtree."""
    h, u = t.holding.c, t.unit.c
    if not path:
        return []
    return [
        exists(
            select(literal(1))
            .join_from(t.holding, t.unit, u.no == h.unit_no)
            .where(h.person_no == person_no, h.to_version == FOREVER, *_unit(path))
            .correlate(t.person)
        )
    ]


LISTS: dict[str, Callable[[Connection, str, Millis], Select[Any]]] = {
    "no-alternate": _no_alternate,
    "vacant": _vacant,
    "failed": _failed,
    "unverified": _unverified,
    "opted-out": _opted_out,
}
