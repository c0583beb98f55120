"""Which routes another process sends by already, where several share the database."""

import asyncio
from collections.abc import Iterable
from typing import Final

from alertd.decide.shares import Worker
from alertd.store import workers
from alertd.store.database import Store

_LOOKS: Final = 15
_LOOK_S: Final = 0.2  # three seconds in all: one that lives counts every second


async def sent_elsewhere(store: Store, routes: Iterable[str]) -> list[str]:
    """Of `routes`, those that a process which lives sends by; before this one says that it works.

    Who was killed has left its word behind, and is known by its count, which stands still.
    """
    before = {lease: worker.beat for lease, worker in _at_work(store, routes).items()}
    for _ in range(_LOOKS if before else 0):
        await asyncio.sleep(_LOOK_S)
        there = _at_work(store, routes)
        alive = [there[lease] for lease, beat in before.items() if _beat(there, lease) > beat]
        if alive:
            return sorted(r for r in routes if any(w.part.sends_by(r) for w in alive))
    return []


def _at_work(store: Store, routes: Iterable[str]) -> dict[str, Worker]:
    with store.read() as connection:
        there = workers.workers(connection)
    return {w.lease: w for w in there if any(w.part.sends_by(route) for route in routes)}


def _beat(there: dict[str, Worker], lease: str) -> int:
    return there[lease].beat if lease in there else -1
