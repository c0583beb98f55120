"""The handset gateway: the shipped simulator is the peer."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

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
from channels.sms.handsets import HandsetsRoute
from tests.contract.hook_host import HookHost, hook_host
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble
from tests.contract.process_peer import ProcessPeer

SECRET = "s3cret-of-the-handsets"


class HandsetsCase:
    name: ClassVar[str] = "handsets"
    reports: ClassVar[bool] = True
    has_one_gateway: ClassVar[bool] = True
    troubles: ClassVar[tuple[Trouble, ...]] = (
        Trouble("unavailable", Fault.RETRY),
        Trouble("throttle", Fault.THROTTLED, retry_after_s=7.0),
        Trouble("refuse", Fault.REFUSED),
        Trouble("dead", Fault.DEAD),
        Trouble("opted-out", Fault.OPTED_OUT),
        Trouble("broken", Fault.UNKNOWN),
        Trouble("drop", Fault.UNKNOWN, taken=True),
        Trouble("garbage", Fault.UNKNOWN, taken=True),
        Trouble("noise", Fault.UNKNOWN, taken=True),
        Trouble("flood", Fault.UNKNOWN, taken=True),
    )

    def __init__(self, route: HandsetsRoute, sink: Recorder, peer: ProcessPeer) -> None:
        self.route: Channel = route
        self.sink = sink
        self.secrets: Sequence[str] = (SECRET,)
        self._peer = peer
        self._held: list[Outgoing] = []

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, timeout_s: float = 10.0, in_flight: int = 50
    ) -> AsyncIterator[Self]:
        sink = Recorder()
        async with hook_host(sink) as host:
            peer = await cls._start_peer(folder, host)
            config = RouteConfig(
                name="r1",
                type="handsets",
                limits=Limits(in_flight=in_flight, timeout_s=timeout_s),
                options={"url": peer.url, "secret": SECRET},
            )
            context = RouteContext(
                now=lambda: time.time_ns() // 1_000_000, sink=sink, public_base_url=host.base_url
            )
            route = HandsetsRoute(config, context)
            host.mount(route)
            await route.start()
            try:
                yield cls(route, sink, peer)
            finally:
                await route.close()
                await peer.stop()

    @classmethod
    async def _start_peer(cls, folder: Path, host: HookHost) -> ProcessPeer:
        # Nobody answers and no receipt comes by itself: the tests say when.
        mix = json.dumps({"off": 1})
        hooks = f"{host.base_url}/hooks/r1"
        peer = ProcessPeer(
            "channels.sms.handset_sim",
            folder / "handsets.jsonl",
            *("--secret", SECRET, "--mix", mix, "--hook-base", hooks),
        )
        await peer.start()
        return peer

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        return outgoing(delivery, f"+86138{delivery:08}", attempt=attempt, text=text)

    async def trouble(self, name: str | None) -> None:
        if name in {"dead", "opted-out"}:
            phones = [self.message(number).address for number in range(1, 100)]
            overrides = [{"phone": phone, "behaviour": name} for phone in phones]
            await self._peer.post("/control/phones", overrides)
        else:
            weather = {"mode": name or "ok", "retry_after_s": 7}
            await self._peer.post("/control/gateway", weather)
            if name is None:
                await self._peer.post("/control/forget", {})

    async def hold(self, message: Outgoing) -> None:
        self._held.append(message)
        override = {"phone": message.address, "behaviour": "off", "mode": "hang"}
        await self._peer.post("/control/phones", override)

    async def release(self) -> None:
        await self._peer.post("/control/forget", {})
        await self._peer.post("/control/release", {})

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        receipt = {"delivery": message.delivery, "attempt": message.attempt, "status": status}
        await self._peer.post("/control/receipts", {**receipt, "times": times})

    async def taken(self) -> list[Taken]:
        return [
            Taken(line["delivery"], line["attempt"], line["text"])
            for line in self._peer.lines()
            if line["what"] == "message" and line["taken"]
        ]

    async def leave(self) -> None:
        await self._peer.stop()

    async def come_back(self) -> None:
        await self._peer.start()

    def hook_samples(self) -> Sequence[HookSample]:
        hooks = {hook.name: hook for hook in self.route.hooks()}
        receipt = {"delivery": 5, "attempt": 1, "status": "delivered", "at": 1_790_000_000_000}
        reply = {"id": "r-1", "from": "+8613800000001", "text": "收到", "at": 1_790_000_000_000}
        receipts = json.dumps([receipt, {**receipt, "delivery": 6}]).encode()
        replies = json.dumps(reply, ensure_ascii=False).encode()
        return [
            HookSample(hooks["receipts"], self.signed(hooks["receipts"], receipts), 2),
            HookSample(hooks["replies"], self.signed(hooks["replies"], replies), 1),
        ]

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        # Written from the wire's description, not by its own function.
        mac = hmac.new(SECRET.encode(), hook.name.encode() + b"\n" + body, hashlib.sha256)
        headers = {
            "content-type": "application/json",
            "x-handsets-signature": f"sha256={mac.hexdigest()}",
        }
        return HookRequest("POST", f"/hooks/r1/{hook.name}", headers, body)
