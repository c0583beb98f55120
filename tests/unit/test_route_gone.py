"""A route that the settings have lost while an alert is under way."""

import asyncio
from pathlib import Path

from sqlalchemy import select

from alertd.i18n import sentence
from alertd.lanes import BY_SMS
from alertd.model import Channel, DeliveryState
from alertd.store import tables as t
from alertd.web.ready import readiness
from channels.base import Fault, SendError
from tests.city import City, sms_route
from tests.unit.web_city import web_city

SIREN = sms_route("siren", channel=Channel.LOUDSPEAKER)
SLOW = sms_route(in_flight=1, burst=1, rate_per_s=0.5)


def reasons(city: City) -> set[str | None]:
    c = t.delivery.c
    query = select(c.reason).where(c.lane.in_(BY_SMS), c.state == int(DeliveryState.FAILED))
    return {row.reason for row in city.rows(query)}


def test_what_waits_for_it_waits_until_it_is_back(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(SIREN, SLOW))
    alert = city.issue()
    city.forward(seconds=10)
    waiting = city.states(alert)["pending"]
    city.routes = (SIREN,)
    for _ in range(2):  # whoever looks after it may start it again and again
        city.restart()
        city.forward(minutes=3)
    assert reasons(city) == set()
    assert city.states(alert)["pending"] >= waiting
    # Who issues an alert now hears at once that nobody has it by SMS.
    other = city.issue("flood", "red", areas=["330281001"], roles=("grid_leader",))
    city.forward(seconds=2)
    assert reasons(city) == {"no-route"}
    assert "pending" not in city.states(other)
    city.routes = (SIREN, sms_route())
    city.restart()
    city.forward(seconds=30)
    assert "pending" not in city.states(alert)
    assert len({m.address for m in city.sent if m.alert == alert_id(city, alert)}) > waiting
    city.store.close()


def alert_id(city: City, alert: int) -> str:
    (row,) = city.rows(select(t.alert.c.id).where(t.alert.c.no == alert))
    return str(row.id.hex())


def test_what_no_route_ever_carried_fails_after_a_start_as_before(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(SIREN,), scale=0.05)
    city.issue()
    city.restart()
    city.forward(seconds=30)
    assert reasons(city) == {"no-route"}
    c = t.delivery.c
    waits = (c.lane.in_(BY_SMS), c.state == int(DeliveryState.PENDING))
    assert not city.rows(select(c.id).where(*waits, c.due_at < city.now - 5_000))
    city.store.close()


async def test_whoever_looks_is_told(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web:
        web.loopback.result = SendError(Fault.AWAY, "refused")
        await web.issue()
        async with asyncio.timeout(10):
            while not web.loopback.sent:
                await web.runner.committed()
        await web.runner.stop()
        web.clock.forward(minutes=2)

        async def told() -> list[str]:
            return [word for word in (await readiness(web.deps)).warnings if "No route" in word]

        assert await told() == []
        web.city.engine.routes = {"siren": SIREN}
        (word,) = await told()
        assert word.startswith("No route for SMS is left, and messages wait for one")
        assert sentence("zh-CN", word).startswith("已没有可发短信的通路,有消息在等待")
