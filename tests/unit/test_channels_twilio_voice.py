"""What is particular to calls by Twilio: what is said, what a key and the call's end come to."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree import ElementTree as ET

import pytest

from alertd.decide.grammar import ReplyKind, parse
from channels.base import (
    Accepted,
    Event,
    Fault,
    Hook,
    HookAnswer,
    HookRefusedError,
    HookRequest,
    Limits,
    Receipt,
    ReceiptStatus,
    Reply,
    RouteConfig,
    RouteContext,
    SendError,
)
from channels.voice import twilio_twiml
from channels.voice.twilio_voice import TwilioVoiceRoute
from tests.contract.messages import outgoing
from tests.contract.twilio_stub import ACCOUNT, TOKEN, TwilioStub, sign

PUBLIC = "https://alerts.example"
TEXT = "【余姚市防指】红色台风A7:立即转移 & <危房>。"


async def nowhere(route: str, events: Sequence[Event]) -> None:
    raise AssertionError(route, events)


def made(**options: Any) -> TwilioVoiceRoute:
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": "+15005550006", **options}
    config = RouteConfig(
        name="v", type="twilio-voice", options=given, limits=Limits(timeout_s=10.0)
    )
    return TwilioVoiceRoute(
        config, RouteContext(now=lambda: 0, sink=nowhere, public_base_url=PUBLIC)
    )


async def sent(
    text: str, language: str = "zh-CN", kind: str = "alert", **options: Any
) -> tuple[Any, TwilioStub]:
    peer = TwilioStub()
    await peer.start()
    route = made(base_url=f"http://127.0.0.1:{peer.port}", **options)
    message = outgoing(7, "+8613800000001", attempt=2, text=text)
    what = replace(message, language=language, kind=kind)
    async with asyncio.timeout(10):
        await route.start()
        try:
            (outcome,) = [outcome async for outcome in route.send_many([what])]
        finally:
            await route.close()
            await peer.stop()
    return outcome.result, peer


async def test_what_twilio_is_asked() -> None:
    result, peer = await sent(TEXT, repeat=3, ring_s=20, voice="Polly.Zhiyu")
    form = peer.made[0].form
    assert result == Accepted(peer.made[0].sid)
    assert (form["To"], form["From"]) == ("+8613800000001", "+15005550006")
    assert (form["Timeout"], form["StatusCallbackEvent"]) == ("20", "initiated")
    status = urlsplit(form["StatusCallback"])
    assert status._replace(query="").geturl() == f"{PUBLIC}/hooks/v/status"
    gather = ET.fromstring(form["Twiml"]).find("Gather")  # noqa: S314 - our own
    assert gather is not None
    assert (gather.get("numDigits"), gather.get("actionOnEmptyResult")) == ("1", "true")
    (first,) = gather.findall("Say")
    assert (first.text, first.get("loop"), first.get("language")) == (TEXT, "3", "zh-CN")
    assert first.get("voice") == "Polly.Zhiyu"
    key = urlsplit(gather.get("action") or "")
    assert key._replace(query="").geturl() == f"{PUBLIC}/hooks/v/key"
    numbers = parse_qs(key.query)
    assert (numbers["d"], numbers["a"], numbers["l"]) == (["7"], ["2"], ["zh-CN"])
    assert numbers["s"] == parse_qs(status.query)["s"]


async def test_a_call_for_help_takes_no_key_and_says_when_it_was_heard() -> None:
    """A key would end it before its end, and "your answer was received" promise too much."""
    _, peer = await sent(TEXT, kind="help", repeat=2)
    told = ET.fromstring(peer.made[0].form["Twiml"])  # noqa: S314 - our own
    assert [verb.tag for verb in told] == ["Say", "Redirect"]
    assert told[0].get("loop") == "2"
    end = urlsplit(told.findtext("Redirect") or "")
    assert end._replace(query="").geturl() == f"{PUBLIC}/hooks/v/key"
    assert parse_qs(end.query)["d"] == ["7"]
    seconds = parse_qs(end.query)["s"][0]
    events, answer = read("key", {"CallStatus": "in-progress"}, f"?{end.query}")
    assert events == [receipt(ReceiptStatus.PLAYED, detail=f"{seconds}/{seconds}")]
    assert b"<Hangup/>" in answer.body


async def test_english_is_spoken_in_english() -> None:
    _, peer = await sent("Typhoon, red", "en")
    said = ET.fromstring(peer.made[0].form["Twiml"]).findall("Gather/Say")  # noqa: S314 - our own
    assert [say.get("language") for say in said] == ["en-US"]


async def test_what_xml_cannot_hold_is_left_out() -> None:
    result, peer = await sent("a\x00b\x0bc\ud800d\n")
    assert isinstance(result, Accepted)
    said = ET.fromstring(peer.made[0].form["Twiml"]).findtext("Gather/Say")  # noqa: S314 - our own
    assert said == "a b c d\n"


async def test_a_text_too_long_to_be_said_is_refused_here() -> None:
    result, peer = await sent("长" * 4_000)
    assert isinstance(result, SendError)
    assert (result.fault, result.code) == (Fault.REFUSED, "too-long")
    assert peer.made == []


@pytest.mark.parametrize(
    ("text", "repeat", "seconds"), [("", 1, 1), ("长" * 40, 2, 20), ("a" * 130, 1, 10)]
)
def test_how_long_it_takes_to_say(text: str, repeat: int, seconds: int) -> None:
    assert twilio_twiml.seconds(text, repeat) == seconds


def read(
    name: str, form: dict[str, str], query: str = "?d=7&a=2&s=20"
) -> tuple[list[Event], HookAnswer]:
    form = {"CallSid": "CA9", "To": "+8613800000001", **form}
    hook: Hook = next(hook for hook in made().hooks() if hook.name == name)
    target = f"/hooks/v/{name}{query}"
    headers = {"x-twilio-signature": sign(f"{PUBLIC}{target}", form)}
    events, answer = hook.read(HookRequest("POST", target, headers, urlencode(form).encode()))
    return list(events), answer


def receipt(status: ReceiptStatus, **more: Any) -> Receipt:
    return Receipt(delivery=7, attempt=2, status=status, reference="CA9", **more)


def failed(fault: Fault, code: str) -> Receipt:
    return receipt(ReceiptStatus.FAILED, fault=fault, code=code)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"CallStatus": "initiated"}, receipt(ReceiptStatus.ACCEPTED)),
        ({"CallStatus": "in-progress"}, receipt(ReceiptStatus.ACCEPTED)),
        (
            {"CallStatus": "completed", "CallDuration": "7"},
            receipt(ReceiptStatus.INTERRUPTED, detail="7/20"),
        ),
        ({"CallStatus": "completed", "CallDuration": "20"}, receipt(ReceiptStatus.DELIVERED)),
        # Answered by an exchange that drops it at once; without a duration nobody can tell.
        (
            {"CallStatus": "completed", "CallDuration": "0"},
            failed(Fault.RETRY, "nothing-heard"),
        ),
        ({"CallStatus": "completed"}, failed(Fault.RETRY, "nothing-heard")),
        (  # longer than a call can be proves nothing
            {"CallStatus": "completed", "CallDuration": "86401"},
            failed(Fault.RETRY, "nothing-heard"),
        ),
        ({"CallStatus": "busy"}, failed(Fault.RETRY, "busy")),
        ({"CallStatus": "no-answer"}, failed(Fault.RETRY, "no-answer")),
        ({"CallStatus": "failed"}, failed(Fault.REFUSED, "failed")),
        (
            {"CallStatus": "failed", "SipResponseCode": "404"},
            failed(Fault.DEAD, "failed-sip-404"),
        ),
        (
            {"CallStatus": "failed", "SipResponseCode": "503"},
            failed(Fault.REFUSED, "failed-sip-503"),
        ),
        ({"CallStatus": "failed", "SipResponseCode": "1000"}, failed(Fault.REFUSED, "failed")),
        ({"CallStatus": "canceled"}, failed(Fault.REFUSED, "canceled")),
        ({"CallStatus": "pondering"}, None),
    ],
)
def test_how_a_call_goes(form: dict[str, str], expected: Receipt | None) -> None:
    events, answer = read("status", form)
    assert events == ([] if expected is None else [expected])
    assert answer.status == 200


@pytest.mark.parametrize(
    ("key", "kind"),
    [("1", ReplyKind.RECEIVED), ("3", ReplyKind.HELP), ("0", ReplyKind.UNAVAILABLE)],
)
def test_a_key_is_an_answer_as_by_sms(key: str, kind: ReplyKind) -> None:
    events, answer = read("key", {"CallStatus": "in-progress", "Digits": key}, QUERY)
    reply = Reply(gateway_id=f"CA9-{key}", sender="+8613800000001", text=key, answers=7)
    assert events == [receipt(ReceiptStatus.DELIVERED), reply]
    assert parse(reply.text).kind is kind
    said = ET.fromstring(answer.body).find("Say")  # noqa: S314 - our own
    assert said is not None
    assert said.get("language") == "en-US"
    assert (answer.status, answer.content_type) == (200, "text/xml")


@pytest.mark.parametrize("form", [{"CallSid": ""}, {"To": ""}, {"To": "+" + "1" * 32}])
def test_a_key_of_no_call_is_refused(form: dict[str, str]) -> None:
    with pytest.raises(HookRefusedError) as refused:
        read("key", {"CallStatus": "in-progress", "Digits": "1", **form}, QUERY)
    assert (refused.value.status, refused.value.code) == (400, "malformed-form")


def test_a_language_that_nobody_speaks_is_answered_in_ours() -> None:
    given = {"CallStatus": "in-progress", "Digits": "1"}
    for query in ("?d=7&a=2&s=20", "?d=7&a=2&s=20&l=xx"):
        assert b'language="zh-CN"' in read("key", given, query)[1].body


def test_a_call_without_an_id_is_still_a_receipt() -> None:
    (found,), _ = read("status", {"CallStatus": "busy", "CallSid": ""})
    assert found == replace(failed(Fault.RETRY, "busy"), reference="")


QUERY = "?d=7&a=2&s=20&l=en"


def test_heard_to_the_end_is_heard_and_no_answer() -> None:
    events, answer = read("key", {"CallStatus": "in-progress", "Digits": ""}, QUERY)
    assert events == [receipt(ReceiptStatus.PLAYED, detail="20/20")]
    assert b"<Hangup/>" in answer.body


def test_hung_up_before_the_end_is_not_heard() -> None:
    events, _ = read("key", {"CallStatus": "completed", "Digits": ""}, QUERY)
    assert events == []


@pytest.mark.parametrize("key", ["2", "9", "*", "#", "12", "１"])
@pytest.mark.parametrize("query", [QUERY, f"{QUERY}&more=a?b"])
def test_another_key_is_asked_again_and_the_text_it_cut_counts_as_heard_no_more(
    key: str, query: str
) -> None:
    events, answer = read("key", {"CallStatus": "in-progress", "Digits": key}, query)
    assert events == []
    gather = ET.fromstring(answer.body).find("Gather")  # noqa: S314 - our own
    assert gather is not None
    assert gather.get("action") == f"{PUBLIC}/hooks/v/key{query}&w=1"
    assert gather.findtext("Say") == "Press 1 for received, 3 for help."
    silent, _ = read("key", {"CallStatus": "in-progress", "Digits": ""}, f"{query}&w=1")
    assert silent == []  # it stood as played to its end, whenever the key had cut it short
    _, twice = read("key", {"CallStatus": "in-progress", "Digits": key}, f"{query}&w=1")
    assert twice.body == answer.body
    (_, reply), _ = read("key", {"CallStatus": "in-progress", "Digits": "1"}, f"{query}&w=1")
    assert isinstance(reply, Reply)


@pytest.mark.parametrize("asked_s", [1, 86_400])
def test_a_call_may_ask_for_a_second_or_a_day(asked_s: int) -> None:
    (found,), _ = read("status", {"CallStatus": "completed"}, f"?d=7&a=2&s={asked_s}&l=en")
    assert found == failed(Fault.RETRY, "nothing-heard")


@pytest.mark.parametrize(
    "query",
    ["", "?d=7&a=2", "?d=7&a=2&s=0", "?d=7&s=20", "?d=7&a=2&s=x", "?d=7&a=2&s=86401"],
)
def test_a_call_of_no_try_is_refused(query: str) -> None:
    for name in ("status", "key"):
        with pytest.raises(HookRefusedError) as refused:
            read(name, {"CallStatus": "in-progress", "Digits": "1"}, query)
        assert (refused.value.status, refused.value.code) == (400, "not-ours")
