"""MQTT 3.1.1 by hand (OASIS standard, chapters 2 and 3): what tests say without our own client."""

import asyncio
import contextlib
import itertools
from dataclasses import dataclass
from typing import Self

from tests.contract.peer import PATIENCE_S

CONNECT, CONNACK, PUBLISH, PUBACK, SUBACK = 0x10, 0x20, 0x30, 0x40, 0x90
AT_QOS_1 = 0x02
RETAIN = 0x01

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Packet:
    """One control packet as it stands on the wire."""

    head: int
    body: bytes

    @property
    def kind(self) -> int:
        return self.head & 0xF0

    @property
    def is_repeated(self) -> bool:
        """The DUP flag of a PUBLISH."""
        return bool(self.head & 0x08)

    @property
    def mid(self) -> int:
        """The id of a PUBACK or SUBACK, or of a PUBLISH at QoS 1; 0 for one at QoS 0."""
        if self.kind != PUBLISH:
            return int.from_bytes(self.body[:2], "big")
        start = 2 + int.from_bytes(self.body[:2], "big")
        return int.from_bytes(self.body[start : start + 2], "big") if self.head & 0x06 else 0

    @property
    def topic(self) -> str:
        return self.body[2 : 2 + int.from_bytes(self.body[:2], "big")].decode()

    @property
    def payload(self) -> bytes:
        start = 2 + int.from_bytes(self.body[:2], "big") + (2 if self.head & 0x06 else 0)
        return self.body[start:]

    @property
    def payload_of_five(self) -> bytes:
        """That of a PUBLISH of MQTT 5 (3.3.2.3): behind its properties."""
        length, shift, rest = 0, 0, iter(self.payload)
        for digit in rest:
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                break
        return bytes(rest)[length:]

    def encoded(self) -> bytes:
        length, rest = b"", len(self.body)
        while True:
            rest, digit = rest // 128, rest % 128
            length += bytes([digit | (0x80 if rest else 0)])
            if not rest:
                return bytes([self.head]) + length + self.body


async def read_packet(reader: asyncio.StreamReader) -> Packet:
    """The next packet; raises IncompleteReadError at the end."""
    head = (await reader.readexactly(1))[0]
    length, shift = 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return Packet(head, await reader.readexactly(length))


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2, "big") + data


@dataclass
class Speaker:
    """A connection that says what it is told to, valid or not."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _mid: int = 0

    @classmethod
    async def connect(
        cls, port: int, user: str, password: str, *, name: str = "", clean: bool = True
    ) -> Self:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        # Two of one name would take the session from one another.
        login = text(name or f"by-hand-{next(_numbers)}") + text(user) + text(password)
        flags = b"\xc2" if clean else b"\xc0"
        hello = text("MQTT") + b"\x04" + flags + b"\x00\x00" + login
        writer.write(Packet(CONNECT, hello).encoded())
        welcomes = {Packet(CONNACK, bytes([there, 0])) for there in ((0,) if clean else (0, 1))}
        answer: Packet | None = None
        try:
            answer = await read_packet(reader)
        finally:
            if answer not in welcomes:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        if answer not in welcomes:
            raise ConnectionRefusedError(answer.body.hex())
        return cls(reader, writer)

    async def publish(self, topic: str | bytes, payload: bytes, *, retain: bool = False) -> None:
        """At QoS 1; returns when the broker has confirmed it."""
        self._mid += 1
        body = text(topic) + self._mid.to_bytes(2, "big") + payload
        self.writer.write(Packet(PUBLISH | AT_QOS_1 | retain, body).encoded())
        while (await read_packet(self.reader)).kind != PUBACK:
            pass

    async def subscribe(self, topic: str) -> int:
        """At QoS 1; returns what was granted, 0x80 for a refusal."""
        self._mid += 1
        body = self._mid.to_bytes(2, "big") + text(topic) + b"\x01"
        self.writer.write(Packet(0x82, body).encoded())
        while (answer := await read_packet(self.reader)).kind != SUBACK:
            pass
        return answer.body[-1]

    async def next_message(self) -> Packet:
        """The next PUBLISH, acknowledged."""
        async with asyncio.timeout(PATIENCE_S):
            while (packet := await read_packet(self.reader)).kind != PUBLISH:
                pass
        if packet.mid:
            self.writer.write(Packet(PUBACK, packet.mid.to_bytes(2, "big")).encoded())
        return packet

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):  # the other end may have gone first
            await self.writer.wait_closed()
