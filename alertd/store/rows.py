"""Whole tables, from one database to another and beside one another, in bounded memory."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, select

from alertd.store.batches import execute_many, stream

_SHOWN = 10


def copy(source: Connection, target: Connection, table: Table, **instead: Any) -> None:
    """Copy all rows of a table; `instead` gives columns another value in each."""
    names = [column.name for column in table.columns]
    rows = (
        [instead.get(name, value) for name, value in zip(names, row, strict=True)]
        for row in stream(source, select(table))
    )
    execute_many(target, table.insert(), names, rows)


def differences(table: Table, one: Connection, other: Connection) -> list[str]:
    """What of a table isn't alike in two databases; a line names key and columns, no content."""
    found = list(_differences(table, _by_key(one, table), _by_key(other, table)))
    shown = found[:_SHOWN]
    if len(found) > _SHOWN:
        shown.append(f"{table.name}: {len(found) - _SHOWN} more rows differ")
    return shown


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
