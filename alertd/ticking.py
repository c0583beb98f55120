"""What a node does now and then, by the steady clock: one that is set back stops none of it."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

Act = Callable[[], Awaitable[None] | None]
"""Something to be done now and then; quick, or awaited."""

_NO_THREADS: Final = {"hint": "the system allows no more threads: look at TasksMax and ulimit -u"}

log = structlog.get_logger("alertd.ticking")


@dataclass(slots=True)
class Ticker:
    """Does things at intervals, each by itself and never twice at once, until it is stopped."""

    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def every(self, seconds: float, act: Act) -> None:
        """Do something so long after it was last begun, or as soon as it has ended."""
        self._tasks.append(asyncio.create_task(_repeat(seconds, act)))

    async def stop(self) -> None:
        """Do nothing more; what is under way is broken off."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _repeat(seconds: float, act: Act) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + seconds
    while True:
        await asyncio.sleep(due - loop.time())
        due = max(due + seconds, loop.time())
        try:
            found = act()
            if inspect.isawaitable(found):
                await found
        except Exception as error:  # noqa: BLE001 - the next time may do better, and others go on
            more = _NO_THREADS if "new thread" in str(error) else {}
            log.error("a task of the node failed", error=type(error).__name__, **more)  # noqa: TRY400 - no values
