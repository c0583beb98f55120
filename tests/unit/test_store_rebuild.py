"""The tables are the fold of the journal: made again from it, they are the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from alertd.store import dialect, rebuild
from alertd.store import tables as t
from alertd.store.roster import Stored
from tests import databases
from tests.city import City


@contextmanager
def rebuilt(city: City, directory: Path) -> Iterator[tuple[Connection, Connection]]:
    """The live database, and one made anew from its journal."""
    url = databases.url_of(directory / "again")
    engine = dialect.writer(url, synchronous="OFF")
    with city.store.read() as live, engine.begin() as again:
        assert rebuild.rebuild(live, again) > 0
        yield live, again
    engine.dispose()


def phones(city: City, unit_level: str) -> list[str]:
    """The numbers of those who answer for a level, in the order of the hierarchy."""
    with city.store.read() as connection:
        rows = Stored(connection, city.store.vault, masked=False).rows()
        return [
            row.person.phones[0]
            for row in rows
            if row.person and row.person.phones and row.unit.level == unit_level
        ]


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city in which most kinds of things have happened; the tests only read it."""
    city = City(tmp_path_factory.mktemp("city"))
    first = city.issue(areas=["330281"], roles=["grid_leader", "building_lead", "party_member"])
    grid, stairs = phones(city, "grid"), phones(city, "building")
    city.reply(grid[0], "收到")
    city.reply(stairs[0], "3")
    city.reply(stairs[1], "0")
    city.reply(stairs[2], "什么情况")
    city.reply("+8613900000000", "1")
    city.forward(minutes=6)
    city.reply(stairs[3], "2 35/40")
    city.forward(minutes=11)
    city.reply(stairs[4], "1")
    second = city.issue(colour="orange", areas=["330281002"], roles=["grid_leader"])
    assert second != first
    city.forward(minutes=3)
    yield city
    city.store.close()


def test_every_table_is_copied_folded_or_left_out() -> None:
    named = [table.name for table in (*rebuild.COPIED, *rebuild.FOLDED, *rebuild.LEFT_OUT)]
    assert sorted(named) == sorted(t.metadata.tables)


def test_the_journal_alone_gives_the_same_tables(city: City, tmp_path: Path) -> None:
    with rebuilt(city, tmp_path) as (live, again):
        filled = {
            table.name
            for table in rebuild.FOLDED
            if live.execute(table.select().limit(1)).first() is not None
        }
        assert rebuild.compare(live, again) == []
    # What the scenario never touches would agree for nothing.
    assert filled >= {
        "event", "alert", "message", "requirement", "delivery", "delivery_count", "coverage",
        "inbound", "ack", "answer", "help_case", "digest_entry",
    }  # fmt: skip


def test_a_difference_is_named_by_table_key_and_column(city: City, tmp_path: Path) -> None:
    with rebuilt(city, tmp_path) as (live, again):
        again.execute(t.event.delete())
        again.execute(t.ack.update().where(t.ack.c.no == 1).values(note="13900000000"))
        again.execute(t.delivery.update().values(attempt=9))
        found = rebuild.compare(live, again)
    assert "event (1,): in the first only" in found
    assert "ack (1,): note differ" in found
    assert sum(line.startswith("delivery (") for line in found) == 10
    more = [line for line in found if line.endswith("more rows differ")]
    assert [line.split(":")[0] for line in more] == ["delivery"]
    assert "139" not in "".join(found)
