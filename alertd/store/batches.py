"""Many keys in one statement, without passing a driver's limit on parameters."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

# SQLite takes 32,766 parameters and PostgreSQL 65,535; past some thousands nothing is gained.
IN_ONE_STATEMENT = 4_000


def batches(values: Iterable[T], size: int = IN_ONE_STATEMENT) -> Iterator[list[T]]:
    """Yield `values` in lists of at most `size`."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch
