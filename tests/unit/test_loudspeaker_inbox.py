"""What came from the broker is acknowledged once it is committed, and never before."""

import asyncio
from collections.abc import Sequence

from channels.base import Event, Presence
from channels.loudspeaker.inbox import Inbox
from channels.loudspeaker.link_messages import Received


def received(number: int) -> Received:
    return Received(f"{number}", b"", retained=False, qos=1, mid=number, connection=1)


class Store:
    """A sink that fails when told to, and remembers what it has and what was acknowledged."""

    def __init__(self, *, broken: bool = False, poison: str = "") -> None:
        self.kept: list[str] = []
        self.acknowledged: list[str] = []
        self.calls = 0
        self.broken = broken
        self.poison = poison
        self.changed = asyncio.Condition()

    async def __call__(self, route: str, events: Sequence[Event]) -> None:  # noqa: ARG002 - Sink's
        names = [event.terminal for event in events if isinstance(event, Presence)]
        self.calls += 1
        async with self.changed:
            self.changed.notify_all()
        if self.broken or self.poison in names:
            raise OSError("the disk is full")
        self.kept += names

    def inbox(self) -> Inbox:
        return Inbox(
            "r",
            self,
            lambda batch: ([Presence(terminal=m.topic, online=True) for m in batch], self._done),
            lambda message: self.acknowledged.append(message.topic),
        )

    async def until_called(self, times: int) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: self.calls >= times)

    async def until_kept(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.kept) < count:  # noqa: ASYNC110 - kept after the notice of the call
                await asyncio.sleep(0.005)

    def _done(self) -> None:
        pass


async def test_committed_first_then_acknowledged_in_batches() -> None:
    store = Store()
    inbox = store.inbox()
    for number in range(1200):
        inbox.put(received(number))
    inbox.start()
    await store.until_kept(1200)
    await inbox.close()
    assert store.kept == store.acknowledged == [f"{number}" for number in range(1200)]
    assert store.calls == 3


async def test_what_cannot_be_stored_is_not_acknowledged_and_tried_again() -> None:
    store = Store(broken=True)
    inbox = store.inbox()
    inbox.start()
    inbox.put(received(1))
    inbox.put(Presence(terminal="own", online=True))
    await store.until_called(2)
    assert store.acknowledged == []
    store.broken = False
    await store.until_kept(2)
    await inbox.close()
    assert sorted(store.kept) == ["1", "own"]
    assert store.acknowledged == ["1"]


async def test_one_that_can_never_be_stored_keeps_nobody_back() -> None:
    store = Store(poison="3")
    inbox = store.inbox()
    for number in range(8):
        inbox.put(received(number))
    inbox.start()
    await store.until_kept(7)
    await inbox.close()
    assert sorted(store.acknowledged) == ["0", "1", "2", "4", "5", "6", "7"]


async def test_a_flood_is_bounded() -> None:
    store = Store()
    inbox = store.inbox()
    for number in range(12_000):
        inbox.put(received(number))
    inbox.start()
    await store.until_kept(10_000)
    await inbox.close()
    assert len(store.kept) == 10_000
