"""GSM modems: the shipped simulator's pseudo-terminals, driven by gammu's own AT driver."""

import sys
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
from channels.sms.modems import ModemsRoute
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble, until
from tests.contract.process_peer import ProcessPeer

PIN = "739154"
HURRIED = (sys.executable, "-I", str(Path(__file__).with_name("hurried_child.py")))
MODEMS = 2
_CODES = {"congested": 42, "out-of-order": 38, "rejected": 21, "unassigned": 1, "unknown": 500}
_STATUS = {ReceiptStatus.DELIVERED: 0, ReceiptStatus.FAILED: 0x46}


class ModemsCase:
    name: ClassVar[str] = "modems"
    reports: ClassVar[bool] = True
    has_one_gateway: ClassVar[bool] = True
    at_once: ClassVar[int] = MODEMS
    troubles: ClassVar[tuple[Trouble, ...]] = (
        Trouble("out-of-order", Fault.RETRY),
        Trouble("congested", Fault.THROTTLED),
        Trouble("rejected", Fault.REFUSED),
        Trouble("expired", Fault.REFUSED),
        Trouble("unassigned", Fault.DEAD),
        Trouble("no-number", Fault.DEAD),
        Trouble("sim-locked", Fault.AWAY),
        Trouble("unknown", Fault.UNKNOWN),
        Trouble("lost", Fault.UNKNOWN, taken=True),
        Trouble("hang", Fault.UNKNOWN, taken=True),
        Trouble("garbage", Fault.UNKNOWN, taken=True),
        Trouble("unplug", Fault.UNKNOWN, taken=True),
    )

    def __init__(self, route: ModemsRoute, sink: Recorder, peer: "Modems") -> None:
        self.route: Channel = route
        self.sink = sink
        self.secrets: Sequence[str] = (PIN,)
        self.peer = peer
        self._flaw = ""
        self._numbers: dict[str, tuple[int, int]] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, timeout_s: float = 10.0, in_flight: int = 50
    ) -> AsyncIterator[Self]:
        peer = Modems(folder, MODEMS)
        await peer.start()
        sink = Recorder()
        config = route_config(peer, Limits(in_flight=in_flight, timeout_s=timeout_s))
        route = ModemsRoute(config, context(sink), HURRIED)
        await route.start()
        try:
            await ready(route, MODEMS)
            yield cls(route, sink, peer)
        finally:
            await route.close()
            await peer.stop()

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        # Nothing of ours travels in an SMS: whose number it is, the case must know.
        number = f"+86154{delivery % 10**8:08}"
        self._numbers[number] = (delivery, attempt)
        address = "no number" if self._flaw == "no-number" else number
        message = outgoing(delivery, address, attempt=attempt, text=text)
        expired = self._flaw == "expired"
        return replace(message, expires_at=message.created_at) if expired else message

    async def trouble(self, name: str | None) -> None:
        self._flaw = name if name in {"no-number", "expired"} else ""
        wanted: dict[str, Any] = {"mode": "ok", "pin": ""}
        if name in _CODES:
            wanted = {"mode": "refuse", "code": _CODES[name]}
        elif name == "sim-locked":
            wanted = {"mode": "ok", "pin": "0000"}
        elif name is not None and not self._flaw:
            wanted = {"mode": name, "pin": ""}
        await self.peer.control("modems", wanted)
        if name is None:
            await ready(self.route, 1)

    async def hold(self, message: Outgoing) -> None:
        await self.peer.control("hold", {"to": message.address})

    async def release(self) -> None:
        await self.peer.control("release", {})

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        wanted = {"to": message.address, "status": _STATUS[status], "times": times}
        assert await self.peer.control("reports", wanted) == 1

    async def taken(self) -> list[Taken]:
        return [
            Taken(*self._numbers[line["to"]], line["text"])
            for line in self.peer.lines("message")
            if line["taken"]
        ]

    async def leave(self) -> None:
        await self.peer.stop()

    async def come_back(self) -> None:
        await self.peer.start()

    def hook_samples(self) -> Sequence[HookSample]:
        return ()

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        raise NotImplementedError  # there is no hook


class Modems:
    """The simulator as a process, its devices under names that stay."""

    def __init__(self, folder: Path, count: int, *arguments: str) -> None:
        self.links = folder / "dev"
        self.names = [f"m{number}" for number in range(1, count + 1)]
        self._log = folder / "modems.jsonl"
        self._peer = ProcessPeer(
            "channels.sms.modem_sim",
            self._log,
            *("--links", str(self.links), "--modems", str(count), "--reports", "manual"),
            *arguments,
        )

    async def start(self) -> None:
        self._peer.port = 0  # its devices' names stay; the port is only for control
        await self._peer.start()

    async def stop(self) -> None:
        # A link must not lead to a pseudo-terminal that is somebody else's by now.
        for name in self.names:
            (self.links / name).unlink(missing_ok=True)
        await self._peer.stop()

    async def control(self, path: str, wanted: dict[str, Any]) -> int:
        """Ask for something; how many it touched."""
        answer = await self._peer.post(f"/control/{path}", wanted)
        touched: int = answer["touched"]
        return touched

    def lines(self, what: str, **fields: Any) -> list[dict[str, Any]]:
        """What its log says of `what`."""
        return [
            line
            for line in self._peer.lines()
            if line["what"] == what and all(line[name] == fields[name] for name in fields)
        ]


def route_config(peer: Modems, limits: Limits, **options: Any) -> RouteConfig:
    modems = {name: {"device": str(peer.links / name)} for name in peer.names}
    return RouteConfig(
        name="modems",
        type="modems",
        limits=limits,
        options={"modems": modems, "sim_pin": PIN, "part_timeout_s": 3.0, **options},
    )


def context(sink: Recorder) -> RouteContext:
    return RouteContext(
        now=lambda: time.time_ns() // 1_000_000, sink=sink, public_base_url="http://127.0.0.1"
    )


async def ready(route: Channel, count: int) -> None:
    """Wait until so many modems can be used."""

    async def enough() -> bool:
        health = await route.health()
        return int(health.detail.split(" of ")[0]) >= count

    await until(enough)
