"""What past alerts tell of how people answer: to whom a message went and when, and what they said.

No name, number or text is read.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, exists, func, select

from alertd.model import (
    ALERT_SHIFT,
    DeliveryState,
    Millis,
    RecipientKind,
    Status,
    alert_of,
    numbers_of,
)
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.batches import stream
from alertd.store.fold.scope import in_force

_TOOK: Final = (int(DeliveryState.ACCEPTED), int(DeliveryState.DELIVERED))
_GONE: Final = (*_TOOK, int(DeliveryState.UNKNOWN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An alert that asked for answers and is over.

    Args:
        version: Of the roster that it went out with.
        simulated: A drill with nobody woken.
    """

    no: int
    status: Status
    version: int
    issued_at: Millis
    over_at: Millis
    simulated: bool


class Told(NamedTuple):
    """A message that a gateway took, or may have taken; columns of its delivery."""

    id: int
    recipient_no: int
    address_no: int | None
    lane: int
    state: int
    route: str | None
    duplicate: int
    settled_at: Millis | None
    kind: str


class Said(NamedTuple):
    """An answer, or a reply that nobody could read: then its kind is `unclear`."""

    person_no: int
    at: Millis
    kind: str
    via: str
    grade: str
    route: str | None


def past(
    connection: Connection, statuses: Collection[Status], *, simulated: bool, most: int
) -> list[Past]:
    """The newest alerts of these kinds, the newest first; what follows an alert isn't one.

    Args:
        connection: For reading.
        statuses: Which kinds.
        simulated: Also drills with nobody woken.
        most: How many at the most.
    """
    c, h, r = t.alert.c, t.halt.c, t.requirement.c
    over = func.coalesce(h.stopped_at, c.ended_at)
    first = c.no * (1 << ALERT_SHIFT)
    asks = exists().where(r.no.between(first, first + ((1 << ALERT_SHIFT) - 1)))
    query = (
        select(c.no, c.status, c.roster_version, c.issued_at, over.label("over_at"), c.selection)
        .outerjoin_from(t.alert, t.halt, h.alert_no == c.no)
        .where(
            c.status.in_([int(each) for each in statuses]),
            c.issued_at.is_not(None),
            over.is_not(None),
            c.references_no.is_(None),
            asks,
        )
        .order_by(c.no.desc())
    )
    found: list[Past] = []
    for row in connection.execute(query):
        alert = _past(row)
        if simulated or not alert.simulated:
            found.append(alert)
        if len(found) == most:
            break
    return found


def _past(row: Any) -> Past:
    return Past(
        no=row.no,
        status=Status(row.status),
        version=row.roster_version,
        issued_at=row.issued_at,
        over_at=row.over_at,
        simulated=bool(json.loads(row.selection).get("simulated")),
    )


def roles(connection: Connection, version: int) -> dict[int, frozenset[str]]:
    """What everybody held, by person."""
    h = t.holding.c
    query = select(h.person_no, h.role).where(in_force(t.holding, version)).distinct()
    found: dict[int, set[str]] = {}
    for person, role in stream(connection, query):
        found.setdefault(person, set()).add(role)
    return {person: frozenset(held) for person, held in found.items()}


def told(connection: Connection, alert_no: int, kinds: Collection[str]) -> Iterator[Told]:
    """The messages of some kinds that left for people, by person."""
    d, m = t.delivery.c, t.message.c
    columns = [d[name] for name in Told._fields[:-1]]
    query = (
        select(*columns, m.kind)
        .join_from(t.delivery, t.message, m.no == d.message_no)
        .where(
            d.id.between(*numbers_of(alert_no)),
            d.recipient_kind == int(RecipientKind.PERSON),
            d.state.in_(_GONE),
            m.kind.in_(sorted(kinds)),
        )
        .order_by(d.recipient_no, d.id)
    )
    return (Told._make(row) for row in stream(connection, query))


def taken(connection: Connection, alert_no: int, *, since: Millis, until: Millis) -> dict[int, int]:
    """When a gateway first took each message of an alert, ms; from the journal.

    The table of deliveries holds the last word on each alone, which is its receipt.
    """
    c = t.journal.c
    where = [
        c.kind == "settled",
        c.alert_no.in_((0, alert_no)),
        c.occurred_at.between(since, until),
    ]
    found: dict[int, int] = {}
    for chain in journal.chains(connection):
        for row in journal.chain(connection, *chain, where=where):
            for number, _, state, *_ in row.fact.body["items"]:
                if state in _TOOK and alert_of(number) == alert_no:
                    found.setdefault(number, row.fact.occurred_at)
    return found


def said(connection: Connection, alert_no: int) -> list[Said]:
    """All answers that stand, and the replies that nobody could read, by person."""
    a, i = t.ack.c, t.inbound.c
    answers = (
        select(a.person_no, a.occurred_at, a.kind, a.via, a.grade, i.route)
        .outerjoin_from(t.ack, t.inbound, i.no == a.inbound_no)
        .where(a.alert_no == alert_no, a.withdrawn_at.is_(None))
    )
    found = [Said(*row) for row in connection.execute(answers.order_by(a.no))]
    unread = select(i.person_no, i.received_at, i.route).where(
        i.alert_no == alert_no, i.verdict == "unclear", i.person_no.is_not(None)
    )
    found += [
        Said(person, at, "unclear", "sms", "own", route)
        for person, at, route in connection.execute(unread.order_by(i.no))
    ]
    return found
