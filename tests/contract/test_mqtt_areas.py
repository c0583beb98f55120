"""One command to an area, over real brokers: each answers for itself, and nobody sounds twice."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from channels.base import Accepted
from channels.loudspeaker.accounts import Accounts
from channels.loudspeaker.mqtt import MqttRoute
from tests.contract.mqtt_brokers import MOSQUITTO, NO_MOSQUITTO, Broker, Embedded, Mosquitto
from tests.contract.mqtt_bytes import Speaker
from tests.contract.mqtt_world import World, delivered, order, send, world
from tests.contract.peer import Recorder, until
from tests.enrolled import enrol

AREA = "330281"


@pytest.fixture(
    params=[
        pytest.param(Embedded, id="embedded"),
        pytest.param(
            Mosquitto,
            id="mosquitto",
            marks=pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO),
        ),
    ]
)
def broker_class(request: pytest.FixtureRequest) -> type[Broker]:
    found: type[Broker] = request.param
    return found


@asynccontextmanager
async def enrolled(
    folder: Path, broker_class: type[Broker], many: int, *, grace_s: float = 1
) -> AsyncIterator[tuple[World, Recorder, MqttRoute]]:
    """A city with t1, t2 … enrolled in an area, and a route that knows of it."""
    enrol(Accounts(folder / "enrolled"), [f"t{n}" for n in range(1, many + 1)], [AREA], 1)
    async with world(folder, broker_class) as city:
        sink = Recorder()
        options = {"accounts_dir": str(folder / "enrolled"), "area_grace_s": grace_s}
        yield city, sink, await city.route(sink, **options)


async def listening(city: World, *topics: str) -> Speaker:
    speaker = await city.ours()
    for topic in topics:
        await speaker.subscribe(f"alertd/v1/{topic}/cmd")
    return speaker


async def next_command(speaker: Speaker) -> tuple[str, dict[str, Any]]:
    packet = await speaker.next_message()
    return packet.topic, json.loads(packet.payload)


def sounded(city: World) -> Counter[str]:
    return Counter(line["terminal"] for line in city.terminals.log("playing"))


async def test_an_area_is_told_once_and_each_answers_for_itself(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    # However slow they answer here, none is asked singly.
    async with enrolled(tmp_path, broker_class, 5, grace_s=20) as (city, sink, route):
        await city.terminals.start(*["ok"] * 5, speed=1_000.0)
        ear = await listening(city, "area/+", "terminal/+")
        messages = [order(number) for number in range(1, 6)]
        outcomes = await send(route, *messages)
        assert {type(outcome.result) for outcome in outcomes} == {Accepted}
        await sink.until(lambda _: all(len(sink.receipts(m)) == 2 for m in messages))
        assert sounded(city) == {f"t{n}": 1 for n in range(1, 6)}
        # And a further message to one of them is the next that anybody says.
        await send(route, order(9, 1, alert="0b" * 16))
        topic, command = await next_command(ear)
        assert topic == f"alertd/v1/area/{AREA}/cmd"
        assert set(command["each"]) == {f"t{n}" for n in range(1, 6)}
        assert (await next_command(ear))[0] == "alertd/v1/terminal/t1/cmd"
        await ear.close()


async def test_one_whom_the_alert_does_not_select_stays_silent(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    """t3 is of the area; t4 listens to its commands, too, and no enrolment knows of it."""
    async with enrolled(tmp_path, broker_class, 3) as (city, sink, route):
        await city.terminals.start(*["ok"] * 4, speed=1_000.0)
        ear = await listening(city, "area/+")
        await send(route, order(1), order(2))
        await sink.until(lambda events: delivered(events) == {1, 2})
        # The whole area: one command, and still not for everybody who hears it.
        second = [order(10 + n, n, alert="0b" * 16) for n in (1, 2, 3)]
        await send(route, *second)
        await sink.until(lambda events: delivered(events) == {1, 2, 11, 12, 13})
        assert (await next_command(ear))[1]["alert"] == "0b" * 16, "the first went singly"
        heard = await city.terminals.logged("heard", 6)
        assert [line["verdict"] for line in heard if line["terminal"] == "t4"] == ["not-named"]
        assert sounded(city) == {"t1": 2, "t2": 2, "t3": 1}
        await ear.close()


async def test_who_does_not_hear_its_area_is_asked_singly(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with enrolled(tmp_path, broker_class, 3) as (city, sink, route):
        await city.terminals.start(*["ok"] * 3, speed=1_000.0, area="another")
        ear = await listening(city, "area/+", "terminal/+")
        messages = [order(number) for number in (1, 2, 3)]
        await send(route, *messages)
        await sink.until(lambda events: delivered(events) == {1, 2, 3})
        assert {word.attempt for m in messages for word in sink.receipts(m)} == {1}
        assert sounded(city) == {"t1": 1, "t2": 1, "t3": 1}
        # It is the same try, by its name: one that had heard both would have played once.
        said = [command for _, command in [await next_command(ear) for _ in range(4)]]
        (command,) = [each for each in said if "each" in each]
        by_area = {f"{command['cmd_id']}-{tail}" for tail in command["each"].values()}
        assert {each["cmd_id"] for each in said if each is not command} == by_area
        await ear.close()


async def test_nobody_is_asked_singly_to_sound_what_was_cancelled_meanwhile(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with enrolled(tmp_path, broker_class, 2) as (city, _sink, route):
        ear = await listening(city, "area/+", "terminal/+")  # it hears, and never answers
        await send(route, order(1), order(2))
        await send(route, order(11, 1, stop=True), order(12, 2, stop=True))
        unanswered = route._sender._unanswered

        async def all_asked() -> bool:
            return not unanswered._open

        await until(all_asked)
        await send(route, order(9, 9, alert="0b" * 16))
        said = []
        while not said or said[-1][0] != "alertd/v1/terminal/t9/cmd":
            said.append(await next_command(ear))
        kinds = [(topic.split("/")[2], command["type"]) for topic, command in said[:-1]]
        assert kinds == [("area", 3), ("area", 2), ("terminal", 2), ("terminal", 2)]
        await ear.close()


async def test_the_whole_area_can_be_silenced_at_once(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with enrolled(tmp_path, broker_class, 4) as (city, sink, route):
        await city.terminals.start(*["ok"] * 4, speed=1.0)
        await send(route, *[order(n) for n in range(1, 5)])
        await sink.until(lambda events: delivered(events) == {1, 2, 3, 4})
        await send(route, *[order(10 + n, n, stop=True) for n in range(1, 5)])
        ended = await city.terminals.logged("ended", 4)
        assert {(line["status"], line["reason"]) for line in ended} == {
            ("interrupted", "cancelled")
        }
        await sink.until(lambda events: {11, 12, 13, 14} <= delivered(events))


async def test_a_whole_area_hears_the_new_text_in_the_old_one_s_place(
    broker_class: type[Broker], tmp_path: Path
) -> None:
    async with enrolled(tmp_path, broker_class, 3, grace_s=20) as (city, sink, route):
        await city.terminals.start(*["ok"] * 3, speed=1.0)
        ear = await listening(city, "area/+", "terminal/+")
        await send(route, *[order(n) for n in (1, 2, 3)])
        await sink.until(lambda events: delivered(events) == {1, 2, 3})
        new = [order(10 + n, n, alert="0b" * 16, stops=("0a" * 16,)) for n in (1, 2, 3)]
        await send(route, *new)
        await sink.until(lambda events: {11, 12, 13} <= delivered(events))
        ended = await city.terminals.logged("ended", 3)
        assert {line["reason"] for line in ended} == {"cancelled"}
        said = [await next_command(ear) for _ in range(3)]
        assert [(topic.split("/")[2], command["type"]) for topic, command in said] == [
            *(("area", 3), ("area", 2), ("area", 3)),
        ]
        await ear.close()
