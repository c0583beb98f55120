"""A mail server that misbehaves at any point of the dialogue: no mail is lost or doubled unseen.

Two things are never said: that a mail was accepted which the server didn't take, and that one
wasn't handed over which it took.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product

import pytest

from channels.base import Accepted, Fault, Limits, RouteConfig, RouteContext, SendError
from channels.mail.smtp import MailRoute
from tests.contract.messages import outgoing
from tests.contract.peer import PATIENCE_S, Recorder

# The dialogue: what the server says first, and after each of the client's turns.
TURNS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "content")
GOOD = {
    "greeting": b"220 mail.test\r\n",
    "EHLO": b"250-mail.test\r\n250 8BITMIME\r\n",
    "DATA": b"354 go on\r\n",
}
WELL = b"250 2.0.0 OK\r\n"
FATES = ("cut", "half", "garbage", "twice", "late-twice", "reset-first", "silence", "4xx", "5xx")
# Fates by which the server has honestly refused the content after it came.
REFUSING = {"4xx", "5xx"}
TIMEOUT_S = 1.0


@dataclass
class Crooked:
    """Plays the dialogue well but for one turn; `taken` is what it kept."""

    turn: str
    fate: str
    port: int = 0
    taken: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for turn in TURNS:
                if turn == "content":
                    await reader.readuntil(b"\r\n.\r\n")
                    self.taken += self.fate not in REFUSING or self.turn != turn
                elif turn != "greeting":
                    line = await reader.readline()
                    if not line or line.upper().startswith(b"QUIT"):
                        return
                if not await self._say(turn, writer):
                    return
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client has gone
        finally:
            writer.close()

    async def _say(self, turn: str, writer: asyncio.StreamWriter) -> bool:
        """Answer one turn; False where that was the end."""
        well = GOOD.get(turn, WELL)
        said = {
            "half": well[: len(well) // 2],
            "garbage": b"\xff\x00 what?\r\n",
            "twice": well + well,
            "late-twice": well,
            "4xx": b"451 4.3.0 not now\r\n",
            "5xx": b"554 5.0.0 never\r\n",
        }
        fate = self.fate if turn == self.turn else ""
        if fate == "reset-first":
            writer.transport.abort()
        if fate == "silence":
            await asyncio.sleep(PATIENCE_S)
        writer.write(said.get(fate, b"") if fate else well)
        await writer.drain()
        if fate == "late-twice":
            await asyncio.sleep(0.01)
            writer.write(well)
        return fate not in {"cut", "half", "reset-first", "silence"}


@asynccontextmanager
async def listening(peer: Crooked) -> AsyncIterator[None]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()


async def outcome(peer: Crooked) -> Accepted | SendError:
    config = RouteConfig(
        name="r1",
        type="mail",
        limits=Limits(in_flight=1, timeout_s=TIMEOUT_S),
        options={
            "host": "127.0.0.1",
            "port": peer.port,
            "security": "none",
            "from": "alertd@city.example",
            "secret": "x",
        },
    )
    context = RouteContext(
        now=lambda: time.time_ns() // 1_000_000, sink=Recorder(), public_base_url="http://x"
    )
    route = MailRoute(config, context)
    await route.start()
    try:
        message = outgoing(1, "v1@village.example", text="收到请回1")
        (ended,) = [ended async for ended in route.send_many([message])]
    finally:
        await route.close()
    return ended.result


async def judged(turn: str, fate: str) -> str | None:
    """What is wrong with how this fate was told; None where nothing is."""
    peer = Crooked(turn, fate)
    async with listening(peer):
        result = await outcome(peer)
    said = "accepted" if isinstance(result, Accepted) else f"{result.fault}/{result.code}"
    if isinstance(result, Accepted):
        wrong = peer.taken != 1
    else:
        wrong = peer.taken > 0 and result.fault is not Fault.UNKNOWN
    return f"{fate} at {turn}: {said}, and {peer.taken} were taken" if wrong else None


async def test_whatever_a_server_does_its_word_is_not_more_than_it_took() -> None:
    async with asyncio.timeout(PATIENCE_S):
        found = await asyncio.gather(*(judged(turn, fate) for turn, fate in product(TURNS, FATES)))
    assert [wrong for wrong in found if wrong is not None] == []


@pytest.mark.parametrize(
    ("turn", "fate", "fault"),
    [
        ("greeting", "cut", Fault.AWAY),
        ("greeting", "4xx", Fault.RETRY),
        ("greeting", "5xx", Fault.REFUSED),
        ("RCPT", "cut", Fault.RETRY),
        ("RCPT", "garbage", Fault.RETRY),
        ("DATA", "4xx", Fault.RETRY),
        ("DATA", "5xx", Fault.REFUSED),
        ("content", "cut", Fault.UNKNOWN),
        ("content", "garbage", Fault.UNKNOWN),
        ("content", "silence", Fault.UNKNOWN),
        ("content", "4xx", Fault.RETRY),
        ("content", "5xx", Fault.REFUSED),
    ],
)
async def test_what_is_known_is_said(turn: str, fate: str, fault: Fault) -> None:
    peer = Crooked(turn, fate)
    async with listening(peer):
        result = await outcome(peer)
    assert isinstance(result, SendError)
    assert result.fault is fault


async def test_an_answer_too_many_at_the_end_is_no_matter() -> None:
    peer = Crooked("content", "twice")
    async with listening(peer):
        assert await outcome(peer) == Accepted(None)
        assert peer.taken == 1
