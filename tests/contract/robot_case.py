"""What the cases of chat robots share; each names its platform's stub and route."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
from channels.registry import build
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble
from tests.contract.robot_stub import RobotStub

# A bot's own limit isn't the route's: its message comes again, and others' go on.
WEB_TROUBLES = (
    Trouble("unavailable", Fault.RETRY),
    Trouble("throttle", Fault.BUSY, retry_after_s=7.0),
    Trouble("redirect", Fault.REFUSED),
    Trouble("broken", Fault.UNKNOWN),
    Trouble("drop", Fault.UNKNOWN, taken=True),
    Trouble("noise", Fault.UNKNOWN, taken=True),
    Trouble("garbage", Fault.UNKNOWN, taken=True),
    Trouble("empty-object", Fault.UNKNOWN, taken=True),
    Trouble("array", Fault.UNKNOWN, taken=True),
    Trouble("flood", Fault.UNKNOWN, taken=True),
    Trouble("contradiction", Fault.UNKNOWN, taken=True),
)


@dataclass
class Clock:
    """The machine's, which may be wrong."""

    off_s: float = 0.0

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + round(self.off_s * 1000)


class RobotCase:
    reports: ClassVar[bool] = False
    has_one_gateway: ClassVar[bool] = True
    name: ClassVar[str]
    stub_type: ClassVar[type[RobotStub]]
    options: ClassVar[dict[str, Any]] = {}
    secret: ClassVar[str | None] = None  # a group's

    def __init__(self, route: Channel, peer: RobotStub) -> None:
        self.route = route
        self.sink = Recorder()
        self.peer = peer
        texts = [value for value in self.options.values() if isinstance(value, str)]
        self.secrets: Sequence[str] = [*texts, *([self.secret] if self.secret else [])]

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,  # noqa: ARG003 - the stub keeps its record in memory
        *,
        timeout_s: float = 10.0,
        in_flight: int = 50,
        clock: Clock | None = None,
        prefix: str = "",
        sink: Recorder | None = None,
        **more: Any,
    ) -> AsyncIterator[Self]:
        peer = cls.stub_type()
        peer.prefix = prefix
        await peer.start()
        config = RouteConfig(
            name="r1",
            type=cls.name,
            limits=Limits(in_flight=in_flight, timeout_s=timeout_s),
            options={"base_url": peer.url, **cls.options, **more},
        )
        context = RouteContext(
            now=(clock or Clock()).now,
            sink=sink or Recorder(),
            public_base_url="http://127.0.0.1",
        )
        route = build(config, context)
        await route.start()
        try:
            yield cls(route, peer)
        finally:
            await route.close()
            await peer.stop()

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        address = self.peer.address(delivery)
        return outgoing(delivery, address, attempt=attempt, text=text, secret=self.secret)

    async def trouble(self, name: str | None) -> None:
        self.peer.trouble = name

    async def hold(self, message: Outgoing) -> None:
        self.peer.held_groups.add(self.group(message))

    def group(self, message: Outgoing) -> str:
        """How the stub knows the group of a message."""
        return message.address.rpartition("/")[2].rpartition("=")[2]

    async def release(self) -> None:
        self.peer.release()

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        raise NotImplementedError

    async def taken(self) -> list[Taken]:
        return [
            Taken(*(int(number) for number in posted.reference.split("-")[:2]), posted.text)
            for posted in self.peer.posted
        ]

    async def leave(self) -> None:
        await self.peer.stop()

    async def come_back(self) -> None:
        await self.peer.start()

    def hook(self, name: str) -> Hook:
        return next(hook for hook in self.route.hooks() if hook.name == name)

    def hook_samples(self) -> Sequence[HookSample]:
        return ()

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        raise NotImplementedError
