"""A server that is asked to end ends, whatever hangs."""

import signal
import subprocess
import sys
import time

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
