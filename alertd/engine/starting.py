"""That a process of the node began and ended is on record, and what it was set to.

So is what became of the embedded broker, a child of that process.
"""

import importlib.metadata
from collections.abc import Collection, Mapping
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from alertd.engine.runner import Runner
from alertd.engine.turn import Turn
from alertd.errors import AlertdError
from alertd.model import Fact, Millis
from alertd.store import starts
from alertd.store.database import Store

_log = structlog.get_logger("alertd.engine")


async def began(
    runner: Runner, process: str, settings: Mapping[str, str], lost: Collection[str] = ()
) -> None:
    """Put a start on record; where that can't be, the city is served all the same.

    Args:
        runner: Of the process, at work.
        process: What it does, as `Part.title` has it.
        settings: Those that aren't as shipped, name → value.
        lost: Settings that are gone, and looked for at the next start as at this one.
    """
    try:
        await runner.submit(partial(started, process=process, settings=settings, lost=lost))
    except Exception as error:  # noqa: BLE001 - a record that can't be kept silences no city
        _log.error("start-not-on-record", error=type(error).__name__)


def ended(store: Store, process: str, now: Millis) -> None:
    """Put on record that a process was asked to stop; what has no such fact was cut off.

    The last thing that is written: the engine has stopped, and the caller is the only writer.
    """
    try:
        with store.transaction(now) as tx:
            body = {"process": process}
            tx.record(Fact(kind="engine.stopped", occurred_at=now, body=body))
    except (AlertdError, SQLAlchemyError) as error:
        _log.error("stop-not-on-record", error=type(error).__name__)


def started(
    turn: Turn, *, process: str, settings: Mapping[str, str], lost: Collection[str] = ()
) -> None:
    """An input: a process began; what it is set to otherwise than at its start before."""
    prints = starts.prints(turn.tx.vault, settings)
    before = starts.known(turn.connection, process)
    body = {
        "process": process,
        "version": importlib.metadata.version("alertd"),
        "settings": starts.changes(
            {name: kept for name, kept in before.items() if name not in lost}, prints
        ),
    }
    turn.record("engine.started", body)


def renewed(turn: Turn, *, why: str, kept: str) -> None:
    """An input: the embedded broker's store was damaged, and was put aside and made anew."""
    turn.record("broker.renewed", {"reason": why, "kept": kept})
