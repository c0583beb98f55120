"""The simulator's checks bite: faults are planted, one at a time, in a copy of the tree, and the
nights that are played there must break a promise. Without a fault they keep all of them.

The faults are a table, `planted_nights.toml`.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import nights
from tests.faults.test_planted import COPIED, ROOT, Planted

SEEDS = range(8)
PROMISES = {1, 2, 3, 4, 5, 6, 8, 9, 10}  # 7 and 11 are about who asks, and about pages


@dataclass(frozen=True, slots=True)
class PlantedInNights(Planted):
    """A row of the table; `seed` names a night in which a rare fault shows."""

    test: str = ""
    seed: int | None = None

    @property
    def seeds(self) -> Sequence[int]:
        return SEEDS if self.seed is None else [self.seed]


def read_table() -> list[PlantedInNights]:
    text = Path(__file__).with_name("planted_nights.toml").read_text(encoding="utf-8")
    return [PlantedInNights(**row) for row in tomllib.loads(text)["fault"]]


FAULTS = read_table()


@dataclass
class Tree:
    """A copy of the product, in which nights are played."""

    folder: Path
    city: Path
    process: Any = field(init=False)
    asked: int = 0

    def __post_init__(self) -> None:
        for name in COPIED:
            if name != "docs":
                shutil.copytree(ROOT / name, self.folder / name)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.night_forks"],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def play(self, seeds: Sequence[int]) -> dict[str, Any]:
        """What the nights of these seeds break, on the code as it is there now."""
        self.asked += 1
        out = self.folder / f"{self.asked}.json"
        asked = {"city": str(self.city), "seeds": list(seeds), "out": str(out)}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        assert "error" not in found, found["error"]
        return found

    def planted(self, fault: PlantedInNights) -> dict[str, Any]:
        """What they break with a fault, which is taken out again."""
        path = self.folder / fault.file
        before = path.read_bytes()
        fault.plant(self.folder)
        try:
            return self.play(fault.seeds)
        finally:
            path.write_bytes(before)
            for stale in path.parent.glob(f"__pycache__/{path.stem}.*"):
                stale.unlink()


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    (tmp_path / "city").mkdir()
    found = Tree(tmp_path / "tree", nights.build(tmp_path / "city"))
    yield found
    found.close()


def uncaught(tree: Tree, faults: Sequence[PlantedInNights]) -> list[str]:
    return [fault.name for fault in faults if not tree.planted(fault)["broken"]]


def test_every_promise_has_faults() -> None:
    assert {fault.promise for fault in FAULTS} == PROMISES
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20


def test_every_fault_fits_the_code() -> None:
    for fault in FAULTS:
        times = (ROOT / fault.file).read_text(encoding="utf-8").count(fault.find)
        assert times == 1, f"{fault.name}: `find` is {times} times in {fault.file}"
        assert fault.find != fault.put


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_simulated_nights_notice_every_planted_fault(tree: Tree) -> None:
    assert not tree.play(SEEDS)["broken"]
    assert uncaught(tree, FAULTS) == []
