"""One form of a report, written in a process of its own.

    python report_node.py CITY FORM FOLDER

`FORM` is one of `make.FORMATS`, `bundle`, `verify` (of FOLDER's bundle) or `count`, which only
counts the figures. Prints JSON: how long it took, the seconds of a core with those of a child that
draws, the bytes, the most memory of the process and of that child, and what the alert came to.
"""

import json
import resource
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent)]

from figures import peak_mb  # noqa: E402 - the path comes first
from ground import KEY  # noqa: E402 - the same

from alertd.report.bundle import write_bundle  # noqa: E402 - the same
from alertd.report.make import Report, gather, make_report  # noqa: E402 - the same
from alertd.report.unbundle import verify_bundle  # noqa: E402 - the same
from alertd.store.database import Store  # noqa: E402 - the same
from alertd.store.vault import Vault  # noqa: E402 - the same

ALERT = 1
_LOOK_S = 0.02


class ChildrenWatch(threading.Thread):
    """Looks at what this process starts, until it is told that all is over."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.peak_mb = 0.0

    def run(self) -> None:
        while not self.over.wait(_LOOK_S):
            for thread in Path("/proc/self/task").iterdir():
                self._look(thread)

    def _look(self, thread: Path) -> None:
        try:
            for pid in (thread / "children").read_text().split():
                self.peak_mb = max(self.peak_mb, peak_mb(int(pid)))
        except (OSError, StopIteration):
            return  # it has ended


def write(city: Path, form: str, folder: Path) -> tuple[list[Path], str]:
    """Write it; returns the files, and of how much it is."""
    bundle = folder / "bundle.zip"
    if form == "verify":
        verdict, _ = verify_bundle(bundle)
        assert verdict.good, verdict.differences
        return [], f"{verdict.facts:,} facts"
    store = Store(f"sqlite:///{city}", Vault(KEY), node="bench")
    with store.read() as connection:
        report = gather(connection, ALERT)
        if form == "bundle":
            write_bundle(connection, report, bundle)
            made = [bundle]
        elif form == "count":
            made = []
        else:
            made = make_report(
                connection,
                ALERT,
                folder,
                report=report,
                languages=["zh-CN"],
                forms=[form],  # type: ignore[list-item] - of FORMATS, says the caller
            )
    store.close()
    return made, size_of(report)


def size_of(report: Report) -> str:
    """The alert in a few figures."""
    found = report.figures
    answer = found.rates.answer
    return (
        f"{answer.of:,} person-duties, {answer.n:,} answered,"
        f" {len(found.unwoken):,} not woken, {found.deliveries.made:,} messages"
    )


def core_s() -> float:
    """Seconds of a core of this process and of its children that have ended."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + found.ru_utime + found.ru_stime


def main() -> None:
    """Measure."""
    city, form, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    watch = ChildrenWatch()
    watch.start()
    before, began, busy = peak_mb(), time.perf_counter(), core_s()
    made, size = write(city, form, folder)
    took, cpu = time.perf_counter() - began, core_s() - busy
    watch.over.set()
    watch.join()
    found = {
        "seconds": took,
        "cpu_seconds": cpu,
        "before_mb": before,
        "peak_mb": peak_mb(),
        "child_mb": watch.peak_mb,
        "bytes": sum(path.stat().st_size for path in made),
        "size": size,
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
