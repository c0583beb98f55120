"""A broker, a route and a process of simulated terminals, to be broken at will."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from channels.base import Event, Outcome, Outgoing, Presence, Receipt, ReceiptStatus
from channels.loudspeaker.keys import make_key, public_text
from channels.loudspeaker.mqtt import MqttRoute
from tests.contract.case_mqtt import context, route_config
from tests.contract.mqtt_brokers import Broker, Mosquitto
from tests.contract.mqtt_bytes import Speaker
from tests.contract.peer import PATIENCE_S, Recorder, until
from tests.contract.process_peer import ROOT

# As of one alert: messages that differ in nothing but whom they are for go to an area as one.
_EXPIRES_AT = time.time_ns() // 1_000_000 + 2 * 3_600_000


class Terminals:
    """`terminal_sim` as a process, with its log."""

    def __init__(self, folder: Path, broker: Broker, key: str) -> None:
        self._log = folder / "terminals.jsonl"
        self._command = [
            *(sys.executable, "-m", "channels.loudspeaker.terminal_sim", "--until-eof"),
            *("--broker", broker.terminal_url, "--verify-key", key, "--log", str(self._log)),
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def start(
        self,
        *behaviours: str,
        speed: float = 100.0,
        keepalive_s: int = 15,
        area: str = "330281",
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Terminals t1, t2 … with these behaviours; returns when all are online."""
        listing = self._log.with_name("terminals.txt")
        lines = [f"t{number},{name}" for number, name in enumerate(behaviours, start=1)]
        listing.write_text("\n".join(lines))
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            *("--terminals", str(listing), "--speed", str(speed)),
            *("--keepalive-s", str(keepalive_s), "--area", area),
            *("--patience-s", str(patience_s)),
            stdin=pipe,
            stdout=pipe,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(patience_s):
            ready = json.loads(await self._process.stdout.readline())
        assert ready == {"ready": True, "terminals": len(behaviours), "online": len(behaviours)}

    async def kill(self) -> None:
        """kill -9, all of them at once."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.communicate()

    async def switch_off(self) -> None:
        """They sign off."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            async with asyncio.timeout(PATIENCE_S):
                await process.communicate()
            assert process.returncode == 0

    def log(self, what: str) -> list[dict[str, Any]]:
        """What is in their log of one kind, in order."""
        lines = map(json.loads, self._log.read_text("utf-8").splitlines())
        return [line for line in lines if line["what"] == what]

    async def logged(self, what: str, count: int) -> list[dict[str, Any]]:
        """The same, once there are `count`."""

        async def enough() -> bool:
            return len(self.log(what)) >= count

        await until(enough)
        return self.log(what)


class World:
    """What the tests act on."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.broker = broker
        self._key_file = folder / "key.pem"
        self.key = make_key(self._key_file)
        self.terminals = Terminals(folder, broker, public_text(self.key))
        self._routes: list[MqttRoute] = []

    async def route(self, sink: Recorder, *, timeout_s: float = 10.0, **options: Any) -> MqttRoute:
        """A started route; a second one is the same route after a restart of ours."""
        config = route_config(self.broker.address, self._key_file, timeout_s, **options)
        route = MqttRoute(config, context(sink))
        self._routes.append(route)
        await route.start()
        return route

    async def ours(self) -> Speaker:
        """A connection with our own login, by hand."""
        address = self.broker.address
        return await Speaker.connect(address.port, address.username or "", address.password or "")

    async def close(self) -> None:
        for route in self._routes:
            await route.close()
        await self.terminals.kill()


@asynccontextmanager
async def world(folder: Path, broker_class: type[Broker]) -> AsyncIterator[World]:
    async with broker_class.running(folder / "broker") as broker:
        made = World(folder, broker)
        try:
            yield made
        finally:
            await made.close()


@asynccontextmanager
async def forgetful(folder: Path, *settings: str) -> AsyncIterator[type[Mosquitto]]:
    """Mosquitto with these settings in place of the tests' own of the same name."""

    class Forgetful(Mosquitto):
        async def back(self) -> None:
            conf = folder / "broker" / "conf"
            names = {setting.split()[0] for setting in settings}
            kept = [line for line in conf.read_text().splitlines() if line.split()[0] not in names]
            conf.write_text("\n".join([*kept, *settings]) + "\n")
            await super().back()

    yield Forgetful


def order(delivery: int, terminal: int | None = None, **changes: Any) -> Outgoing:
    """A message for terminal `t{terminal}`, as a rule the one of the delivery's number."""
    now = time.time_ns() // 1_000_000
    values: dict[str, Any] = {
        "attempt": 1,
        "address": f"t{terminal or delivery}",
        "text": "【演练】红色台风预警，请立即转移。",
        "alert": "0a" * 16,
        "short_code": "A7",
        "kind": "alert",
        "status": "Exercise",
        "severity": 1,
        "created_at": now,
        "expires_at": _EXPIRES_AT,
    }
    return Outgoing(delivery=delivery, **{**values, **changes})


async def send(route: MqttRoute, *messages: Outgoing) -> list[Outcome]:
    async with asyncio.timeout(PATIENCE_S):
        return [outcome async for outcome in route.send_many(messages)]


def words(sink: Recorder, message: Outgoing) -> list[tuple[ReceiptStatus, str, str]]:
    """(status, code, detail) of each receipt for a try, in order."""
    return [(word.status, word.code, word.detail) for word in sink.receipts(message)]


def presence(events: Sequence[Event]) -> dict[str, tuple[bool, str]]:
    """Who is there now, by all that was told."""
    return {e.terminal: (e.online, e.fault) for e in events if isinstance(e, Presence)}


def delivered(events: Sequence[Event]) -> set[int]:
    """The deliveries that a terminal said it has."""
    return {
        event.delivery
        for event in events
        if isinstance(event, Receipt) and event.status is ReceiptStatus.DELIVERED
    }
