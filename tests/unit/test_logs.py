"""A log that can't be written: its disk is full, or nobody reads it any more."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from alertd.cli.stderr import Stderr

LOGS = """
import logging
import structlog
from alertd.cli import show
from alertd.cli.logs import configure

configure("info")
for _ in range(40):
    structlog.get_logger("alertd.engine").error("step failed", error="SQLITE_FULL")
    logging.getLogger("uvicorn").error("and a library's")
    show.note("Stopping …")
print("goes on")
"""


@contextmanager
def full() -> Iterator[int]:
    with Path("/dev/full").open("wb", buffering=0) as disk:
        yield disk.fileno()


@contextmanager
def unread() -> Iterator[int]:
    reads, writes = os.pipe()
    os.close(reads)
    yield writes
    os.close(writes)


@contextmanager
def standing_still() -> Iterator[int]:
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4_096)
    yield writes
    os.close(reads)
    os.close(writes)


@pytest.mark.parametrize("place", [full, unread, standing_still])
def test_whoever_logs_goes_on_where_the_log_cannot_be_written(place: object) -> None:
    with place() as stderr:  # type: ignore[operator]
        done = subprocess.run(
            [sys.executable, "-c", LOGS],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            check=False,
            timeout=20,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )
    assert (done.returncode, done.stdout) == (0, "goes on\n")


def test_what_is_read_late_comes_in_order_and_what_was_too_much_is_counted() -> None:
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4_096)
    with os.fdopen(reads) as reader:
        with os.fdopen(writes, "w") as given:
            stderr = Stderr(given)
        for number in range(5_000):
            stderr.write(f"{number:0100}\n")
            stderr.flush()
        lines = list(islice(reader, 1, 1_999))
        assert [int(line) for line in lines] == list(range(1, 1_999))
        told = next(json.loads(line) for line in reader if line.startswith("{"))
        stderr.write("and goes on\n")
        stderr.flush()
        assert reader.readline() == "and goes on\n"
    assert 2_900 < told["lines"] < 3_000
    assert "lost" in told["event"]


CROWDED = """
import resource
import sys
from alertd.cli.stderr import Stderr

log = Stderr(sys.stderr)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
for room, words in ((most, "one"), (15, "two three four"), (most, "five six")):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
    for word in words.split():
        log.write(f'"{word}"\\n')
        log.flush()
"""


def test_a_log_that_had_no_room_goes_on_in_a_line_of_its_own_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("ab") as log:
        subprocess.run([sys.executable, "-c", CROWDED], stderr=log, check=True, timeout=60)
    first, second, cut, *after = file.read_text().splitlines()
    assert [first, second, cut] == ['"one"', '"two"', '"th']
    five, told, six = map(json.loads, after)
    assert (five, told["lines"], six) == ("five", 2, "six")
