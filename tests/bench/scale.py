"""`make bench-scale`: alertd on PostgreSQL with several workers, up to 2,000,000 recipients.

    .venv/bin/python tests/bench/scale.py --most 200000 --workers 1,2,4 --out build/bench-scale.json

Ours and the limits take turns (A B A B …) on the same server, which fsyncs. Every process that is
measured is one of its own. Limits are in `limits.py` and `limits_pg.py`, which import nothing of
alertd. Exit code 1 where a promise wasn't kept.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT)]

import scale_plot  # noqa: E402 - the path comes first
import scale_run as run  # noqa: E402 - the same
from figures import Figure, table  # noqa: E402 - the same
from scale_figures import Found, promises  # noqa: E402 - the same
from scale_ground import SETTINGS, SMALLEST, Cities, cities  # noqa: E402 - the same

SIZES = (20_000, 200_000, 2_000_000)
_ROUNDS = {20_000: 3, 200_000: 2, 2_000_000: 1}
_BATCH = 1_000
_BATCHES = {1: 300, 10: 2_000, 100: 20_000, 1_000: 20_000, 5_000: 20_000}
_BATCHES_AT = 200_000
_AT_ONCE = 400
_PEER_MESSAGES = 2_000
_ALL = 10**9
_PEERS = {
    "apprise": "peer_apprise.py",
    "procrastinate (PostgreSQL)": "peer_queue.py",
    "Celery (Redis)": "peer_celery.py",
}
# GoAlert, engine/message/ratelimit.go: GlobalCMThrottle = {Count: 5, Per: 5 * time.Second}, for
# each type of destination, all of its engines together. A constant of its source; not measured.
GOALERT_PER_S = 1.0


@dataclass
class Bench:
    """One run of it.

    Args:
        ground: The server.
        workers: How many at a time.
        out: Where all is written down after each measurement.
        rounds: How often each; None: as often as fits its size.
    """

    ground: Cities
    workers: Sequence[int]
    out: Path
    rounds: int | None = None
    found: list[Found] = field(default_factory=list)
    peers: dict[str, list[float]] = field(default_factory=dict)

    def take(self, size: int, stage: str, who: str, workers: int, took: run.Took) -> None:
        """Keep a measurement, and show it."""
        self.found.append(Found(size, stage, who, workers, took))
        print(
            f"{time.strftime('%H:%M:%S')} {size:>9,} {stage:<12} {who:<7} ×{workers}"
            f" {took.seconds:9.2f} s {took.rate:9,.0f}/s {took.cpu_us:8.1f} µs"
            f" (PostgreSQL {took.database_cpu_s / took.done * 1e6:.1f})"
            f" {took.peak_mb:5.0f} MB, PostgreSQL {took.backend_mb:.0f} MB",
            file=sys.stderr,
            flush=True,
        )
        self.write([])

    def size(self, size: int) -> None:
        """Everything at one size."""
        began = time.monotonic()
        self.ground.people("base", size // SMALLEST)
        print(f"{size:,}: city after {time.monotonic() - began:.0f} s", file=sys.stderr)
        rounds = self.rounds or _ROUNDS[size]
        for number in range(rounds):
            self.expand(size, fresh=number == 0)
            for workers in self.workers:
                self.hand(size, workers)
        if size == _BATCHES_AT:
            self.batches(size)
        self.ground.drop("expanded")
        self.ground.drop("bare")
        for _ in range(rounds):
            for workers in self.workers:
                self.on("base", lambda name, n=workers: self.whole(size, name, n))
            made = min(size, 10 * SMALLEST)
            self.take(size, "whole", "bare", 1, run.bare_client(made, _AT_ONCE))
            if size == SMALLEST:
                self.others()
        self.ground.drop("base")

    def expand(self, size: int, *, fresh: bool) -> None:
        """alertd's expansion, and the bare INSERT."""
        self.ground.drop("expanded")
        self.ground.copy("base", "expanded")
        took = run.expand(self.ground, "expanded")
        self.take(size, "expand", "alertd", 1, took)
        if fresh:
            run.prepare_bare(self.ground, "bare", took.done, like="expanded")
        self.take(size, "expand", "bare", 1, run.bare_insert(self.ground, "bare"))

    def hand(self, size: int, workers: int) -> None:
        """alertd's claims and settlements, and the bare statements."""

        def ours(name: str) -> None:
            took = run.hand(self.ground, name, _BATCH, workers, _ALL)
            self.take(size, "hand", "alertd", workers, took)

        self.on("expanded", ours)
        run.bare_insert(self.ground, "bare")
        self.take(
            size, "hand", "bare", workers, run.bare_drain(self.ground, "bare", _BATCH, workers)
        )

    def batches(self, size: int) -> None:
        """Batches of all sizes, just after an expansion, with no statistics of what it wrote."""
        self.ground.copy("base", "fresh")
        with self.ground.connect("fresh") as connection:
            connection.execute("ALTER TABLE delivery SET (autovacuum_enabled = off)")
        run.expand(self.ground, "fresh")
        for batch, most in _BATCHES.items():
            self.on("fresh", lambda name, b=batch, m=most: self._batch(size, name, b, m))
        self.ground.drop("fresh")

    def _batch(self, size: int, name: str, batch: int, most: int) -> None:
        with self.ground.connect(name) as connection:
            query = "SELECT reltuples FROM pg_class WHERE relname = 'delivery'"
            assert connection.execute(query).fetchone() == (-1,), "somebody ran ANALYZE"
        self.take(size, f"batch {batch}", "alertd", 1, run.hand(self.ground, name, batch, 1, most))

    def on(self, source: str, measure: Callable[[str], None]) -> None:
        """Measure on a copy."""
        self.ground.copy(source, "run")
        measure("run")
        self.ground.drop("run")

    def whole(self, size: int, name: str, workers: int) -> None:
        """From the approval to the last message handed over."""
        self.take(size, "whole", "alertd", workers, run.whole(self.ground, name, workers))

    def others(self) -> None:
        """What a user would take instead."""
        for name, file in _PEERS.items():
            if "Redis" in name and shutil.which("redis-server") is None:
                print(f"{name}: left out, redis-server isn't installed", file=sys.stderr)
                continue
            self.peers.setdefault(name, []).append(run.peer(file, _PEER_MESSAGES))

    def figures(self) -> list[Figure]:
        """What came of it."""
        rates = {name: median(found) for name, found in self.peers.items()}
        return promises(self.found, rates | {"GoAlert, by its source": GOALERT_PER_S})

    def write(self, figures: Sequence[Figure]) -> None:
        """Write all of it down."""
        report: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "commit": _commit(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "postgresql": ["fsync=on", *SETTINGS],
            "peers": self.peers,
            "found": [each.to_dict() for each in self.found],
            "figures": [figure.to_dict() for figure in figures],
        }
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")

    def draw(self) -> None:
        """Pictures beside what was written down."""
        titles = {"hand": "Claimed and settled", "whole": "Approval to last message"}
        for stage, title in titles.items():
            names = [f"{n} worker{'s' * (n > 1)}" for n in self.workers]
            rows = [
                scale_plot.Row(
                    f"{size:,} recipients", [self._rate(size, stage, n) for n in self.workers]
                )
                for size in SIZES
                if any(each.size == size for each in self.found)
            ]
            picture = scale_plot.bars(title, "deliveries per second", rows, names)
            self.out.with_name(f"scale-{stage}.svg").write_text(picture)

    def _rate(self, size: int, stage: str, workers: int) -> float | None:
        key = (size, stage, "alertd", workers)
        rates = [each.took.rate for each in self.found if each.key == key]
        return median(rates) if rates else None


def _commit() -> str:
    words = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main() -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="recipients")
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--rounds", type=int, help="how often each; left out: 3, 2, 1 by size")
    parser.add_argument("--least", type=int, default=SIZES[0], help="recipients")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench-scale.json")
    options = parser.parse_args()
    workers = [int(word) for word in options.workers.split(",")]
    with cities() as ground:
        bench = Bench(ground, workers, options.out, options.rounds)
        for size in SIZES:
            if options.least <= size <= options.most:
                bench.size(size)
        figures = bench.figures()
        bench.write(figures)
        bench.draw()
    print(table(figures))
    return 1 if any(figure.kept is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
