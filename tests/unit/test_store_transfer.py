"""A whole city from SQLite to PostgreSQL and back."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from alertd.errors import ConflictError
from alertd.model import DeliveryState
from alertd.store import dialect, migrate, rebuild
from alertd.store import tables as t
from alertd.store.departure import refuse_departed, restored, take_back
from alertd.store.transfer import TABLES, Transferred
from alertd.store.transfer import transfer as carry
from channels.base import Fault, SendError
from tests import databases
from tests.city import START, City

NODE = "test"  # as a City calls its own
LATER = START + 3_600_000


def ignore(_table: str) -> None:
    """Nobody watches."""


def transfer(source: str, target: str, tell: Callable[[str], None] = ignore) -> Transferred:
    return carry(source, target, tell, node=NODE, now=LATER)


@cache
def _lived_in(*, postgresql: bool) -> tuple[Path, int]:
    """Where a city is that has lived a little, made once for this process; until when it did."""
    directory = databases.templates() / f"lived-in-{postgresql}"
    city = City(directory, postgresql=postgresql, name="before")
    databases.keep(directory)
    city.issue()
    city.forward(minutes=4)
    phone = city.sent[0].address
    city.reply(phone, "1")
    city.forward(minutes=3)
    city.store.close()
    return directory, city.now


def lived_in(directory: Path, *, postgresql: bool = False) -> City:
    """A copy of it, closed."""
    like, until = _lived_in(postgresql=postgresql)
    city = City(directory, postgresql=postgresql, like=like)
    city.now = until
    city.store.close()
    return city


def test_there_and_back_again(tmp_path: Path) -> None:
    city = lived_in(tmp_path / "here")
    there = databases.url_of(tmp_path / "there", postgresql=True)
    back = databases.url_of(tmp_path / "back", postgresql=False)
    seen: list[str] = []
    one = transfer(city.url, there, seen.append)
    other = transfer(there, back)
    assert other.facts == one.facts + 1, "that it arrived"
    assert other.rows == one.rows + 1
    assert one.facts > 10
    assert one.rows > 1_000
    assert len(seen) == 2 * len(TABLES)


def test_the_city_goes_on_where_it_was(tmp_path: Path) -> None:
    before = lived_in(tmp_path / "here")
    databases.url_of(tmp_path / "there", postgresql=True)
    transfer(before.url, databases.url_of(tmp_path / "there", postgresql=True))
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
        transfer(city.url, full.url)
    with pytest.raises(ConflictError, match="same"):
        transfer(city.url, city.url)


def test_not_beside_a_process_that_writes(tmp_path: Path) -> None:
    city = City(tmp_path / "here", postgresql=True)
    back = databases.url_of(tmp_path / "back", postgresql=False)
    with pytest.raises(ConflictError, match="running"):
        transfer(city.url, back)


@pytest.mark.parametrize("stays", [False, True])
def test_nor_beside_one_that_starts_while_it_is_copied(tmp_path: Path, *, stays: bool) -> None:
    """What it does meanwhile isn't in the copy; and it would go on beside it."""
    city = lived_in(tmp_path / "here", postgresql=True)
    there = databases.url_of(tmp_path / "there", postgresql=False)
    started: list[City] = []

    def start(_table: str) -> None:
        if not started:
            started.append(City(tmp_path / "here", postgresql=True, fresh=False, now=city.now))
            started[0].forward(minutes=5)
            if not stays:
                started[0].store.close()

    with pytest.raises(ConflictError, match="running"):
        transfer(city.url, there, start)
    assert not is_left(city.url)
    with dialect.reader(there).connect() as connection:
        assert connection.execute(select(t.journal)).first() is None


def test_a_journal_that_was_changed_is_not_carried_over(tmp_path: Path) -> None:
    city = lived_in(tmp_path / "here")
    engine = dialect.writer(city.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE journal SET body = '{}' WHERE seq = 3"))
    engine.dispose()
    with pytest.raises(ConflictError, match="doesn't hold"):
        transfer(city.url, databases.url_of(tmp_path / "there", postgresql=True))


def is_left(url: str) -> bool:
    """Whether a start would refuse."""
    engine = dialect.reader(url)
    try:
        with engine.begin() as connection:
            refuse_departed(connection)
    except ConflictError:
        return True
    finally:
        engine.dispose()
    return False


@pytest.mark.parametrize("postgresql", [False, True])
def test_of_two_copies_one_is_served(tmp_path: Path, *, postgresql: bool) -> None:
    city = lived_in(tmp_path / "here", postgresql=postgresql)
    there = databases.url_of(tmp_path / "there", postgresql=not postgresql)
    transfer(city.url, there)
    assert (is_left(city.url), is_left(there)) == (True, False)
    with pytest.raises(ConflictError, match="served here, too"):
        transfer(city.url, databases.url_of(tmp_path / "again", postgresql=False))
    back = databases.url_of(tmp_path / "back", postgresql=postgresql)
    transfer(there, back)
    assert (is_left(there), is_left(back)) == (True, False)


def test_a_copy_that_comes_to_nothing_leaves_the_city_where_it_is(tmp_path: Path) -> None:
    city = lived_in(tmp_path / "here")
    full = lived_in(tmp_path / "full", postgresql=True)
    with pytest.raises(ConflictError, match="empty"):
        transfer(city.url, full.url)
    assert not is_left(city.url)


def test_where_nobody_knows_whether_the_copy_is_there_none_is_served(tmp_path: Path) -> None:
    city = lived_in(tmp_path / "here")
    there = databases.url_of(tmp_path / "there", postgresql=True)
    migrate.upgrade(there)
    breaks_at_the_commit(there)
    with pytest.raises(ConflictError, match="nobody knows"):
        transfer(city.url, there)
    assert is_left(city.url)


def breaks_at_the_commit(url: str) -> None:
    """All that is written goes well, and the keeping of it fails."""
    engine = dialect.writer(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql"
                " AS 'BEGIN RAISE EXCEPTION ''away''; END'"
            )
        )
        connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER breaks AFTER INSERT ON journal"
                " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION breaks()"
            )
        )
    engine.dispose()


@pytest.mark.parametrize("postgresql", [False, True])
def test_what_was_left_is_taken_back_by_a_person_who_says_that_it_sends(
    tmp_path: Path, *, postgresql: bool
) -> None:
    city = lived_in(tmp_path / "here", postgresql=postgresql)
    with pytest.raises(ConflictError, match="nothing to take back"):
        back_at(city, will_send=True)
    transfer(city.url, databases.url_of(tmp_path / "there", postgresql=not postgresql))
    with pytest.raises(ConflictError, match="Served, it would send"):
        back_at(city, will_send=False)
    assert is_left(city.url)
    back_at(city, will_send=True)
    assert not is_left(city.url)
    city = City(tmp_path / "here", postgresql=postgresql, fresh=False, now=LATER)
    before = len(city.sent)
    city.forward(minutes=20)
    assert len(city.sent) > before
    city.store.close()


def test_what_waits_may_have_left_from_the_other_database(tmp_path: Path) -> None:
    city = City(tmp_path / "here", behave=lambda _: SendError(Fault.RETRY, "http-503"))
    city.issue()
    city.store.close()
    there = databases.url_of(tmp_path / "there", postgresql=True)
    transfer(city.url, there)
    back_at(city, will_send=True)
    assert waits(city.url, duplicate=0) == 0
    assert waits(city.url, duplicate=1) == waits(there, duplicate=0) > 0


def test_a_copy_by_postgresqls_own_tools_says_that_what_waits_may_have_left(tmp_path: Path) -> None:
    city = City(tmp_path / "here", postgresql=True, behave=lambda _: SendError(Fault.RETRY, "503"))
    city.issue()
    city.store.close()
    url = databases.url_of(tmp_path / "here", postgresql=True)
    with pytest.raises(ConflictError, match="Served, it would send"):
        restored(url, node=NODE, now=LATER, will_send=False)
    unmarked = waits(url, duplicate=0)
    assert restored(url, node=NODE, now=LATER, will_send=True).messages == unmarked > 0
    assert (waits(url, duplicate=0), waits(url, duplicate=1)) == (0, unmarked)
    city = City(tmp_path / "here", postgresql=True, fresh=False)
    city.forward(seconds=1)  # served again: it isn't one that was just put in place
    with pytest.raises(ConflictError, match="running on this database"):
        restored(url, node=NODE, now=LATER, will_send=True)


def back_at(city: City, *, will_send: bool, node: str = NODE) -> None:
    take_back(city.url, node=node, now=LATER, will_send=will_send)


def test_a_node_that_has_another_name_by_now_is_taken_back_as_well(tmp_path: Path) -> None:
    city = lived_in(tmp_path / "here")
    transfer(city.url, databases.url_of(tmp_path / "there", postgresql=False))
    back_at(city, will_send=True, node="renamed")
    assert not is_left(city.url)


def waits(url: str, *, duplicate: int) -> int:
    """How many deliveries are to be tried, marked or not."""
    d = t.delivery.c
    engine = dialect.reader(url)
    with engine.begin() as connection:
        count: int = connection.execute(
            select(func.count()).where(d.state == DeliveryState.PENDING, d.duplicate == duplicate)
        ).scalar_one()
    engine.dispose()
    return count
