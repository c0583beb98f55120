"""Processes of the bench's own that it talks to; ended with the bench."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
_END_S = 5


@contextmanager
def program(command: Sequence[str]) -> Iterator[int]:
    """Run a program that prints its port first; gives that port."""
    with started(command) as (port, _):
        yield port


@contextmanager
def started(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The same; gives its port and the number of its process."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def gateway(delay_ms: float = 0) -> "contextmanager[int]":  # type: ignore[type-arg]
    """The gateway of `limits.py`."""
    return program([sys.executable, str(HERE / "limits.py"), "serve", str(delay_ms)])
