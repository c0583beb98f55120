"""Replies in: signed, stored, read, committed; against the same route doing nothing."""

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import limits
from figures import Figure, pair_of
from ground import CACHE
from peer import HERE, program

_CONNECTIONS = 100
_SECRET = b"bench"


def run(*, quick: bool) -> list[Figure]:
    """With and without a confirmation to each."""
    many = 1_000 if quick else 5_000
    rounds = 2 if quick else 3
    return [_measured(many, rounds, confirm=confirm) for confirm in (False, True)]


def _measured(many: int, rounds: int, *, confirm: bool) -> Figure:
    nothing = [sys.executable, str(HERE / "limits.py"), "nothing"]
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        database, phones = Path(folder) / "database", Path(folder) / "phones.json"
        ours = [sys.executable, str(HERE / "inbound_node.py"), str(database), str(phones)]
        with program([*ours, "confirm"] if confirm else ours) as port, program(nothing) as bare:
            people: list[str] = json.loads(phones.read_text())
            pairs = []
            for turn in range(rounds):
                some = people[turn * many : (turn + 1) * many]
                pairs.append((_rate(port, some, f"r{turn}"), _rate(bare, some, f"r{turn}")))
            counted = _counted(Path(database.read_text()))
            assert counted == rounds * many, f"{counted} of {rounds * many} replies counted"
    pair = pair_of(pairs)
    return Figure(
        bench="inbound",
        what="replies, each confirmed by SMS" if confirm else "replies",
        size=many,
        ours=pair.ours,
        unit="req/s",
        limit=pair.limit,
        ratio=pair.ratio,
        at_least=None if confirm else 0.3,
        note="one reply a request, 100 connections, synchronous FULL; every one was counted",
    )


def _rate(port: int, phones: Sequence[str], run_: str) -> float:
    requests = limits.reply_requests("/hooks/sms/replies", _SECRET, phones, run_)
    began = time.perf_counter()
    taken = asyncio.run(limits.post_all(port, requests, _CONNECTIONS))
    assert taken == len(phones), f"{taken} of {len(phones)} taken"
    return taken / (time.perf_counter() - began)


def _counted(database: Path) -> int:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    (counted,) = connection.execute("SELECT count(*) FROM inbound WHERE verdict = 'counted'")
    connection.close()
    return int(counted[0])
