"""A copy that PostgreSQL's own tools put in place isn't served as if nothing had left since."""

from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, select

from alertd.bootstrap import Node
from alertd.clock import SteadyClock
from alertd.errors import ConflictError
from alertd.provision import address_key
from alertd.settings import Settings
from alertd.store import dialect, home, migrate
from alertd.store import tables as t
from alertd.store.departure import restored
from tests import databases
from tests.city import KEY, City, sms_route
from tests.unit.test_postgresql import opened, run

SLOW = (sms_route(in_flight=2, burst=2, rate_per_s=1.0),)


def copy_of(city: City) -> str:
    """As `createdb --template` leaves it; pg_restore gives new numbers to all of it, too."""
    city.store.close()
    name = f"{make_url(city.url).database}_copy"
    run(databases.server().url(), f"CREATE DATABASE {name} TEMPLATE {make_url(city.url).database}")
    databases.made.append(name)
    return databases.server().url(name)


def settings_for(url: str, folder: Path) -> Settings:
    settings = Settings(data_dir=folder, database_url=SecretStr(url))
    key = address_key(settings)
    key.parent.mkdir(parents=True)
    key.write_bytes(KEY)
    return settings


async def opens(settings: Settings, city: City) -> None:
    node = Node(settings, clock=SteadyClock(asked=lambda: city.now))
    try:
        await node.open()
    finally:
        await node.close()


async def test_a_copy_in_which_something_waits_is_refused_until_somebody_says_so(
    tmp_path: Path,
) -> None:
    city = City(tmp_path / "city", routes=SLOW, postgresql=True)
    city.issue(roles=("grid_leader",))
    city.forward(seconds=2)
    copy = copy_of(city)
    settings = settings_for(copy, tmp_path / "served")
    with pytest.raises(ConflictError, match="put in place by the database's own tools"):
        await opens(settings, city)
    with pytest.raises(ConflictError, match="would send"):
        restored(copy, node="test", now=city.now, will_send=False)
    restored(copy, node="test", now=city.now, will_send=True)
    await opens(settings, city)

    served = City(tmp_path / "copy", routes=SLOW, url=copy, fresh=False)
    served.now = city.now
    served.forward(minutes=1)
    assert served.sent
    assert all(message.possible_duplicate for message in served.sent)


def test_an_alert_that_was_stopped_since_is_held_back(tmp_path: Path) -> None:
    city = City(tmp_path / "city", routes=SLOW, postgresql=True)
    city.issue(roles=("grid_leader",))
    city.forward(seconds=2)
    copy = copy_of(city)
    restored(copy, node="test", now=city.now, will_send=True, held_back={"A1": "restored"})
    served = City(tmp_path / "copy", routes=SLOW, url=copy, fresh=False)
    served.now = city.now
    served.forward(minutes=2, tick_s=30)
    assert not served.sent


async def test_where_it_was_made_the_city_goes_on(tmp_path: Path) -> None:
    city = City(tmp_path / "city", routes=SLOW, postgresql=True)
    city.issue(roles=("grid_leader",))
    city.forward(seconds=2)
    copy_of(city)
    await opens(settings_for(city.url, tmp_path / "served"), city)


async def test_a_copy_in_which_nothing_waits_is_served(tmp_path: Path) -> None:
    city = City(tmp_path / "city", routes=SLOW, postgresql=True)
    city.forward(seconds=2)
    copy = copy_of(city)
    await opens(settings_for(copy, tmp_path / "served"), city)
    served = City(tmp_path / "copy", routes=SLOW, url=copy, fresh=False)
    served.forward(seconds=2)
    served.issue(roles=("grid_leader",))
    served.forward(seconds=2)
    assert served.sent
    assert not any(message.possible_duplicate for message in served.sent)


@pytest.mark.parametrize(("lost", "refused"), [("tables", False), ("system", False), ("", True)])
def test_what_was_not_written_down_before_is_no_sign_of_a_copy(
    tmp_path: Path, lost: str, *, refused: bool
) -> None:
    """From a version that didn't know the tables; at a server that wouldn't say which it is."""
    city = City(tmp_path / "city", routes=SLOW, postgresql=True)
    city.issue(roles=("grid_leader",))
    city.forward(seconds=2)
    values = {"tables": {"tables": None}, "system": {"system": ""}, "": {"tables": "1.2"}}[lost]
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(t.home.update().values(**values))
    with city.store.read() as connection:
        if refused:
            with pytest.raises(ConflictError):
                home.refuse_copy(connection, city.now)
        else:
            home.refuse_copy(connection, city.now)


def test_a_database_of_before_is_told_from_no_other_by_its_upgrade(tmp_path: Path) -> None:
    city = City(tmp_path / "city", routes=SLOW, postgresql=True)
    city.forward(seconds=2)
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(t.home.update().values(tables=None))
    city.restart()
    city.forward(seconds=2)
    assert [row.tables is not None for row in city.rows(select(t.home))] == [True]
    migrate.upgrade(city.url)
    with closing(opened(city.url)) as store, store.read() as connection:
        place = dialect.place(connection)
    assert place is not None
    assert city.rows(select(t.home))[0].tables == place.tables
