"""What is particular to Twilio: its codes, its hosts, its form fields and its signature."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import pytest

from channels.base import (
    Accepted,
    Event,
    Fault,
    Hook,
    HookRefusedError,
    HookRequest,
    Limits,
    Outgoing,
    Receipt,
    ReceiptStatus,
    Reply,
    RouteConfig,
    RouteContext,
)
from channels.sms.twilio import TwilioRoute
from channels.sms.twilio_codes import fault_of_code
from tests.contract.twilio_stub import ACCOUNT, TOKEN, TwilioStub, sign

NOW = 1_790_000_000_000
PUBLIC = "https://alerts.example:8443/base"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def nowhere(route: str, events: Sequence[Event]) -> None:
    raise AssertionError(route, events)


def made(**options: Any) -> TwilioRoute:
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": "+15005550006", **options}
    config = RouteConfig(name="tw", type="twilio", options=given, limits=Limits(timeout_s=10))
    return TwilioRoute(config, RouteContext(now=lambda: NOW, sink=nowhere, public_base_url=PUBLIC))


def message(expires_at: int = NOW + 90_000) -> Outgoing:
    return Outgoing(
        delivery=7_000_000_001,
        attempt=2,
        address="+8613800000001",
        text="【余姚市防指】收到请回1",
        alert="0a" * 16,
        short_code="A7",
        kind="alert",
        status="Actual",
        severity=1,
        created_at=NOW,
        expires_at=expires_at,
    )


@asynccontextmanager
async def stub() -> AsyncIterator[TwilioStub]:
    peer = TwilioStub()
    await peer.start()
    try:
        yield peer
    finally:
        await peer.stop()


async def sent(route: TwilioRoute, what: Outgoing) -> Any:
    async with asyncio.timeout(10):
        await route.start()
        try:
            (outcome,) = [outcome async for outcome in route.send_many([what])]
        finally:
            await route.close()
    return outcome.result


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (21211, Fault.DEAD),
        (21614, Fault.DEAD),
        (21610, Fault.OPTED_OUT),
        (20429, Fault.THROTTLED),
        (21611, Fault.THROTTLED),
        (30001, Fault.THROTTLED),
        (30003, Fault.REFUSED),
        (30004, Fault.REFUSED),
        (30005, Fault.REFUSED),
        (30006, Fault.REFUSED),
        (30007, Fault.REFUSED),
        (99999, Fault.REFUSED),
    ],
)
def test_codes(code: int, fault: Fault) -> None:
    assert fault_of_code(code) is fault


async def test_what_twilio_is_asked() -> None:
    async with stub() as peer:
        route = made(base_url=f"http://127.0.0.1:{peer.port}")
        assert isinstance(await sent(route, message()), Accepted)
        form = peer.made[0].form
        callback = urlsplit(form.pop("StatusCallback"))
        assert form == {
            "To": "+8613800000001",
            "From": "+15005550006",
            "Body": "【余姚市防指】收到请回1",
            "ValidityPeriod": "90",
        }
        assert callback._replace(query="").geturl() == f"{PUBLIC}/hooks/tw/status"
        assert parse_qs(callback.query) == {"d": ["7000000001"], "a": ["2"]}


@pytest.mark.parametrize(
    ("left_ms", "validity"), [(1, "5"), (-5_000, "5"), (60_999, "60"), (10**9, "36000")]
)
async def test_twilio_may_not_keep_it_past_its_end(left_ms: int, validity: str) -> None:
    async with stub() as peer:
        await sent(made(base_url=f"http://127.0.0.1:{peer.port}"), message(NOW + left_ms))
        assert peer.made[0].form["ValidityPeriod"] == validity


async def test_a_messaging_service_stands_for_the_number() -> None:
    async with stub() as peer:
        url = f"http://127.0.0.1:{peer.port}"
        await sent(made(base_url=url, messaging_service_sid="MG1"), message())
        form = peer.made[0].form
        assert form["MessagingServiceSid"] == "MG1"
        assert "From" not in form


async def test_another_programs_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCOUNT_SID", "AUTH_TOKEN", "REGION", "EDGE"):
        monkeypatch.setenv(f"TWILIO_{name}", "other")
    async with stub() as peer:
        result = await sent(made(base_url=f"http://127.0.0.1:{peer.port}"), message())
        assert isinstance(result, Accepted)


@pytest.mark.parametrize(
    ("options", "host"),
    [
        ({}, "api.twilio.com"),
        ({"region": "ie1"}, "api.ie1.twilio.com"),
        ({"region": "au1", "edge": "sydney"}, "api.sydney.au1.twilio.com"),
        ({"edge": "tokyo"}, "api.tokyo.us1.twilio.com"),
    ],
)
async def test_region_and_edge_choose_the_host(options: dict[str, str], host: str) -> None:
    route = made(**options)
    await route.start()
    assert route._client is not None
    url = route._client.get_hostname(route._client.api.absolute_url("2010-04-01"))
    assert urlsplit(url).netloc == host
    await route.close()


def hook(name: str) -> Hook:
    return next(hook for hook in made().hooks() if hook.name == name)


def request(name: str, form: str, query: str = "", *, signed_for: str | None = None) -> HookRequest:
    target = f"/elsewhere/{name}{query}"
    url = signed_for or f"{PUBLIC}/hooks/tw/{name}{query}"
    signature = sign(url, dict(parse_qsl(form, keep_blank_values=True)))
    return HookRequest("POST", target, {"x-twilio-signature": signature}, form.encode())


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("queued", ReceiptStatus.ACCEPTED),
        ("sent", ReceiptStatus.ACCEPTED),
        ("delivered", ReceiptStatus.DELIVERED),
        ("undelivered", ReceiptStatus.FAILED),
        ("failed", ReceiptStatus.FAILED),
    ],
)
def test_status_callbacks(word: str, status: ReceiptStatus) -> None:
    form = urlencode({"MessageSid": "SM9", "MessageStatus": word, "ErrorCode": "30003"})
    events, answer = hook("status").read(request("status", form, "?d=7&a=2"))
    failed = status is ReceiptStatus.FAILED
    fault = Fault.REFUSED if failed else None
    assert events == (
        Receipt(
            delivery=7,
            attempt=2,
            status=status,
            fault=fault,
            code="twilio-30003",
            reference="SM9",
        ),
    )
    assert answer.status == 200


def test_a_status_that_twilio_adds_later_is_taken_and_changes_nothing() -> None:
    form = urlencode({"MessageSid": "SM9", "MessageStatus": "pondered"})
    events, answer = hook("status").read(request("status", form, "?d=7&a=2"))
    assert (tuple(events), answer.status) == ((), 200)


@pytest.mark.parametrize("query", ["", "?d=7", "?d=x&a=1", "?d=7&a=0", "?d=-7&a=1", "?d=٧&a=1"])
def test_a_callback_that_names_no_try_of_ours_is_refused(query: str) -> None:
    quoted = quote(query, safe="?&=")
    with pytest.raises(HookRefusedError) as refused:
        hook("status").read(request("status", "MessageStatus=sent", quoted))
    assert refused.value.status == 400


def test_an_inbound_message() -> None:
    form = urlencode({"MessageSid": "SM8", "From": "+8613800000001", "Body": "收到\0🙏", "X": ""})
    events, answer = hook("inbound").read(request("inbound", form))
    assert events == (Reply(gateway_id="SM8", sender="+8613800000001", text="收到\ufffd🙏"),)
    assert answer.body == b"<Response/>"


def test_the_signature_is_checked_against_the_public_url() -> None:
    """Behind a proxy the request's own URL is another, and a forger may choose it."""
    form = "MessageSid=SM8&From=%2B1&Body=1"
    assert hook("inbound").read(request("inbound", form))
    for signed_for in ("http://alerts.example:8443/base/hooks/tw/inbound", "https://evil/inbound"):
        with pytest.raises(HookRefusedError) as refused:
            hook("inbound").read(request("inbound", form, signed_for=signed_for))
        assert refused.value.status == 403


def test_a_proxy_may_drop_the_port() -> None:
    """Twilio itself signs sometimes with and sometimes without the port."""
    form = "MessageSid=SM8&From=%2B1&Body=1"
    url = "https://alerts.example/base/hooks/tw/inbound"
    assert hook("inbound").read(request("inbound", form, signed_for=url))
