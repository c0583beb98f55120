"""Signatures and what is read behind them, case by case: the handset gateway's wire, Twilio's
hooks, a loudspeaker's commands and keys.
"""

import base64
import hashlib
import hmac
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from alertd.errors import NotConfiguredError
from channels.base import (
    Fault,
    Health,
    HookRefusedError,
    HookRequest,
    Outgoing,
    Receipt,
    ReceiptStatus,
    Reply,
    RouteConfig,
    RouteContext,
)
from channels.chat.webhook import WebhookRoute
from channels.loudspeaker import commands, keys
from channels.loudspeaker.commands import Command, CommandRefusedError, CommandType, SigningKey
from channels.sms import handset_wire
from channels.sms.twilio_hooks import Reader
from channels.twilio_codes import fault_of_code
from channels.twilio_signature import MAX_BODY_BYTES, Form, Signatures
from tests.contract.twilio_stub import TOKEN
from tests.contract.twilio_stub import sign as twilio_sign

STATUS_URL, INBOUND_URL = "https://a.example/hooks/tw/status", "https://a.example/hooks/tw/inbound"


def outgoing(**changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "delivery": 12,
        "attempt": 2,
        "address": "+8613800000001",
        "text": "【余姚市防指】收到请回1",
        "alert": "0a" * 16,
        "short_code": "A7",
        "kind": "alert",
        "status": "Actual",
        "severity": 1,
        "created_at": 5,
        "expires_at": 99,
        "possible_duplicate": True,
    }
    return Outgoing(**(values | changes))


# The handset gateway.


def test_a_handset_signature_is_what_the_docs_say() -> None:
    body = "求助".encode()
    mac = hmac.new(b"secret", b"replies\n" + body, hashlib.sha256).hexdigest()
    assert handset_wire.sign("secret", "replies", body) == f"sha256={mac}"
    assert handset_wire.signed_by("secret", "replies", body, f"sha256={mac}")


@pytest.mark.parametrize(
    ("secret", "hook", "body", "spoil"),
    [
        ("other", "replies", b"x", ""),
        ("secret", "receipts", b"x", ""),
        ("secret", "replies", b"y", ""),
        ("secret", "replies", b"x", "0"),
        ("secret", "replies", b"x", "\udce9"),
        ("secret", "repliesx", b"", ""),
    ],
)
def test_a_signature_for_anything_else_is_none(
    secret: str, hook: str, body: bytes, spoil: str
) -> None:
    signature = handset_wire.sign("secret", "replies", b"x") + spoil
    assert not handset_wire.signed_by(secret, hook, body, signature)
    assert not handset_wire.signed_by("secret", "replies", b"x", "")


def test_a_message_on_the_wire() -> None:
    assert handset_wire.message_body(outgoing()).decode() == json.dumps(
        {
            "delivery": 12,
            "attempt": 2,
            "to": "+8613800000001",
            "text": "【余姚市防指】收到请回1",
            "language": "zh-CN",
            "alert": "0a" * 16,
            "short_code": "A7",
            "kind": "alert",
            "status": "Actual",
            "expires_at": 99,
            "possible_duplicate": True,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


RECEIPT = {
    "delivery": 7,
    "attempt": 2,
    "status": "failed",
    "reason": "no-such-number",
    "at": 55,
    "id": "g1",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"status": "delivered"}, {"status": ReceiptStatus.DELIVERED, "fault": None}),
        ({"status": "accepted"}, {"status": ReceiptStatus.ACCEPTED, "fault": None}),
        ({"reason": "opted-out"}, {"fault": Fault.OPTED_OUT, "code": "opted-out"}),
        ({"reason": "content-refused"}, {"fault": Fault.REFUSED, "code": "content-refused"}),
        ({"reason": "unreachable"}, {"fault": Fault.REFUSED, "code": "unreachable"}),
        ({"reason": "news"}, {"fault": Fault.REFUSED, "code": "news"}),
        ({"reason": 5}, {"fault": Fault.REFUSED, "code": ""}),
        ({"at": "soon"}, {"occurred_at": None}),
        ({"id": None}, {"reference": ""}),
        ({"delivery": 1, "attempt": 1}, {"delivery": 1, "attempt": 1}),
        ({"delivery": 1, "attempt": 2**31 - 1}, {"delivery": 1, "attempt": 2**31 - 1}),
    ],
)
def test_a_receipt_is_read(changes: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    whole: dict[str, Any] = {
        "delivery": 7,
        "attempt": 2,
        "status": ReceiptStatus.FAILED,
        "fault": Fault.DEAD,
        "code": "no-such-number",
        "reference": "g1",
        "occurred_at": 55,
    }
    assert handset_wire.read_receipt(RECEIPT | dict(changes)) == Receipt(**(whole | dict(expected)))


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        "x",
        *(
            {name: value for name, value in RECEIPT.items() if name != gone}
            for gone in ("delivery", "attempt", "status")
        ),
        RECEIPT | {"delivery": 0},
        RECEIPT | {"attempt": 0},
        RECEIPT | {"attempt": 2**31},
        RECEIPT | {"status": "played"},
        RECEIPT | {"status": 1},
        RECEIPT | {"delivery": True},
    ],
)
def test_what_is_no_receipt(item: Any) -> None:
    assert handset_wire.read_receipt(item) is None


REPLY = {"id": "r1", "from": "+8613800000001", "text": "1", "extension": "01", "at": 8}


def test_a_reply_is_read() -> None:
    whole = Reply(gateway_id="r1", sender="+8613800000001", text="1", extension="01", occurred_at=8)
    assert handset_wire.read_reply(REPLY) == whole
    bare = handset_wire.read_reply({"id": "r1", "from": "x" * 32, "text": ""})
    assert bare == Reply(gateway_id="r1", sender="x" * 32, text="")
    long = handset_wire.read_reply(REPLY | {"extension": "9" * 33, "at": -1})
    assert long is not None
    assert (long.extension, long.occurred_at) == ("", None)
    edge = handset_wire.read_reply(REPLY | {"extension": "9" * 32})
    assert edge is not None
    assert edge.extension == "9" * 32


@pytest.mark.parametrize(
    "item",
    [
        None,
        7,
        REPLY | {"id": ""},
        REPLY | {"id": "x" * 129},
        REPLY | {"from": None},
        REPLY | {"from": "x" * 33},
        REPLY | {"text": None},
    ],
)
def test_what_is_no_reply(item: Any) -> None:
    assert handset_wire.read_reply(item) is None


# Twilio.


def reader() -> Reader:
    return Reader(Signatures((TOKEN,), ()), STATUS_URL, INBOUND_URL)


def call(url: str, form: str, query: str = "", signature: str | None = None) -> HookRequest:
    """A request as Twilio signs it."""
    target = "/hooks/tw" + (f"?{query}" if query else "")
    fields = dict(pair.split("=") for pair in form.split("&")) if form else {}
    made = twilio_sign(f"{url}?{query}" if query else url, fields)
    headers = {"x-twilio-signature": made if signature is None else signature}
    return HookRequest("POST", target, headers, form.encode())


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("MessageStatus=delivered&MessageSid=S1", (ReceiptStatus.DELIVERED, None, "", "S1")),
        ("SmsStatus=delivered", (ReceiptStatus.DELIVERED, None, "", "")),
        ("MessageStatus=sent&SmsStatus=failed", (ReceiptStatus.ACCEPTED, None, "", "")),
        ("MessageStatus=failed&ErrorCode=30003", (ReceiptStatus.FAILED, ..., "twilio-30003", "")),
        ("MessageStatus=undelivered", (ReceiptStatus.FAILED, ..., "", "")),
        ("MessageStatus=failed&ErrorCode=99999", (ReceiptStatus.FAILED, ..., "twilio-99999", "")),
        ("MessageStatus=failed&ErrorCode=100000", (ReceiptStatus.FAILED, ..., "", "")),
        (
            "MessageStatus=delivered&ErrorCode=30003",
            (ReceiptStatus.DELIVERED, None, "twilio-30003", ""),
        ),
    ],
)
def test_a_twilio_status_is_read(form: str, expected: tuple[Any, ...]) -> None:
    ((receipt,), answer) = reader().status(call(STATUS_URL, form, "d=7&a=2"))
    assert isinstance(receipt, Receipt)
    assert (receipt.delivery, receipt.attempt) == (7, 2)
    status, fault, code, reference = expected
    assert (receipt.status, receipt.code, receipt.reference) == (status, code, reference)
    assert (receipt.fault is None) == (fault is None)
    assert (answer.status, answer.body) == (200, b"")


def test_a_status_of_another_day_says_nothing() -> None:
    for form in ("MessageStatus=teleported", "MessageSid=S1"):
        events, answer = reader().status(call(STATUS_URL, form, "d=7&a=2"))
        assert (tuple(events), answer.status) == ((), 200)


@pytest.mark.parametrize(
    "query", ["", "d=7", "a=2", "d=0&a=1", "d=1&a=0", "d=x&a=1", f"d=1&a={2**31}"]
)
def test_a_status_of_no_try_is_refused(query: str) -> None:
    with pytest.raises(HookRefusedError) as refused:
        reader().status(call(STATUS_URL, "MessageStatus=sent", query))
    assert (refused.value.status, refused.value.code) == (400, "not-ours")


@pytest.mark.parametrize("attempt", [1, 2**31 - 1])
def test_the_first_and_the_largest_try_are_ours(attempt: int) -> None:
    ((receipt,), _) = reader().status(call(STATUS_URL, "MessageStatus=sent", f"d=1&a={attempt}"))
    assert isinstance(receipt, Receipt)
    assert receipt.attempt == attempt


@pytest.mark.parametrize("code", [0, 21211, 21610, 30001, 30003])
def test_a_failures_code_says_what_it_means(code: int) -> None:
    form = f"MessageStatus=failed&ErrorCode={code}"
    ((receipt,), _) = reader().status(call(STATUS_URL, form, "d=1&a=1"))
    assert isinstance(receipt, Receipt)
    assert receipt.fault is fault_of_code(code)


def test_an_inbound_message_is_read() -> None:
    form = "MessageSid=S1&From=%2B86138&Body="
    request = HookRequest(
        "POST",
        "/hooks/tw",
        {
            "x-twilio-signature": twilio_sign(
                INBOUND_URL, {"MessageSid": "S1", "From": "+86138", "Body": ""}
            )
        },
        form.encode(),
    )
    (reply,), answer = reader().inbound(request)
    assert reply == Reply(gateway_id="S1", sender="+86138", text="")
    assert (answer.status, answer.body, answer.content_type) == (200, b"<Response/>", "text/xml")


@pytest.mark.parametrize(
    "form",
    [
        "From=1&Body=x",
        "MessageSid=S&Body=x",
        "MessageSid=S&From=1",
        f"MessageSid=S&Body=x&From={'1' * 33}",
    ],
)
def test_an_inbound_message_that_lacks_something(form: str) -> None:
    with pytest.raises(HookRefusedError) as refused:
        reader().inbound(call(INBOUND_URL, form))
    assert (refused.value.status, refused.value.code) == (400, "malformed-form")


def test_a_sender_of_32_characters_is_one() -> None:
    (reply,), _ = reader().inbound(call(INBOUND_URL, f"MessageSid=S&Body=x&From={'1' * 32}"))
    assert isinstance(reply, Reply)
    assert reply.sender == "1" * 32


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (call(INBOUND_URL, "MessageSid=S&From=1&Body=x", signature=""), 403, "bad-signature"),
        (call(STATUS_URL, "MessageSid=S&From=1&Body=x"), 403, "bad-signature"),
        (HookRequest("POST", "/h", {}, b"MessageSid=S"), 403, "bad-signature"),
        (HookRequest("POST", "/\u00e9", {}, b""), 400, "malformed-target"),
        (HookRequest("POST", "/h", {}, b"\xff"), 400, "malformed-form"),
        (HookRequest("POST", "/h", {}, b"a=%ff"), 400, "malformed-form"),
        (HookRequest("POST", "/h", {}, b"&".join([b"a=1"] * 201)), 400, "malformed-form"),
        (HookRequest("POST", "/h", {}, b"a=1&" + b"x" * MAX_BODY_BYTES), 413, "body-too-large"),
    ],
)
def test_what_is_not_twilios_is_refused(request_: HookRequest, status: int, code: str) -> None:
    with pytest.raises(HookRefusedError) as refused:
        reader().inbound(request_)
    assert (refused.value.status, refused.value.code) == (status, code)


def test_a_form_keeps_every_value_in_order() -> None:
    form = Form({"a": ["1", "2"]})
    assert form.getlist("a") == ["1", "2"]
    assert (form.one("a"), form.one("b")) == ("1", None)


# The loudspeakers.

KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def command(**changes: Any) -> Command:
    values: dict[str, Any] = {
        "cmd_id": "c",
        "to": "terminal/T1",
        "alert": "0a" * 16,
        "type": CommandType.ACTUAL,
        "severity": 1,
        "seq": 5,
        "not_before": 1,
        "expires": 2,
        "text": "测试",
    }
    return Command(**(values | changes))


def signed(document: dict[str, Any]) -> bytes:
    """A document as somebody with our key would sign it, whatever is in it."""
    plain = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    signature = base64.b64encode(KEY.private.sign(plain.encode())).decode()
    return json.dumps({**document, "sig": signature}, ensure_ascii=False).encode()


DOCUMENT: dict[str, Any] = {
    "v": 1,
    "alg": "ed25519",
    "key": KEY.key_id,
    **{
        name: getattr(command(), name)
        for name in (
            *("cmd_id", "to", "alert", "type", "severity", "seq", "not_before", "expires"),
            *("text", "lang", "volume", "repeat", "duplicate"),
        )
    },
}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("severity", (1, 4), (0, 5, "1", 1.0, None, True)),
        ("seq", (1, 2**53 - 1), (0, -1)),
        ("not_before", (0, 2**53 - 1), (-1,)),
        ("expires", (0, 2**53 - 1), (-1,)),
        ("volume", (0, 100), (-1, 101)),
        ("repeat", (0, 100), (-1, 101)),
        ("type", (1, 2, 3, 4, 5), (0, 6)),
        ("duplicate", (True, False), (0, 1, None, "true")),
        ("cmd_id", ("", "x"), (1, None)),
        ("text", ("",), (1, None)),
        ("lang", ("en",), (None,)),
        ("alert", ("",), (5,)),
        (
            "to",
            ("terminal/T-1", "area/330281"),
            ("terminal/", "town/1", "terminal/a b", 5, "xarea/1"),
        ),
    ],
)
def test_every_field_of_a_command_has_its_bounds(
    name: str, good: tuple[Any, ...], bad: tuple[Any, ...]
) -> None:
    known = {KEY.key_id: KEY.public}
    for value in good:
        key, read = commands.verify(signed({**DOCUMENT, name: value}), known)
        assert (key, getattr(read, name)) == (KEY.key_id, value)
    for value in bad:
        with pytest.raises(CommandRefusedError) as refused:
            commands.verify(signed({**DOCUMENT, name: value}), known)
        assert refused.value.code == "malformed", value
    missing = {field: value for field, value in DOCUMENT.items() if field != name}
    with pytest.raises(CommandRefusedError, match="malformed"):
        commands.verify(signed(missing), known)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (signed({**DOCUMENT, "v": 3}), "unknown-version"),
        (signed({**DOCUMENT, "alg": "sm2"}), "unknown-key"),
        (signed({**DOCUMENT, "key": "00000000"}), "unknown-key"),
        (signed({**DOCUMENT, "key": 5}), "unsigned"),
        (json.dumps(DOCUMENT).encode(), "unsigned"),
        (json.dumps({**DOCUMENT, "sig": 5}).encode(), "unsigned"),
        (json.dumps({**DOCUMENT, "sig": "AAAA"}).encode(), "bad-signature"),
        (json.dumps({**DOCUMENT, "sig": "A" * 88}).encode(), "bad-signature"),
        (signed(DOCUMENT).replace(b'"sig": "', b'"sig": "*'), "bad-signature"),
        (signed({**DOCUMENT, "text": "x" * commands.MAX_COMMAND_BYTES}), "too-large"),
        (b"[]", "malformed"),
        (b'{"a": 1, "a": 1}', "malformed"),
        (b'{"a": 1.5}', "malformed"),
        (b'{"a": NaN}', "malformed"),
        (b'{"a": 9007199254740992}', "malformed"),
        (b'{"a": -9007199254740992}', "malformed"),
    ],
)
def test_what_is_no_command_of_ours(payload: bytes, code: str) -> None:
    with pytest.raises(CommandRefusedError) as refused:
        commands.verify(payload, {KEY.key_id: KEY.public})
    assert (refused.value.code, str(refused.value)) == (code, code)


def test_whole_numbers_up_to_what_every_reader_keeps() -> None:
    edge = b'{"a": 9007199254740991, "b": -9007199254740991}'
    assert commands.read_object(edge, len(edge)) == {"a": 2**53 - 1, "b": 1 - 2**53}
    with pytest.raises(CommandRefusedError, match="too-large"):
        commands.read_object(edge, len(edge) - 1)


def test_a_command_as_large_as_it_may_be() -> None:
    bare = len(commands.sign(command(text=""), KEY))
    most = commands.MAX_COMMAND_BYTES - bare
    assert len(commands.sign(command(text="x" * most), KEY)) == commands.MAX_COMMAND_BYTES
    with pytest.raises(ValueError, match="the command is too large"):
        commands.sign(command(text="x" * (most + 1)), KEY)


def test_an_id_holds_its_parts_and_a_proof() -> None:
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    assert (key.key_id, key.public) == (KEY.key_id, KEY.public)
    made = commands.command_id(key, "T1", "ABCDEF" * 6, 12, 3)
    stem, proof = made.rsplit("-", 1)
    assert stem == f"{KEY.key_id}-efabcdef-12-3"
    mac_key = hmac.new(bytes(range(32)), b"alertd cmd_id v1", hashlib.sha256).digest()
    expected = hmac.new(mac_key, f"T1|{stem}".encode(), hashlib.sha256).digest()[:8].hex()
    assert proof == expected
    assert commands.read_command_id(KEY, "T1", made) == commands.Try(12, 3)
    assert commands.delivery_stem(made) == f"{KEY.key_id}-efabcdef-12"
    assert KEY.key_id == hashlib.sha256(KEY.public).hexdigest()[:8]


def test_a_drill_is_known_by_its_number() -> None:
    assert [kind for kind in CommandType if kind.is_drill] == [3, 4, 5]


# Keys.


def test_a_keys_file_and_folder_are_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "key.pem"
    made = keys.make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert keys.make_key(path).public == keys.load_key(path).public == made.public
    assert [each.name for each in path.parent.iterdir()] == ["key.pem"]


def test_an_error_with_a_key_says_what_it_was(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError) as missing:
        keys.load_key(tmp_path / "none")
    said = "The loudspeakers' signing key can't be read: No such file or directory."
    assert str(missing.value) == said
    (tmp_path / "file").touch()
    with pytest.raises(NotConfiguredError) as unmade:
        keys.make_key(tmp_path / "file" / "key")
    assert str(unmade.value).startswith("The loudspeakers' signing key can't be")
    (tmp_path / "text").write_text("no key")
    with pytest.raises(NotConfiguredError) as none:
        keys.load_key(tmp_path / "text")
    assert str(none.value) == "The loudspeakers' signing key isn't an Ed25519 key in PEM."


def test_a_public_key_as_text() -> None:
    text = keys.public_text(KEY)
    assert text == base64.b64encode(KEY.public).decode()
    assert keys.read_public(f" {text}\n") == (KEY.key_id, KEY.public)
    for wrong in ("", "AAAA", f"{text[:-1]}*", text[:20], f"{text[:5]}*{text[5:]}"):
        with pytest.raises(ValueError, match=r"^not an Ed25519 public key in base64$"):
            keys.read_public(wrong)


# A webhook.


async def test_a_webhooks_health_is_whether_it_is_open() -> None:
    async def nowhere(route: str, events: object) -> None:
        raise AssertionError(route, events)

    context = RouteContext(now=lambda: 0, sink=nowhere, public_base_url="https://a.example")
    route = WebhookRoute(RouteConfig(name="chat", type="webhook"), context)
    assert await route.health() == Health(ok=False, detail="The route is closed.")
    await route.start()
    open_ = "The route is open; receivers are known by their answers."
    assert await route.health() == Health(ok=True, detail=open_)
    await route.close()
    assert await route.health() == Health(ok=False, detail="The route is closed.")
    assert list(route.hooks()) == []
