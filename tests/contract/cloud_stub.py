"""What the stubs of domestic clouds have in common: a real socket, a record, and troubles.

What is particular to a provider (paths, fields, signature, answers) each stub writes from that
provider's documentation. Nothing here or there comes from the route's own code.
"""

import asyncio
import itertools
import json
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from channels.sim_http import Exchange
from tests.contract.http_stub import HttpStub

SIGNATURE = "余姚市防指"
HOOK_SECRET = "hook-secret-0123456789"


@dataclass
class Made:
    """A message or a call that the provider has taken."""

    id: str
    phone: str  # as it was given
    ours: str  # OutId, SessionContext: what comes back with the receipt
    text: str  # as the telephone shows or says it
    extension: str = ""


class BadRequestError(Exception):
    """The provider refuses: a signature, a parameter, a template."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _date() -> dict[str, str]:
    """As both clouds say it with every answer."""
    return {"date": formatdate(usegmt=True)}


class CloudStub(HttpStub):
    """One account with a provider."""

    refusals: ClassVar[
        dict[str, tuple[int, str]]
    ] = {}  # trouble → HTTP status, the provider's code

    def __init__(self) -> None:
        self.made: list[Made] = []
        self.refused: list[str] = []  # codes of requests that weren't sound
        self.trouble: str | None = None
        self.held_phones: set[str] = set()
        self.ids = itertools.count(1)
        self._held: list[tuple[Exchange, Made]] = []

    def _handle(self, exchange: Exchange) -> None:
        try:
            if not self.check(exchange):
                self._serve(exchange)
        except BadRequestError as error:
            self.refused.append(error.code)
            exchange.answer(400, self.encoded(self.refusal(error.code, exchange)), headers=_date())

    def _serve(self, exchange: Exchange) -> None:
        if self.trouble in self.refusals:
            status, code = self.refusals[self.trouble]
            headers = _date() | ({"retry-after": "7"} if status == 429 else {})
            body = self.encoded(self.refusal(code, exchange))
            exchange.answer(status, body, headers=headers)
            return
        made = self.take(exchange)
        self.made.append(made)
        if made.phone in self.held_phones:
            self._held.append((exchange, made))
        else:
            self._answer(exchange, made)

    def _answer(self, exchange: Exchange, made: Made) -> None:
        match self.trouble:
            case "drop":
                exchange.drop()
            case "garbage":
                exchange.answer(200, b"<html>welcome", content_type="text/html")
            case "empty-object":
                exchange.answer_json(200, {})
            case "array":
                exchange.answer_json(200, [1])
            case "no-id":
                exchange.answer(200, self.encoded(self.accepted(made, with_id=False)))
            case "late-error":
                exchange.answer(504, self.encoded(self.accepted(made)))
            case "flood":
                exchange.answer(200, b'{"pad": "' + b"x" * 2_000_000 + b'"}')
            case "noise":
                exchange.answer_raw(b"\x16\x03\x01\x00nonsense\r\n\r\n")
            case _:
                exchange.answer(200, self.encoded(self.accepted(made)), headers=_date())

    def release(self) -> None:
        held, self._held = self._held, []
        self.held_phones.clear()
        for exchange, made in held:
            exchange.answer(200, self.encoded(self.accepted(made)))

    def encoded(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=False).encode()

    def check(self, exchange: Exchange) -> bool:
        """Verify the signature; True where the request was another one and is answered already."""
        raise NotImplementedError

    def take(self, exchange: Exchange) -> Made:
        raise NotImplementedError

    def accepted(self, made: Made, *, with_id: bool = True) -> Any:
        raise NotImplementedError

    def refusal(self, code: str, exchange: Exchange) -> Any:
        raise NotImplementedError


def percent(text: str) -> str:
    """RFC 3986: everything but letters, digits and - _ . ~"""
    return quote(text, safe="-_.~")


async def post(url: str, body: bytes) -> tuple[int, bytes]:
    """POST by hand, as the provider does; status and body of the answer."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path}?{parts.query} HTTP/1.1\r\nhost: {parts.netloc}\r\n"
        f"content-type: application/json;charset=utf-8\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(head.encode() + body)
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return int(answer.split(b" ", 2)[1]), await reader.readexactly(length)
    finally:
        writer.close()
        await writer.wait_closed()
