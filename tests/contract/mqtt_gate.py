"""A gate before a real broker: it sees every packet, keeps the record, and makes the trouble."""

import asyncio
import contextlib
import json
import ssl
from dataclasses import dataclass, field
from typing import Any

from tests.contract.gate import LoopbackGate
from tests.contract.mqtt_bytes import CONNACK, CONNECT, PUBACK, PUBLISH, SUBACK, Packet, read_packet
from tests.contract.peer import Taken

_LEVEL_AT, _LEVEL_OF_FIVE = 6, 5  # of the protocol, in a CONNECT

# PUBACKs that hold no id, one byte, and packets of types that don't exist.
_GARBAGE = {
    "garbage": b"\x40\x00",
    "noise": b"\x00\x0f\xf0\xff\xff\xff\xff\xff\x7f" * 50,
    "truncated": b"\x40\x01\x00",
}


@dataclass
class _Crossing:
    """A connection, and the commands on it that the broker hasn't confirmed."""

    newer: bool = False  # it speaks MQTT 5
    waiting: dict[int, Packet] = field(default_factory=dict)


class Gate(LoopbackGate):
    """Forwards 127.0.0.1:`port` to a broker's port, and obeys `mode`.

    Modes: `ok`; `cut-before` and `cut-after` break the connection instead of passing a command on
    or its PUBACK back; `refuse-login`; `refuse-subscription`; `garbage`, `noise`, `truncated`
    answer nonsense in place of a PUBACK. `refuse-login` and `refuse-subscription` are MQTT 3.1.1.
    """

    def __init__(self, broker_port: int, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.mode = "ok"
        self.held: set[str] = set()  # topics whose PUBACK is kept back
        self.denied: set[str] = set()  # topics whose PUBLISH ends the connection, each time
        self.muted: set[str] = set()  # topics whose PUBLISH is swallowed
        self.commands: dict[tuple[int, int], dict[str, Any]] = {}  # by try, as the broker took them
        self.publishes: list[Packet] = []  # every one that came, in order
        self._broker_port = broker_port
        self._kept: list[tuple[asyncio.StreamWriter, Packet]] = []

    @property
    def taken(self) -> list[Taken]:
        return [
            Taken(delivery, attempt, command["text"])
            for (delivery, attempt), command in self.commands.items()
        ]

    def release(self) -> None:
        """Pass on what was held."""
        self.held.clear()
        for writer, packet in self._kept:
            writer.write(packet.encoded())
        self._kept.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        try:
            answers, upstream = await asyncio.open_connection("127.0.0.1", self._broker_port)
            crossing = _Crossing()
            there = asyncio.create_task(self._there(reader, upstream, crossing))
            back = asyncio.create_task(self._back(answers, writer, crossing))
            try:
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                there.cancel()
                back.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
        except OSError:
            pass  # the broker itself is away: so are we
        finally:
            ends = [end for end in (writer, upstream) if end is not None]
            for end in ends:
                end.close()
            for end in ends:
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _there(
        self,
        reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        crossing: _Crossing,
    ) -> None:
        while True:
            packet = await read_packet(reader)
            if packet.kind == CONNECT:
                crossing.newer = packet.body[_LEVEL_AT] == _LEVEL_OF_FIVE
            if packet.kind == PUBLISH and packet.topic in self.denied:
                return
            if packet.kind == PUBLISH and packet.topic in self.muted:
                continue
            if packet.kind == PUBLISH and packet.topic.endswith("/cmd"):
                self.publishes.append(packet)
                if self.mode == "cut-before" and not packet.is_repeated:
                    return
                crossing.waiting[packet.mid] = packet
            upstream.write(packet.encoded())
            await upstream.drain()

    async def _back(
        self,
        answers: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        crossing: _Crossing,
    ) -> None:
        while True:
            packet = await read_packet(answers)
            command = crossing.waiting.pop(packet.mid, None) if packet.kind == PUBACK else None
            if command is not None:
                self._record(command.payload_of_five if crossing.newer else command.payload)
                if command.topic in self.held:
                    self._kept.append((writer, packet))
                    continue
                if command.is_repeated:
                    pass  # it has met its trouble
                elif self.mode == "cut-after":
                    return
                elif self.mode in _GARBAGE:
                    writer.write(_GARBAGE[self.mode])
                    continue
            writer.write(self._changed(packet).encoded())
            await writer.drain()

    def _record(self, payload: bytes) -> None:
        command = json.loads(payload)
        *_, delivery, attempt, _ = command["cmd_id"].split("-")
        self.commands.setdefault((int(delivery), int(attempt)), command)

    def _changed(self, packet: Packet) -> Packet:
        if packet.kind == CONNACK and self.mode == "refuse-login":
            return Packet(CONNACK, b"\x00\x05")
        if packet.kind == SUBACK and self.mode == "refuse-subscription":
            return Packet(SUBACK, packet.body[:2] + b"\x80" * (len(packet.body) - 2))
        return packet
