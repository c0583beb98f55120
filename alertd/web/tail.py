"""The journal's end, read once for all who listen: two hundred boards cost a commit one look.

A listener first reads by itself what it has missed, and then takes what the tail finds. What it
finds comes with the place behind it, which is the same for all who have caught up, and is put
into words for the wire once.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Annotated, Final, cast

import structlog
from fastapi import Depends, Request

from alertd.model import Recorded
from alertd.store import journal
from alertd.store.eras import Place, go_on
from alertd.store.reads.timeline import heads
from alertd.web.deps import Deps

COALESCE_S: Final = 0.25  # commits that come faster are told together
PAGE: Final = 500
_OTHERS_S: Final = 1.0  # how long what another process has committed may go unseen
_CALM_S: Final = 5.0
_MOST_BATCHES: Final = 40  # that wait for a slow listener; then it reads by itself again

log = structlog.get_logger("alertd.web")


@dataclass(slots=True)
class Found:
    """A fact at the journal's end.

    Args:
        row: The fact.
        place: Behind it.
        wire: It in the words of the wire, by whether with its body; made by who needs it first.
    """

    row: Recorded
    place: Place
    wire: dict[bool, bytes] = field(default_factory=dict)


class Ear:
    """One listener's place at the tail. `lost`: it was too slow, or there is no more to come."""

    def __init__(self) -> None:
        self.lost = False
        self._heard: asyncio.Queue[Sequence[Found]] = asyncio.Queue()

    def tell(self, found: Sequence[Found]) -> None:
        """Facts that were found; one that is behind by too many loses its place."""
        self.lost = self.lost or self._heard.qsize() >= _MOST_BATCHES
        if not self.lost:
            self._heard.put_nowait(found)

    def lose(self) -> None:
        """Nothing more comes."""
        self.lost = True
        self._heard.put_nowait(())

    async def hear(self, patience_s: float) -> Sequence[Found]:
        """What comes next; nothing where nothing came in time, or the place is lost."""
        if self.lost and self._heard.empty():
            return ()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, patience_s)):
                return await self._heard.get()
        return ()


class Tail:
    """The tail of one application; it reads while anybody listens."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self._ears: set[Ear] = set()
        self._task: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()

    @contextmanager
    def ear(self) -> Iterator[Ear]:
        """A place at the tail, for as long as the block lasts."""
        ear = Ear()
        self._ears.add(ear)
        if self._task is None:
            self._begun.clear()
            self._task = asyncio.create_task(self._run())
        try:
            yield ear
        finally:
            self._ears.discard(ear)

    async def begun(self) -> None:
        """Wait until nothing that is committed from now on is missed."""
        await self._begun.wait()

    def lose_all(self) -> None:
        """Have every listener read by itself again what it doesn't have yet."""
        for ear in self._ears:
            ear.lose()

    async def _run(self) -> None:
        try:
            await self._read()
        except Exception as error:  # noqa: BLE001 - every listener's stream ends, and comes back
            log.warning("the live stream broke off", error=type(error).__name__)
        finally:
            self._task = None
            self._begun.set()
            self.lose_all()

    async def _read(self) -> None:
        deps = self.deps
        place = await asyncio.to_thread(self._end)
        self._begun.set()
        while self._ears and not deps.stopping.is_set():
            # Asked for before reading, so that a commit in between isn't slept through.
            committed = asyncio.create_task(deps.runner.committed())
            try:
                known = place.copy()
                rows = await asyncio.to_thread(page, deps, place)
                if place != known:
                    self.lose_all()  # each finds its own place
                if rows:
                    found = list(places(rows, place))
                    for ear in tuple(self._ears):
                        ear.tell(found)
                else:
                    await _until(deps, committed, _OTHERS_S if deps.store.shared else _CALM_S)
            finally:
                committed.cancel()
            with suppress(TimeoutError):
                await asyncio.wait_for(deps.stopping.wait(), COALESCE_S)

    def _end(self) -> Place:
        with self.deps.store.read() as connection:
            place = Place(heads(connection))
            go_on(connection, place)
            return place


def page(deps: Deps, place: Place) -> list[Recorded]:
    """What comes behind a place, some hundreds at the most; one past the end is moved there.

    One of an era before is moved to where the journal went on from an earlier end.
    """
    with deps.store.read() as connection:
        go_on(connection, place)
        rows = journal.read(connection, place.cursor, limit=PAGE)
        if not rows:
            journal.step_back(connection, place.cursor)
        return rows


def places(rows: Sequence[Recorded], place: Place) -> Iterator[Found]:
    """Each fact with the place behind it; moves `place` behind all."""
    for row in rows:
        place.cursor[row.node, row.writer] = row.seq
        yield Found(row, place.copy())


async def _until(deps: Deps, committed: asyncio.Task[None], timeout_s: float) -> None:
    """Wait for a commit, the stop or that time."""
    stopping = asyncio.create_task(deps.stopping.wait())
    try:
        await asyncio.wait(
            {committed, stopping}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        stopping.cancel()


async def tail_of(request: Request) -> Tail:
    """The application's."""
    return cast("Tail", request.app.state.tail)


Tailing = Annotated[Tail, Depends(tail_of)]
