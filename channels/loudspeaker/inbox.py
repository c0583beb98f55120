"""What came from the broker, on its way to the store: acknowledged only once it is committed."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from channels.base import Event, Sink
from channels.loudspeaker.link import Received

_log = structlog.get_logger(__name__)

_BATCH = 500
_MOST_WAITING = (
    20_000  # the broker bounds what it sends unacknowledged; QoS 0 has no bound but this
)
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0

# Reads a batch: the events in it, and what to do once they are committed.
Read = Callable[[Sequence[Received]], tuple[Sequence[Event], Callable[[], None]]]


class Inbox:
    """Gathers messages and hands their events on in batches, in order.

    A batch that can't be stored is tried again, in ever smaller ones and behind what came after
    it, so that one message which can't be stored doesn't keep back the rest for ever.

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
        self._waiting: deque[Received] = deque()
        self._extra: list[Event] = []
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

    def put(self, message: Received) -> None:
        """Take a message; past the bound it is left to the broker, which sends it again."""
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(message)
            self._arrived.set()

    def tell(self, event: Event) -> None:
        """Hand on an event of our own."""
        if len(self._extra) < _MOST_WAITING:
            self._extra.append(event)
            self._arrived.set()

    async def _run(self) -> None:
        size, pause_s = _BATCH, _FIRST_PAUSE_S
        while True:
            await self._arrived.wait()
            batch = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
            extra, self._extra = self._extra[:size], self._extra[size:]
            if not self._waiting and not self._extra:
                self._arrived.clear()
            try:
                await self._hand_on(batch, extra)
            except Exception as error:  # noqa: BLE001 - whatever the store's trouble is, it passes
                _log.warning("loudspeaker-events-not-stored", error=type(error).__name__)
                self._waiting.extend(batch)
                self._extra += extra
                self._arrived.set()
                await asyncio.sleep(pause_s)
                size, pause_s = max(1, size // 2), min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                size, pause_s = _BATCH, _FIRST_PAUSE_S

    async def _hand_on(self, batch: Sequence[Received], extra: Sequence[Event]) -> None:
        events, committed = self._read(batch)
        if events or extra:
            await self._sink(self._route, [*extra, *events])
        committed()
        for message in batch:
            self._acknowledge(message)
