"""A small, fast HTTP/1.1 server for the shipped simulators; never part of alertd itself.

A handler gets an Exchange and answers it whenever it likes, or never: a peer that hangs, drops the
connection or talks nonsense is what simulators are for, and what web frameworks prevent.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httptools

_REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 429: "Too Many Requests"}
_MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Exchange:
    """One request and the chance to answer it, once."""

    method: str
    path: str  # percent-encoded as received, without the query
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    _connection: "_Connection"

    def answer(
        self,
        status: int,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send an answer; nothing happens where the caller has gone."""
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}"]
        lines += [f"content-type: {content_type}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        is_last = self._connection.is_last
        lines += ["connection: close"] * is_last
        self._connection.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        if is_last:
            self._connection.close()

    def answer_json(self, status: int, value: Any) -> None:
        """Send a JSON answer."""
        self.answer(status, json.dumps(value, ensure_ascii=False).encode())

    def answer_raw(self, data: bytes) -> None:
        """Send bytes that needn't be HTTP, and end the connection."""
        self._connection.write(data)
        self._connection.close()

    def answer_start(self, data: bytes) -> None:
        """Send the beginning of an answer whose rest never comes."""
        self._connection.write(data)

    def drop(self) -> None:
        """Cut the connection without a word."""
        self._connection.abort()


Handler = Callable[[Exchange], None]


async def serve(handler: Handler, *, host: str = "127.0.0.1", port: int = 0) -> asyncio.Server:
    """Listen; a handler's exception answers 500 and is not the end of the server."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(handler), host, port, backlog=1024)


def bound_port(server: asyncio.Server) -> int:
    """The port that `serve` got."""
    return int(server.sockets[0].getsockname()[1])


class _Connection(asyncio.Protocol):
    """One caller's connection. httptools calls the `on_` methods."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self.is_last = False  # the caller said "connection: close"

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP gives nothing else
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    def on_message_begin(self) -> None:
        self._url, self._headers, self._body = b"", {}, bytearray()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > _MAX_BODY_BYTES:
            self.abort()

    def on_message_complete(self) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode("ascii")
        self.is_last = not self._parser.should_keep_alive()
        exchange = Exchange(method, path, query, self._headers, bytes(self._body), self)
        try:
            self._handler(exchange)
        except Exception as error:  # noqa: BLE001 - a simulator tells its caller and goes on
            exchange.answer_json(500, {"error": f"simulator-defect-{type(error).__name__}"})
