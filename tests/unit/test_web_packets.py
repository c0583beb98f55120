"""What an answer consists of leaves together, and in order; nothing is held back."""

import asyncio
from pathlib import Path

from alertd.web.packets import MOST_HELD, Joining
from tests.unit.test_web_server import serving


class Writes(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[bytes] = []
        self.ended = ""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.left.append(bytes(data))

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


def joining() -> tuple[Joining, Writes]:
    writes = Writes()
    return Joining(writes, asyncio.get_running_loop()), writes


async def test_what_is_written_in_one_turn_of_the_loop_is_one_packet() -> None:
    transport, writes = joining()
    transport.write(b"head ")
    transport.write(b"body")
    assert writes.left == []
    await asyncio.sleep(0)  # a turn of the loop
    assert writes.left == [b"head body"]
    transport.write(b"next")
    await asyncio.sleep(0)
    assert writes.left == [b"head body", b"next"]


async def test_what_is_written_before_the_end_leaves_before_it() -> None:
    transport, writes = joining()
    transport.write(b"head ")
    transport.write(b"body")
    transport.close()
    assert (writes.left, writes.ended) == ([b"head body"], "closed")
    await asyncio.sleep(0)
    assert writes.left == [b"head body"]


async def test_much_is_held_up_by_the_transport_and_not_by_us() -> None:
    transport, writes = joining()
    transport.write(b"head")
    transport.write(b"x" * MOST_HELD)
    transport.write(b"tail")
    assert writes.left == [b"head" + b"x" * MOST_HELD]
    await asyncio.sleep(0)
    assert writes.left[1:] == [b"tail"]


async def test_who_is_thrown_out_is_so_at_once() -> None:
    transport, writes = joining()
    transport.write(b"half")
    transport.abort()
    assert writes.ended == "aborted"


async def test_requests_that_come_in_one_piece_are_answered_in_their_order(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, port):
        stream, to_it = await asyncio.open_connection("127.0.0.1", port)
        to_it.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        to_it.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        whole = await stream.read()
        assert whole.count(b"HTTP/1.1 200 OK") == 4
        assert whole.endswith(b"1\r\nx\r\n0\r\n\r\n")
        to_it.close()
