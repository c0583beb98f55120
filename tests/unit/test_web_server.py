"""The server and whoever opens connections without saying anything."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from alertd.web.heads import MOST_HEAD_BYTES
from alertd.web.server import Server, listen, server_for
from tests.unit.web_city import settings_of

ALLOWED = 32
MOST = ALLOWED // 2


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers at once; a stream ends when its caller goes."""
    if scope["type"] != "http":
        return
    stream = scope["path"] == "/stream"
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": stream})
    if stream:
        await receive()


Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_stream(port: int) -> Opened:
    stream, to_it = await asyncio.open_connection("127.0.0.1", port)
    to_it.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    await stream.readuntil(b"x")
    return stream, to_it


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Server, int]]:
    """A server that may have ALLOWED descriptors, and its port."""
    settings = settings_of(folder, port=0)
    server = server_for(app, asyncio.Event(), settings, lambda: ALLOWED)
    sock = listen(settings)
    task = asyncio.create_task(server.serve([sock]))
    async with asyncio.timeout(20):
        await server.up.wait()
        yield server, sock.getsockname()[1]
        server.stop()
        await task


async def test_who_listens_by_many_streams_keeps_nobody_out_either(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, port):
        streams = [await open_stream(port) for _ in range(3 * MOST)]
        assert len(server.server_state.connections) <= MOST + 1
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200
        with contextlib.suppress(ConnectionResetError):
            await streams[0][0].read()  # it has ended; a live board comes back
        assert not streams[-1][0].at_eof()
        for _, writer in streams:
            writer.close()


async def test_who_opens_many_connections_and_says_nothing_keeps_nobody_out(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as (server, port):
        stream, to_it = await open_stream(port)
        idle = []
        for _ in range(3 * MOST):
            idle.append(await asyncio.open_connection("127.0.0.1", port))
            idle[-1][1].write(b"POST / HTTP/1.1\r\nHost: x\r\n")
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/")
            assert answer.status_code == 200
        assert len(server.server_state.connections) <= MOST + 1  # that which has just been taken
        # The first to come has waited longest; who is being answered stays.
        with contextlib.suppress(ConnectionResetError):
            assert await idle[0][0].read() == b""
        assert not stream.at_eof()
        for _, writer in [*idle, (stream, to_it)]:
            writer.close()


LONG, SMALL = b"a" * 16_384, b"X: y\r\n" * 2_000
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
ENDLESS = {
    "address": (b"GET /", LONG),
    "one line": (b"GET / HTTP/1.1\r\nHost: x\r\nX: ", LONG),
    "many lines": (b"GET / HTTP/1.1\r\nHost: x\r\n", SMALL),
    "behind a body": (CHUNKED, LONG),
}


@pytest.mark.parametrize(("begun", "piece"), ENDLESS.values(), ids=ENDLESS)
async def test_a_head_without_end_is_kept_by_nobody(
    tmp_path: Path, begun: bytes, piece: bytes
) -> None:
    async with serving(tmp_path) as (_, port):
        stream, to_it = await asyncio.open_connection("127.0.0.1", port)
        to_it.write(begun)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 4_000_000 and not stream.at_eof():
                to_it.write(piece)
                await to_it.drain()
                sent += len(piece)
                await asyncio.sleep(0)
        # What the sockets hold on both sides has left, too.
        assert sent < 4_000_000
        to_it.close()


async def test_a_head_of_a_browser_and_any_body_pass(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, port), httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}/"
        for _ in range(3):
            long = {"x": "a" * (MOST_HEAD_BYTES // 2)}
            answer = await client.post(url, headers=long, content=b"b" * 3_000_000)
            assert answer.status_code == 200
        stream, to_it = await asyncio.open_connection("127.0.0.1", port)
        head = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2_000 + b"\r\n\r\n"
        for number in range(0, len(head), 7):  # slowly, as over a weak line
            to_it.write(head[number : number + 7])
            await to_it.drain()
        assert (await stream.readline()).startswith(b"HTTP/1.1 200")
        to_it.close()
