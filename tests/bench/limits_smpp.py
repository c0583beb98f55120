"""SMPP with nothing of alertd: smpplib's own client, and a gateway that both talk to.

python limits_smpp.py serve    a gateway that takes everything; prints its port

The gateway makes no PDU by a library, so that it isn't what is measured.
"""

import asyncio
import struct
import sys
import time
from collections.abc import Sequence

from smpplib import consts
from smpplib.client import Client

_HEADER = struct.Struct(">LLLL")
_RESPONSE = 0x80000000
_SUBMIT, _ENQUIRE, _UNBIND = 0x04, 0x15, 0x06


def submit_all(port: int, texts: Sequence[bytes], window: int) -> float:
    """Submit with smpplib alone, never more than `window` unanswered; per second."""
    client = Client("127.0.0.1", port, allow_unknown_opt_params=True)
    answered = 0

    def count(**_: object) -> None:
        nonlocal answered
        answered += 1

    client.set_message_sent_handler(count)
    client.connect()
    client.bind_transceiver(system_id="bench", password="bench")
    began = time.perf_counter()
    for sent, text in enumerate(texts):
        while sent - answered >= window:
            client.read_once()
        client.send_message(
            source_addr="10657100",
            source_addr_npi=1,
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=f"86138{sent:08}",
            data_coding=consts.SMPP_ENCODING_ISO10646,
            registered_delivery=1,
            validity_period="000001000000000R",
            user_message_reference=sent % 0x10000,
            short_message=text,
        )
    while answered < len(texts):
        client.read_once()
    took = time.perf_counter() - began
    client.unbind()
    client.disconnect()
    return len(texts) / took


class Gateway(asyncio.Protocol):
    """Answers each PDU of a batch, and writes the answers together."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._octets = b""
        self._count = 0

    def data_received(self, data: bytes) -> None:
        octets, at, answers = self._octets + data, 0, []
        while len(octets) - at >= _HEADER.size:
            size, command, _, sequence = _HEADER.unpack_from(octets, at)
            if len(octets) - at < size:
                break
            at += size
            body = b""
            if command == _SUBMIT:
                self._count += 1
                body = b"%010X\0" % self._count
            elif command not in {_ENQUIRE, _UNBIND}:
                body = b"bench\0"
            answers.append(_HEADER.pack(16 + len(body), command | _RESPONSE, 0, sequence) + body)
        self._octets = octets[at:]
        self._transport.write(b"".join(answers))


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Gateway, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    assert sys.argv[1:] == ["serve"]
    asyncio.run(_serve())
