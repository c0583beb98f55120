"""A whole city from SQLite to PostgreSQL and back."""

from pathlib import Path

import pytest
from sqlalchemy import text

from alertd.errors import ConflictError
from alertd.store import dialect, rebuild
from alertd.store.transfer import TABLES, transfer
from tests import databases
from tests.city import City


def ignore(_table: str) -> None:
    """Nobody watches."""


def lived_in(directory: Path, *, postgresql: bool = False) -> City:
    city = City(directory, postgresql=postgresql)
    city.issue()
    city.forward(minutes=4)
    phone = city.sent[0].address
    city.reply(phone, "1")
    city.forward(minutes=3)
    city.store.close()
    return city


def test_there_and_back_again(tmp_path: Path) -> None:
    city = lived_in(tmp_path / "here")
    there = databases.url_of(tmp_path / "there", postgresql=True)
    back = databases.url_of(tmp_path / "back", postgresql=False)
    seen: list[str] = []
    one = transfer(city.url, there, seen.append)
    other = transfer(there, back, ignore)
    assert one == other
    assert one.facts > 10
    assert one.rows > 1_000
    assert len(seen) == 2 * len(TABLES)


def test_the_city_goes_on_where_it_was(tmp_path: Path) -> None:
    before = lived_in(tmp_path / "here")
    databases.url_of(tmp_path / "there", postgresql=True)
    transfer(before.url, databases.url_of(tmp_path / "there", postgresql=True), ignore)
    city = City(tmp_path / "there", postgresql=True, fresh=False, now=before.now)
    city.forward(minutes=20)
    assert city.sent
    with city.store.read() as live:
        again = dialect.writer(databases.url_of(tmp_path / "again", postgresql=False))
        with again.begin() as target:
            rebuild.rebuild(live, target)
            assert rebuild.compare(live, target) == []
        again.dispose()


def test_only_into_an_empty_database(tmp_path: Path) -> None:
    city = lived_in(tmp_path / "here")
    full = lived_in(tmp_path / "full", postgresql=True)
    with pytest.raises(ConflictError, match="empty"):
        transfer(city.url, full.url, ignore)
    with pytest.raises(ConflictError, match="same"):
        transfer(city.url, city.url, ignore)


def test_not_beside_a_process_that_writes(tmp_path: Path) -> None:
    city = City(tmp_path / "here", postgresql=True)
    back = databases.url_of(tmp_path / "back", postgresql=False)
    with pytest.raises(ConflictError, match="running"):
        transfer(city.url, back, ignore)


def test_a_journal_that_was_changed_is_not_carried_over(tmp_path: Path) -> None:
    city = lived_in(tmp_path / "here")
    engine = dialect.writer(city.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE journal SET body = '{}' WHERE seq = 3"))
    engine.dispose()
    with pytest.raises(ConflictError, match="doesn't hold"):
        transfer(city.url, databases.url_of(tmp_path / "there", postgresql=True), ignore)
