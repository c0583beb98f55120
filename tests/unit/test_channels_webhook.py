"""What is particular to webhooks: signing, bad addresses, answers that say enough."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Self

import pytest

from alertd.errors import NotConfiguredError
from channels.base import (
    Accepted,
    Event,
    Fault,
    Limits,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
)
from channels.chat.webhook import WebhookRoute
from channels.sim_http import Exchange, bound_port, serve

NOW = 1_790_000_000_123
PATIENCE_S = 10.0
SECRET = "plain secret 密"


async def nowhere(route: str, events: Sequence[Event]) -> None:
    raise AssertionError(route, events)


def message(address: str, secret: str | None = SECRET, attempt: int = 1) -> Outgoing:
    return Outgoing(
        delivery=12,
        attempt=attempt,
        address=address,
        secret=secret,
        text="【演练】收到请回1",
        alert="0a" * 16,
        short_code="A7",
        kind="alert",
        status="Exercise",
        severity=2,
        created_at=NOW,
        expires_at=NOW + 60_000,
        possible_duplicate=attempt > 1,
    )


@asynccontextmanager
async def opened() -> AsyncIterator[WebhookRoute]:
    config = RouteConfig(name="chat", type="webhook", limits=Limits(timeout_s=PATIENCE_S))
    route = WebhookRoute(
        config, RouteContext(now=lambda: NOW, sink=nowhere, public_base_url="http://127.0.0.1")
    )
    await route.start()
    try:
        yield route
    finally:
        await route.close()


class Group:
    """A receiver that keeps what it is sent."""

    def __init__(self, answer: bytes = b"") -> None:
        self.seen: list[Exchange] = []
        self._answer = answer
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await serve(self._handle)
        self.url = f"http://127.0.0.1:{bound_port(self._server)}/group"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def _handle(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        if self._answer:
            exchange.answer_start(self._answer)
        else:
            exchange.answer(204)


async def sent(route: WebhookRoute, what: Outgoing) -> Accepted | SendError:
    async with asyncio.timeout(PATIENCE_S):
        (outcome,) = [outcome async for outcome in route.send_many([what])]
    return outcome.result


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("whsec_" + base64.b64encode(b"k" * 24).decode(), b"k" * 24),
        ("plain secret 密", "plain secret 密".encode()),
        ("c2VjcmV0", b"c2VjcmV0"),  # looks like base64, but hasn't said so
    ],
)
async def test_the_signature_is_the_standards(secret: str, key: bytes) -> None:
    async with Group() as group, opened() as route:
        result = await sent(route, message(group.url, secret))
        assert result == Accepted(None, delivered=True)
        (got,) = group.seen
        headers = got.headers
        assert headers["webhook-timestamp"] == str(NOW // 1000)
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + got.body
        mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{mac}"


async def test_a_message_on_the_wire_is_what_the_docs_say() -> None:
    async with Group() as group, opened() as route:
        await sent(route, message(group.url))
        (got,) = group.seen
    assert got.method == "POST"
    names = ("content-type", "accept-encoding", "user-agent")
    assert [got.headers[name] for name in names] == ["application/json", "identity", "alertd"]
    assert "收到请回1".encode() in got.body
    data = {
        "delivery": 12,
        "attempt": 1,
        "possible_duplicate": False,
        "alert": "0a" * 16,
        "short_code": "A7",
        "kind": "alert",
        "status": "Exercise",
        "severity": 2,
        "language": "zh-CN",
        "text": "【演练】收到请回1",
        "created_at": NOW,
        "expires_at": NOW + 60_000,
    }
    when = "2026-09-21T14:13:20+00:00"
    assert json.loads(got.body) == {"type": "alertd.alert", "timestamp": when, "data": data}


@pytest.mark.parametrize(
    ("status", "fault", "code", "retry_after_s"),
    [
        ("410 Gone\r\nretry-after: 7", Fault.DEAD, "http-410", None),
        ("429 Busy\r\nretry-after: 7", Fault.BUSY, "http-429", 7),
        (
            "429 Busy\r\nretry-after: Mon, 21 Sep 2026 14:13:27 GMT",
            *(Fault.BUSY, "http-429", pytest.approx(6.877)),
        ),
        ("404 Not Found", Fault.REFUSED, "http-404", None),
    ],
)
async def test_what_a_receiver_answers(
    status: str, fault: Fault, code: str, retry_after_s: float | None
) -> None:
    answer = f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode()
    async with Group(answer) as group, opened() as route:
        result = await sent(route, message(group.url))
    assert isinstance(result, SendError)
    assert (result.fault, result.code, result.retry_after_s) == (fault, code, retry_after_s)


async def test_a_route_that_is_closed_hands_nothing_over() -> None:
    async with opened() as route:
        pass
    result = await sent(route, message("http://127.0.0.1:9/"))
    assert isinstance(result, SendError)
    assert (result.fault, result.code) == (Fault.RETRY, "route-closed")


async def test_a_repeated_try_has_the_same_id_and_says_that_it_is_one() -> None:
    async with Group() as group, opened() as route:
        await sent(route, message(group.url))
        await sent(route, message(group.url, attempt=2))
        first, again = group.seen
        assert first.headers["webhook-id"] == again.headers["webhook-id"] == f"{'0a' * 16}-12"
        data = [json.loads(seen.body)["data"] for seen in group.seen]
        assert [(d["attempt"], d["possible_duplicate"]) for d in data] == [(1, False), (2, True)]


@pytest.mark.parametrize(
    ("secret", "code"),
    [(None, "no-secret"), ("", "no-secret"), ("whsec_", "bad-secret"), ("whsec_é", "bad-secret")],
)
async def test_nothing_goes_out_unsigned(secret: str | None, code: str) -> None:
    async with Group() as group, opened() as route:
        result = await sent(route, message(group.url, secret))
        assert isinstance(result, SendError)
        assert (result.fault, result.code) == (Fault.REFUSED, code)
        assert group.seen == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "not a url",
        "/relative",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:port/",
        "http://a b/",
        "http://\ud800/",
        "http://127.0.0.1\r\nx: y/",
        "javascript:alert(1)",
    ],
)
async def test_what_is_no_address_is_dead(address: str) -> None:
    async with opened() as route:
        result = await sent(route, message(address))
        assert isinstance(result, SendError)
        assert (result.fault, result.code) == (Fault.DEAD, "bad-url")


@pytest.mark.parametrize(
    ("host", "kind"),
    [("OAPI.DingTalk.com", "dingtalk"), ("open.feishu.cn", "feishu"), ("hooks.slack.com", "slack")],
)
async def test_a_platform_that_says_200_to_anything_has_a_type_of_its_own(
    host: str, kind: str
) -> None:
    async with opened() as route:
        result = await sent(route, message(f"https://{host}/robot/send?access_token=x"))
    assert isinstance(result, SendError)
    assert (result.fault, result.code) == (Fault.REFUSED, f"use-type-{kind}")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{",  # the rest never comes
        b"HTTP/1.1 200 OK\r\ncontent-length: 90000000\r\n\r\n" + b"x" * 2_000_000,
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\xff\xff",
        b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_the_status_alone_is_enough(answer: bytes) -> None:
    async with Group(answer) as group, opened() as route:
        assert await sent(route, message(group.url)) == Accepted(None, delivered=True)
        await sent(route, message(group.url))
        assert "cookie" not in group.seen[1].headers


@pytest.mark.parametrize(
    "page", [b"<!DOCTYPE html><p>Sign in", b"\xef\xbb\xbf\r\n<html lang='zh'>"]
)
async def test_a_page_for_people_is_no_receiver_s_word(page: bytes) -> None:
    """A portal, a proxy's or a carrier's own page, or a site that answers every path alike."""
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(page)}\r\n\r\n".encode()
    async with Group(head + page) as group, opened() as route:
        result = await sent(route, message(group.url))
    assert isinstance(result, SendError)
    assert (result.fault, result.code) == (Fault.UNKNOWN, "answered-by-a-page")


async def test_a_redirect_is_not_followed() -> None:
    async with Group() as elsewhere, opened() as route:
        moved = f"HTTP/1.1 307 Moved\r\nlocation: {elsewhere.url}\r\ncontent-length: 0\r\n\r\n"
        async with Group(moved.encode()) as group:
            result = await sent(route, message(group.url))
        assert isinstance(result, SendError)
        assert (result.fault, result.code) == (Fault.REFUSED, "http-307")
        assert elsewhere.seen == []


async def test_an_https_address_is_spoken_to_in_tls_and_nothing_leaves_without_it() -> None:
    async with Group() as group, opened() as route:
        result = await sent(route, message(group.url.replace("http:", "https:")))
        assert isinstance(result, SendError)
        assert (result.fault, result.code) == (Fault.RETRY, "no-connection")
        assert group.seen == []


async def test_a_try_that_the_routes_end_cuts_off_is_unknown() -> None:
    taken = asyncio.Event()
    server = await serve(lambda _: taken.set())  # never answered
    async with opened() as route:
        url = f"http://127.0.0.1:{bound_port(server)}/group"
        trying = asyncio.create_task(sent(route, message(url)))
        async with asyncio.timeout(PATIENCE_S):
            await taken.wait()
        await route.close()
        result = await trying
    server.close()
    assert isinstance(result, SendError)
    assert (result.fault, result.code) == (Fault.UNKNOWN, "closed-in-flight")


async def test_a_receiver_that_says_no_whole_sentence_may_have_taken_it() -> None:
    async with Group(b"HTTP/1.1 garbage\r\n\r\n") as group, opened() as route:
        result = await sent(route, message(group.url))
        assert isinstance(result, SendError)
        assert (result.fault, result.code) == (Fault.UNKNOWN, "connection-lost")
        assert len(group.seen) == 1


def test_an_option_that_there_is_not_is_refused_by_name() -> None:
    config = RouteConfig(name="chat", type="webhook", options={"tokn": "x"})
    context = RouteContext(now=lambda: NOW, sink=nowhere, public_base_url="http://127.0.0.1")
    with pytest.raises(NotConfiguredError, match="tokn"):
        WebhookRoute(config, context)
