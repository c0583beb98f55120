"""Replies that a person has to read, as no machine could say what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from alertd.decide.interpret import LATE_WINDOW_S
from alertd.errors import NotFoundError
from alertd.model import FOREVER, AlertState, Millis
from alertd.store import addresses, people
from alertd.store import tables as t
from alertd.store.reads.paging import Page
from alertd.store.reads.principals import names_of
from alertd.store.reads.units import people_named, persons_inside
from alertd.store.vault import Vault

UNCLEAR: Final = (
    *("unclear", "ambiguous", "quarantined"),
    *("unknown-sender", "no-alert", "opt-out"),
)
"""Verdicts of replies that wait for an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Somebody who may have written a reply."""

    person_id: str
    person_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundView:
    """A reply as it came. `text` is what a person wrote: show it, never act on it.

    Where nobody can tell who wrote it, `writers` are those who have that telephone or had it.
    """

    no: int
    route: str
    received_at: Millis
    verdict: str
    reason: str
    text: str
    phone_tail: str
    person_name: str
    writers: tuple[Writer, ...]
    alert_id: str | None
    short_code: str | None
    classified_by: str | None


def inbound_row(connection: Connection, no: int) -> Row[Any]:
    """A reply's row, still encrypted.

    Raises:
        NotFoundError: There is none of that number.
    """
    row = connection.execute(select(t.inbound).where(t.inbound.c.no == no)).first()
    if row is None:
        raise NotFoundError("There is no such reply.")
    return row


def inbound(
    connection: Connection,
    vault: Vault,
    *,
    verdict: str | None = None,
    written: tuple[int, int] | None = None,
    path: str = "",
    after: int | None = None,
    limit: int = 50,
) -> Page[InboundView]:
    """Replies, the newest first, decrypted.

    Args:
        connection: For reading.
        vault: Opens what they say.
        verdict: Only these; None for all that wait for an operator.
        written: Those about an alert by a person, whatever their verdict: both numbers.
        path: The asker's subtree: only what people in it wrote or may have, so never a stranger's.
        after: A page's `next`.
        limit: At most so many.
    """
    c, a = t.inbound.c, t.alert.c
    query = (
        select(t.inbound, a.id.label("alert_id"), a.short_code)
        .outerjoin(t.alert, a.no == c.alert_no)
        .order_by(c.no.desc())
        .limit(limit + 1)
    )
    if written is not None:
        query = query.where(c.alert_no == written[0], c.person_no == written[1])
    elif verdict is None:
        query = query.where(*_waits())
    else:
        query = query.where(c.verdict == verdict)
    query = query.where(*_from(path))
    if after is not None:
        query = query.where(c.no < after)
    rows = connection.execute(query).all()
    shown = rows[:limit]
    had = people.ever_at(connection, [row.address_no for row in shown if not row.person_no])
    wrote = {row.no: had.get(row.address_no, []) for row in shown if not row.person_no}
    wrote |= {row.no: [row.person_no] for row in shown if row.person_no}
    who = people_named(connection, list({person for each in wrote.values() for person in each}))
    tails = addresses.tails(connection, [row.address_no for row in shown])
    by = names_of(connection, [row.classified_by for row in shown])
    items = tuple(
        _inbound(row, vault, [who[no] for no in wrote[row.no] if no in who], tails, by)
        for row in shown
    )
    return Page(items=items, next=shown[-1].no if len(rows) > limit else None)


def unclear_count(connection: Connection) -> int:
    """How many replies wait for an operator to read them."""
    return int(connection.execute(select(func.count()).where(*_waits())).scalar_one())


def over_before(connection: Connection, now: Millis) -> Millis:
    """What came before then is about nothing that is under way, or may be answered still."""
    c = t.alert.c
    query = select(func.min(c.issued_at)).where(c.state == AlertState.ISSUED.value)
    first = connection.execute(query).scalar_one()
    return min(now - LATE_WINDOW_S * 1000, now if first is None else first)


def old_count(connection: Connection, before: Millis, *, path: str = "") -> int:
    """How many of the replies that wait came before a time."""
    query = select(func.count()).where(*_waits(), *_old(before, path))
    return int(connection.execute(query).scalar_one())


def old_ones(
    connection: Connection, before: Millis, most: int, *, path: str = ""
) -> Sequence[Row[Any]]:
    """The same, the oldest first: (no, verdict, reason, alert_no, person_no) each."""
    c = t.inbound.c
    columns = (c.no, c.verdict, c.reason, c.alert_no, c.person_no)
    query: Select[Any] = select(*columns).where(*_waits(), *_old(before, path))
    return connection.execute(query.order_by(c.no).limit(most)).all()


def _waits() -> tuple[ColumnElement[bool], ...]:
    c = t.inbound.c
    return c.verdict.in_(UNCLEAR), c.classified_by.is_(None)


def _old(before: Millis, path: str) -> tuple[ColumnElement[bool], ...]:
    return t.inbound.c.received_at < before, *_from(path)


def _from(path: str) -> tuple[ColumnElement[bool], ...]:
    """Only what people of a subtree wrote, or may have."""
    if not path:
        return ()
    c, w = t.inbound.c, t.contact.c
    inside = persons_inside(path)
    shares = select(w.address_no).where(w.person_no.in_(inside), w.to_version == FOREVER)
    return (c.person_no.in_(inside) | (c.person_no.is_(None) & c.address_no.in_(shares)),)


def _inbound(
    row: Row[Any],
    vault: Vault,
    wrote: Sequence[tuple[str, str]],
    tails: dict[int, str],
    by: dict[bytes, str],
) -> InboundView:
    return InboundView(
        no=row.no,
        route=row.route,
        received_at=row.received_at,
        verdict=row.verdict,
        reason=row.reason,
        text=sound(vault.open(row.body_cipher, context="inbound")),
        phone_tail=tails.get(row.address_no, ""),
        person_name=wrote[0][1] if row.person_no and wrote else "",
        writers=()
        if row.person_no
        else tuple(Writer(person_id=person_id, person_name=name) for person_id, name in wrote),
        alert_id=row.alert_id.hex() if row.alert_id else None,
        short_code=row.short_code,
        classified_by=by.get(row.classified_by, "") if row.classified_by else None,
    )


def sound(text: str) -> str:
    """A text that any output can carry: half a surrogate pair becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
