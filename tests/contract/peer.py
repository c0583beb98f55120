"""What a gateway's case gives to the conformance suite: the route, and a real peer to steer.

A new gateway passes the suite by one file beside this one, with a class that fits `Case`, and a
line in `cases.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, Self

from channels.base import (
    Channel,
    Event,
    Fault,
    Hook,
    HookRequest,
    Outgoing,
    Receipt,
    ReceiptStatus,
)

PATIENCE_S = 20.0  # the longest a test waits for what must come; no test waits for nothing

# Everything that a sloppy encoder trips over; 55 characters of plain Chinese would prove little.
AWKWARD_TEXT = '【余姚市防指】红色台风A7:𬍛䶮村 "18时"前\\完成 100% a=1&b=<2>+3;\n回1收到'


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that can go wrong at this peer.

    Args:
        name: What `Case.trouble` is told.
        fault: What the route must make of it.
        taken: Whether the peer has the message nevertheless; its own log must agree.
        retry_after_s: The peer's word on when to come back, which must be passed on.
    """

    name: str
    fault: Fault
    taken: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A message in the peer's own record."""

    delivery: int
    attempt: int
    text: str


@dataclass(frozen=True, slots=True)
class HookSample:
    """A genuine call of one hook, as the gateway would sign it, and how many events it holds.

    `forgeries` is for a gateway that signs nothing, and has a secret in its URL instead: what
    somebody without it could send.
    """

    hook: Hook
    request: HookRequest
    events: int
    forgeries: tuple[HookRequest, ...] = ()


@dataclass
class Recorder:
    """The sink: keeps what came back, in order."""

    events: list[Event] = field(default_factory=list)
    _more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, route: str, events: Sequence[Event]) -> None:  # noqa: ARG002 - Sink's
        async with self._more:
            self.events.extend(events)
            self._more.notify_all()

    async def until(self, enough: Callable[[list[Event]], bool]) -> None:
        """Wait until what came back is `enough`."""
        async with asyncio.timeout(PATIENCE_S), self._more:
            await self._more.wait_for(lambda: enough(self.events))

    def receipts(self, message: Outgoing, status: ReceiptStatus | None = None) -> list[Receipt]:
        """The receipts that name `message`'s try."""
        return [
            event
            for event in self.events
            if isinstance(event, Receipt)
            and (event.delivery, event.attempt) == (message.delivery, message.attempt)
            and status in {None, event.status}
        ]


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until `true`: the peers are processes, there is no event of theirs to wait for."""
    async with asyncio.timeout(PATIENCE_S):
        while not await true():  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.01)


class Case(Protocol):
    """One gateway under test, with its peer: a real server or process on loopback."""

    name: ClassVar[str]
    troubles: ClassVar[tuple[Trouble, ...]]
    reports: ClassVar[bool]  # whether the peer sends receipts; without, those tests aren't made
    has_one_gateway: ClassVar[bool]  # whose absence `health` can tell

    route: Channel
    sink: Recorder
    secrets: Sequence[str]  # what must never be seen besides addresses and texts

    @classmethod
    def open(
        cls, folder: Path, *, timeout_s: float = 10.0, in_flight: int = 50
    ) -> AbstractAsyncContextManager[Self]:
        """Start peer and route (`Channel.start` included); end both."""

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        """A message for the recipient number `delivery`; each has an address of its own."""

    async def trouble(self, name: str | None) -> None:
        """From now on every message meets `name`; None ends it."""

    async def hold(self, message: Outgoing) -> None:
        """The peer takes `message` and withholds its answer until `release`."""

    async def release(self) -> None:
        """Answer what was held, and hold no more."""

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        """The peer sends that receipt for a message that it has taken; once the peer is content."""

    async def taken(self) -> list[Taken]:
        """What the peer's own record says it has taken, in order."""

    async def leave(self) -> None:
        """The peer goes away: nobody listens any more."""

    async def come_back(self) -> None:
        """It is there again, at the same address."""

    def hook_samples(self) -> Sequence[HookSample]:
        """A genuine call for each hook; empty where the route has none."""

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        """A request with `body` whose signature is right, whatever the body holds."""
