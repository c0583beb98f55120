"""`alertd demo`: the whole job on one machine, quickly, with its promises kept."""

import json
from pathlib import Path

from tests.acceptance.command import alertd


def test_the_whole_job_ends_with_the_report_and_every_promise_kept(tmp_path: Path) -> None:
    said = alertd(
        tmp_path / "data", "demo", "--scale", "0.05", "--speed", "120", "--json", cwd=tmp_path
    )
    assert said.code == 0, said.err
    found = said.document
    assert all(promise["held"] for promise in found["promises"])
    assert len(found["promises"]) == 5
    checked = {promise["name"]: promise["checked"] for promise in found["promises"]}
    assert checked["what is called sent was seen by its peer"] > 50

    assert sorted(path.name for path in (tmp_path / "demo-output").iterdir()) == [
        "deliveries.csv",
        "duties.csv",
        "people.csv",
        "report.csv",
        "report.html",
        "report.json",
        "report.pdf",
        "report.xlsx",
        "report.zh-CN.html",
        "report.zh-CN.pdf",
    ]
    report = json.loads((tmp_path / "demo-output" / "report.json").read_text("utf-8"))
    assert report["figures"]["course"]["state"] == "all-clear"
    assert report["figures"]["rates"]["answer"]["n"] > 0
    assert not (tmp_path / "data").exists(), "a demonstration leaves the real data folder alone"


def test_off_a_terminal_progress_is_plain_lines(tmp_path: Path) -> None:
    said = alertd(
        tmp_path / "data",
        *("demo", "--scale", "0.05", "--speed", "240", "--keep", str(tmp_path / "kept")),
        cwd=tmp_path,
    )
    assert said.code == 0, said.err
    assert "answered" in said.err
    assert "\x1b" not in said.err + said.out
    assert "kept: the journal's chain holds" in said.out
    assert (tmp_path / "kept" / "alertd.sqlite3").is_file()
