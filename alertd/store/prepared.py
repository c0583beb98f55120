"""Statements of the hot paths: compiled once, and run on the driver's own cursor.

SQLAlchemy's work on a statement and on each of its rows is half of a large batch's time and most
of a small one's (STACK, "Bulk rows"; docs/performance.md). What runs thousands of times a minute
is therefore built with it once, and then handed to the driver as text. Rows come as plain tuples.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    any_,
    bindparam,
    cast,
    func,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON

Build = Callable[[str], Any]
"""A statement for a dialect (`sqlite`, `postgresql`), whose varying values are `bindparam`s."""


class Prepared:
    """A statement that is compiled the first time it is run.

    Args:
        build: Makes it for a dialect. Values must be of types that every driver takes as they are.
        at_once: An UPDATE, of which `many` changes several rows by one statement where the driver
            runs one for each. No two rows of a call may be for the same row of the table, which
            would be changed by one of them only.
    """

    def __init__(self, build: Build, *, at_once: bool = False) -> None:
        self._build = build
        self._several = _several_changes if at_once else _several_rows
        self._compiled: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def rows(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """Run it; returns all of its rows."""
        return self._run(connection, values).fetchall()  # type: ignore[no-any-return]

    def run(self, connection: Connection, **values: Any) -> int:
        """Run it; returns how many rows it changed."""
        return int(self._run(connection, values).rowcount)

    def many(
        self, connection: Connection, names: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Run it for every row, whose values stand in the order of `names`."""
        text, order, fixed = self._text(connection)
        values: list[Any]
        if order is None:
            values = [{**fixed, **dict(zip(names, row, strict=True))} for row in rows]
        elif order == tuple(names):
            values = list(rows)
        else:
            turned = _turned(order, tuple(names), tuple(fixed))
            behind = tuple(fixed.values())
            values = [turned((*row, *behind)) for row in rows]
        if not values:
            return
        # Both drivers have it; what SQLAlchemy puts around a connection would cost half as much.
        driver: Any = connection.connection.driver_connection
        if order is None:
            driver.cursor().executemany(text, values)
            return
        for size, flat in _together(values):
            several = self._several(text, len(order), size)
            if several is None:
                driver.cursor().executemany(text, values)
                return
            driver.execute(several, flat)

    def _run(self, connection: Connection, values: dict[str, Any]) -> Any:
        text, order, fixed = self._text(connection)
        if fixed:
            values = {**fixed, **values}
        given = values if order is None else [values[name] for name in order]
        # Both drivers have it; what SQLAlchemy puts around a connection would cost half as much.
        driver: Any = connection.connection.driver_connection
        return driver.execute(text, given)

    def _text(self, connection: Connection) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        name = connection.dialect.name
        found = self._compiled.get(name)
        if found is None:
            compiled = self._build(name).compile(dialect=connection.dialect)
            order = tuple(compiled.positiontup) if compiled.positional else None
            fixed = {n: bind.value for n, bind in compiled.binds.items() if not bind.required}
            found = self._compiled[name] = (str(compiled), order, fixed)
        return found


@lru_cache
def _turned(
    order: tuple[str, ...], names: tuple[str, ...], fixed: tuple[str, ...]
) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Puts a row of `names` and `fixed` in the order of the statement's marks."""
    places = {name: place for place, name in enumerate((*names, *fixed))}
    if len(order) == 1:
        return lambda row: (row[places[order[0]]],)
    return itemgetter(*(places[name] for name in order))


# SQLite's driver gives Python's lock away and waits for it again at every row of an executemany,
# while the event loop wants it, too; so a statement takes many rows at a time.
# Few sizes, so that the driver keeps their statements.
_SIZES = (64, 32, 16, 8, 4, 2, 1)


def _together(values: Sequence[Sequence[Any]]) -> Iterator[tuple[int, Sequence[Any]]]:
    """Rows in pieces of `_SIZES`, the largest first: how many, and their values in one list."""
    start = 0
    for size in _SIZES:
        while len(values) - start >= size:
            some = values[start : start + size]
            yield size, some[0] if size == 1 else list(chain.from_iterable(some))
            start += size


def _marks(width: int) -> str:
    return f"({', '.join('?' * width)})"


@lru_cache(maxsize=1_000)
def _several_rows(text: str, width: int, rows: int) -> str | None:
    """An INSERT of one row as one of several; None of a statement that can't take several."""
    one = f"VALUES {_marks(width)}"
    if rows > 1 and one not in text:
        return None
    return text.replace(one, one + f", {_marks(width)}" * (rows - 1))


@lru_cache(maxsize=1_000)
def _several_changes(text: str, width: int, rows: int) -> str:
    """SQLite's UPDATE of one row as one of several, whose values come as the rows of a table."""
    if rows == 1:
        return text
    parts = text.split("?")
    changing, *where = "".join(
        part if place == 0 else f"given.column{place}{part}" for place, part in enumerate(parts)
    ).split(" WHERE ")
    plain = text.startswith("UPDATE ") and "SELECT" not in text
    if not plain or len(parts) != width + 1 or len(where) != 1:
        raise ValueError(f"This can't change several rows at once: {text}")
    table = f"(VALUES {', '.join([_marks(width)] * rows)}) AS given"
    return f"{changing} FROM {table} WHERE {where[0]}"


def among(dialect: str, column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """`column IN` the values of one parameter, any number, which `numbers` or `texts` makes."""
    if dialect == "sqlite":
        each = func.json_each(bindparam(name)).table_valued("value")
        return column.in_(select(each.c.value))
    return column == any_(bindparam(name, type_=ARRAY(column.type)))


def rows_among(
    dialect: str, columns: Sequence[ColumnElement[Any]], name: str
) -> ColumnElement[bool]:
    """Whether whole numbers in `columns` are a row of one parameter, which `number_rows` makes."""
    if dialect == "sqlite":
        each = func.json_each(bindparam(name)).table_valued("value")
        places = [func.json_extract(each.c.value, f"$[{place}]") for place in range(len(columns))]
        return tuple_(*columns).in_(select(*places))
    row = func.json_array_elements(cast(bindparam(name), JSON)).column_valued("row")
    cells = [cast(row.op("->>")(place), BigInteger) for place in range(len(columns))]
    return tuple_(*columns).in_(select(*cells))


def number_rows(rows: Iterable[Sequence[int]]) -> str:
    """The value of `rows_among`'s parameter."""
    return json.dumps([list(row) for row in rows])


def numbers(connection: Connection, values: Iterable[int]) -> Any:
    """The value of `among`'s parameter."""
    if connection.dialect.name == "sqlite":
        return f"[{','.join(map(str, values))}]"  # JSON, in half the time of json.dumps
    return list(values)


def texts(connection: Connection, values: Iterable[str]) -> Any:
    """The same of texts."""
    listed = list(values)
    return json.dumps(listed) if connection.dialect.name == "sqlite" else listed
