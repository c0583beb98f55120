"""Who else is at work, where several processes share the database: by which routes, how set."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from alertd.decide.shares import Worker
from alertd.engine.portions import Portions
from alertd.errors import AlertdError
from alertd.store import starts, workers
from alertd.store.database import Store

_LOOKS: Final = 15
_LOOK_S: Final = 0.2  # three seconds in all: one that lives counts every second

log = structlog.get_logger("alertd.engine")


@dataclass(slots=True)
class Others:
    """Whether those who work on this database, too, were set as this process is.

    Each decides, and words what it sends, by its own settings: whoever got which part of a city's
    messages would be told so in another name, at another time or not at all.

    Args:
        store: Where it stands what they were set to.
        portions: Knows who they are.
        prints: What this process was set to.
        unlike: The settings that differ from somebody's, at the last look.
    """

    EVERY_S: ClassVar[float] = 5.0

    store: Store
    portions: Portions
    prints: Mapping[str, str]
    unlike: tuple[str, ...] = ()

    async def look(self) -> None:
        """Compare."""
        titles = self.portions.others
        try:
            found = await asyncio.to_thread(self._unlike, titles) if titles else ()
        except (AlertdError, SQLAlchemyError):
            return  # while the database is away, which every step says, nothing new is known
        if found and found != self.unlike:
            log.warning("another process at work is set differently", settings=found)
        self.unlike = found

    def _unlike(self, titles: Iterable[str]) -> tuple[str, ...]:
        with self.store.read() as connection:
            theirs = [starts.known(connection, title) for title in titles]
        return tuple(sorted(set().union(*(starts.unlike(it, self.prints) for it in theirs if it))))


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
