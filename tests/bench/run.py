"""`make bench`: measure alertd against the limits of the machine, and against what others offer.

    .venv/bin/python tests/bench/run.py --out build/bench.json [--only NAME] [--quick]

Each bench runs in a process of its own, so that its peak memory is its own. Limits are in
`limits.py`, which imports nothing of alertd; they are measured in the same run, in turns. Exit
code 1 where a promise wasn't kept, unless `--quick`, whose figures are too short to judge by.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT)]

from figures import Figure, table  # noqa: E402 - the path comes first

BENCHES = (
    "expand",
    "outbox",
    "http",
    "mqtt",
    "speakers",
    "smpp",
    "modems",
    "inbound",
    "sweep",
    "simulator",
    "board",
    "console",
    "report",
    "whole",
)

_WITH_THE_LARGE_CITY = frozenset({"expand", "board", "simulator", "whole"})


def main() -> int:
    """Run, print, write."""
    options = _options()
    if options.child:
        return _child(options)
    names = [name for name in BENCHES if not options.only or name in options.only]
    _prepare(large=not options.quick and bool(_WITH_THE_LARGE_CITY & set(names)))
    figures: list[Figure] = []
    failed = []
    for name in names:
        began = time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        found = _in_child(name, quick=options.quick)
        figures += found
        if not found:
            failed.append(name)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(table(figures))
    _write(options.out, figures, failed, quick=options.quick)
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    broken = any(figure.kept is False for figure in figures) and not options.quick
    return 1 if failed or broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench.json")
    parser.add_argument("--only", action="append", choices=BENCHES, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="small and short; judges nothing")
    parser.add_argument("--child", choices=BENCHES, help=argparse.SUPPRESS)
    return parser.parse_args()


def _prepare(*, large: bool) -> None:
    """Import the cities elsewhere, so that no bench's peak memory holds an import."""
    sizes = "sorted(ground.CITY_SCALES)" if large else "sorted(ground.CITY_SCALES)[:1]"
    code = f"import ground\nfor size in {sizes}: ground.city(size)"
    path = os.pathsep.join(sys.path[:3])
    environment = {**os.environ, "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)


def _in_child(name: str, *, quick: bool) -> list[Figure]:
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [sys.executable, str(HERE / "run.py"), "--child", name, "--out", out.name]
        subprocess.run([*command, "--quick"] if quick else command, check=False, cwd=ROOT)
        text = Path(out.name).read_text()
    return [_figure(item) for item in json.loads(text or "[]")]


def _child(options: argparse.Namespace) -> int:
    found: Sequence[Figure] = importlib.import_module(f"bench_{options.child}").run(
        quick=options.quick
    )
    options.out.write_text(json.dumps([figure.to_dict() for figure in found]))
    return 0


def _figure(item: dict[str, Any]) -> Figure:
    item.pop("kept")
    return Figure(**item)


def _write(out: Path, figures: Sequence[Figure], failed: Sequence[str], *, quick: bool) -> None:
    report = {
        "quick": quick,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "failed": list(failed),
        "figures": [figure.to_dict() for figure in figures],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
