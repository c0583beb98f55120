"""The outbox: deliveries claimed and settled, each on disk before anybody acts on it."""

import tempfile
import time
from pathlib import Path

import limits
from figures import Figure, in_turns, pair_of, peak_mb
from ground import CACHE, ground

from alertd.engine.heap import settle_heap

_PEOPLE = 20_000
_MOST = {10: 3_000, 1_000: 20_000}


def run(*, quick: bool) -> list[Figure]:
    """In small and in large batches, and what durability costs."""
    settle_heap()
    rounds = 2 if quick else 5
    figures = [_against_bare(batch, rounds) for batch in (10, 1_000)]
    return [*figures, _full_against_normal(rounds)]


def _against_bare(batch: int, rounds: int) -> Figure:
    most = _MOST[batch]
    pair = in_turns(lambda: ours(batch, most), lambda: bare(batch, most), rounds)
    return Figure(
        bench="outbox",
        what=f"claim and settle, {batch:,} at a time",
        size=most,
        ours=pair.ours,
        unit="rows/s",
        limit=pair.limit,
        ratio=pair.ratio,
        at_least=0.5,
        peak_mb=peak_mb(),
        note="ours also journals, counts, decrypts the address and renders the text",
    )


def _full_against_normal(rounds: int) -> Figure:
    pairs = [(ours(1_000, 20_000), ours(1_000, 20_000, "NORMAL")) for _ in range(rounds + 2)]
    pair = pair_of(pairs[1:])
    return Figure(
        bench="outbox",
        what="synchronous FULL against NORMAL, 1,000 at a time",
        size=20_000,
        ours=pair.ours,
        unit="rows/s",
        limit=pair.limit,
        ratio=pair.ratio,
        at_least=0.85,
    )


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


def ours(batch: int, most: int, synchronous: str = "FULL") -> float:
    """The engine's own steps, as the runner makes them: settle, and claim what comes next."""
    with ground(_PEOPLE, at_once=batch, synchronous=synchronous) as here:
        here.expand(here.draft())
        began = time.perf_counter()
        done = here.hand_over(most)
        return done / (time.perf_counter() - began)
