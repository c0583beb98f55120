"""Many open boards as `live.js` makes them: a stream each, and the parts whenever it stirs.

Every 250 ms a board looks whether it was told anything, and asks for its parts when it was, once a
second at most; how the routes are it asks every five seconds. It shows what its script would: the
number of people who have answered.
"""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

TICK_S = 0.25
PACE_S = 1.0
SLOW_S = 5.0
EVERY_S = 0.2  # a reply
_ANSWERED = re.compile('aria-label="人">.*?<b>(\\d+)</b>'.encode(), re.DOTALL)


@dataclass
class Board:
    """One of them.

    Args:
        streamed: Bytes of its stream, without heartbeats' share: they are few.
        fetched: Bytes of the parts, as they came over the wire.
        fetches: How often it asked for them.
    """

    port: int
    code: str
    alert: str
    cookie: str
    nth: int
    answered: int = -1
    streamed: int = 0
    events: int = 0
    fetched: int = 0
    fetches: int = 0
    _wanted: bool = False
    _tag: str = ""
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def live(self) -> None:
        """Listen and ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look())

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self._request(f"/api/v1/events?alert={self.alert}"))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        while data := await reader.read(65_536):
            self.streamed += len(data)
            self.events += data.count(b"event: fact")
            self._wanted = True
        raise ConnectionError("the stream ended")

    async def _look(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        loop = asyncio.get_running_loop()
        # People open their boards at different moments.
        await asyncio.sleep(self.nth % 20 / 20 * TICK_S)
        read_at, slow_at = loop.time(), loop.time() - self.nth % 50 / 50 * SLOW_S
        while True:
            await asyncio.sleep(TICK_S)
            if self._wanted and loop.time() - read_at >= PACE_S:
                self._wanted, read_at = False, loop.time()
                writer.write(self._request(f"/alerts/{self.code}/lists", self._tag))
                await self._take(reader)
            if loop.time() - slow_at > SLOW_S:
                slow_at = loop.time()
                writer.write(self._request("/channels"))
                await _answer(reader)

    async def _take(self, reader: asyncio.StreamReader) -> None:
        head, body = await _answer(reader)
        self.fetched += len(head) + len(body)
        self.fetches += 1
        if b" 304 " in head[:16]:
            return
        tag = re.search(rb"\r\netag: (\S+)", head)
        self._tag = tag[1].decode() if tag else ""
        text = gzip.decompress(body) if b"content-encoding: gzip" in head else body
        found = _ANSWERED.search(text)
        if found:
            self.answered = int(found[1])
            self.told.set()

    def _request(self, path: str, tag: str = "") -> bytes:
        known = f"if-none-match: {tag}\r\n" if tag else ""
        return (
            f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: alertd_session={self.cookie}\r\n"
            f"accept: text/html\r\naccept-language: zh-CN\r\naccept-encoding: gzip\r\n{known}\r\n"
        ).encode()

    async def shows(self, answered: int) -> None:
        """Wait until it shows as many answers."""
        while self.answered < answered:
            self.told.clear()
            await self.told.wait()


async def _answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = re.search(rb"content-length: (\d+)", head)
    body = await reader.readexactly(int(size[1])) if size else b""
    assert head[9:12] in {b"200", b"304"}, head
    return head, body


class Node(Protocol):
    """What serves boards; `console_served.Served` is one."""

    port: int
    code: str
    alert: str
    sessions: Sequence[str]

    async def event(self) -> None:
        """One more person answers; returns once that is on disk."""

    def cpu_s(self) -> float:
        """Processor time of the process so far."""


@asynccontextmanager
async def opened(node: Node) -> AsyncIterator[list[Board]]:
    """One board for each session, all open; they end with the block."""
    boards = [
        Board(node.port, node.code, node.alert, cookie, nth)
        for nth, cookie in enumerate(node.sessions)
    ]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(board.live()) for board in boards]
        yield boards
        for task in tasks:
            task.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Some seconds of replies with boards open, or with none: what the server and they did."""

    replies: int
    seconds: float
    cpu_s: float
    events: int
    streamed: int
    fetches: int
    fetched: int


async def measured(node: Node, boards: Sequence[Board], seconds: float) -> Spell:
    """Have people answer one after another for so long."""
    loop = asyncio.get_running_loop()
    before = _sums(boards)
    began_s, cpu_s, replies = loop.time(), node.cpu_s(), 0
    for replies in range(1, round(seconds / EVERY_S) + 1):
        await node.event()
        await asyncio.sleep(max(0.0, began_s + replies * EVERY_S - loop.time()))
    await asyncio.sleep(PACE_S + TICK_S)  # what the last one stirred is theirs, too
    took_s, spent_s = loop.time() - began_s, node.cpu_s() - cpu_s
    events, streamed, fetches, fetched = (
        now - then for now, then in zip(_sums(boards), before, strict=True)
    )
    return Spell(
        replies=replies,
        seconds=took_s,
        cpu_s=spent_s,
        events=events,
        streamed=streamed,
        fetches=fetches,
        fetched=fetched,
    )


def _sums(boards: Sequence[Board]) -> tuple[int, int, int, int]:
    return (
        sum(board.events for board in boards),
        sum(board.streamed for board in boards),
        sum(board.fetches for board in boards),
        sum(board.fetched for board in boards),
    )
