"""The board: its figures come from rollups, so that they cost the same at any size."""

import tempfile
import time
from pathlib import Path
from statistics import median

import limits
from figures import Figure, peak_mb
from ground import CACHE, CITY_SCALES, ground
from sqlalchemy import Connection, event

from alertd.store.reads.board import board


def run(*, quick: bool) -> list[Figure]:
    """At every size, beside a GROUP BY over as many deliveries."""
    sizes = sorted(CITY_SCALES)[: 1 if quick else None]
    return [figure for size in sizes for figure in _at(size, 20 if quick else 100)]


def _at(people: int, rounds: int) -> list[Figure]:
    with ground(people) as here:
        here.expand(here.draft())
        with here.store.read() as connection:
            touched = _statements_on_deliveries(connection)
            ours = median(_board_ms(connection) for _ in range(rounds))
    limit = median(_group_by_ms(people) for _ in range(3))
    return [
        Figure(
            bench="board",
            what="its figures, beside a GROUP BY",
            size=people,
            ours=ours,
            unit="ms",
            limit=limit,
            ratio=ours / limit,
            peak_mb=peak_mb(),
        ),
        Figure(
            bench="board",
            what="statements that read deliveries",
            size=people,
            ours=touched,
            unit="",
            at_most=0,
        ),
    ]


def _board_ms(connection: Connection) -> float:
    began = time.perf_counter()
    board(connection, 1)
    return (time.perf_counter() - began) * 1000


def _statements_on_deliveries(connection: Connection) -> int:
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(connection, "before_cursor_execute", note)
    board(connection, 1)
    event.remove(connection, "before_cursor_execute", note)
    return sum("delivery" in text.replace("delivery_count", "").split() for text in seen)


def _group_by_ms(rows: int) -> float:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        connection = limits.fresh_database(Path(folder) / "limit.sqlite3", limits.everybody(rows))
        limits.insert_select(connection)
        took = limits.group_by(connection)
        connection.close()
        return took
