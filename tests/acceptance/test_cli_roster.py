"""A roster's way through the command line: written, checked, compared, imported, exported."""

import csv
from pathlib import Path

import pytest

from tests.acceptance.command import alertd


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    said = alertd(folder / "data", "roster", "sample", folder, "--scale", "0.05")
    assert said.code == 0, said.err
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def spoilt(sample: Path, folder: Path) -> Path:
    """The sample with a phone nobody can dial, and a rank that is none."""
    folder.mkdir()
    with (sample / "people.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    columns = rows[0]
    rows[3][columns.index("phone")] = "12345"
    rows[5][columns.index("rank")] = "first"
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def test_the_same_seed_writes_the_same_city(data: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two", tmp_path / "other"]
    for folder, seed in zip(folders, ("5", "5", "6"), strict=True):
        options = ("--scale", "0.05", "--seed", seed, "--day", "2026-05-01")
        assert alertd(data, "roster", "sample", folder, *options).code == 0
    one, two, other = ((folder / "people.csv").read_bytes() for folder in folders)
    assert one == two
    assert one != other


def test_checking_says_what_is_in_it_and_makes_no_data_folder(sample: Path, data: Path) -> None:
    said = alertd(data, "roster", "check", sample, "--json")
    assert said.code == 0
    assert said.document["ok"]
    assert said.document["counts"]["people"] == 1_000
    assert not data.exists()


def test_there_and_back_again_changes_nothing(sample: Path, data: Path, tmp_path: Path) -> None:
    shown = alertd(data, "roster", "diff", sample, "--json").document
    assert shown["version"] is None
    assert shown["changes"]["person"]["added"] == 1_000
    imported = alertd(data, "roster", "import", sample, "--why", "first", "--json")
    assert imported.document["version"] == 1

    out = tmp_path / "export"
    assert alertd(data, "roster", "export", out, "--unmasked").code == 0
    for place in (data, out / "people.csv"):
        assert not place.stat().st_mode & 0o077, f"{place.name}: others on the machine can read it"
    again = alertd(data, "roster", "diff", out, "--json").document
    assert not any(count for ways in again["changes"].values() for count in ways.values())


def test_an_export_hides_numbers_unless_asked(sample: Path, data: Path, tmp_path: Path) -> None:
    assert alertd(data, "roster", "import", sample).code == 0
    assert alertd(data, "roster", "export", tmp_path / "masked").code == 0
    with (sample / "people.csv").open(encoding="utf-8-sig", newline="") as file:
        phones = {row["phone"] for row in csv.DictReader(file)} - {""}
    text = (tmp_path / "masked" / "people.csv").read_text(encoding="utf-8-sig")
    assert not [phone for phone in phones if phone in text]
    said = alertd(data, "roster", "import", tmp_path / "masked")
    assert said.code == 2, "a masked file is for reading"


def test_a_bad_file_is_refused_as_a_whole_with_every_line(
    sample: Path, data: Path, tmp_path: Path
) -> None:
    bad = spoilt(sample, tmp_path / "bad")
    for command in ("check", "diff", "import"):
        said = alertd(data, "roster", command, bad)
        assert said.code == 2, command
        assert "people.csv line 4" in said.err
        assert "people.csv line 6" in said.err
        assert "12345" not in said.err
    assert alertd(data, "roster", "import", sample, "--json").document["version"] == 1


def test_problems_come_as_json_and_in_chinese(sample: Path, data: Path, tmp_path: Path) -> None:
    bad = spoilt(sample, tmp_path / "bad")
    said = alertd(data, "roster", "check", bad, "--json")
    assert said.code == 2
    assert {4, 6} <= {problem["line"] for problem in said.document["errors"]}
    chinese = alertd(data, "roster", "check", bad, env={"LC_ALL": "zh_CN.UTF-8"})
    assert "people.csv 第4行" in chinese.err
    assert "错误" in chinese.err
