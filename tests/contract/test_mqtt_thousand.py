"""A thousand loudspeakers, each a real MQTT client: one by one, as a group, all gone at once."""

import time
from collections import Counter
from pathlib import Path

import pytest

from channels.base import Accepted
from channels.loudspeaker.commands import Command, CommandType, command_id, sign
from tests.contract.mqtt_brokers import MOSQUITTO, NO_MOSQUITTO, Broker, Embedded
from tests.contract.mqtt_world import delivered, forgetful, order, presence, send, world
from tests.contract.peer import Recorder

MANY = 1_000


@pytest.mark.soak
async def test_a_thousand_loudspeakers(tmp_path: Path) -> None:
    await thousand(tmp_path, Embedded, MANY)


@pytest.mark.soak
@pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)
async def test_a_thousand_on_mosquitto(tmp_path: Path) -> None:
    """By default it drops most of what a thousand that come at once say of themselves."""
    settings = ("max_queued_messages 10000", "max_inflight_messages 100")
    async with forgetful(tmp_path, *settings) as broker_class:
        await thousand(tmp_path, broker_class, MANY)


async def test_fifty_of_them(tmp_path: Path) -> None:
    await thousand(tmp_path, Embedded, 50)


async def thousand(folder: Path, broker_class: type[Broker], many: int) -> None:
    everybody = set(range(1, many + 1))
    async with world(folder, broker_class) as city:
        sink = Recorder()
        route = await city.route(sink, timeout_s=60.0)
        await city.terminals.start(*["ok"] * many, speed=1_000.0, patience_s=120.0)
        names = {f"t{number}" for number in everybody}
        await sink.until(lambda events: set(presence(events)) == names)

        outcomes = await send(route, *[order(number) for number in everybody])
        assert Counter(type(outcome.result) for outcome in outcomes) == {Accepted: many}
        await sink.until(lambda events: delivered(events) == everybody)
        ended = await city.terminals.logged("ended", many)
        assert {(line["status"], line["played"]) for line in ended} == {("played", 3)}
        assert {line["terminal"] for line in ended} == names

        # One command to their area, which each obeys and answers by itself.
        ours = await city.ours()
        now = time.time_ns() // 1_000_000
        to_all = Command(
            cmd_id=command_id(city.key, "area", "0b" * 16, 1, 1),
            to="area/330281",
            alert="0b" * 16,
            type=CommandType.DRILL_PLATFORM,
            severity=2,
            seq=1,
            not_before=now,
            expires=now + 600_000,
            text="【演练】全市试音。",
        )
        await ours.publish("alertd/v1/area/330281/cmd", sign(to_all, city.key))
        ended = (await city.terminals.logged("ended", 2 * many))[many:]
        assert Counter(line["cmd_id"] for line in ended) == {to_all.cmd_id: many}
        assert {line["terminal"] for line in ended} == names
        await ours.close()

        await city.terminals.kill()
        await sink.until(lambda events: presence(events) == dict.fromkeys(names, (False, "")))
