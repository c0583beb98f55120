"""The outbox: deliveries claimed and settled, each on disk before anybody acts on it."""

import os
import tempfile
from collections.abc import Iterator
from itertools import cycle, pairwise
from pathlib import Path

import limits
from figures import Figure, pair_of, peak_mb
from ground import CACHE, Ground, ground

from alertd.engine.heap import settle_heap

_PEOPLE = 20_000
_STEP = 1_000
_MOST = {10: 3_000, 1_000: 20_000}


def run(*, quick: bool) -> list[Figure]:
    """In small and in large batches, and what durability costs."""
    settle_heap()
    rounds = 2 if quick else 5
    figures = [figure for batch in (10, 1_000) for figure in _against_bare(batch, rounds)]
    return [*figures, _full_against_normal(rounds)]


def _against_bare(batch: int, rounds: int) -> list[Figure]:
    most = _MOST[batch]
    rates = [(handed(batch, most), bare(batch, most)) for _ in range(rounds + 1)][1:]  # one warms
    alone = pair_of([(committing, limit) for (committing, _), limit in rates])
    whole = pair_of([(made, limit) for (_, made), limit in rates])
    return [
        Figure(
            bench="outbox",
            what=f"claim and settle, {batch:,} at a time",
            size=most,
            ours=alone.ours,
            unit="rows/s",
            limit=alone.limit,
            ratio=alone.ratio,
            at_least=0.5,
            peak_mb=peak_mb(),
            note="ours also journals, counts, and reads what the messages are made of",
        ),
        Figure(
            bench="outbox",
            what=f"and every message made, {batch:,} at a time",
            size=most,
            ours=whole.ours,
            unit="rows/s",
            limit=whole.limit,
            ratio=whole.ratio,
            note="after the commit: the address opened, the text rendered",
        ),
    ]


def _full_against_normal(rounds: int) -> Figure:
    """Step by step in turns: two runs one after the other differ more than the two ways do."""
    rates = [rate for _ in range(rounds) for rate in _synced_and_not()]
    pair = pair_of(rates)
    return Figure(
        bench="outbox",
        what="synchronous FULL against NORMAL, 1,000 at a time",
        size=_PEOPLE * rounds,
        ours=pair.ours,
        unit="rows/s",
        limit=pair.limit,
        ratio=pair.ratio,
        at_least=0.85,
    )


def _synced_and_not() -> list[tuple[float, float]]:
    """Rates of whole steps that followed one another, with FULL and with NORMAL."""
    took: dict[str, list[float]] = {"FULL": [], "NORMAL": []}
    with ground(_PEOPLE, at_once=_STEP) as here:
        here.expand(here.draft())
        last = 0
        for step, mode in zip(here.handing(), _modes(here), strict=False):
            if step.done == last == _STEP:  # what it settled and what it claimed
                took[mode].append(step.committing_s)
            last = step.done
    return [(_STEP / full, _STEP / normal) for full, normal in zip(*took.values(), strict=False)]


def _modes(here: Ground) -> Iterator[str]:
    """What each step was committed with, in turns; set for the next one when it is asked for."""
    connection = here.store._connection
    assert connection is not None
    log = here.path.with_name(f"{here.path.name}-wal")
    for mode, following in pairwise(cycle(("FULL", "NORMAL"))):
        with log.open("rb") as file:
            os.fdatasync(file.fileno())  # what NORMAL left isn't FULL's to write
        connection.connection.cursor().execute(f"PRAGMA synchronous={following}")
        yield mode


def bare(batch: int, most: int) -> float:
    """The two statements alone."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        connection = limits.fresh_database(
            Path(folder) / "limit.sqlite3", limits.everybody(_PEOPLE)
        )
        limits.insert_select(connection)
        rate = limits.claim_and_settle(connection, batch, most)
        connection.close()
        return rate


def handed(batch: int, most: int) -> tuple[float, float]:
    """Rates of claiming and settling alone, and with every message made.

    The engine's own steps, as the runner makes them: settle, and claim what comes next.
    """
    with ground(_PEOPLE, at_once=batch) as here:
        here.expand(here.draft())
        found = here.hand_over(most)
        return found.done / found.committing_s, found.done / found.whole_s
