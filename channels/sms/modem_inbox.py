"""What came back by the modems, on its way to the store; the SIM keeps it until it is committed."""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from channels.base import Event, Sink

_log = structlog.get_logger(__name__)

# Past it the oldest go: receipts, which only say better what is known as accepted. Replies lie on
# the SIM until they are stored, and are read again.
_MOST_WAITING = 10_000
_PAUSE_S = 1.0


class Inbox:
    """Hands events on one by one, those that couldn't be stored again later.

    Args:
        route: The route's name, for the sink.
        sink: Returns once an event is committed.
    """

    def __init__(self, route: str, sink: Sink) -> None:
        self._route = route
        self._sink = sink
        self._waiting: deque[tuple[Event, Callable[[bool], None] | None]] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to hand on."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End; what isn't stored yet stays on the SIM, or is lost with us if it was a receipt."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def put(self, event: Event, ended: Callable[[bool], None] | None = None) -> None:
        """Take an event.

        Args:
            event: What came.
            ended: Called once with whether it is committed. With it, an event that couldn't be
                stored isn't tried again here: whoever has it comes with it again.
        """
        self._waiting.append((event, ended))
        if len(self._waiting) > _MOST_WAITING:
            _, given_up = self._waiting.popleft()
            if given_up is not None:
                given_up(False)  # noqa: FBT003 - its only argument
        self._arrived.set()

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            event, ended = self._waiting.popleft()
            if not self._waiting:
                self._arrived.clear()
            stored = await self._store(event)
            if ended is not None:
                ended(stored)
            elif not stored:
                self._waiting.append((event, None))
                self._arrived.set()
            if not stored:
                await asyncio.sleep(_PAUSE_S)

    async def _store(self, event: Event) -> bool:
        try:
            await self._sink(self._route, [event])
        except Exception as error:  # noqa: BLE001 - whatever the store's trouble is, it passes
            _log.warning("modem-event-not-stored", route=self._route, error=type(error).__name__)
            return False
        return True
