"""Files and sockets that a process may have open: taken in time, and said when they run out."""

import asyncio
import logging
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alertd import descriptors
from alertd.cli.logs import Patient
from channels.base import Fault
from channels.http_bulk import BulkClient
from channels.http_faults import NotSentError, fault_of_exchange
from tests.unit.web_city import WebCity

TAKES = """
import resource
from alertd import descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096))
assert descriptors.allowed() == 64
descriptors.take_enough()
print(descriptors.allowed())
"""


@contextmanager
def left(some: int) -> Iterator[None]:
    """This process may open so many more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = {int(each.name) for each in Path("/proc/self/fd").iterdir()}
    # The bound is on their numbers, and tests before this one leave gaps in them.
    gaps = [os.open(os.devnull, os.O_RDONLY) for _ in range(max(taken) + 1 - len(taken))]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(taken) + 1 + some, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for each in gaps:
            os.close(each)


def test_as_many_are_taken_as_the_system_lets_a_process_have() -> None:
    child = [sys.executable, "-c", TAKES]
    assert subprocess.run(child, capture_output=True, check=True, text=True).stdout == "4096\n"


async def test_that_hardly_any_are_left_is_said_with_what_to_do(web: WebCity) -> None:
    async with web.client() as client:
        assert (await client.get("/readyz")).json()["warnings"] == []
        with left(6):
            used, allowed = descriptors.scarce() or (0, 0)
            assert used <= allowed
            (warning,) = (await client.get("/readyz")).json()["warnings"]
        assert "raise LimitNOFILE (or ulimit -n)" in warning


async def test_a_gateway_isnt_blamed_for_it() -> None:
    client = BulkClient("http://127.0.0.1:9", connections=1, headers={}, connect_timeout_s=1.0)
    failed: NotSentError | None = None
    with left(0):
        free = list(_all_that_are_free())
        try:
            await client.post("/", b"")
        except NotSentError as error:
            failed = error
        for one in free:
            one.close()
    assert failed is not None
    told = fault_of_exchange(failed)
    assert (told.fault, told.code) == (Fault.THROTTLED, "no-descriptors")


def _all_that_are_free() -> Iterator[socket.socket]:
    while True:
        try:
            yield socket.socket()
        except OSError:
            return


def test_the_log_says_it_once_a_minute_and_not_for_each_connection_that_waits() -> None:
    patient, shown = Patient(), []
    loop = asyncio.new_event_loop()
    handler = logging.StreamHandler()
    handler.addFilter(patient)
    handler.emit = lambda record: shown.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("asyncio")
    logger.addHandler(handler)
    try:
        for number in range(1_000):
            said = {"message": "socket.accept() out of system resource", "socket": number}
            loop.call_exception_handler(said)
        loop.call_exception_handler({"message": "something else"})
    finally:
        logger.removeHandler(handler)
        loop.close()
    assert [line.partition("\n")[0] for line in shown] == [
        "socket.accept() out of system resource",
        "something else",
    ]
