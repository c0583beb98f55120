"""Chat groups by webhook: the shipped receiver is the peer."""

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
from channels.chat.webhook import WebhookRoute
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble
from tests.contract.process_peer import ProcessPeer

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS1ncm91cHM="


class WebhookCase:
    name: ClassVar[str] = "webhook"
    reports: ClassVar[bool] = False
    has_one_gateway: ClassVar[bool] = False
    troubles: ClassVar[tuple[Trouble, ...]] = (
        Trouble("unavailable", Fault.RETRY),
        Trouble("throttle", Fault.BUSY, retry_after_s=7.0),
        Trouble("refuse", Fault.REFUSED),
        Trouble("forbidden", Fault.REFUSED),
        Trouble("redirect", Fault.REFUSED),
        Trouble("gone", Fault.DEAD),
        Trouble("broken", Fault.UNKNOWN),
        Trouble("drop", Fault.UNKNOWN, taken=True),
        Trouble("noise", Fault.UNKNOWN, taken=True),
    )

    def __init__(self, route: WebhookRoute, peer: ProcessPeer) -> None:
        self.route: Channel = route
        self.sink = Recorder()
        self.secrets: Sequence[str] = (SECRET, f"127.0.0.1:{peer.port}")
        self._peer = peer

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, timeout_s: float = 10.0, in_flight: int = 50
    ) -> AsyncIterator[Self]:
        peer = ProcessPeer(
            "channels.chat.receiver_sim", folder / "receiver.jsonl", "--secret", SECRET
        )
        await peer.start()
        limits = Limits(in_flight=in_flight, timeout_s=timeout_s)
        config = RouteConfig(name="r1", type="webhook", limits=limits)
        context = RouteContext(
            now=lambda: time.time_ns() // 1_000_000,
            sink=Recorder(),
            public_base_url="http://127.0.0.1",
        )
        route = WebhookRoute(config, context)
        await route.start()
        try:
            yield cls(route, peer)
        finally:
            await route.close()
            await peer.stop()

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        url = f"{self._peer.url}/groups/{delivery}"
        return outgoing(delivery, url, attempt=attempt, text=text, secret=SECRET)

    async def trouble(self, name: str | None) -> None:
        await self._peer.post("/control/mode", {"mode": name or "ok"})

    async def hold(self, message: Outgoing) -> None:
        group = message.address.rpartition("/")[2]
        await self._peer.post("/control/mode", {"mode": "hang", "group": group})

    async def release(self) -> None:
        await self._peer.post("/control/mode", {})
        await self._peer.post("/control/release", {})

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        raise NotImplementedError

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
        return ()

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        raise NotImplementedError
