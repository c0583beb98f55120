"""Draw the pictures of docs/performance.md from the figures that stand in its table.

    .venv/bin/python tests/bench/plots.py

It reads `tests/bench/measured.toml` and writes `docs/images/scale-*.svg`. Nothing is measured here.
"""

import argparse
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
IMAGES = HERE.parents[1] / "docs" / "images"
sys.path[:0] = [str(HERE)]

import scale_plot  # noqa: E402 - the path comes first


def pictures() -> dict[str, str]:
    """SVG by the name of its file."""
    table = tomllib.loads((HERE / "measured.toml").read_text(encoding="utf-8"))
    return {picture["file"]: _drawn(picture) for picture in table["picture"]}


def _drawn(picture: dict[str, Any]) -> str:
    series = picture["series"]
    rows = [
        scale_plot.Row(
            row["name"],
            [row["bars"].get(name) for name in series],
            [row.get("limits", {}).get(name) for name in series],
        )
        for row in picture["row"]
    ]
    limit = picture.get("limit", "")
    return scale_plot.bars(picture["title"], picture["unit"], rows, series, limit)


def main() -> None:
    """Write all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES, help="the folder")
    out = parser.parse_args().out
    for name, drawn in pictures().items():
        (out / name).write_text(drawn, encoding="utf-8")
        print(out / name)


if __name__ == "__main__":
    main()
