"""Many keys or rows in one statement, in bounded memory."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select

T = TypeVar("T")

ROWS_AT_ONCE = 5_000

# SQLite takes 32,766 parameters and PostgreSQL 65,535; past some thousands nothing is gained.
IN_ONE_STATEMENT = 4_000


def batches(values: Iterable[T], size: int = IN_ONE_STATEMENT) -> Iterator[list[T]]:
    """Yield `values` in lists of at most `size`."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


def stream(connection: Connection, query: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield a query's rows, a page at a time; whoever stops early leaves no cursor open."""
    # On the statement: options of a connection would stay with it.
    with connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)) as result:
        for page in result.partitions():
            yield from page


def execute_many(
    connection: Connection, statement: Any, names: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Run a statement for every row, past SQLAlchemy's own work on each (half of the time).

    Args:
        connection: Of a writing transaction.
        statement: An INSERT into the columns `names`, or one whose parameters are `names`.
        names: Of a row's values, which are of types that every driver takes as they are.
        rows: Any number; they are taken in batches.
    """
    compiled = statement.compile(dialect=connection.dialect, column_keys=names)
    places = {name: place for place, name in enumerate(names)}
    order = [places[name] for name in compiled.positiontup or ()]
    for batch in batches(rows, ROWS_AT_ONCE):
        values: list[Any]
        if not compiled.positional:
            values = [dict(zip(names, row, strict=True)) for row in batch]
        elif order == list(range(len(names))):
            values = [tuple(row) for row in batch]
        else:
            values = [tuple(row[place] for place in order) for row in batch]
        connection.exec_driver_sql(str(compiled), values)
