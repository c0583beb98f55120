"""Each promise of DESIGN §6 has tests that bite: faults are planted, one at a time, in a copy of
the tree, and the test that is there to notice must turn red by an assertion.

The faults are tables, `planted.toml`, and `planted_score.toml` for drills' scores. A snippet that
isn't found exactly once is an error of the table: code moved, and the row has to move with it.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("alertd", "channels", "config", "docs", "drills", "rosters", "tests")
PROMISES = range(1, 12)
BY_ASSERTION = ("AssertionError", "assert ", "Failed: DID NOT RAISE")


@dataclass(frozen=True, slots=True)
class Planted:
    """A row of the table."""

    name: str
    file: str
    find: str
    put: str
    test: str
    promise: int = 0  # none of DESIGN §6: what a drill's score says
    short: bool = False

    def plant(self, tree: Path) -> None:
        """Put the fault into a tree; the row must fit the code."""
        text = (tree / self.file).read_text(encoding="utf-8")
        times = text.count(self.find)
        assert times == 1, f"{self.name}: `find` is {times} times in {self.file}"
        self._write(tree, text.replace(self.find, self.put))

    @contextmanager
    def planted(self, tree: Path) -> Iterator[None]:
        """The fault is in the tree for as long as this lasts."""
        text = (tree / self.file).read_text(encoding="utf-8")
        self.plant(tree)
        try:
            yield
        finally:
            self._write(tree, text)

    def _write(self, tree: Path, text: str) -> None:
        path = tree / self.file
        path.write_text(text, encoding="utf-8")
        for stale in path.parent.glob(f"__pycache__/{path.stem}.*"):
            stale.unlink()


TABLES = ("planted.toml", "planted_score.toml")


def read_tables() -> list[Planted]:
    texts = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in TABLES]
    return [Planted(**row) for text in texts for row in tomllib.loads(text)["fault"]]


FAULTS = read_tables()
SHORT = [fault for fault in FAULTS if fault.short]
LONG = [fault for fault in FAULTS if not fault.short]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all that a test may need; compiled files come along, so that it starts fast."""
    copy = tmp_path_factory.mktemp("planted") / "tree"
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name)
    for path in (ROOT / "pyproject.toml", *ROOT.glob("*.md")):
        shutil.copy2(path, copy)
    return copy


def verdicts(tree: Path, tests: list[str]) -> dict[str, list[str]]:
    """Run tests in a tree: for each what it failed by; nothing where it passed."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    report = tree.parent / "junit.xml"
    # Only the plugins that these tests need: the others take longer to load than a test to run.
    plain = ("-q", "-p", "no:cacheprovider", "-p", "anyio.pytest_plugin", "-p", "pytest_timeout")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, f"--junitxml={report}", *tests],
        cwd=tree,
        env={**ours, "PYTHONPATH": str(tree), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    # 0: all passed; 1: some failed. The rest is no verdict: an import that failed, no such test.
    assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
    found = {
        f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}": [
            f"{ending.tag}: {ending.get('message')}" for ending in case
        ]
        for case in ET.parse(report).iter("testcase")  # noqa: S314 - pytest's own
    }
    assert found.keys() == set(tests), ran.stdout + ran.stderr
    return found


def check_red(tree: Path, fault: Planted) -> None:
    with fault.planted(tree):
        (ending,) = verdicts(tree, [fault.test]).values() or [[]]
    assert ending, f"{fault.test} doesn't notice: {fault.name}"
    (how,) = ending
    assert how.startswith(tuple(f"failure: {word}" for word in BY_ASSERTION)), how


def check_green(tree: Path, faults: list[Planted]) -> None:
    found = verdicts(tree, sorted({fault.test for fault in faults}))
    assert {test: ending for test, ending in found.items() if ending} == {}


def test_every_promise_has_faults() -> None:
    for promise in PROMISES:
        assert [fault for fault in SHORT if fault.promise == promise], promise
        assert len([fault for fault in FAULTS if fault.promise == promise]) >= 2, promise
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_every_fault_fits_the_code(tree: Path) -> None:
    """All of them, also those that only `make soak` plants: the table can't rot unseen."""
    for fault in FAULTS:
        before = (tree / fault.file).read_bytes()
        with fault.planted(tree):
            assert (tree / fault.file).read_bytes() != before, fault.name
        assert (tree / fault.file).read_bytes() == before


@pytest.mark.timeout(600)
def test_without_a_fault_the_tests_pass_in_the_copy(tree: Path) -> None:
    check_green(tree, SHORT)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", SHORT, ids=lambda fault: f"{fault.promise}-{fault.name}")
def test_a_planted_fault_turns_its_test_red(tree: Path, fault: Planted) -> None:
    check_red(tree, fault)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_without_a_fault_all_of_the_tests_pass_in_the_copy(tree: Path) -> None:
    check_green(tree, LONG)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("fault", LONG, ids=lambda fault: f"{fault.promise}-{fault.name}")
def test_each_planted_fault_turns_its_test_red(tree: Path, fault: Planted) -> None:
    check_red(tree, fault)


def test_a_row_that_no_longer_fits_is_told(tree: Path) -> None:
    row = Planted("gone", "alertd/clock.py", "no such line", "x", "tests/unit/test_naming.py")
    with pytest.raises(AssertionError, match=r"gone: `find` is 0 times in alertd/clock\.py"):
        row.plant(tree)
