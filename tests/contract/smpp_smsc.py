"""A carrier's gateway: smpp34's own server, told what to answer, and the record of what it took.

It is Rust and shares no code with smpplib, by which the route writes and reads: what one library
gets wrong, the other shows. As a program (`python -m tests.contract.smpp_smsc PORT LOG`) it is a
process that can be killed; it accepts everything and writes a line before each answer.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import smpp34
from smpplib.gsm import GSM_CHARACTER_TABLE

from tests.contract.peer import PATIENCE_S

NUMBERS_TLV = 0x1401  # the vendor's own, in which our numbers travel
OUR_NUMBER = "10657100"


@dataclass
class Submit:
    """One submit_sm as the server read it."""

    event: smpp34.SubmitSmEvent
    message_id: str
    tlvs: dict[int, bytes]

    @property
    def number(self) -> str:
        return self.event.destination_addr

    @property
    def numbers(self) -> tuple[int, ...]:
        """Delivery, attempt, part and parts, by the TLV."""
        return tuple(map(int, self.tlvs[NUMBERS_TLV].split(b".")))

    @property
    def header(self) -> bytes:
        """The user data header, its length first."""
        data = self.event.short_message
        return data[: data[0] + 1] if self.event.esm_class & 0x40 else b""

    @property
    def text(self) -> str:
        data = self.event.short_message[len(self.header) :]
        return data.decode("utf-16-be") if self.event.data_coding == 8 else read_septets(data)


@dataclass
class Smsc:
    """The server on loopback, in this process.

    Args:
        refusal: What it answers to a submit instead of taking it; 0: it takes all.
        held: Numbers whose submits it takes and doesn't answer until `release`.
    """

    refusal: int = 0
    held: set[str] = field(default_factory=set)
    submits: list[Submit] = field(default_factory=list)
    taken: Callable[[Submit], None] = lambda _: None
    port: int = 0
    name_of: Callable[[int], str] = lambda number: f"{number:08X}"
    _kept: list[Submit] = field(default_factory=list)
    _bound: dict[str, smpp34.Esme] = field(default_factory=dict)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)
    _server: smpp34.Server | None = None
    _pump: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.port = self.port or free_port()
        self._server = smpp34.Server("127.0.0.1", self.port, system_id="SMSC")
        await self._server.start()
        self._pump = asyncio.create_task(self._serve(self._server))

    async def stop(self) -> None:
        if self._server is not None and self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
            self._kept.clear()
            await self._server.stop()
            self._server = None

    def release(self) -> None:
        """Answer what was held, and hold no more."""
        self.held.clear()
        for submit in self._kept:
            submit.event.accept(submit.message_id)
        self._kept.clear()

    async def deliver(
        self,
        source: str,
        data: bytes,
        *,
        to: str = OUR_NUMBER,
        esm_class: int = 0,
        coding: int = 8,
        tlvs: dict[int, bytes] | None = None,
        ton: int = 1,
    ) -> int:
        """Bring a deliver_sm to whoever bound last; the status that it was answered with."""
        async with asyncio.timeout(PATIENCE_S):
            async with self._came:
                await self._came.wait_for(lambda: bool(self._bound))
            esme = list(self._bound.values())[-1]
            answer = await esme.deliver_sm(
                to,
                data,
                source_addr=source,
                source_addr_ton=ton,
                esm_class=esm_class,
                data_coding=coding,
                tlvs=[smpp34.Tlv(tag, value) for tag, value in (tlvs or {}).items()],
            )
        return answer.command_status

    async def _serve(self, server: smpp34.Server) -> None:
        while True:
            event = await server.next()
            async with self._came:
                if isinstance(event, smpp34.Esme):
                    self._bound[event.session_id] = event
                elif isinstance(event, smpp34.Unbound):
                    self._bound.pop(event.session_id, None)
                else:
                    self._submitted(event)
                self._came.notify_all()

    def _submitted(self, event: smpp34.SubmitSmEvent) -> None:
        if self.refusal:
            event.reject(self.refusal)
            return
        tlvs = {tlv.tag: tlv.value for tlv in event.tlvs}
        submit = Submit(event, self.name_of(0xA0 + len(self.submits)), tlvs)
        self.submits.append(submit)
        self.taken(submit)
        if submit.number in self.held:
            self._kept.append(submit)
        else:
            event.accept(submit.message_id)


def receipt_text(message_id: str, state: str, error: str = "000") -> bytes:
    """As SMPP 3.4 shows it in appendix B."""
    return (
        f"id:{message_id} sub:001 dlvrd:001 submit date:2611261200 done date:2611261201"
        f" stat:{state} err:{error} text:id:0 stat:DELIVRD"
    ).encode()


def read_septets(data: bytes) -> str:
    """GSM 03.38 by smpplib's table, of which the route makes no use."""
    text, octets = "", iter(data)
    for octet in octets:
        place = 0x80 + next(octets) if octet == 0x1B else octet
        text += GSM_CHARACTER_TABLE[place]
    return text


def free_port() -> int:
    """A port that nobody has: smpp34's server can't say which one it was given."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def main() -> None:
    log = Path(sys.argv[2])

    def write_down(submit: Submit) -> None:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"numbers": submit.numbers, "number": submit.number}) + "\n")

    smsc = Smsc(port=int(sys.argv[1]), taken=write_down)
    await smsc.start()
    print(json.dumps({"port": smsc.port}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
