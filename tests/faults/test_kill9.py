"""DESIGN §6.1: kill -9 at any point loses nothing, and nothing rests in `sending`."""

import random
from pathlib import Path

import pytest

from tests.faults.kill_loop import Loop, gateway, kill_again_and_again

LEAST_BETWEEN = 0.8  # of the kills must fall between a claim and its settlement

ENOUGH = 100  # waiting deliveries, so that every label is passed a few times
LABELS = (
    *(f"{when}:{kind}" for when in ("before", "after") for kind in ("claimed", "settled")),
    *(f"{when}:alert.expanded" for when in ("before", "after")),
    *("send", "sent"),
)


async def one_engine(directory: Path, seed: int, kills: int) -> None:
    loop = Loop(directory, gateway(directory), random.Random(seed))
    await kill_again_and_again(loop, kills)
    loop.check()
    assert loop.between >= LEAST_BETWEEN * loop.kills, f"{loop.between} of {loop.kills}"


async def several_engines(directory: Path, seed: int, kills: int, workers: int) -> None:
    loop = Loop(
        directory, gateway(directory), random.Random(seed), postgresql=True, workers=workers
    )
    await kill_again_and_again(loop, kills)
    loop.check()


async def labelled(directory: Path, seed: int, times: int, *, postgresql: bool) -> None:
    dice = random.Random(seed)
    loop = Loop(directory, gateway(directory), dice, postgresql=postgresql)
    await loop.peer.start()
    try:
        for _ in range(times):
            for label in dice.sample(LABELS, len(LABELS)):
                expanding = label.endswith("expanded")
                if expanding or loop.unfinished() < ENOUGH:
                    loop.issue(expanded=not expanding)
                await loop.die_at(label, dice.randint(1, 3))
        await loop.live_until_rest()
    finally:
        await loop.end()
        await loop.peer.stop()
    loop.check()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(4))
async def test_kill_9_at_22_random_points_loses_nothing(tmp_path: Path, seed: int) -> None:
    await one_engine(tmp_path, seed, 22)  # and 12 of one of four workers: a hundred


@pytest.mark.timeout(300)
async def test_kill_9_of_one_of_four_workers_on_postgresql_loses_nothing(tmp_path: Path) -> None:
    await several_engines(tmp_path, 4, kills=12, workers=4)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("postgresql", [False, True])
async def test_kill_9_at_every_labelled_step(tmp_path: Path, *, postgresql: bool) -> None:
    await labelled(tmp_path, 5, 1, postgresql=postgresql)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(10))
async def test_kill_9_at_100_random_points_loses_nothing(tmp_path: Path, seed: int) -> None:
    await one_engine(tmp_path, 1_000 + seed, 100)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("seed", range(5))
async def test_kill_9_at_100_points_on_postgresql(tmp_path: Path, seed: int, workers: int) -> None:
    await several_engines(tmp_path, 2_000 + seed, kills=100, workers=workers)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("postgresql", [False, True])
@pytest.mark.parametrize("seed", range(5))
async def test_kill_9_at_every_labelled_step_many_times(
    tmp_path: Path, seed: int, *, postgresql: bool
) -> None:
    await labelled(tmp_path, 3_000 + seed, 12, postgresql=postgresql)
