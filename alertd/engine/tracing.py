"""Asks a gateway what became of a try whose answer was lost, where it can be asked.

A word that comes within the grace of an unknown saves the second copy. That none comes proves
nothing: the delivery stays unknown.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from alertd.model import Millis
from channels.base import (
    Channel,
    Fault,
    Outcome,
    Outgoing,
    SendError,
    Sink,
    Traceable,
)

AFTER_S: Final = (5.0, 20.0)
"""Gateways list a message some seconds late; an unknown's grace is a minute."""

log = structlog.get_logger("alertd.engine")


class Tracer:
    """Traces the lost tries of all routes.

    Args:
        sink: Where a gateway's word goes, as a receipt like any other.
        now: The clock, ms.
        speed: How many of the clock's seconds go by in one of ours.
    """

    def __init__(self, sink: Sink, now: Callable[[], Millis], speed: float = 1.0) -> None:
        self._sink = sink
        self._now = now
        self._speed = speed
        self._tasks: set[asyncio.Task[None]] = set()

    def trace(self, channel: Channel, message: Outgoing, outcome: Outcome, since: Millis) -> None:
        """Ask later, if the outcome is that nobody can tell and the route's gateway may know."""
        result = outcome.result
        lost = isinstance(result, SendError) and result.fault is Fault.UNKNOWN
        if lost and isinstance(channel, Traceable):
            task = asyncio.create_task(self._ask(channel.config.name, channel, message, since))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, route: str, channel: Traceable, message: Outgoing, since: Millis) -> None:
        asked_s = 0.0
        for after_s in AFTER_S:
            await asyncio.sleep((after_s - asked_s) / self._speed)
            asked_s = after_s
            try:
                found = await channel.look_up(message, since)
                if found is not None:
                    await self._sink(route, [found])
                    return
            except Exception as error:  # noqa: BLE001 - the delivery stays unknown, as it was
                log.warning("a lost try can't be traced", route=route, error=type(error).__name__)

    async def stop(self) -> None:
        """Ask no more."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
