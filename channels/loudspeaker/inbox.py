"""What came from the broker, on its way to the store: acknowledged only once it is committed."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from channels.base import Event, Sink
from channels.loudspeaker.link_messages import Received

_log = structlog.get_logger(__name__)

_BATCH = 500
# The broker bounds what it sends unacknowledged; QoS 0 has no bound but this.
_MOST_WAITING = 10_000
_ASIDE_S = 2.0  # until one that couldn't be stored is tried again
_BREATH_S = 0.05  # between failures, so that a store that is away isn't stormed

# Reads a batch: the events in it, and what to do once they are committed.
Read = Callable[[Sequence[Received]], tuple[Sequence[Event], Callable[[], None]]]


class Inbox:
    """Gathers messages and hands their events on in batches.

    A batch that can't be stored is halved until what is at fault stands alone; that is laid aside
    and tried again later, so that one message which can't be stored keeps back no other.

    Args:
        route: The route's name, for the sink.
        sink: Returns once events are committed.
        read: Turns messages into events; never raises.
        acknowledge: Lets the broker forget a message.
    """

    def __init__(
        self, route: str, sink: Sink, read: Read, acknowledge: Callable[[Received], None]
    ) -> None:
        self._route = route
        self._sink = sink
        self._read = read
        self._acknowledge = acknowledge
        self._waiting: deque[Received | Event] = deque()
        self._aside = 0
        self._failing = False
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to hand on."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End; what wasn't committed stays with the broker."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def put(self, item: Received | Event) -> None:
        """Take a message, or an event of our own.

        Past the bound a message is left to the broker, which sends it again to a new connection.
        """
        if len(self._waiting) + self._aside < _MOST_WAITING:
            self._waiting.append(item)
            self._arrived.set()

    async def _run(self) -> None:
        size = _BATCH
        while True:
            await self._arrived.wait()
            batch = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
            if not self._waiting:
                self._arrived.clear()
            try:
                await self._hand_on(batch)
            except Exception as error:  # noqa: BLE001 - whatever the store's trouble is, it passes
                self._told(failing=True, error=type(error).__name__)
                await self._set_back(batch)
                size = max(1, len(batch) // 2)
            else:
                self._told(failing=False)
                size = min(_BATCH, size * 2)

    async def _hand_on(self, batch: Sequence[Received | Event]) -> None:
        messages = [item for item in batch if isinstance(item, Received)]
        own = [item for item in batch if not isinstance(item, Received)]
        events, committed = self._read(messages)
        if events or own:
            await self._sink(self._route, [*own, *events])
        committed()
        for message in messages:
            self._acknowledge(message)

    async def _set_back(self, batch: Sequence[Received | Event]) -> None:
        if len(batch) > 1:
            self._waiting.extendleft(reversed(batch))
            self._arrived.set()
            return
        self._aside += 1
        asyncio.get_running_loop().call_later(_ASIDE_S, self._again, batch[0])
        await asyncio.sleep(_BREATH_S)

    def _again(self, item: Received | Event) -> None:
        self._aside -= 1
        self._waiting.append(item)
        self._arrived.set()

    def _told(self, *, failing: bool, error: str = "") -> None:
        """Log where trouble begins and where it ends, and not every try between."""
        if failing and not self._failing:
            _log.warning("loudspeaker-events-not-stored", route=self._route, error=error)
        elif self._failing and not failing and not self._aside:
            _log.info("loudspeaker-events-stored-again", route=self._route)
        self._failing = failing or self._aside > 0
