"""A gate before the carrier's server: it sees every PDU, and makes the trouble no server makes."""

import asyncio
import contextlib
import ssl
import struct
from dataclasses import dataclass

from tests.contract.gate import LoopbackGate

BIND_RESP, SUBMIT, SUBMIT_RESP, ENQUIRE = 0x80000009, 0x00000004, 0x80000004, 0x00000015
DELIVER, DELIVER_RESP, UNBIND, NACK = 0x00000005, 0x80000005, 0x00000006, 0x80000000
_HEADER = struct.Struct(">LLLL")


@dataclass(frozen=True)
class Pdu:
    command: int
    status: int
    sequence: int
    body: bytes

    def encoded(self) -> bytes:
        size = _HEADER.size + len(self.body)
        return _HEADER.pack(size, self.command, self.status, self.sequence) + self.body


# What comes in the place of an answer to a submit that the server has taken.
_NONSENSE = {
    "garbage": lambda n: Pdu(SUBMIT_RESP, 0, n, b"\xff\xfe\x01").encoded(),
    "no-end": lambda n: Pdu(SUBMIT_RESP, 0, n, b"an id without its NUL").encoded(),
    "wrong-kind": lambda n: Pdu(DELIVER_RESP, 0, n, b"\0").encoded(),
    "noise": lambda _: b"\x00\x0f\xf0\xff\xff\xff\xff\xff\x7f" * 50,
    "flood": lambda n: _HEADER.pack(2**31, SUBMIT_RESP, 0, n) + b"x" * 100_000,
    "too-short": lambda n: _HEADER.pack(4, SUBMIT_RESP, 0, n),
}


class Gate(LoopbackGate):
    """Forwards 127.0.0.1:`port` to the server's port, and obeys `mode`.

    Modes: `ok`; `refuse-bind`; `cut-before` and `cut-after` break the connection instead of passing
    a submit on or its answer back; `nack`; `silent` passes nothing back at all, `silent-to-submits`
    no answer to one; the names of _NONSENSE. A number is a status that the gate itself answers to
    submits, without the server; `later`, if set, is one that it answers to every submit but the
    first of a connection.
    """

    def __init__(self, server_port: int, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.mode: str | int = "ok"
        self.bind_status = 0x0E  # what `refuse-bind` says: wrong password
        self.later: int | None = None
        self.most_unanswered = 0
        self.asked: list[int] = []  # the numbers of all requests but answers, as they came
        self.refused = 0  # submits that it answered itself
        self.brought = 0  # messages and receipts that the server has brought so far
        self.connections = 0
        self.enquired = 0  # how often we were asked whether we are there
        self._server_port = server_port
        self._clients: list[asyncio.StreamWriter] = []
        self._writers: list[asyncio.StreamWriter] = []  # all, to be closed in the end

    async def close(self) -> None:
        """Nobody listens any more, and every connection there was has ended."""
        await super().close()
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        self._writers.clear()

    def say(self, pdu: Pdu) -> None:
        """Write something to the route, of our own accord."""
        self._clients[-1].write(pdu.encoded())

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._clients.append(writer)
        self._writers.append(writer)
        super()._enter(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        try:
            answers, upstream = await asyncio.open_connection("127.0.0.1", self._server_port)
            self._writers.append(upstream)
            unanswered: set[int] = set()
            there = asyncio.create_task(self._there(reader, writer, upstream, unanswered))
            back = asyncio.create_task(self._back(answers, writer, unanswered))
            try:
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                there.cancel()
                back.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
        except OSError:
            pass  # the server itself is away: so are we
        finally:
            for end in (writer, upstream):
                if end is not None:
                    end.close()

    async def _there(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream: asyncio.StreamWriter,
        unanswered: set[int],
    ) -> None:
        submits = 0
        while True:
            pdu = await read_pdu(reader)
            self.enquired += pdu.command == ENQUIRE
            if not pdu.command & NACK:
                self.asked.append(pdu.sequence)
            if pdu.command == SUBMIT:
                submits += 1
                if self.mode == "cut-before":
                    return
                own = self._own_answer(pdu, first=submits == 1)
                if own is not None:
                    self.refused += 1
                    writer.write(own.encoded())
                    continue
                unanswered.add(pdu.sequence)
                self.most_unanswered = max(self.most_unanswered, len(unanswered))
            upstream.write(pdu.encoded())
            await upstream.drain()

    def _own_answer(self, pdu: Pdu, *, first: bool) -> Pdu | None:
        if self.mode == "nack":
            return Pdu(NACK, 3, pdu.sequence, b"")
        if isinstance(self.mode, int):
            return Pdu(SUBMIT_RESP, self.mode, pdu.sequence, b"")
        if self.later is not None and not first:
            return Pdu(SUBMIT_RESP, self.later, pdu.sequence, b"")
        return None

    async def _back(
        self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter, unanswered: set[int]
    ) -> None:
        while True:
            pdu = await read_pdu(answers)
            if self.mode == "silent":
                continue
            if pdu.command == BIND_RESP and self.mode == "refuse-bind":
                pdu = Pdu(BIND_RESP, self.bind_status, pdu.sequence, b"")
            octets = pdu.encoded()
            if pdu.command == SUBMIT_RESP:
                unanswered.discard(pdu.sequence)
                if self.mode == "cut-after":
                    return
                if self.mode == "silent-to-submits":
                    continue
                if self.mode in _NONSENSE:
                    octets = _NONSENSE[str(self.mode)](pdu.sequence)
            self.brought += pdu.command == DELIVER
            writer.write(octets)
            await writer.drain()


async def read_pdu(reader: asyncio.StreamReader) -> Pdu:
    size, command, status, sequence = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    return Pdu(command, status, sequence, await reader.readexactly(size - _HEADER.size))
