"""Keys and digests of millions of rows in little memory, to find what occurs more than once."""

from array import array
from collections.abc import Iterator

_SHIFT = 58
_BUCKETS = 1 << 64 - _SHIFT
_MASK = (1 << 64) - 1
_MIX = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: spreads keys that count up over the buckets


class Ledger:
    """Rows of unsigned 64-bit numbers, of which the first is the key.

    A row takes 8 bytes a number: 2,000,000 rows of four take 64 MB. They are kept in buckets by
    key, so that grouping sorts a 64th of them at a time.

    Args:
        width: How many numbers make a row, the key included.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._buckets = [array("Q") for _ in range(_BUCKETS)]

    def add(self, *numbers: int) -> None:
        """Add a row; `digest` makes numbers of other values."""
        self._buckets[(numbers[0] * _MIX & _MASK) >> _SHIFT].extend(numbers)

    def groups(self) -> Iterator[list[tuple[int, ...]]]:
        """Yield the rows of each key, in the order they were added; keys in no order."""
        for bucket in self._buckets:
            rows = list(zip(*[iter(bucket)] * self._width, strict=True))
            rows.sort(key=lambda row: row[0])
            start = 0
            for place in range(1, len(rows) + 1):
                if place == len(rows) or rows[place][0] != rows[start][0]:
                    yield rows[start:place]
                    start = place


def digest(value: object) -> int:
    """A value's hash as an unsigned 64-bit number; it holds within one process only.

    Two different values of 2,000,000 meet by chance once in ten million files.
    """
    return hash(value) & _MASK
