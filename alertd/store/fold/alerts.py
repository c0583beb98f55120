"""Facts about alerts as wholes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, update

from alertd.canonical import canonical
from alertd.lanes import channel_of
from alertd.model import (
    ALERT_SHIFT,
    HELP_PRIORITY,
    AlertState,
    DeliveryState,
    Fact,
    RequirementState,
    numbers_of,
)
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.prepared import Prepared


def opened(connection: Connection, fact: Fact) -> None:
    """An event (a storm) is opened. Body: no, id (hex), name."""
    body = fact.body
    connection.execute(
        t.event.insert().values(
            no=body["no"],
            id=bytes.fromhex(body["id"]),
            name=body["name"],
            opened_at=fact.occurred_at,
        )
    )


def drafted(connection: Connection, fact: Fact) -> None:
    """An alert is written down whole, with everything that is frozen with it."""
    body = fact.body
    same = ("event_no", "identifier", "sender", "sent", "status", "msg_type", "purpose")
    more = ("short_code", "colour", "severity", "headline", "audience", "references_no")
    as_json = ("cap", "selection", "policy", "templates")
    connection.execute(
        t.alert.insert().values(
            no=fact.alert_no,
            id=bytes.fromhex(body["id"]),
            **{name: body[name] for name in same + more},
            **{name: canonical(body[name]) for name in as_json},
            state=AlertState.DRAFT,
            created_by=bytes.fromhex(body["by"]),
            created_at=fact.occurred_at,
            break_glass=0,
            expires_at=body["expires_at"],
            roster_digest="",
            phase=0,
            cursor=0,
            next_delivery=1,
            next_message=1,
        )
    )


def approved(connection: Connection, fact: Fact) -> None:
    """Somebody agreed, or broke the glass. Body: by (hex), issue_at, break_glass."""
    body = fact.body
    _set(
        connection,
        fact,
        state=AlertState.APPROVED,
        approved_by=bytes.fromhex(body["by"]),
        approved_at=fact.occurred_at,
        break_glass=int(body["break_glass"]),
        issue_at=body["issue_at"],
    )


def issued(connection: Connection, fact: Fact) -> None:
    """It goes out. Body: roster_version, roster_digest, message {no, kind, template, params…}."""
    body = fact.body
    _set(
        connection,
        fact,
        state=AlertState.ISSUED,
        issued_at=fact.occurred_at,
        roster_version=body["roster_version"],
        roster_digest=body["roster_digest"],
        phase=1,
    )
    issued_message(connection, fact, body["message"])


def issued_message(connection: Connection, fact: Fact, message: Mapping[str, Any]) -> None:
    """A message comes into being under its alert."""
    add_messages(connection, [(fact, message)])
    count_on(connection, {fact.alert_no: (1, 0)})


def add_messages(
    connection: Connection, messages: Iterable[tuple[Fact, Mapping[str, Any]]]
) -> None:
    """Messages come into being; `count_on` sees to their alerts."""
    rows = [
        (
            message["no"],
            message["kind"],
            message["template"],
            canonical(message["params"]),
            fact.occurred_at,
            message["text_hash"],
        )
        for fact, message in messages
    ]
    _MESSAGE.many(connection, _MESSAGE_COLUMNS, rows)


_MESSAGE_COLUMNS = ("no", "kind", "template", "params", "created_at", "text_hash")
_MESSAGE = Prepared(
    lambda _: t.message.insert().values({name: bindparam(name) for name in _MESSAGE_COLUMNS})
)


def count_on(connection: Connection, more: Mapping[int, tuple[int, int]]) -> None:
    """Alert → how many messages and deliveries it has more, for the numbers of the next ones."""
    rows = [(*added, number) for number, added in more.items()]
    _COUNT_ON.many(connection, ("messages", "deliveries", "alert_no"), rows)


_COUNT_ON = Prepared(
    lambda _: (
        update(t.alert)
        .where(t.alert.c.no == bindparam("alert_no"))
        .values(
            next_message=t.alert.c.next_message + bindparam("messages"),
            next_delivery=t.alert.c.next_delivery + bindparam("deliveries"),
        )
    )
)


def left_out(connection: Connection, fact: Fact) -> None:
    """No alert there is gives its next numbers to deliveries. Body: deliveries, how many."""
    left = fact.body.get("deliveries", 0)  # before there was this, alerts' numbers alone
    c = t.alert.c
    room = c.next_delivery < _LAST_DELIVERY - left
    connection.execute(update(t.alert).where(room).values(next_delivery=c.next_delivery + left))


_LAST_DELIVERY = 1 << ALERT_SHIFT - 1  # as many again are for those to come


def ended(connection: Connection, fact: Fact) -> None:
    """Over: ladders close, what waits is not sent. Body: state, reason."""
    state = fact.body["state"]
    _set(connection, fact, state=state, ended_at=fact.occurred_at, phase=0)
    gone = DeliveryState.EXPIRED if state == AlertState.EXPIRED else DeliveryState.CANCELLED
    leave_off(connection, fact, gone, "alert-ended")


def leave_off(connection: Connection, fact: Fact, gone: DeliveryState, reason: str) -> None:
    """Nothing more comes of an alert: its ladders close, and what waits is `gone`."""
    first, last = numbers_of(fact.alert_no)
    connection.execute(
        update(t.requirement)
        .where(
            t.requirement.c.no.between(first, last),
            t.requirement.c.state == RequirementState.OPEN,
        )
        .values(state=RequirementState.CLOSED, due_at=None)
    )
    _drop_waiting(connection, fact, gone, reason)
    connection.execute(
        t.digest_entry.delete().where(
            t.digest_entry.c.alert_no == fact.alert_no, t.digest_entry.c.message_no.is_(None)
        )
    )


def _drop_waiting(connection: Connection, fact: Fact, gone: DeliveryState, reason: str) -> None:
    first, last = numbers_of(fact.alert_no)
    c = t.delivery.c
    waiting = [
        c.id.between(first, last),
        c.state == DeliveryState.PENDING,
        c.priority > HELP_PRIORITY,
    ]
    statement = (
        update(t.delivery)
        .where(*waiting)
        .values(state=gone, due_at=None, settled_at=fact.occurred_at, reason=reason)
    )
    by_channel: Counter[int] = Counter()
    for lane, n in dialect.change_and_count(connection, statement, c.lane):
        by_channel[channel_of(lane)] += n
    counts = []
    for channel, n in by_channel.items():
        key = {"alert_no": fact.alert_no, "channel": channel, "counter": 0}
        counts.append({**key, "state": int(DeliveryState.PENDING), "n": -n})
        counts.append({**key, "state": int(gone), "n": n})
    dialect.add_counts(connection, t.delivery_count, counts)


def _set(connection: Connection, fact: Fact, **values: object) -> None:
    connection.execute(update(t.alert).where(t.alert.c.no == fact.alert_no).values(**values))
