"""The least that a server of open boards does: the same bytes to the same boards, and nothing else.

    python limits_sse.py EVENT_BYTES PART_BYTES

Prints its port. GET /events is a stream that stays open, GET of anything else the part; a POST
tells every stream one event. Imports nothing of alertd.
"""

import asyncio
import sys

import httptools


class Sender(asyncio.Protocol):
    """One connection: a stream, or requests one after another."""

    streams: "set[asyncio.Transport]" = set()  # noqa: RUF012 - one for all, on purpose
    event = b""
    part = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def connection_lost(self, _error: Exception | None) -> None:
        Sender.streams.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_message_complete(self) -> None:
        if self.parser.get_method() == b"POST":
            for stream in Sender.streams:
                stream.write(Sender.event)
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        elif b"/events" in self.url:
            Sender.streams.add(self.transport)
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
        else:
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n%b"
                % (len(Sender.part), Sender.part)
            )


async def main(event_bytes: int, part_bytes: int) -> None:
    """Serve until ended."""
    head = b"event: fact\r\nid: 1\r\ndata: "
    text = head + b"x" * max(1, event_bytes - len(head) - 4) + b"\r\n\r\n"
    Sender.event = b"%x\r\n%b\r\n" % (len(text), text)
    Sender.part = b"x" * part_bytes
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sender, "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
