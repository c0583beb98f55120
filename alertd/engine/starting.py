"""That a process of the node began and ended is on record, and what it was set to."""

import asyncio
import importlib.metadata
from collections.abc import Mapping
from functools import partial
from typing import Final

import structlog

from alertd.engine.runner import Runner
from alertd.engine.turn import Turn
from alertd.errors import AlertdError
from alertd.store import starts

_PATIENCE_S: Final = 5.0  # whoever stops us may end us after ten

_log = structlog.get_logger("alertd.engine")


async def began(runner: Runner, process: str, settings: Mapping[str, str]) -> None:
    """Put a start on record; where that can't be, the city is served all the same.

    Args:
        runner: Of the process, at work.
        process: What it does, as `Part.title` has it.
        settings: Those that aren't as shipped, name → value.
    """
    try:
        await runner.submit(partial(started, process=process, settings=settings))
    except AlertdError as error:
        _log.error("start-not-on-record", error=type(error).__name__)


async def ended(runner: Runner, process: str) -> None:
    """Put on record that a process was asked to stop; what has no such fact was cut off."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await runner.submit(partial(stopped, process=process))
    except (AlertdError, TimeoutError) as error:
        _log.error("stop-not-on-record", error=type(error).__name__)


def started(turn: Turn, *, process: str, settings: Mapping[str, str]) -> None:
    """An input: a process began; what it is set to otherwise than at its start before."""
    prints = starts.prints(turn.tx.vault, settings)
    body = {
        "process": process,
        "version": importlib.metadata.version("alertd"),
        "settings": starts.changes(starts.known(turn.connection, process), prints),
    }
    turn.record("engine.started", body)


def stopped(turn: Turn, *, process: str) -> None:
    """An input, its last: a process ends because it was asked to."""
    turn.record("engine.stopped", {"process": process})
