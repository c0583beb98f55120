"""A roster's lists, read a page at a time."""

from pathlib import Path

import pytest

from alertd.store.reads import roster_lists
from tests.city import City

LATER_MS = 400 * 86_400_000  # nobody has verified anything for long


@pytest.mark.parametrize("postgresql", [False, True])
def test_every_line_stands_on_one_page_and_no_other(tmp_path: Path, *, postgresql: bool) -> None:
    """Many people have the same post in a unit: their order must be one."""
    city = City(tmp_path, postgresql=postgresql)
    now = city.now + LATER_MS
    with city.store.read() as connection:
        whole = roster_lists.read(connection, "unverified", path="", now=now, limit=100_000)
        assert whole.total > 200
        seen: list[roster_lists.Line] = []
        for first in range(0, whole.total, 7):
            part = roster_lists.read(
                connection, "unverified", path="", now=now, first=first, limit=7
            )
            seen += part.lines
    assert sorted(map(repr, seen)) == sorted(map(repr, whole.lines))
    assert len(set(seen)) == len(seen)
