"""Facts about deliveries, in batches.

A batch's `counts` are [channel, state, change] for the rollup; whoever made the fact knew the
states it led from.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, update

from alertd.model import DeliveryState, Fact, alert_of
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.fold.alerts import add_message

_TOLD = ("id", "message_no", "recipient_kind", "recipient_no", "address_no", "lane", "priority")


def told(connection: Connection, fact: Fact) -> None:
    """A message beyond the first is to be sent. Body: message, deliveries (columns of _TOLD)."""
    body = fact.body
    if body["message"] is not None:
        add_message(connection, fact, body["message"])
    rows = [
        {
            **dict(zip(_TOLD, item, strict=True)),
            "state": DeliveryState.PENDING,
            "attempt": 0,
            "due_at": fact.occurred_at,
            "duplicate": 0,
            "played": 0,
            "avoid_route": None,
        }
        for item in body["deliveries"]
    ]
    if not rows:
        return
    connection.execute(t.delivery.insert(), rows)
    connection.execute(
        update(t.alert)
        .where(t.alert.c.no == fact.alert_no)
        .values(next_delivery=t.alert.c.next_delivery + len(rows))
    )
    channels = [row["lane"] // 10 for row in rows]
    counts = [[c, int(DeliveryState.PENDING), channels.count(c)] for c in sorted(set(channels))]
    count(connection, fact.alert_no, counts)


_CLAIM = (
    update(t.delivery)
    .where(t.delivery.c.id == bindparam("b_id"))
    .values(
        state=int(DeliveryState.SENDING),
        attempt=bindparam("b_attempt"),
        due_at=bindparam("b_deadline"),
        route=bindparam("b_route"),
        lease=bindparam("b_lease"),
    )
)


def claimed(connection: Connection, fact: Fact) -> None:
    """A worker has them. Body: route, lease, deadline, items [[id, attempt]…], counts."""
    body = fact.body
    same = {
        "b_deadline": body["deadline"],
        "b_route": body["route"],
        "b_lease": body["lease"],
    }
    connection.execute(
        _CLAIM, [{"b_id": i, "b_attempt": attempt, **same} for i, attempt in body["items"]]
    )
    _count_all(connection, body["counts"])


_SETTLE = (
    update(t.delivery)
    .where(t.delivery.c.id == bindparam("b_id"))
    .values(
        state=bindparam("b_state"),
        due_at=bindparam("b_due"),
        reason=bindparam("b_reason"),
        avoid_route=bindparam("b_avoid"),
        duplicate=bindparam("b_duplicate"),
        settled_at=bindparam("b_settled"),
        lease=None,
    )
)


def settled(connection: Connection, fact: Fact) -> None:
    """Tries ended. Items: [id, attempt, state, due_at, reason, avoid_route, duplicate, reference].

    `reference` is the gateway's own id: on record, in no index.
    """
    connection.execute(
        _SETTLE,
        [
            {
                "b_id": number,
                "b_state": state,
                "b_due": due,
                "b_reason": reason,
                "b_avoid": avoid,
                "b_duplicate": duplicate,
                "b_settled": fact.occurred_at,
            }
            for number, _, state, due, reason, avoid, duplicate, _ in fact.body["items"]
        ],
    )
    _count_all(connection, fact.body["counts"])


_RECEIPT = (
    update(t.delivery)
    .where(t.delivery.c.id == bindparam("b_id"))
    .values(
        state=bindparam("b_state"),
        due_at=bindparam("b_due"),
        reason=bindparam("b_reason"),
        played=bindparam("b_played"),
        settled_at=bindparam("b_settled"),
    )
)


def receipts(connection: Connection, fact: Fact) -> None:
    """Later words. Items: [id, attempt, status, state, due_at, played, reason, detail]."""
    connection.execute(
        _RECEIPT,
        [
            {
                "b_id": number,
                "b_state": state,
                "b_due": due,
                "b_reason": reason,
                "b_played": played,
                "b_settled": fact.occurred_at,
            }
            for number, _, _, state, due, played, reason, _ in fact.body["items"]
        ],
    )
    _count_all(connection, fact.body["counts"])


def _count_all(connection: Connection, counts: Sequence[Sequence[int]]) -> None:
    """Rollup changes of several alerts: [alert_no, channel, state, change]."""
    rows: list[dict[str, Any]] = [
        {"alert_no": alert_no, "channel": channel, "state": state, "n": n}
        for alert_no, channel, state, n in counts
        if n
    ]
    dialect.add_counts(connection, t.delivery_count, rows)


def count(connection: Connection, alert_no: int, counts: Sequence[Sequence[int]]) -> None:
    """Rollup changes of one alert: [channel, state, change]."""
    _count_all(connection, [[alert_no, *change] for change in counts])


def rollup(changes: Sequence[tuple[int, int, int, int]]) -> list[list[int]]:
    """Sum (delivery, channel, from, to) into the changes that the facts carry."""
    sums: dict[tuple[int, int, int], int] = {}
    for number, channel, before, after in changes:
        if before == after:
            continue
        alert_no = alert_of(number)
        for state, n in ((before, -1), (after, 1)):
            key = (alert_no, channel, state)
            sums[key] = sums.get(key, 0) + n
    return [[*key, n] for key, n in sorted(sums.items()) if n]
