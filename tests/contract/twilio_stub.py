"""A peer that speaks Twilio's documented REST shape on a real socket, and keeps what it took.

From https://www.twilio.com/docs/messaging/api/message-resource,
https://www.twilio.com/docs/voice/api/call-resource and
https://www.twilio.com/docs/usage/security#validating-requests; it shares no code with the route or
with Twilio's library.
"""

import asyncio
import base64
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from channels.sim_http import Exchange
from tests.contract.http_stub import HttpStub

ACCOUNT = "AC" + "0" * 32
TOKEN = "twilio-auth-token"
OUR_NUMBER = "+15005550006"

# HTTP status and Twilio's code, as its error dictionary has them.
ERRORS = {
    "invalid-number": (400, 21211),
    "not-mobile": (400, 21614),
    "unsubscribed": (400, 21610),
    "queue-full": (400, 21611),
    "too-many": (429, 20429),
    "bad-login": (401, 20003),
    "unavailable": (503, 20503),
    "broken": (500, 20500),
}


@dataclass
class Made:
    """A message, or a call, that the account has."""

    sid: str
    form: dict[str, str]
    status: str = "queued"
    error_code: int | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


def sign(url: str, form: dict[str, str], secret: str = TOKEN, by: str = "sha1") -> str:
    """X-Twilio-Signature: an HMAC over the URL and the form's sorted names and values."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), by).digest()).decode()


class TwilioStub(HttpStub):
    """The account's API."""

    def __init__(self) -> None:
        self.made: list[Made] = []
        self.listed: list[Made] = []  # what its list has told of, each as often
        self.trouble: str | None = None
        self.on_made: Callable[[Made], None] = lambda _: None
        self.held_numbers: set[str] = set()
        self._held: list[tuple[Exchange, dict[str, Any]]] = []
        self._ids = itertools.count(1)

    def _handle(self, exchange: Exchange) -> None:
        login = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        path = f"/2010-04-01/Accounts/{ACCOUNT}"
        if exchange.headers.get("authorization") != f"Basic {login}":
            self._refuse(exchange, 401, 20003)
        elif (exchange.method, exchange.path) == ("GET", f"{path}.json"):
            exchange.answer_json(200, {"sid": ACCOUNT, "status": "active", "type": "Full"})
        elif (exchange.method, exchange.path) == ("GET", f"{path}/Messages.json"):
            self._list(exchange)
        elif (exchange.method, exchange.path) == ("POST", f"{path}/Messages.json"):
            self._create(exchange, "SM", _message)
        elif (exchange.method, exchange.path) == ("POST", f"{path}/Calls.json"):
            self._create(exchange, "CA", _call)
        else:
            self._refuse(exchange, 404, 20404)

    def _list(self, exchange: Exchange) -> None:
        asked = {name: values[0] for name, values in parse_qs(exchange.query).items()}
        found = [made for made in reversed(self.made) if made.form["To"] == asked["To"]]
        size = int(asked["PageSize"])
        self.listed += found[:size]
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        page: dict[str, Any] = {"messages": [_message(made) for made in found[:size]]}
        page |= {"page": 0, "page_size": size, "start": 0, "end": len(found[:size]) - 1}
        page |= {"uri": path, "first_page_uri": path, "next_page_uri": None}
        exchange.answer_json(200, page | {"previous_page_uri": None})

    def _create(
        self, exchange: Exchange, prefix: str, resource: Callable[[Made], dict[str, Any]]
    ) -> None:
        if self.trouble in ERRORS:
            self._refuse(exchange, *ERRORS[self.trouble])
            return
        fields = parse_qs(exchange.body.decode(), keep_blank_values=True, strict_parsing=True)
        form = {name: values[0] for name, values in fields.items()}
        made = Made(f"{prefix}{next(self._ids):032x}", form)
        self.made.append(made)
        self.on_made(made)
        if form["To"] in self.held_numbers:
            self._held.append((exchange, resource(made)))
            return
        match self.trouble:
            case "drop":
                exchange.drop()
            case "garbage":
                exchange.answer(201, b"<html>welcome", content_type="text/html")
            case "empty-object":
                exchange.answer_json(201, {})
            case "array":
                exchange.answer_json(201, [1])
            case "flood":
                exchange.answer(201, b'{"pad": "' + b"x" * 2_000_000 + b'"}')
            case "noise":
                exchange.answer_raw(b"\x16\x03\x01\x00nonsense\r\n\r\n")
            case _:
                exchange.answer_json(201, resource(made))

    def release(self) -> None:
        held, self._held = self._held, []
        self.held_numbers.clear()
        for exchange, resource in held:
            exchange.answer_json(201, resource)

    def _refuse(self, exchange: Exchange, status: int, code: int) -> None:
        # Twilio's message quotes the number: what must not be passed on.
        number = parse_qs(exchange.body.decode("utf-8", "replace")).get("To", [""])[0]
        body: dict[str, Any] = {
            "code": code,
            "message": f"The number {number} can't be used.",
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        }
        headers = {"retry-after": "7"} if status == 429 else {}
        exchange.answer(status, _json(body), headers=headers)

    async def call_back(self, made: Made, status: str, code: int | None = None) -> int:
        """POST a status callback, as Twilio signs it; the answer's status."""
        form = {"MessageSid": made.sid, "SmsSid": made.sid, "MessageStatus": status}
        form |= {"AccountSid": ACCOUNT, "To": made.form["To"], "From": OUR_NUMBER}
        if code is not None:
            form["ErrorCode"] = str(code)
        made.status, made.error_code = status, code
        return await post_form(made.form["StatusCallback"], form)

    async def call_progress(self, made: Made, status: str, **more: str) -> int:
        """POST how a call goes, as Twilio signs it; the answer's status."""
        form = {"CallSid": made.sid, "CallStatus": status, "AccountSid": ACCOUNT, **more}
        form |= {"To": made.form["To"], "From": OUR_NUMBER, "Direction": "outbound-api"}
        return await post_form(made.form["StatusCallback"], form)


async def post_form(url: str, form: dict[str, str]) -> int:
    """POST by hand, signed for `url`; the answer's status."""
    parts = urlsplit(url)
    body = urlencode(form).encode()
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    head = (
        f"POST {target} HTTP/1.1\r\nhost: {parts.netloc}\r\n"
        f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n"
        f"x-twilio-signature: {sign(url, form)}\r\n\r\n"
    )
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(head.encode() + body)
        await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        return int(answer.split(b" ", 2)[1])
    finally:
        writer.close()
        await writer.wait_closed()


def _message(made: Made) -> dict[str, Any]:
    created = format_datetime(made.created)
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{made.sid}"
    return {
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "body": made.form["Body"],
        "date_created": created,
        "date_sent": None,
        "date_updated": created,
        "direction": "outbound-api",
        "error_code": made.error_code,
        "error_message": None,
        "from": made.form.get("From"),
        "messaging_service_sid": made.form.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": made.sid,
        "status": made.status,
        "to": made.form["To"],
        "uri": f"{path}.json",
        "subresource_uris": {"media": f"{path}/Media.json"},
    }


def _call(made: Made) -> dict[str, Any]:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{made.sid}"
    return {
        "account_sid": ACCOUNT,
        "annotation": None,
        "answered_by": None,
        "api_version": "2010-04-01",
        "caller_name": None,
        "date_created": format_datetime(made.created),
        "date_updated": None,
        "direction": "outbound-api",
        "duration": None,
        "end_time": None,
        "forwarded_from": None,
        "from": made.form["From"],
        "from_formatted": made.form["From"],
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "sid": made.sid,
        "start_time": None,
        "status": made.status,
        "to": made.form["To"],
        "to_formatted": made.form["To"],
        "trunk_sid": None,
        "uri": f"{path}.json",
        "subresource_uris": {"recordings": f"{path}/Recordings.json"},
    }


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
