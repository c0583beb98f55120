"""The database dies and comes back: nothing accepted is lost, and all goes on by itself."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alertd.store import migrate
from tests import postgres
from tests.faults.kill_loop import Loop, gateway


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    """A PostgreSQL that keeps what it has committed, and whose plug may be pulled."""
    folder = Path(tempfile.mkdtemp(prefix="alertd-pg-"))  # short: a socket's path has 107 bytes
    folder.chmod(0o755)
    try:
        made = postgres.make(folder / "s")
        yield made
        made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def pull_the_plug(directory: Path, server: postgres.Server, seed: int, times: int) -> None:
    dice = random.Random(seed)
    migrate.upgrade(server.url())
    loop = Loop(directory, gateway(directory), dice, own=server.url(), workers=2)
    await loop.peer.start()
    try:
        await loop.peer.post("/control/gateway", {"latency_ms": 150})
        for _ in range(times):
            # One alert's messages take the gateway seven seconds: twenty alerts would be no rest.
            if not loop.expected or not loop.unfinished():
                loop.issue()
            while len(loop.alive) < loop.workers:
                loop.alive.append(await loop.start())
            await asyncio.sleep(dice.uniform(0.1, 0.6))  # the random point itself
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        await loop.live_until_rest()
    finally:
        await loop.end()
        await loop.peer.stop()
    loop.check()


@pytest.mark.timeout(300)
async def test_a_database_that_is_killed_loses_nothing(
    tmp_path: Path, server: postgres.Server
) -> None:
    await pull_the_plug(tmp_path, server, 1, 1)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(5))
async def test_a_database_that_is_killed_20_times_loses_nothing(
    tmp_path: Path, server: postgres.Server, seed: int
) -> None:
    await pull_the_plug(tmp_path, server, 100 + seed, 20)
