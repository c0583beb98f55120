"""A crooked way to an HTTP gateway: a proxy that hangs, cuts, lies and repeats, by a seeded plan.

What befalls a try follows from the seed and the try's own number, so that a seed is a case that
can be looked at again. The proxy keeps the record that a peer's own log can't: which tries had a
whole and true answer sent back to them.
"""

import asyncio
import contextlib
import random
import re
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Try = tuple[int, int]  # delivery, attempt

# Nothing of these reaches the gateway …
BEFORE = (
    "hang",
    "drop",
    "reset",
    "reset-mid-request",
    "half-forwarded",
    "noise",
    "refused",
    "unavailable",
    "endless-header",
    "endless-headers",
)
# … and these it takes, whatever is heard of it.
AFTER = (
    "fine",
    "delay",
    "answer-lost",
    "answer-reset",
    "answer-hangs",
    "answer-cut",
    "answer-twice",
    "answer-echoed",
    "answer-noise",
    "half-json",
    "wrong-status",
    "error-body",
    "long-length",
    "http-500",
)
_TRUE = {"fine", "delay", "answer-twice", "answer-echoed"}
_STATUS_ONLY = {"half-json", "error-body", "long-length"}  # where 2xx is the peer's whole word
_PIECE = b"x" * 65_536


@dataclass(frozen=True)
class Manner:
    """What a gateway's answers look like.

    Args:
        tries: Finds a try's numbers in a request.
        refusal: The status and body by which it refuses a message.
        error_body: What it says of a number that isn't; here it comes with a 200.
        wrong_statuses: What a true answer's body is sent under.
        status_is_all: A 2xx is the whole answer, whatever its body.
    """

    tries: Callable[[bytes], Try | None]
    refusal: tuple[int, bytes]
    error_body: bytes
    wrong_statuses: tuple[int, ...]
    status_is_all: bool = False


@dataclass
class Crooked:
    """The proxy; `calm` ends all trouble."""

    seed: int
    manner: Manner
    upstream_port: int
    later: float = 0.4  # the share of later tries that are met by trouble too
    port: int = 0
    calm: bool = False
    met: Counter[str] = field(default_factory=Counter)
    answered: set[Try] = field(default_factory=set)
    open_now: int = 0
    most_open: int = 0
    most_endless: int = 0  # bytes that one caller took of an answer without an end
    _echo: bytes = b""
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", self.port, backlog=512)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Nobody listens any more, and every connection is cut."""
        if self._server is not None:
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def trouble_of(self, named: Try | None) -> str:
        """What befalls a try: every first one something, later ones now and then."""
        if self.calm or named is None:
            return "fine"
        dice = random.Random(f"{self.seed}-{named[0]}-{named[1]}")
        if named[1] > 1 and dice.random() >= self.later:
            return "fine"
        return dice.choice(BEFORE + AFTER)

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        task.add_done_callback(self._left)
        task.add_done_callback(lambda _: writer.transport.abort())

    def _left(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self.open_now -= 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        echo = b""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                request = await read_message(reader)
                if echo:
                    # The copy of the answer before comes as this request's: it isn't passed on.
                    self.met["echo-in-place-of-answer"] += 1
                    writer.write(echo)
                    await writer.drain()
                    await reader.read()
                    return
                echo = await self._one(request, reader, writer)

    async def _one(
        self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """Meet one request; returns the copy that the next one on this connection is answered."""
        named = self.manner.tries(request)
        trouble = self.trouble_of(named)
        self.met[trouble] += 1
        if trouble in BEFORE:
            await self._before(trouble, request, reader, writer)
            raise ConnectionError  # this connection has ended
        answer = await self._forward(request)
        dice = random.Random(f"{self.seed}-after-{named}")
        if named is not None and self._is_true(trouble, answer):
            self.answered.add(named)
        for piece, pause_s in self._pieces(trouble, answer, dice):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if trouble == "answer-reset":
            reset(writer)
        if trouble in {"answer-hangs", "long-length"}:
            await reader.read()  # until the caller has had enough
        if trouble in {"fine", "delay", "half-json", "wrong-status", "error-body", "http-500"}:
            return b""
        if trouble == "answer-echoed":
            return answer
        raise ConnectionError

    def _is_true(self, trouble: str, answer: bytes) -> bool:
        if not 200 <= int(answer.split(b" ", 2)[1]) < 300:
            return False
        return trouble in _TRUE or (self.manner.status_is_all and trouble in _STATUS_ONLY)

    async def _before(
        self,
        trouble: str,
        request: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        match trouble:
            case "hang":
                await reader.read()
            case "reset" | "reset-mid-request":
                reset(writer)
            case "half-forwarded":
                _, upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port)
                upstream.write(request[: len(request) // 2])
                await upstream.drain()
                reset(upstream)
                reset(writer)
            case "refused":
                writer.write(made(*self.manner.refusal))
                await writer.drain()
            case "unavailable":
                writer.write(made(503, b"{}"))
                await writer.drain()
            case "noise":
                writer.write(random.Random(request).randbytes(300) + b"\r\n\r\n")
                await writer.drain()
            case "endless-header" | "endless-headers":
                await self._endless(writer, whole_lines=trouble == "endless-headers")
            case _:
                pass  # dropped without a word

    async def _endless(self, writer: asyncio.StreamWriter, *, whole_lines: bool) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx-endless: ")
        sent = 0
        try:
            while sent < 256 * 1024 * 1024:
                writer.write(_PIECE + b"\r\nx-endless: " if whole_lines else _PIECE)
                await writer.drain()
                sent += len(_PIECE)
                await asyncio.sleep(0)
        finally:
            self.most_endless = max(self.most_endless, sent)

    async def _forward(self, request: bytes) -> bytes:
        answers, upstream = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        try:
            upstream.write(request)
            await upstream.drain()
            return await read_message(answers)
        finally:
            upstream.close()

    def _pieces(
        self, trouble: str, answer: bytes, dice: random.Random
    ) -> list[tuple[bytes, float]]:
        """What is sent back, and how long to wait after each piece, in seconds."""
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        half_head, half_body = answer[: len(head) // 2], body[: len(body) // 2]
        wrong = dice.choice(self.manner.wrong_statuses)
        pieces = {
            "fine": answer,
            "delay": answer,
            "answer-echoed": answer,
            "answer-twice": answer * 2,
            "answer-cut": half_head,
            "answer-noise": dice.randbytes(300),
            "half-json": made(status, half_body),
            "wrong-status": made(wrong, body),
            "http-500": made(dice.choice((500, 502, 504)), b"<html>"),
            "error-body": made(200, self.manner.error_body),
            "long-length": made(status, body, length=len(body) + 1_000),
        }
        return [(b"", dice.uniform(0.02, 0.3) if trouble == "delay" else 0.0)] + [
            (piece, 0.0) for name, piece in pieces.items() if name == trouble
        ]


def made(status: int, body: bytes, length: int | None = None) -> bytes:
    """An answer of our own."""
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {size}"
    return head.encode() + b"\r\n\r\n" + body


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST: what was in its buffers is gone."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """One request or answer whose body has a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)\r\n", head.lower())
    return head + await reader.readexactly(int(length[1]) if length else 0)


def by_pattern(pattern: bytes, base: int = 10) -> Callable[[bytes], Try | None]:
    """Finds a try by a pattern with two groups: delivery and attempt."""
    compiled = re.compile(pattern)

    def find(request: bytes) -> Try | None:
        found = compiled.search(request)
        return (int(found[1], base), int(found[2], base)) if found else None

    return find


MANNERS: Mapping[str, Manner] = {
    "handsets": Manner(
        by_pattern(rb'"delivery": ?(\d+), ?"attempt": ?(\d+)'),
        (422, b'{"error": "content-refused"}'),
        b'{"error": "no-such-number"}',
        (302, 400, 404, 422, 429, 500, 503),
    ),
    "twilio": Manner(
        by_pattern(rb"%3Fd%3D(\d+)%26a%3D(\d+)"),
        (400, b'{"code": 21617, "message": "too long", "status": 400}'),
        b'{"code": 21211, "message": "no such number", "status": 400}',
        (302, 400, 404, 429, 500, 503),
    ),
    # A cloud tells errors in 200: where it lies in its own words it can't be told from one that is
    # honest, so that here it says that something broke inside.
    "aliyun-sms": Manner(
        by_pattern(rb"[?&]OutId=([0-9a-z]+)-([0-9a-z]+)&", base=36),
        (400, b'{"Code": "isv.SMS_CONTENT_ILLEGAL", "Message": "no"}'),
        b'{"Code": "isp.SYSTEM_ERROR", "Message": "no"}',
        (302, 400, 404, 429, 500, 503),
    ),
    # A status is all that a webhook's receiver says: one that lies can't be told from one that
    # doesn't, so that here only those are changed that nobody could take for a refusal.
    "webhook": Manner(
        by_pattern(rb'"delivery": ?(\d+), ?"attempt": ?(\d+)'),
        (400, b""),
        b'{"errcode": 1}',
        (500, 502, 504),
        status_is_all=True,
    ),
}
