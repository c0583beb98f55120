"""What the stubs of chat platforms share: a real socket, a record, and ways to go wrong.

They are written from the platforms' documentation and share no code with the routes: each checks
signature, form and length by itself, counts messages as the platform does, and answers its
documented errors.
"""

import collections
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, ClassVar
from urllib.parse import unquote

from channels.sim_http import Exchange
from tests.contract.http_stub import HttpStub

# Of any web server; the platform's own are each stub's `errors`.
WEB_ERRORS: dict[str, tuple[int, dict[str, str]]] = {
    "unavailable": (503, {}),
    "throttle": (429, {"retry-after": "7"}),
    "broken": (500, {}),
    "redirect": (302, {"location": "/elsewhere"}),
}


@dataclass
class Posted:
    """A message that is in a group."""

    group: str
    text: str
    reference: str  # our own numbers, as the header carried them
    mobiles: list[str] = field(default_factory=list)  # who was really mentioned


class Refused(Exception):  # noqa: N818 - the platform's word, not an error of ours
    """What the platform answers to a request that it doesn't like."""

    def __init__(self, body: Any, status: int = 200) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class RobotStub(HttpStub):
    """One platform.

    A platform says how it reads a request (`read`), what success looks like (`success`), which
    errors it has (`errors`), and how many messages a group's bot may send (`limits`).
    """

    errors: ClassVar[dict[str, Any]] = {}
    limits: ClassVar[tuple[tuple[int, float], ...]] = ()
    too_fast: ClassVar[str] = ""
    block_s: ClassVar[float] = 0.0
    success: ClassVar[Any] = {}
    told: Callable[[Posted], None] | None  # of each message, as it is taken

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.trouble: str | None = None
        self.later_trouble: tuple[int, str] | None = None  # from a group's n-th request on
        self.held_groups: set[str] = set()
        self.asked: collections.Counter[str] = collections.Counter()  # by group, refusals too
        self.told = None
        self.prefix = ""  # of every path, where a proxy stands before it
        self.clock_off_s = 0.0  # by so much the platform's clock is another than ours
        self._held: list[Exchange] = []
        self._times: dict[str, list[float]] = {}
        self._blocked_until: dict[str, float] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def time(self) -> float:
        """The platform's clock, in seconds since the epoch."""
        return time.time() + self.clock_off_s

    def address(self, group: int) -> str:
        """The webhook's URL of a group."""
        raise NotImplementedError

    def read(self, exchange: Exchange) -> Posted:
        """Check a request as the platform does, or raise Refused."""
        raise NotImplementedError

    def release(self) -> None:
        held, self._held = self._held, []
        self.held_groups.clear()
        for exchange in held:
            self.answer(exchange, self.success)

    def answer(self, exchange: Exchange, body: Any, status: int = 200, **headers: str) -> None:
        """Every answer says what time it is, as any web server's does."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        headers = {"date": formatdate(self.time(), usegmt=True), **headers}
        exchange.answer(status, data, headers=headers)

    def probe(self, exchange: Exchange) -> None:
        """What a GET sees."""
        self.answer(exchange, b"<html></html>", 404)

    def _handle(self, exchange: Exchange) -> None:
        if not exchange.path.startswith(self.prefix):
            self.answer(exchange, b"no such path", 404)
            return
        exchange.path = exchange.path.removeprefix(self.prefix)
        if exchange.method == "GET" and self.trouble in WEB_ERRORS:
            self.answer(exchange, b"<html>no", WEB_ERRORS[self.trouble][0])
        elif exchange.method == "GET":
            self.probe(exchange)
        else:
            self._message(exchange)

    def _message(self, exchange: Exchange) -> None:
        try:
            posted = self.read(exchange)
        except Refused as refused:
            self.answer(exchange, refused.body, refused.status)
            return
        self.asked[posted.group] += 1
        trouble = self.trouble
        if self.later_trouble is not None and self.asked[posted.group] >= self.later_trouble[0]:
            trouble = self.later_trouble[1]
        if trouble in WEB_ERRORS:
            status, headers = WEB_ERRORS[trouble]
            self.answer(exchange, b"<html>no", status, **headers)
        elif trouble in self.errors:
            body = self.errors[trouble]
            status = 200
            if isinstance(body, tuple):
                status, body = body
            self.answer(exchange, body, status)
        elif self._is_too_fast(posted.group):
            self.answer(exchange, self.errors[self.too_fast])
        else:
            self.posted.append(posted)
            if self.told is not None:
                self.told(posted)
            self._taken(exchange, posted, trouble)

    def _is_too_fast(self, group: str) -> bool:
        now = time.monotonic()
        if now < self._blocked_until.get(group, 0.0):
            return True
        times = self._times.setdefault(group, [])
        if any(sum(now - at < per_s for at in times) >= most for most, per_s in self.limits):
            self._blocked_until[group] = now + self.block_s
            return True
        times.append(now)
        return False

    def _taken(self, exchange: Exchange, posted: Posted, trouble: str | None) -> None:
        if posted.group in self.held_groups:
            self._held.append(exchange)
            return
        match trouble:
            case "drop":
                exchange.drop()
            case "noise":
                exchange.answer_raw(b"\x16\x03\x01\x00nonsense\r\n\r\n")
            case "garbage":
                self.answer(exchange, b"<html>welcome")
            case "empty-object":
                self.answer(exchange, {})
            case "array":
                self.answer(exchange, [0])
            case "flood":
                self.answer(exchange, b'{"pad": "' + b"x" * 2_000_000 + b'"}')
            case "contradiction":
                self.answer(exchange, self.success, 500)
            case None:
                self.answer(exchange, self.success)
            case _:
                raise AssertionError(trouble)


def json_body(exchange: Exchange) -> dict[str, Any]:
    """The JSON object of a request that says that it is one, or nothing."""
    if "application/json" not in exchange.headers.get("content-type", ""):
        return {}
    value = json.loads(exchange.body.decode("utf-8"))
    return value if isinstance(value, dict) else {}


def query(exchange: Exchange) -> dict[str, str]:
    """The query, percent-decoded once; a `+` stays one."""
    pairs = (field.partition("=") for field in exchange.query.split("&"))
    return {name: unquote(value) for name, _, value in pairs}
