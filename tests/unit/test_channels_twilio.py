"""What is particular to Twilio: its codes, its hosts, its form fields and its signature."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
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
    SendError,
    Traceable,
)
from channels.sms.twilio import TwilioRoute
from channels.twilio_codes import fault_of_code
from tests.contract.twilio_stub import ACCOUNT, TOKEN, TwilioStub, sign

NOW = 1_790_000_000_000
ACCEPTED, DELIVERED = ReceiptStatus.ACCEPTED, ReceiptStatus.DELIVERED
PUBLIC = "https://alerts.example:8443/base"


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
        (30036, Fault.REFUSED),
        (10004, Fault.THROTTLED),
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
    ("left_ms", "validity"), [(1, "5"), (-5_000, "5"), (60_999, "60"), (10**9, "300")]
)
async def test_twilio_may_keep_it_shortly_and_not_past_its_end(left_ms: int, validity: str) -> None:
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
    client = route._account.client
    assert client is not None
    url = client.get_hostname(client.api.absolute_url("2010-04-01"))
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


def signed_by(secret: str, by: str, settings: str | None) -> HookRequest:
    form = {"MessageSid": "SM8", "From": "+1", "Body": "1"}
    headers = {"x-twilio-signature": sign(f"{PUBLIC}/hooks/tw/inbound", form, secret, by)}
    if settings is not None:
        headers["x-twilio-webhooks-signature-settings"] = settings
    return HookRequest("POST", "/x", headers, urlencode(form).encode())


SHA256 = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
SHA1 = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1"


@pytest.mark.parametrize(
    ("secret", "by", "settings", "holds"),
    [
        (TOKEN, "sha1", None, True),
        ("old-token", "sha1", None, True),
        ("shared", "sha256", SHA256, True),
        ("old-shared", "sha256", SHA256, True),
        ("shared", "sha1", SHA1, True),
        (TOKEN, "sha1", "", True),
        # Each secret for its own kind alone, and by the hash that the header names.
        (TOKEN, "sha256", SHA256, False),
        (TOKEN, "sha256", None, False),
        ("shared", "sha1", None, False),
        ("shared", "sha1", SHA256, False),
        ("shared", "sha256", SHA1, False),
        ("shared", "sha256", "key=1,algorithm=NONE", False),
        ("other", "sha256", SHA256, False),
        ("", "sha256", SHA256, False),
    ],
)
def test_two_tokens_and_two_shared_keys_may_sign(
    secret: str, by: str, settings: str | None, holds: bool
) -> None:
    route = made(
        old_auth_token="old-token", shared_key_secret="shared", old_shared_key_secret="old-shared"
    )
    inbound = next(hook for hook in route.hooks() if hook.name == "inbound")
    request = signed_by(secret, by, settings)
    if holds:
        assert len(inbound.read(request)[0]) == 1
    else:
        with pytest.raises(HookRefusedError) as refused:
            inbound.read(request)
        assert refused.value.status == 403


def test_without_a_shared_key_nobody_signs_by_one() -> None:
    for secret in ("", TOKEN, "None"):
        with pytest.raises(HookRefusedError):
            hook("inbound").read(signed_by(secret, "sha256", SHA256))


@asynccontextmanager
async def lost(peer: TwilioStub, *attempts: int) -> AsyncIterator[tuple[TwilioRoute, int]]:
    """A route whose tries the account took, and whose answers were lost; and when they began."""
    since = time.time_ns() // 1_000_000
    route = made(base_url=f"http://127.0.0.1:{peer.port}")
    await route.start()
    peer.trouble = "drop"
    for attempt in attempts:
        tries = route.send_many([replace(message(), attempt=attempt)])
        assert [o.result.fault async for o in tries if isinstance(o.result, SendError)] == [
            Fault.UNKNOWN
        ]
    peer.trouble = None
    try:
        yield route, since
    finally:
        await route.close()


async def test_a_lost_answer_is_found_in_the_list_of_messages() -> None:
    async with stub() as peer, lost(peer, 1) as (route, since):
        assert isinstance(route, Traceable)
        first = replace(message(), attempt=1)
        found = await route.look_up(first, since)
        sid = peer.made[0].sid
        expected = Receipt(delivery=7_000_000_001, attempt=1, status=ACCEPTED, reference=sid)
        assert found == expected
        peer.made[0].status = "delivered"
        assert await route.look_up(first, since) == replace(expected, status=DELIVERED)
        peer.made[0].status, peer.made[0].error_code = "undelivered", 30003
        assert await route.look_up(first, since) == replace(
            expected, status=ReceiptStatus.FAILED, fault=Fault.REFUSED, code="twilio-30003"
        )


async def test_only_the_trys_own_message_is_found() -> None:
    async with stub() as peer, lost(peer, 1) as (route, since):
        ours = replace(message(), attempt=1)
        assert await route.look_up(replace(ours, text="another"), since) is None
        assert await route.look_up(replace(ours, address="+8613900000009"), since) is None
        assert await route.look_up(ours, since + 120_000) is None, "made before the try began"
        assert await route.look_up(ours, since) is not None
        second = replace(ours, attempt=2)
        assert await route.look_up(second, since) is None, "it is the first try's already"


async def test_a_second_try_that_was_answered_is_not_taken_for_the_first() -> None:
    async with stub() as peer, lost(peer, 1) as (route, since):
        (again,) = [outcome async for outcome in route.send_many([message()])]
        assert again.result == Accepted(peer.made[1].sid)
        found = await route.look_up(replace(message(), attempt=1), since)
        assert found is not None
        assert found.reference == peer.made[0].sid
        del peer.made[0]
        assert await route.look_up(replace(message(), attempt=3), since) is None


async def test_of_two_like_messages_the_one_of_the_trys_own_time_is_found() -> None:
    async with stub() as peer, lost(peer, 1, 2, 3) as (route, since):
        for seconds, one in zip((-50, 3, 40), peer.made, strict=True):
            one.created = datetime.fromtimestamp(since / 1000 + seconds, UTC)
        found = await route.look_up(replace(message(), attempt=1), since)
        assert found is not None
        assert found.reference == peer.made[1].sid


async def test_nothing_is_learnt_from_a_twilio_that_does_not_answer() -> None:
    async with stub() as peer, lost(peer, 1) as (route, since):
        await peer.stop()
        assert await route.look_up(replace(message(), attempt=1), since) is None
        await route.close()
        assert await route.look_up(replace(message(), attempt=1), since) is None
