"""A process of alertd's under `make bench-scale`, on a city in PostgreSQL.

    python scale_node.py expand URL                     draft, approve, write everything down
    python scale_node.py hand URL BATCH WORKERS MOST    claim and settle, every try accepted
    python scale_node.py work URL WORKERS PORT ISSUES   engine, runner, a route to a gateway

Says `ready` as JSON and waits for a line; prints what it took when it is done (`work`: when a
second line comes), and ends at the line after that.
"""

import asyncio
import json
import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent)]

from figures import peak_mb  # noqa: E402 - the path comes first
from ground import Ground  # noqa: E402 - the same
from scale_ground import engine_at, now, sms  # noqa: E402 - the same

from alertd.engine.core import Engine, Handover, Input  # noqa: E402 - the same
from alertd.engine.heap import settle_heap  # noqa: E402 - the same
from alertd.engine.runner import Runner  # noqa: E402 - the same
from alertd.engine.settling import Settlement  # noqa: E402 - the same
from channels import registry  # noqa: E402 - the same
from channels.base import (  # noqa: E402 - the same
    Accepted,
    Channel,
    Limits,
    Outcome,
    RouteConfig,
    RouteContext,
)

_LOOK_S = 0.3  # how often a waiting process shows the others that it is there
_MOST_A_CLAIM = 1_000
_AT_ONCE = 400


def say(what: dict[str, Any]) -> None:
    """To whoever started this."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


class Meter:
    """Time, processor time and memory since it was made."""

    def __init__(self) -> None:
        self.before_mb = peak_mb()
        self.began, self.busy = time.perf_counter(), time.process_time()

    def read(self, done: int, **more: float) -> dict[str, float]:
        """What was used for so many."""
        return {
            "done": done,
            "seconds": time.perf_counter() - self.began,
            "cpu_seconds": time.process_time() - self.busy,
            "peak_mb": peak_mb(),
            "before_mb": self.before_mb,
            **more,
        }


def ground_of(engine: Engine) -> Ground:
    """Drafts alerts."""
    return Ground(Path(), engine.store, engine, engine.library, now=now())


def expand(url: str) -> None:
    """From the approval until every requirement, delivery and fact is on disk."""
    here = ground_of(engine_at(url, sms(1_000, 1), _lease()))
    here.engine.load_live_alerts(now())
    drafted = here.draft()
    settle_heap()
    say({"ready": True})
    sys.stdin.readline()
    meter = Meter()
    here.expand(drafted)
    say(meter.read(0))
    sys.stdin.readline()
    here.store.close()


def hand(url: str, batch: int, workers: int, most: int) -> None:
    """Claim and settle as the runner does, and nothing else."""
    engine = engine_at(url, sms(batch, workers), _lease())
    engine.load_live_alerts(now())
    settle_heap()
    _wait_beating(engine)
    meter = Meter()
    done, committing, slowest = _hand_over(engine, batch, most)
    say(meter.read(done, committing=committing, slowest=slowest))
    sys.stdin.readline()
    engine.store.close()


def _wait_beating(engine: Engine) -> None:
    """Be one of the workers until the word comes; claims nothing."""
    engine.step(now(), claim=False)
    say({"ready": True})
    while not select.select([sys.stdin], [], [], _LOOK_S)[0]:
        engine.step(now(), claim=False)
    sys.stdin.readline()


def _hand_over(engine: Engine, batch: int, most: int) -> tuple[int, float, float]:
    """Returns how many, the seconds of commits, and of the longest one."""
    done, committing, slowest = 0, 0.0, 0.0
    inputs: list[Input] = []
    while True:
        handovers: list[Handover] = []
        claimed = 0
        while claimed < batch:
            at = time.perf_counter()
            committed = engine.commit(now(), inputs)
            took = time.perf_counter() - at
            committing, slowest = committing + took, max(slowest, took)
            assert not any(answer.error for answer in committed.answers)
            inputs = []
            if not committed.claimed:
                break
            handovers += [engine.render(each) for each in committed.claimed]
            claimed = sum(len(handover.messages) for handover in handovers)
        if not handovers:
            return done, committing, slowest
        done += claimed
        inputs = [_accepting(handover.route, handovers) for handover in handovers[:1]]
        if done >= most:
            engine.commit(now(), inputs, claim=False)
            return done, committing, slowest


def _accepting(route: str, handovers: list[Handover]) -> Settlement:
    accepted = Accepted("reference")
    return Settlement(
        route,
        [Outcome(m.delivery, m.attempt, accepted) for each in handovers for m in each.messages],
    )


async def work(url: str, workers: int, port: int, *, issues: bool) -> None:
    """The whole: engine, runner, and a route to a real gateway."""
    engine = engine_at(url, sms(_AT_ONCE, workers), _lease())
    channel = _channel(port, workers)
    runner = Runner(engine, {"sms": channel}, now=now)
    drafted = ground_of(engine).draft() if issues else b""
    await runner.start()
    settle_heap()
    say({"ready": True})
    words = _Words()
    await words.next()
    meter = Meter()
    if issues:
        await runner.submit(ground_of(engine).approving(drafted))
    await words.next()
    say(meter.read(0))
    await words.next()
    await runner.stop()
    engine.store.close()


class _Words:
    """Lines of stdin, read by a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)

    async def next(self) -> str:
        return await self._lines.get()


def _channel(port: int, workers: int) -> Channel:
    async def nowhere(_route: str, _events: object) -> None:
        pass

    context = RouteContext(now=now, sink=nowhere, public_base_url="http://127.0.0.1")
    most = _AT_ONCE * workers
    return registry.build(
        RouteConfig(
            name="sms",
            type="handsets",
            limits=Limits(in_flight=_AT_ONCE, rate_per_s=1e9, burst=most, timeout_s=60.0),
            options={"url": f"http://127.0.0.1:{port}", "secret": "secret"},
        ),
        context,
    )


def _lease() -> str:
    return os.urandom(6).hex()


def main(what: str, url: str, *more: str) -> None:
    """Which of the three."""
    numbers = [int(word) for word in more]
    if what == "expand":
        expand(url)
    elif what == "hand":
        hand(url, *numbers)
    else:
        workers, port, issues = numbers
        asyncio.run(work(url, workers, port, issues=bool(issues)))


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)
