"""Make the tables again from the journal, and compare them with the live ones.

What the journal leaves out on purpose is copied: the roster and the addresses (names and numbers),
replies as they came, and who may sign in. Everything else has to follow from the facts.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, select

from alertd.store import journal
from alertd.store import tables as t
from alertd.store.batches import execute_many, stream
from alertd.store.fold import apply

COPIED: tuple[Table, ...] = (
    t.node,
    t.node_clock,
    t.journal,
    t.chain,
    t.roster_version,
    t.unit,
    t.person,
    t.duty,
    t.holding,
    t.address,
    t.contact,
    t.terminal,
    t.chat_group,
    t.principal,
    t.token,
    t.session,
    t.idempotency,
)
FOLDED: tuple[Table, ...] = (
    t.terminal_state,
    t.event,
    t.alert,
    t.message,
    t.requirement,
    t.delivery,
    t.delivery_count,
    t.coverage,
    t.inbound,  # copied as it came; what was made of it is folded
    t.ack,
    t.answer,
    t.help_case,
    t.digest_entry,
)
LEFT_OUT: tuple[Table, ...] = (t.worker, t.route_share)  # who is alive now: no part of the record

# A reply before anybody has read it, as engine.replies stores it.
_UNREAD = {
    "verdict": "new",
    "reason": "",
    "alert_no": None,
    "person_no": None,
    "classified_by": None,
}
_SHOWN = 10


def rebuild(source: Connection, target: Connection) -> int:
    """Fill an empty, migrated database from another's journal.

    Args:
        source: Reading is enough.
        target: Of a writing transaction on an empty database.

    Returns:
        How many facts there were.
    """
    for table in COPIED:
        _copy(source, target, table)
    _copy(source, target, t.inbound, **_UNREAD)
    count = 0
    for row in journal.stream(source):
        apply(target, row.fact)
        count += 1
    return count


def compare(one: Connection, other: Connection) -> list[str]:
    """Compare the folded tables of two databases; empty where they agree.

    A line names table, key and columns, and no content.
    """
    found: list[str] = []
    for table in FOLDED:
        differences = list(_differences(table, _by_key(one, table), _by_key(other, table)))
        found += differences[:_SHOWN]
        if len(differences) > _SHOWN:
            found.append(f"{table.name}: {len(differences) - _SHOWN} more rows differ")
    return found


def _copy(source: Connection, target: Connection, table: Table, **instead: Any) -> None:
    names = [column.name for column in table.columns]
    rows = (
        [instead.get(name, value) for name, value in zip(names, row, strict=True)]
        for row in stream(source, select(table))
    )
    execute_many(target, table.insert(), names, rows)


Row = tuple[tuple[Any, ...], tuple[Any, ...]]
"""A key, and the whole row."""


def _by_key(connection: Connection, table: Table) -> Iterator[Row]:
    keys = list(table.primary_key.columns)
    width = len(keys)
    for row in stream(connection, select(*keys, table).order_by(*keys)):
        yield tuple(row[:width]), tuple(row[width:])


def _differences(table: Table, ones: Iterator[Row], others: Iterator[Row]) -> Iterator[str]:
    one, other = next(ones, None), next(others, None)
    while one or other:
        if other is None or (one and one[0] < other[0]):
            assert one  # noqa: S101 - one of the two is there
            yield f"{table.name} {one[0]}: in the first only"
            one = next(ones, None)
        elif one is None or other[0] < one[0]:
            yield f"{table.name} {other[0]}: in the second only"
            other = next(others, None)
        else:
            columns = [
                column.name
                for column, a, b in zip(table.columns, one[1], other[1], strict=True)
                if a != b
            ]
            if columns:
                yield f"{table.name} {one[0]}: {', '.join(columns)} differ"
            one, other = next(ones, None), next(others, None)
