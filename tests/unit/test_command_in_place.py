"""A command where no server runs: it looks, and takes what it is told; it sends nothing."""

import shutil
from pathlib import Path

from sqlalchemy import make_url, select

from alertd.bootstrap import Node
from alertd.clock import SteadyClock
from alertd.provision import address_key
from alertd.settings import RouteSettings, Settings
from alertd.store import tables as t
from tests.city import KEY, City, sms_route

SLOW = (sms_route(in_flight=2, burst=2, rate_per_s=1.0),)


def stopped(city: City, folder: Path) -> Settings:
    """The city of a server that was stopped, with a gateway that would take all."""
    gateway = {"type": "handsets", "url": "http://127.0.0.1:1", "secret": "gateway"}
    settings = Settings(
        data_dir=folder,
        node="test",
        ballast_mb=0,
        routes={"sms-1": RouteSettings(**gateway)},
    )
    key = address_key(settings)
    key.parent.mkdir(parents=True)
    key.write_bytes(KEY)
    city.store.close()
    shutil.copy(str(make_url(city.url).database), str(make_url(settings.store_url).database))
    return settings


async def test_nothing_leaves_while_a_stopped_city_is_looked_at(tmp_path: Path) -> None:
    """Whoever stops the server to stop a false alert looks next what became of it."""
    city = City(tmp_path / "city", routes=SLOW, postgresql=False)
    city.issue(roles=("grid_leader",))
    city.forward(seconds=2)
    before = city.rows(select(t.delivery.c.id, t.delivery.c.state, t.delivery.c.attempt))
    asked = city.rows(select(t.requirement.c.no, t.requirement.c.step))
    city.now += 3_600_000
    node = Node(
        stopped(city, tmp_path / "data"),
        clock=SteadyClock(asked=lambda: city.now),
        in_place=True,
    )
    await node.start()
    try:
        assert node.runner is not None
        for _ in range(3):
            await node.runner.submit(lambda _turn: None)
        assert node.store is not None
        with node.store.read() as connection:
            d, r = t.delivery.c, t.requirement.c
            assert connection.execute(select(d.id, d.state, d.attempt)).all() == before
            assert connection.execute(select(r.no, r.step)).all() == asked, "no ladder is climbed"
    finally:
        await node.close()
