"""The pictures of docs/performance.md are drawn from figures that stand in its text."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.unit.docs_pages import ROOT, read

MEASURED = ROOT / "tests" / "bench" / "measured.toml"
IN_WORDS = {1}  # GoAlert's


def test_each_picture_is_what_its_command_draws_and_the_page_shows_it(tmp_path: Path) -> None:
    drawing = [sys.executable, ROOT / "tests" / "bench" / "plots.py", "--out", tmp_path]
    subprocess.run(drawing, check=True, capture_output=True)
    drawn = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    there = {path.name: path.read_text(encoding="utf-8") for path in images()}
    assert there == drawn
    shown = re.findall(r"!\[[^\]]+\]\(images/([\w-]+\.svg)\)", read("docs/performance.md"))
    assert sorted(shown) == sorted(drawn)


def images() -> list[Path]:
    return sorted((ROOT / "docs" / "images").glob("scale-*.svg"))


def test_every_figure_of_a_picture_stands_in_the_page() -> None:
    said = set(re.findall(r"\d+(?:,\d{3})*", read("docs/performance.md").split("### Measured")[1]))
    pictures = tomllib.loads(MEASURED.read_text(encoding="utf-8"))["picture"]
    figures = {
        figure
        for picture in pictures
        for row in picture["row"]
        for figure in (*row["bars"].values(), *row.get("limits", {}).values())
    }
    assert len(figures) > 30
    assert {f for f in figures - IN_WORDS if f"{f:,}" not in said} == set()
