"""Expansion: from the approval to every requirement, delivery and fact on disk, in chunks."""

import tempfile
import time
from pathlib import Path

import limits
from figures import Figure, in_turns, peak_mb
from ground import CACHE, CITY_SCALES, Ground, ground
from sqlalchemy import select

from alertd.store import tables as t

_FIRST_OUT_MS = 300


def run(*, quick: bool) -> list[Figure]:
    """At every size: the rate against one raw INSERT … SELECT, and the first message out."""
    sizes = sorted(CITY_SCALES)[: 1 if quick else None]
    return [figure for size in sizes for figure in _at(size, 2 if quick else 5)]


def _at(people: int, rounds: int) -> list[Figure]:
    made: list[tuple[int, int | None]] = []

    def ours() -> float:
        with ground(people) as here:
            drafted = here.draft()
            began = time.perf_counter()
            here.expand(drafted)
            took = time.perf_counter() - began
            made[:] = _recipients(here)
            return len(made) / took

    def limit() -> float:
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            connection = limits.fresh_database(Path(folder) / "limit.sqlite3", made)
            took = limits.insert_select(connection)
            connection.close()
            return len(made) / took

    pair = in_turns(ours, limit, rounds)
    first = sorted(first_out_ms(people) for _ in range(rounds))[rounds // 2]
    return [
        Figure(
            bench="expand",
            what="selection to deliveries on disk",
            size=people,
            ours=pair.ours,
            unit="rows/s",
            limit=pair.limit,
            ratio=pair.ratio,
            at_least=0.5,
            peak_mb=peak_mb(),
            note="the limit is one INSERT … SELECT of the same rows; ours also finds them, asks"
            " every duty twice (received, done), counts, journals, and commits in chunks",
        ),
        Figure(
            bench="expand",
            what="issue to first message out",
            size=people,
            ours=first,
            unit="ms",
            at_most=_FIRST_OUT_MS,
        ),
    ]


def _recipients(here: Ground) -> list[tuple[int, int | None]]:
    c = t.delivery.c
    with here.store.read() as connection:
        rows = connection.execute(select(c.recipient_no, c.address_no).order_by(c.id))
        return [(row.recipient_no, row.address_no) for row in rows]


def first_out_ms(people: int) -> float:
    """From the approval until a person's message may leave, claimed and on disk."""
    with ground(people) as here:
        drafted = here.draft()
        began = time.perf_counter()
        step = here.engine.step(here.now, [here.approving(drafted)])
        while not any(handover.route == "sms" for handover in step.handovers):
            step = here.engine.step(here.now)
        return (time.perf_counter() - began) * 1000
