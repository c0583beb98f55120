"""The simulator as a test of the engine: every simulated night keeps DESIGN §6, and is the same
night wherever it is played."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.simulate.stage import Stage
from tests import nights

ROOT = Path(__file__).parents[2]
QUICK = 16
AT_ONCE = 8
SOAK = 10_000
SOAK_AT_ONCE = 250


@pytest.fixture(scope="module")
def opened() -> Iterator[Stage]:
    with nights.city() as stage:
        yield stage


def keep_their_promises(opened: Stage, seeds: range) -> None:
    for seed in seeds:
        broken = nights.play(opened, seed).broken
        replay = f"python -m tests.nights --seeds {seed}-{seed}"
        assert not broken, f"{broken}; to play it again: {replay}"


@pytest.mark.parametrize("first", range(0, QUICK, AT_ONCE))
def test_every_night_keeps_its_promises(opened: Stage, first: int) -> None:
    keep_their_promises(opened, range(first, first + AT_ONCE))


@pytest.mark.soak
@pytest.mark.parametrize("first", range(QUICK, QUICK + SOAK, SOAK_AT_ONCE))
def test_each_of_ten_thousand_nights_keeps_its_promises(opened: Stage, first: int) -> None:
    keep_their_promises(opened, range(first, first + SOAK_AT_ONCE))


def test_a_seed_is_the_same_night_in_any_process(opened: Stage, tmp_path: Path) -> None:
    """The same fingerprint, whatever Python's hashes are like there."""
    (tmp_path / "city").mkdir()
    command = [sys.executable, "-m", "tests.nights", "--seeds", "4-5"]
    command += ["--city", str(nights.build(tmp_path / "city"))]
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    elsewhere = [json.loads(line)["fingerprint"] for line in ran.stdout.splitlines()]
    here = [nights.play(opened, seed).fingerprint for seed in (4, 5)]
    assert here == elsewhere
    assert here[0] != here[1]
