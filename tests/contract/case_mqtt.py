"""Loudspeakers: a real broker behind a gate, and a terminal that says what it is told to."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from channels.base import (
    Channel,
    Fault,
    Hook,
    HookRequest,
    Limits,
    Outgoing,
    ReceiptStatus,
    RouteConfig,
    RouteContext,
)
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.keys import make_key
from channels.loudspeaker.mqtt import MqttRoute
from tests.contract.messages import outgoing
from tests.contract.mqtt_brokers import Broker, Embedded
from tests.contract.mqtt_gate import Gate
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble, until

_SAYS: dict[ReceiptStatus, tuple[str, dict[str, Any]]] = {
    ReceiptStatus.DELIVERED: ("ack", {"status": "accepted"}),
    ReceiptStatus.FAILED: ("ack", {"status": "refused", "reason": "amplifier-fault"}),
    ReceiptStatus.PLAYED: ("result", {"status": "played", "played": 2, "of": 3}),
    ReceiptStatus.INTERRUPTED: ("result", {"status": "interrupted", "played": 1, "of": 3}),
}


class MqttCase:
    name: ClassVar[str] = "mqtt"
    broker_class: ClassVar[type[Broker]] = Embedded
    reports: ClassVar[bool] = True
    has_one_gateway: ClassVar[bool] = True
    troubles: ClassVar[tuple[Trouble, ...]] = (
        Trouble("refuse-login", Fault.AWAY),
        Trouble("refuse-subscription", Fault.AWAY),
        Trouble("no-such-terminal", Fault.DEAD),
        Trouble("text-too-long", Fault.REFUSED),
        Trouble("over", Fault.REFUSED),
        Trouble("cut-before", Fault.UNKNOWN),
        Trouble("cut-after", Fault.UNKNOWN, taken=True),
        Trouble("garbage", Fault.UNKNOWN, taken=True),
        Trouble("noise", Fault.UNKNOWN, taken=True),
        Trouble("truncated", Fault.UNKNOWN, taken=True),
    )

    def __init__(self, route: MqttRoute, sink: Recorder, gate: Gate, broker: Broker) -> None:
        self.route: Channel = route
        self.sink = sink
        self.gate = gate
        self.broker = broker
        self.secrets: Sequence[str] = (broker.address.password or "",)
        self._flaw = ""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, timeout_s: float = 10.0, in_flight: int = 50
    ) -> AsyncIterator[Self]:
        async with cls.broker_class.running(folder / "broker") as broker:
            gate = Gate(broker.address.port)
            await gate.open()
            sink = Recorder()
            make_key(folder / "key.pem")
            route = MqttRoute(
                # Some of the gate's troubles are MQTT 3.1.1; what MQTT 5 adds has its own tests.
                route_config(
                    through(gate, broker), folder / "key.pem", timeout_s, in_flight, mqtt="3.1.1"
                ),
                context(sink),
            )
            await route.start()
            try:
                yield cls(route, sink, gate, broker)
            finally:
                await route.close()
                await gate.close()

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        # Long enough that it can't stand in a log by chance, as "t-1" might.
        terminal = f"terminal-of-grid-{delivery}"
        if self._flaw == "no-such-terminal":
            terminal = "terminal/+"
        text = text * 2000 if self._flaw == "text-too-long" else text
        message = outgoing(delivery, terminal, attempt=attempt, text=text)
        return message if self._flaw != "over" else _over(message)

    async def trouble(self, name: str | None) -> None:
        # Some troubles are in the message: no broker tells of them.
        flaws = {"no-such-terminal", "text-too-long", "over"}
        self._flaw = name if name in flaws and name else ""
        self.gate.mode = "ok" if name is None or name in flaws else name
        if self.gate.mode.startswith("refuse-"):
            await self.gate.cut()
        await until(self._steady)

    async def hold(self, message: Outgoing) -> None:
        self.gate.held.add(f"alertd/v1/terminal/{message.address}/cmd")

    async def release(self) -> None:
        self.gate.release()

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        async def sent() -> bool:
            return (message.delivery, message.attempt) in self.gate.commands

        await until(sent)
        command = self.gate.commands[message.delivery, message.attempt]
        says, document = _SAYS[status]
        topic = f"alertd/v1/terminal/{message.address}/{says}"
        speaker = await self.broker.terminal()
        for _ in range(times):
            body = json.dumps({"cmd_id": command["cmd_id"], **document})
            await speaker.publish(topic, body.encode())
        await speaker.close()

    async def taken(self) -> list[Taken]:
        return self.gate.taken

    async def leave(self) -> None:
        await self.gate.close()

    async def come_back(self) -> None:
        await self.gate.open()

    def hook_samples(self) -> Sequence[HookSample]:
        return ()

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        raise NotImplementedError  # there is no hook

    async def _steady(self) -> bool:
        """Connected, or refused."""
        health = await self.route.health()
        if self.gate.mode.startswith("refuse-"):
            return not health.ok and ("refused" in health.detail or "login" in health.detail)
        return health.ok


def through(gate: Gate, broker: Broker) -> BrokerAddress:
    return BrokerAddress("127.0.0.1", gate.port, broker.address.username, broker.address.password)


def route_config(
    address: BrokerAddress,
    key_file: Path,
    timeout_s: float = 10.0,
    in_flight: int = 50,
    **options: Any,
) -> RouteConfig:
    return RouteConfig(
        name="speakers",
        type="mqtt",
        limits=Limits(in_flight=in_flight, timeout_s=timeout_s),
        options={"broker": address.url, "key_file": str(key_file), **options},
    )


def context(sink: Recorder) -> RouteContext:
    return RouteContext(
        now=lambda: time.time_ns() // 1_000_000, sink=sink, public_base_url="http://127.0.0.1"
    )


def _over(message: Outgoing) -> Outgoing:
    return replace(message, expires_at=message.created_at)
