"""A broker that is killed, and a way to it that breaks: nothing lost, nothing made up, and back.

What terminals heard and played is counted from their own log.
"""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alertd.engine import accept, approving
from alertd.messages import ShortForm, compose
from alertd.model import Channel, DeliveryState
from channels.base import Limits, RouteConfig
from channels.loudspeaker.keys import make_key, public_text
from tests.city import OFFICER, SECOND, ZONE
from tests.contract.case_mqtt import through
from tests.contract.mqtt_brokers import MOSQUITTO, Broker, Embedded, Mosquitto
from tests.contract.mqtt_gate import Gate
from tests.contract.mqtt_world import Terminals
from tests.faults.gateway_world import Node, node, policy, roster, settle_in

BROKERS: list[type[Broker]] = [Embedded, *([Mosquitto] if MOSQUITTO is not None else [])]
LIMITS = Limits(in_flight=50, rate_per_s=1_000, burst=100, timeout_s=2.0)
UNDER = policy(terminal_grace_s=3.0)
NOTICED_S = 5.0
WEATHER = ("ok", "cut-before", "cut-after", "garbage", "noise", "truncated")


@dataclass
class Speakers:
    """A node, a broker behind a gate, and terminals that are connected to the broker itself."""

    node: Node
    broker: Broker
    gate: Gate
    terminals: Terminals
    count: int
    alerts: list[int] = field(default_factory=list)

    async def issue(self) -> None:
        """One more alert to every loudspeaker."""
        city, number = self.node.city, len(self.alerts) + 2
        short = ShortForm.from_dict(
            {
                "template": "typhoon",
                "colour": "red",
                "areas": ["330281"],
                "roles": ["city_duty"],  # nobody: loudspeakers hear of every alert of their area
                "status": "Actual",
            }
        )
        alert = compose(
            short,
            city.library.templates.select("typhoon", "red"),
            identifier=f"broker-{number}",
            sender="test@alertd.example",
            sent_at=self.node.runner.now(),
            zone=ZONE,
        )
        submit = self.node.runner.submit
        made = await submit(partial(accept.draft, actor=OFFICER, wanted=accept.Draft(alert=alert)))
        identity = bytes.fromhex(made["id"])
        await submit(partial(approving.approve, actor=SECOND, alert_id=identity))
        self.alerts.append(int(made["no"]))

    def states(self) -> dict[int, DeliveryState]:
        found: dict[int, DeliveryState] = {}
        for number in self.alerts:
            rows = self.node.deliveries(number, Channel.LOUDSPEAKER)
            found |= {row.id: DeliveryState(row.state) for row in rows.values()}
        return found

    def heard(self) -> set[int]:
        """Deliveries that a terminal took, by its own log."""
        return {
            delivery_of(line["cmd_id"])
            for line in self.terminals.log("heard")
            if line["verdict"] in {"accepted", "repeated"}
        }

    def check_now(self) -> None:
        """Nothing is shown as delivered that no terminal has, and nothing as failed."""
        states = self.states()  # first: what a terminal says is in its log before it is said
        shown = {number for number, s in states.items() if s is DeliveryState.DELIVERED}
        assert shown <= self.heard()
        assert DeliveryState.FAILED not in states.values()

    async def until_delivered(self) -> None:
        expected = self.count * len(self.alerts)

        def done() -> bool:
            self.check_now()
            return Counter(self.states().values()) == {DeliveryState.DELIVERED: expected}

        await self.node.until(done, 90)

    async def until_down(self) -> None:
        """Health says so within seconds."""
        async with asyncio.timeout(NOTICED_S):
            while await self.well():  # noqa: ASYNC110 - health has no event to wait for
                await asyncio.sleep(0.02)

    async def until_up(self) -> None:
        """And that it is back: its own echo may be on the way when the last terminal answers."""
        async with asyncio.timeout(NOTICED_S):
            while not await self.well():  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.02)

    async def well(self) -> bool:
        return (await self.node.channels["speakers"].health()).ok

    async def check_end(self) -> None:
        """Each loudspeaker sounded each alert once, however often it was told."""
        sounded: dict[str, set[str]] = defaultdict(set)
        plays = Counter(delivery_of(line["cmd_id"]) for line in self.terminals.log("playing"))
        for line in self.terminals.log("playing"):
            sounded[line["terminal"]].add(line["alert"])
        assert set(plays.values()) == {1}, plays.most_common(3)
        assert {len(alerts) for alerts in sounded.values()} == {len(self.alerts)}
        assert len(sounded) == self.count
        for number in self.alerts:
            await self.node.check_faces(number)


def delivery_of(cmd_id: str) -> int:
    return int(cmd_id.split("-")[-3])


@asynccontextmanager
async def speakers(folder: Path, broker_class: type[Broker], count: int) -> AsyncIterator[Speakers]:
    key = make_key(folder / "key.pem")
    async with broker_class.running(folder / "broker") as broker:
        gate, terminals = Gate(broker.address.port), Terminals(folder, broker, public_text(key))
        await gate.open()
        try:
            await terminals.start(*["ok"] * count, speed=1_000.0)
            city = settle_in(folder, roster(1, terminals=count), under=UNDER)
            async with node(city, [_route(folder, gate, broker)]) as running:
                yield Speakers(running, broker, gate, terminals, count)
        finally:
            await gate.close()
            await terminals.kill()


def _route(folder: Path, gate: Gate, broker: Broker) -> RouteConfig:
    options: dict[str, Any] = {
        "broker": through(gate, broker).url,
        "key_file": str(folder / "key.pem"),
        "repeat": 1,
    }
    return RouteConfig(name="speakers", type="mqtt", simulated=True, limits=LIMITS, options=options)


async def killed(folder: Path, broker_class: type[Broker], seed: int, rounds: int) -> None:
    dice = random.Random(seed)
    async with speakers(folder, broker_class, 20) as world:
        for _ in range(rounds):
            await world.issue()
            await asyncio.sleep(dice.uniform(0.0, 0.1))  # the random point itself
            await world.broker.kill()
            await world.until_down()
            await world.issue()  # while nobody is there
            world.check_now()
            await world.broker.back()
            await world.until_delivered()
            await world.until_up()
        await world.check_end()


async def stormy(folder: Path, seed: int, alerts: int) -> None:
    """The way to the broker breaks in every manner that the gate knows, then is calm."""
    dice = random.Random(seed)
    async with speakers(folder, Embedded, 20) as world:

        async def weather() -> None:
            while True:
                world.gate.mode = dice.choice(WEATHER)
                await asyncio.sleep(dice.uniform(0.02, 0.3))

        storm = asyncio.create_task(weather())
        try:
            for _ in range(alerts):
                await world.issue()
                await asyncio.sleep(dice.uniform(0.2, 0.8))  # how long it lasts
                world.check_now()
        finally:
            storm.cancel()
            await asyncio.gather(storm, return_exceptions=True)
        world.gate.mode = "ok"
        await world.until_delivered()
        await world.check_end()


@pytest.mark.parametrize("broker_class", BROKERS)
async def test_a_broker_that_is_killed_loses_nothing_and_is_back(
    tmp_path: Path, broker_class: type[Broker]
) -> None:
    await killed(tmp_path, broker_class, seed=5, rounds=1)


async def test_a_way_to_the_broker_that_breaks_loses_nothing(tmp_path: Path) -> None:
    await stormy(tmp_path, seed=5, alerts=2)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("broker_class", BROKERS)
async def test_a_broker_that_is_killed_again_and_again(
    tmp_path: Path, broker_class: type[Broker], seed: int
) -> None:
    await killed(tmp_path, broker_class, seed=100 + seed, rounds=10)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
async def test_five_hundred_commands_in_a_storm(tmp_path: Path, seed: int) -> None:
    await stormy(tmp_path, seed=200 + seed, alerts=25)
