"""Facts about deliveries, in batches.

A batch's `counts` are [channel, state, change] for the rollup; whoever made the fact knew the
states it led from.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, update

from alertd.lanes import channel_of
from alertd.model import DeliveryState, Fact, Millis
from alertd.store import dialect as dialects
from alertd.store import tables as t
from alertd.store.fold.alerts import add_messages, count_on
from alertd.store.prepared import Prepared, among, numbers

_TOLD = ("id", "message_no", "recipient_kind", "recipient_no", "address_no", "lane", "priority")
_LANE = _TOLD.index("lane")


def told(connection: Connection, facts: Sequence[Fact]) -> None:
    """Messages beyond the first are to be sent. Body: message, deliveries; `first` is a report's.

    `help` is the call for help that a message tells of, none in an older one. A delivery has the
    columns of _TOLD, and where it is to go by another way than before, the route to avoid.
    """
    add_messages(
        connection, [(fact, fact.body["message"]) for fact in facts if fact.body["message"]]
    )
    rows: list[tuple[Any, ...]] = []
    more: dict[int, tuple[int, int]] = {}
    waiting: Counter[tuple[int, int]] = Counter()
    for fact in facts:
        alert_no, deliveries = fact.alert_no, fact.body["deliveries"]
        messages, others = more.get(alert_no, (0, 0))
        more[alert_no] = messages + bool(fact.body["message"]), others + len(deliveries)
        waiting.update((alert_no, channel_of(item[_LANE])) for item in deliveries)
        rows += [_told_row(item, fact.occurred_at) for item in deliveries]
    _TELL.many(connection, (*_TOLD, "due_at", "avoid_route"), rows)
    cries = [
        (fact.body["deliveries"][0][0], fact.body["deliveries"][-1][0], fact.body["help"])
        for fact in facts
        if "help" in fact.body
    ]
    _HELP_TOLD.many(connection, _CRY, cries)
    count_on(connection, more)
    pending = int(DeliveryState.PENDING)
    _count_all(connection, [[*key, pending, n] for key, n in sorted(waiting.items())])


def _told_row(item: Sequence[Any], at: Millis) -> tuple[Any, ...]:
    avoid = item[len(_TOLD)] if len(item) > len(_TOLD) else None
    return (*item[: len(_TOLD)], at, avoid)


def _tell(_: str) -> Any:
    given: dict[str, Any] = {name: bindparam(name) for name in (*_TOLD, "due_at", "avoid_route")}
    fresh = {"state": int(DeliveryState.PENDING), "attempt": 0, "duplicate": 0, "played": 0}
    return t.delivery.insert().values(given | fresh)


_TELL = Prepared(_tell)
_CRY = ("first", "last", "ack_no")
_HELP_TOLD = Prepared(lambda _: t.help_told.insert().values({n: bindparam(n) for n in _CRY}))


# What is alike in a batch is changed by one statement; fewer rows than this, one by one.
_WORTH_ONE = 8

_CLAIM = ("state", "attempt", "due_at", "route", "lease", "left_at")
_SETTLE = ("state", "due_at", "reason", "avoid_route", "duplicate", "settled_at", "lease")
_RECEIPT = ("state", "due_at", "reason", "played", "settled_at", "avoid_route")


def claimed(connection: Connection, fact: Fact) -> None:
    """A worker has them. Body: route, lease, deadline, items [[id, attempt]…], counts, counter."""
    body = fact.body
    same = (body["deadline"], body["route"], body["lease"], fact.occurred_at)
    by_attempt: dict[int, list[int]] = {}
    for number, attempt in body["items"]:
        by_attempt.setdefault(attempt, []).append(number)
    sending = int(DeliveryState.SENDING)
    alike = {(sending, attempt, *same): ids for attempt, ids in by_attempt.items()}
    _change(connection, _CLAIM, alike)
    _count_all(connection, body["counts"], _counter(fact))


def settled(connection: Connection, fact: Fact) -> None:
    """Tries ended. Items: [id, attempt, state, due_at, reason, avoid_route, duplicate, reference].

    `counter` says in which rows of the rollup these are counted. `reference` is the gateway's own
    id: on record, in no index.
    """
    at = fact.occurred_at
    by_end: dict[Change, list[int]] = {}
    stayed: list[int] = []
    for number, _, *end, _ in fact.body["items"]:
        by_end.setdefault(tuple(end), []).append(number)
        state, *_, duplicate = end
        stayed += [] if duplicate or state in _MAY_HAVE_LEFT else [number]
    _change(connection, _SETTLE, {(*end, at, None): ids for end, ids in by_end.items()})
    if stayed:
        _STAYED.run(connection, ids=numbers(connection, stayed))
    _count_all(connection, fact.body["counts"], _counter(fact))


def receipts(connection: Connection, fact: Fact) -> None:
    """Later words. Items: [id, attempt, status, state, due_at, played, reason, detail, avoid, dup].

    `avoid`, a route, came later than the rest: older journals' items end before it. `dup` is there
    where the word makes of what waits a possible duplicate.
    """
    # The last word on a delivery stands; the state of those before it is not to be seen.
    last: dict[int, Change] = {}
    doubtful: list[int] = []
    for number, _, _, state, due, played, reason, _, *more in fact.body["items"]:
        avoid, *duplicate = more or [None]
        last[number] = (state, due, reason, played, fact.occurred_at, avoid)
        doubtful += [number] if duplicate else []
    alike: dict[Change, list[int]] = {}
    for number, values in last.items():
        alike.setdefault(values, []).append(number)
    _change(connection, _RECEIPT, alike)
    if doubtful:
        _DOUBT.run(connection, ids=numbers(connection, doubtful))
    _count_all(connection, fact.body["counts"])


_DOUBT = Prepared(
    lambda dialect: (
        update(t.delivery).where(among(dialect, t.delivery.c.id, "ids")).values(duplicate=1)
    )
)


_MAY_HAVE_LEFT = frozenset(
    map(int, (DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.UNKNOWN))
)
_STAYED = Prepared(
    lambda dialect: (
        update(t.delivery).where(among(dialect, t.delivery.c.id, "ids")).values(left_at=None)
    )
)


Change = tuple[Any, ...]


def _change(
    connection: Connection, columns: tuple[str, ...], alike: Mapping[Change, Sequence[int]]
) -> None:
    """Give deliveries their values for `columns`: by the values, whose they are."""
    names = _NAMES[columns]
    few: list[Change] = []
    for values, ids in alike.items():
        if len(ids) < _WORTH_ONE:
            few += [(*values, number) for number in ids]
            continue
        given = dict(zip(names, values, strict=True))
        _ALL[columns].run(connection, ids=numbers(connection, ids), **given)
    if few:
        _ONE[columns].many(connection, (*names, "number"), few)


def _all(columns: tuple[str, ...]) -> Prepared:
    return Prepared(
        lambda dialect: (
            update(t.delivery)
            .where(among(dialect, t.delivery.c.id, "ids"))
            .values(_values(columns))
        )
    )


def _one(columns: tuple[str, ...]) -> Prepared:
    return Prepared(
        lambda _: (
            update(t.delivery)
            .where(t.delivery.c.id == bindparam("number"))
            .values(_values(columns))
        )
    )


def _values(columns: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {column: bindparam(f"to_{column}") for column in columns}
    if "left_at" in values:  # the first of several stands
        values["left_at"] = func.coalesce(t.delivery.c.left_at, values["left_at"])
    return values


_KINDS: tuple[tuple[str, ...], ...] = (_CLAIM, _SETTLE, _RECEIPT)
_NAMES = {columns: tuple(f"to_{column}" for column in columns) for columns in _KINDS}
_ALL: dict[tuple[str, ...], Prepared] = {columns: _all(columns) for columns in _KINDS}
_ONE: dict[tuple[str, ...], Prepared] = {columns: _one(columns) for columns in _KINDS}
_COUNT = Prepared(lambda dialect: dialects.adding(dialect, t.delivery_count))


def _counter(fact: Fact) -> int:
    counter: int = fact.body.get("counter", 0)  # older journals don't have it: one process wrote
    return counter


def _count_all(connection: Connection, counts: Sequence[Sequence[int]], counter: int = 0) -> None:
    """Rollup changes of several alerts: [alert_no, channel, state, change]."""
    rows = [(alert_no, on, state, counter, n) for alert_no, on, state, n in counts if n]
    _COUNT.many(connection, ("alert_no", "channel", "state", "counter", "n"), rows)


def count(connection: Connection, alert_no: int, counts: Sequence[Sequence[int]]) -> None:
    """Rollup changes of one alert: [channel, state, change]."""
    _count_all(connection, [[alert_no, *change] for change in counts])


Moves = Mapping[tuple[int, int, int, int], int]
"""How many deliveries went which way: (alert, channel, from, to) → how many."""


def rollup(moves: Moves) -> list[list[int]]:
    """Sum moves into the changes that the facts carry."""
    sums: dict[tuple[int, int, int], int] = {}
    for (alert_no, channel, before, after), n in moves.items():
        if before == after:
            continue
        for state, change in ((before, -n), (after, n)):
            key = (alert_no, channel, state)
            sums[key] = sums.get(key, 0) + change
    return [[*key, n] for key, n in sorted(sums.items()) if n]
