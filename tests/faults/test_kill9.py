"""DESIGN §6.1: kill -9 at any point loses nothing, and nothing rests in `sending`.

A real engine process sends through a real gateway process. It is killed again and again; what was
lost, and which duplicates were marked, is counted from the gateway's own log and never from
alertd's tables (which only say what should have arrived).
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from alertd.model import DeliveryState, Policy
from alertd.store import tables as t
from tests.city import City, sms_route
from tests.contract.process_peer import ROOT, ProcessPeer
from tests.faults.secret import SECRET

KILLS_A_TEST = 25  # 4 tests of 25 run in parallel
LEAST_BETWEEN = 0.8  # of the kills must fall between a claim and its settlement
STUCK_S = 60.0
POLICY = Policy(name="kill", tell="everyone", unknown_grace_s=0.5, stages=(), steps=())


@dataclass
class Loop:
    """One city, one gateway, and an engine that is killed."""

    directory: Path
    peer: ProcessPeer
    dice: random.Random
    between: int = 0
    kills: int = 0
    expected: set[int] = field(default_factory=set)

    def issue(self) -> None:
        """Have an alert issued with nothing sent yet; a process of ours that ends in order."""
        city = City(
            self.directory,
            routes=(sms_route(in_flight=1, burst=1, rate_per_s=0.001),),
            policies=dict.fromkeys(("red", "orange", "yellow", "blue"), POLICY),
            behave=lambda _: None,
            fresh=not self.expected,
            now=time.time_ns() // 1_000_000 - 10_000,
        )
        city.issue(roles=("grid_leader", "building_lead", "party_member"))
        c = t.delivery.c
        rows = city.rows(select(c.id).where(c.lane // 10 == 1))
        self.expected = {row.id for row in rows}
        city.store.close()

    def open_sends(self) -> int:
        """How many tries were between claim and settlement when the engine died."""
        return self._count(DeliveryState.SENDING)

    def unfinished(self) -> int:
        """How many deliveries are still to be tried."""
        return self._count(DeliveryState.PENDING)

    def _count(self, state: DeliveryState) -> int:
        city = City(self.directory, fresh=False)
        n = city.one(select(func.count()).where(t.delivery.c.state == int(state)))[0]
        city.store.close()
        return int(n)

    def seen(self) -> dict[int, list[dict[str, Any]]]:
        """What the gateway took, by delivery, in its own log's order."""
        taken: dict[int, list[dict[str, Any]]] = defaultdict(list)
        with (self.directory / "gateway.jsonl").open(encoding="utf-8") as log:
            for line in log:
                entry = json.loads(line)
                if entry["what"] == "message" and entry["taken"]:
                    taken[entry["delivery"]].append(entry)
        return taken

    async def live_and_die(self) -> None:
        """Start the engine, and kill it at a random moment after it is ready."""
        process = await self._start()
        await asyncio.sleep(self.dice.uniform(0.0, 0.25))  # the random point itself
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        self.kills += 1
        self.between += bool(self.open_sends())

    async def live_until_rest(self) -> float:
        """Start it once more and let it finish; returns how long that took, in seconds."""
        started = time.monotonic()
        process = await self._start()
        assert process.stdout is not None
        async with asyncio.timeout(STUCK_S):
            assert json.loads(await process.stdout.readline()) == {"rest": True}
        process.send_signal(signal.SIGTERM)
        await process.wait()
        return time.monotonic() - started

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.victim",
            str(self.directory),
            self.peer.url,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        assert ready == {"ready": process.pid}
        return process


async def kill_again_and_again(directory: Path, seed: int, kills: int) -> Loop:
    peer = ProcessPeer(
        "channels.sms.handset_sim",
        directory / "gateway.jsonl",
        "--secret",
        SECRET,
        "--mix",
        '{"silent": 1.0}',
    )
    await peer.start()
    try:
        await peer.post("/control/gateway", {"latency_ms": 150})
        loop = Loop(directory, peer, random.Random(seed))
        while loop.kills < kills:
            if not loop.expected or not loop.unfinished():
                loop.issue()
            await loop.live_and_die()
        await loop.live_until_rest()
    finally:
        await peer.stop()
    return loop


def check(loop: Loop) -> None:
    seen = loop.seen()
    lost = loop.expected - seen.keys()
    assert not lost, f"{len(lost)} of {len(loop.expected)} never reached the gateway"
    unmarked = [
        copy for copies in seen.values() for copy in copies[1:] if not copy["possible_duplicate"]
    ]
    assert not unmarked, f"{len(unmarked)} duplicates without a mark"
    assert not loop.open_sends(), "something rests in sending"
    assert loop.between >= LEAST_BETWEEN * loop.kills, f"{loop.between} of {loop.kills}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(4))
async def test_kill_9_at_25_random_points_loses_nothing(tmp_path: Path, seed: int) -> None:
    check(await kill_again_and_again(tmp_path, seed, KILLS_A_TEST))


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(10))
async def test_kill_9_at_100_random_points_loses_nothing(tmp_path: Path, seed: int) -> None:
    check(await kill_again_and_again(tmp_path, 1_000 + seed, 100))
