"""The wall clock leaps by 400 days and back: no rung is skipped, doubled, early or out of its time.

A real engine process sends through a real gateway process while its wall clock is set to anything
within 400 days of the truth, again and again; and it is killed and started with a wrong clock. What
happened when is read in the gateway's own log, by the gateway's own clock.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.decide.timekeeping import GAP_MS
from alertd.model import AlertState, Policy, RequirementState, Step
from alertd.store import tables as t
from tests import databases
from tests.city import City, sms_route
from tests.contract.process_peer import ROOT, ProcessPeer
from tests.faults.secret import SECRET
from tests.faults.wrong_clock import FAR_S, WallClock, needs_libfaketime

pytestmark = needs_libfaketime

PULSE_MS = 250
GAP_S = GAP_MS // 1000
RUNG_S = 2.5
SLACK_S = 5.0  # of a machine that runs six test suites; rungs can't be early by any of it
PATIENCE_S = 60.0
POLICY = Policy(
    name="clock",
    unknown_grace_s=0.5,
    confirm_replies=False,
    digest_window_s=0.5,
    steps=(
        Step(after_min=RUNG_S / 60, do=("remind",)),
        Step(after_min=2 * RUNG_S / 60, do=("alternate",)),
        Step(after_min=3 * RUNG_S / 60, do=("remind",)),
        Step(after_min=4 * RUNG_S / 60, do=("duty_desk",)),
    ),
)
# What the gateway sees of each rung, in its order.
RUNGS = ("reminder", "takeover", "reminder", "digest")


@dataclass
class Town:
    """One city under an alert, its gateway, and an engine that lives by a wrong clock."""

    directory: Path
    peer: ProcessPeer
    wall: WallClock
    dice: random.Random
    issued_at: float = 0.0  # s, by the wall clock that the gateway has, too
    alert_no: int = 0
    off_s: float = 0.0  # how long no engine ran
    reboots: int = 0
    told: int = 0
    _died_at: float | None = field(default=None)
    _process: asyncio.subprocess.Process | None = None

    def issue(self) -> None:
        """Have an alert issued; its first messages wait for the engine under test."""
        city = City(
            self.directory,
            routes=(sms_route(in_flight=1, burst=1, rate_per_s=0.001, timeout_s=0.1),),
            policies=dict.fromkeys(("red", "orange", "yellow", "blue"), POLICY),
            behave=lambda _: None,
        )
        city.now = time.time_ns() // 1_000_000
        self.issued_at = city.now / 1000
        self.alert_no = city.issue(roles=("grid_leader",))
        c = t.requirement.c
        self.told = len(city.rows(select(c.no).where(c.state == int(RequirementState.OPEN))))
        assert self.told > 5
        city.store.close()
        self._died_at = time.monotonic()

    async def boot(self) -> None:
        """Start the engine; returns when it works."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.victim"),
            *(databases.url_of(self.directory), self.peer.url),
            *("--pulse-ms", str(PULSE_MS)),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env=self.wall.environment(),
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            ready = json.loads(await self._process.stdout.readline())
        assert ready["ready"]["pid"] == self._process.pid
        if self._died_at is not None:
            self.off_s += time.monotonic() - self._died_at
            self._died_at = None

    async def kill(self) -> None:
        """The plug is pulled."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._died_at = time.monotonic()
        await self._process.wait()
        self.reboots += 1

    async def end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def anything(self) -> int:
        """An offset of a wall clock, in seconds: a little wrong, or as wrong as it gets."""
        most = self.dice.choice((600, 86_400, FAR_S))
        return self.dice.choice((-most, most, self.dice.randint(-most, most)))

    def unbelievable(self) -> int:
        """An offset that a start must see through; a day ahead may be a day without power."""
        back, ahead = self.dice.randint(600, FAR_S), self.dice.randint(GAP_S + 600, FAR_S)
        return self.dice.choice((-FAR_S, FAR_S, -back, ahead))

    def taken(self) -> list[dict[str, Any]]:
        """What the gateway took."""
        return [line for line in self.peer.lines() if line["what"] == "message" and line["taken"]]

    def done(self) -> bool:
        """Whether the last rung's digest has arrived, and all that went before."""
        told: dict[str, set[str]] = defaultdict(set)
        for line in self.taken():
            told[line["kind"]].add(line["phone"])
        return bool(told["digest"]) and told["alert"] >= told["reminder"]

    def check(self) -> None:
        """Every rung once, in its order and in its time; nothing has ended early."""
        by_kind: dict[str, dict[int, float]] = defaultdict(dict)
        addressed: dict[tuple[str, str], set[int]] = defaultdict(set)
        for line in self.taken():
            number = line["delivery"]
            if number in by_kind[line["kind"]]:
                assert line["possible_duplicate"], "sent twice and not marked"
                continue
            by_kind[line["kind"]][number] = line["ts"] / 1000 - self.issued_at
            addressed[line["kind"], line["phone"]].add(number)
        assert sorted(by_kind) == ["alert", "digest", "reminder", "takeover"]
        for (kind, _), numbers in addressed.items():
            assert len(numbers) == RUNGS.count(kind) or kind == "alert", f"{kind}: {numbers}"
        self._in_time("takeover", 2, by_kind["takeover"])
        self._in_time("digest", 4, by_kind["digest"])
        reminders = sorted(by_kind["reminder"].items())
        half = len(reminders) // 2
        self._in_time("reminder", 1, dict(reminders[:half]))
        self._in_time("reminder", 3, dict(reminders[half:]))
        assert {to for kind, to in addressed if kind == "alert"} == {
            to for kind, to in addressed if kind == "reminder"
        }
        self._nothing_ended()

    def _in_time(self, kind: str, rung: int, seen: dict[int, float]) -> None:
        assert seen, f"{kind}: skipped"
        due = rung * RUNG_S
        # Time off isn't counted where the clock that is found then can't be believed; and of the
        # time before it, as much as a pulse may be lived twice.
        latest = due + self.off_s + self.reboots * PULSE_MS / 1000 + SLACK_S
        assert due <= min(seen.values()), f"{kind}: {min(seen.values())} s, due at {due} s"
        assert max(seen.values()) <= latest, f"{kind}: {max(seen.values())} s, not by {latest} s"

    def _nothing_ended(self) -> None:
        city = City(self.directory, fresh=False)
        assert city.one(select(t.alert.c.state)).state == AlertState.ISSUED.value
        c = t.requirement.c
        steps = city.rows(select(c.step, c.state).where(c.start_at > 0).distinct())
        assert steps == [(len(RUNGS), int(RequirementState.EXHAUSTED))]
        city.store.close()


@asynccontextmanager
async def town(directory: Path, seed: int) -> AsyncIterator[Town]:
    peer = ProcessPeer(
        "channels.sms.handset_sim",
        directory / "gateway.jsonl",
        *("--secret", SECRET, "--mix", '{"silent": 1.0}'),
    )
    found = Town(directory, peer, WallClock(directory), random.Random(seed))
    await peer.start()
    try:
        yield found
    finally:
        await found.end()
        await peer.stop()


async def wall_clock_leaps(directory: Path, seed: int) -> None:
    async with town(directory, seed) as found:
        found.issue()
        await found.boot()
        async with asyncio.timeout(PATIENCE_S):
            while not found.done():
                found.wall.set(found.anything())
                await asyncio.sleep(found.dice.uniform(0.0, 0.5))  # the random moment itself
        found.check()


async def reboots_with_a_wrong_clock(directory: Path, seed: int, kills: int) -> None:
    async with town(directory, seed) as found:
        found.issue()
        moments = sorted(found.dice.uniform(0.2, 3.8 * RUNG_S) for _ in range(kills))
        async with asyncio.timeout(PATIENCE_S * (1 + kills)):
            await found.boot()
            lived, began = 0.0, time.monotonic()
            for moment in moments:
                await asyncio.sleep(max(0.0, moment - lived))  # the random moment itself
                await found.kill()
                lived += time.monotonic() - began
                # Also the truth, now and then: what came due while we were off is due then.
                found.wall.set(found.dice.choice((*(found.unbelievable() for _ in range(3)), 0)))
                await found.boot()
                began = time.monotonic()
            while not found.done():  # noqa: ASYNC110 - the gateway's log tells nobody
                await asyncio.sleep(0.1)
        found.check()


@pytest.mark.timeout(180)
async def test_leaps_of_400_days_in_mid_run_move_no_rung(tmp_path: Path) -> None:
    await wall_clock_leaps(tmp_path, 0)


@pytest.mark.timeout(300)
async def test_reboots_with_a_wrong_clock_skip_and_double_no_rung(tmp_path: Path) -> None:
    await reboots_with_a_wrong_clock(tmp_path, 0, kills=2)


TICKS = """
import asyncio
from alertd.ticking import Ticker

async def main():
    Ticker().every(0.05, lambda: print("tick", flush=True))
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_clock_that_is_set_back_stops_nothing_that_is_done_now_and_then(
    tmp_path: Path,
) -> None:
    wall = WallClock(tmp_path)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TICKS),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=wall.environment(),
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            for off_s in (0, -FAR_S, FAR_S):
                wall.set(off_s)
                for _ in range(5):
                    assert await child.stdout.readline() == b"tick\n"
    finally:
        child.kill()
        await child.wait()


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(100, 120))
async def test_leaps_of_400_days_with_many_seeds(tmp_path: Path, seed: int) -> None:
    await wall_clock_leaps(tmp_path, seed)


@pytest.mark.soak
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("seed", range(200, 220))
async def test_reboots_with_many_seeds(tmp_path: Path, seed: int) -> None:
    await reboots_with_a_wrong_clock(tmp_path, seed, kills=5)
