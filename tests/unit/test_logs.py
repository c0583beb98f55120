"""A log that can't be written: its disk is full, or nobody reads it any more."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LOGS = """
import logging
import structlog
from alertd.cli import show
from alertd.cli.logs import configure

configure("info")
for _ in range(3):
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


@pytest.mark.parametrize("place", [full, unread])
def test_whoever_logs_goes_on_where_the_log_cannot_be_written(place: object) -> None:
    with place() as stderr:  # type: ignore[operator]
        done = subprocess.run(
            [sys.executable, "-c", LOGS],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )
    assert (done.returncode, done.stdout) == (0, "goes on\n")
