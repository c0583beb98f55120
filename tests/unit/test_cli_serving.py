"""A server that is asked to end ends, whatever hangs."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.acceptance.within import within

HANGS = """
import asyncio, threading, sys
from alertd.cli.serving import stoppable

async def work():
    print("works", flush=True)
    await asyncio.to_thread(threading.Event().wait)  # a database that answers nothing

asyncio.run(stoppable(work, lambda: False, longest_s=0.5))
"""


def test_what_hangs_is_cut_off_in_the_end() -> None:
    words = [sys.executable, "-c", HANGS]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "works\n"
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert time.monotonic() - began < 10
    assert "it didn't end in time" in said


LISTENS = """
import asyncio, signal
from alertd.cli.logs import configure
from alertd.cli.serving import stoppable

async def main():
    stop = asyncio.Event()

    async def work():
        print("works", flush=True)
        await stop.wait()

    await stoppable(work, lambda: stop.set() is None)
    print("ended in order", flush=True)

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the tests were started by, such as nohup
configure("info")
asyncio.run(main())
"""


def test_a_terminal_that_goes_away_ends_it_in_order(tmp_path: Path) -> None:
    said = tmp_path / "said"
    pid, terminal = pty.fork()
    if not pid:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT, 0o600), 1)
        os.execv(sys.executable, [sys.executable, "-c", LISTENS])  # noqa: S606 - ours
    within(that=lambda: said.exists() and said.read_text() == "works\n")
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert (status, said.read_text()) == (0, "works\nended in order\n")


def test_without_a_terminal_a_log_that_is_rotated_ends_nothing() -> None:
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", LISTENS]
    with subprocess.Popen(
        words, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "works\n"
        process.send_signal(signal.SIGHUP)
        try:
            assert "SIGHUP changes nothing" in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=20)
        finally:
            process.kill()  # else it is waited for
    assert (process.returncode, said) == (0, "ended in order\n")
