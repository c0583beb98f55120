"""Many nights, over all cores; each is its own, so that their order changes nothing."""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from alertd.decide.expand import Pieces
from alertd.engine.heap import settle_heap
from drills.simulate.figures import NightFigures
from drills.simulate.night import Night
from drills.simulate.scenario import Scenario
from drills.simulate.stage import Stage, opened
from drills.simulate.task import Task

_WAITING: Final = 4  # nights handed to each process ahead of time


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Nights of one drill in one world.

    Args:
        file: The scratch city.
        task: What is drilled.
        scenario: The world.
        deep: Look through all that each night wrote.
        pieces: How much is written at once.
    """

    file: Path
    task: Task
    scenario: Scenario
    deep: bool = True
    pieces: Pieces = field(default_factory=Pieces)

    def night(self, stage: Stage, seed: int) -> NightFigures:
        """One of them."""
        return Night(
            self.task,
            self.scenario,
            stage.census,
            stage.rehearsals,
            seed,
            pieces=self.pieces,
            deep=self.deep,
        ).run()

    def run(
        self,
        seeds: Sequence[int],
        told: Callable[[int], None] = lambda _more: None,
        processes: int | None = None,
    ) -> list[NightFigures]:
        """Play the nights of these seeds; in their order.

        Args:
            seeds: Which ones.
            told: Hears how many more are done.
            processes: How many at once; None: one a core.
        """
        many = min(processes or os.cpu_count() or 1, len(seeds))
        found: dict[int, NightFigures] = {}
        for night in self._here(seeds) if many <= 1 else self._spread(seeds, many):
            found[night.seed] = night
            told(1)
        return [found[seed] for seed in seeds]

    def _here(self, seeds: Iterable[int]) -> Iterator[NightFigures]:
        with opened(self.file) as stage:
            for seed in seeds:
                yield self.night(stage, seed)

    def _spread(self, seeds: Sequence[int], many: int) -> Iterator[NightFigures]:
        # Not forked: whoever calls may have threads and open databases.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        with ProcessPoolExecutor(
            many, mp_context=context, initializer=_begin, initargs=(self,)
        ) as pool:
            rest = iter(seeds)
            running: set[Future[NightFigures]] = set()
            while True:
                while len(running) < many * _WAITING and (seed := next(rest, None)) is not None:
                    running.add(pool.submit(_play, seed))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for each in done:
                    yield each.result()


@dataclass(slots=True)
class _Worker:
    """What one process keeps between nights."""

    batch: Batch
    stage: Stage
    stack: ExitStack


_worker: list[_Worker] = []


def _begin(batch: Batch) -> None:
    stack = ExitStack()
    _worker[:] = [_Worker(batch, stack.enter_context(opened(batch.file)), stack)]
    settle_heap()


def _play(seed: int) -> NightFigures:
    (worker,) = _worker
    return worker.batch.night(worker.stage, seed)
