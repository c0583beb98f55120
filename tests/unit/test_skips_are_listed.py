"""CI fails on a skipped test that nobody listed; the script that decides so is run for real."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PASSED = '<testcase classname="tests.unit.test_a" name="test_one"/>'
MOSQUITTO = """<testcase classname="tests.contract.test_mqtt" name="test_real[qos1]">
    <skipped type="pytest.skip" message="install mosquitto">x.py:1</skipped></testcase>"""
WHOLE_FILE = """<testcase classname="" name="tests.unit.test_b">
    <skipped type="pytest.skip" message="no luck
        today">x.py:1</skipped></testcase>"""
EXPECTED_FAILURE = """<testcase classname="tests.unit.test_a" name="test_two">
    <skipped type="pytest.xfail" message="known"/></testcase>"""
LIST = "# why\n\n*test_mqtt*: *mosquitto* | only root may install it\n"


def check(folder: Path, cases: str, listing: str = LIST) -> subprocess.CompletedProcess[str]:
    junit = folder / "junit.xml"
    junit.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", encoding="utf-8")
    allowed = folder / "allowed.txt"
    allowed.write_text(listing, encoding="utf-8")
    return subprocess.run(
        [sys.executable, ROOT / ".ci" / "check_skips.py", junit, allowed],
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_listed_skip_is_all_right_and_nothing_is_said(tmp_path: Path) -> None:
    ran = check(tmp_path, PASSED + MOSQUITTO)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("case", "told"),
    [
        (WHOLE_FILE, "tests.unit.test_b: no luck today"),
        (EXPECTED_FAILURE, "tests.unit.test_a.test_two: known"),
        (MOSQUITTO.replace("test_mqtt", "test_other"), "tests.contract.test_other.test_real[qos1]"),
    ],
)
def test_a_skip_that_nobody_listed_fails(tmp_path: Path, case: str, told: str) -> None:
    ran = check(tmp_path, PASSED + MOSQUITTO + case)
    assert ran.returncode == 1
    assert told in ran.stderr
    assert "install mosquitto" not in ran.stderr or "test_other" in told


def test_no_tests_at_all_fails(tmp_path: Path) -> None:
    assert check(tmp_path, "").returncode == 1


def test_a_listed_pattern_needs_a_reason(tmp_path: Path) -> None:
    ran = check(tmp_path, PASSED, "*: *anything*\n")
    assert ran.returncode == 2
    assert "line 1" in ran.stderr


def test_a_missing_report_fails(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, ROOT / ".ci" / "check_skips.py", tmp_path / "none.xml", tmp_path / "none"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2


def test_the_committed_list_can_be_read(tmp_path: Path) -> None:
    listing = (ROOT / ".ci" / "allowed-skips.txt").read_text(encoding="utf-8")
    assert check(tmp_path, PASSED, listing).returncode == 0
