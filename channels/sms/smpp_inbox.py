"""What came, on its way to the store: the gateway is answered only once it is committed."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from channels.base import Event, Sink
from channels.sms import smpp_codes as codes

_log = structlog.get_logger(__name__)

_BATCH = 500
_MOST_WAITING = 5_000  # a gateway's window is far smaller
_PATIENCE_S = 8.0  # gateways wait ten seconds and more for an answer
_LAST_PATIENCE_S = 2.0
_GLANCE_S = 0.5

# Answers the gateway with a status: OK, or QUEUE_FULL, which it takes for "bring it again". (Not
# the code for a temporary error: to some gateways that one is final.)
Answer = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Item:
    events: Sequence[Event]
    answer: Answer


class Inbox:
    """Hands events on in batches.

    A batch that can't be stored is halved, until one that can't be keeps back no other.

    Args:
        route: The route's name, for the sink.
        sink: Returns once events are committed.
        glance: Called twice a second.
    """

    def __init__(self, route: str, sink: Sink, glance: Callable[[], None]) -> None:
        self._route = route
        self._sink = sink
        self._glance = glance
        self._waiting: deque[_Item] = deque()
        self._arrived = asyncio.Event()
        self._failing = False
        self._closed = True
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def open(self) -> bool:
        """Whether it takes anything."""
        return not self._closed and len(self._waiting) < _MOST_WAITING

    def start(self) -> None:
        """Begin to hand on."""
        self._closed = False
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._watch())]

    async def close(self) -> None:
        """End; what isn't committed soon stays unanswered, and the gateway brings it again."""
        tasks, self._tasks = self._tasks, []
        self._closed = True
        self._arrived.set()
        if tasks:
            await asyncio.wait(tasks[:1], timeout=_LAST_PATIENCE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def put(self, events: Sequence[Event], answer: Answer) -> None:
        """Take events; `answer` is called once they are committed, or can't be."""
        self._waiting.append(_Item(events, answer))
        self._arrived.set()

    async def _run(self) -> None:
        while not self._closed:
            await self._arrived.wait()
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            if not self._waiting:
                self._arrived.clear()
            if batch:
                await self._store(batch)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_GLANCE_S)
            self._glance()

    async def _store(self, batch: Sequence[_Item]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._sink(self._route, [event for item in batch for event in item.events])
        except Exception as error:  # noqa: BLE001 - whatever the store's trouble is, it passes
            self._tell(failing=True, error=type(error).__name__)
            half = len(batch) // 2
            if half and not isinstance(error, TimeoutError):
                await self._store(batch[:half])
                await self._store(batch[half:])
                return
            for item in batch:
                item.answer(codes.QUEUE_FULL)
        else:
            self._tell(failing=False)
            for item in batch:
                item.answer(codes.OK)

    def _tell(self, *, failing: bool, error: str = "") -> None:
        """Log where trouble begins and where it ends."""
        if failing and not self._failing:
            _log.warning("smpp-events-not-stored", route=self._route, error=error)
        elif self._failing and not failing:
            _log.info("smpp-events-stored-again", route=self._route)
        self._failing = failing
