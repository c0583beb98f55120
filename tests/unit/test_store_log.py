"""SQLite's own journal has its length from the start."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, select

from alertd.store import dialect, journal, migrate
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.vault import Vault

PAGES = 500
BYTES = PAGES * dialect.PAGE_BYTES
ENOUGH = 2 * PAGES  # commits, of a page or more each: past the journal's end more than once


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'city.sqlite3'}"
    migrate.upgrade(url)
    opened = Store(url, Vault(bytes(32)), node="city", checkpoint_pages=PAGES)
    yield opened
    opened.close()


def log_of(store: Store) -> Path:
    return Path(f"{store.url.removeprefix('sqlite:///')}-wal")


def tables_of(store: Store) -> set[str]:
    with store.read() as connection:
        return set(inspect(connection).get_table_names())


def note(store: Store, number: int) -> None:
    with store.transaction(number) as tx:
        tx.connection.execute(insert(t.RouteDay).values(route=f"r{number}", day=1, parts=number))


def test_what_is_written_later_finds_the_journal_as_long_as_it_may_grow(store: Store) -> None:
    tables = tables_of(store)
    store.reserve_log()
    reserved = log_of(store).stat().st_size
    assert reserved >= BYTES
    for number in range(ENOUGH):
        note(store, number)
    assert log_of(store).stat().st_size == reserved
    assert tables_of(store) == tables
    with store.read() as connection:
        kept = connection.execute(select(t.RouteDay.parts)).scalars()
        assert sorted(kept) == list(range(ENOUGH))
        assert journal.verify(journal.stream(connection)) == (0, [])


def test_what_was_reserved_is_no_part_of_what_another_process_finds(store: Store) -> None:
    note(store, 1)
    store.reserve_log()
    note(store, 2)
    engine = dialect.reader(store.url)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert sorted(connection.execute(select(t.RouteDay.parts)).scalars()) == [1, 2]
    engine.dispose()


def test_a_journal_that_a_crash_left_full_does_not_become_twice_as_long(store: Store) -> None:
    connection = store._connected()
    connection.connection.cursor().execute("PRAGMA wal_autocheckpoint=0")
    for number in range(PAGES // 2):
        note(store, number)
    left = log_of(store).stat().st_size
    assert left > BYTES // 2
    store.reserve_log()
    assert BYTES <= log_of(store).stat().st_size < left + BYTES // 2


def test_where_there_is_no_room_the_journal_grows_as_it_goes(store: Store) -> None:
    note(store, 1)
    assert store._connection is not None
    cursor = store._connection.connection.cursor()
    cursor.execute("PRAGMA max_page_count=1").fetchall()  # no more than there are
    store.reserve_log()
    note(store, 2)
    assert log_of(store).stat().st_size < BYTES
    with store.read() as connection:
        assert sorted(connection.execute(select(t.RouteDay.parts)).scalars()) == [1, 2]


def test_the_cache_is_as_large_as_before(store: Store) -> None:
    store.reserve_log()
    assert store._connection is not None
    ((pages,),) = store._connection.connection.cursor().execute("PRAGMA cache_size").fetchall()
    assert pages == -65_536


def test_a_reader_that_stays_holds_nobody_up_for_long(store: Store) -> None:
    """A backup to a disk that hangs, or a long report: where space is short each step asks."""
    note(store, 1)
    with store.read() as connection:
        connection.execute(select(t.RouteDay.parts)).all()
        note(store, 2)
        began = time.monotonic()
        assert not store.checkpoint()
        assert time.monotonic() - began < 2
    assert store.checkpoint()
    assert store._connection is not None
    ((waits_ms,),) = store._connection.connection.cursor().execute("PRAGMA busy_timeout").fetchall()
    assert waits_ms == 10_000, "another writer is waited for as ever"
