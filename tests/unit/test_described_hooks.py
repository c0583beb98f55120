"""What described gateways report: calls, receipts, uplinks, and whose call it is."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from channels.base import Fault, HookRefusedError, HookRequest, Receipt, ReceiptStatus, Reply
from channels.described.http import HttpRoute
from tests.unit.described_routes import ALIYUN, CMPP, TENCENT, VOICE, made, read, written

CALL = {
    "status_code": "200000",
    "callee": "13800000001",
    "duration": "20",
    "end_time": "2026-11-26 16:00:25",
    "call_id": "100001616500^100001871490",
    "out_id": "5-1",
    "voice_type": "voice",
}


def call(*, route: HttpRoute | None = None, **more: Any) -> list[Any]:
    item = {**CALL, **more}
    return list(read(route or made(VOICE), "calls", json.dumps([item]).encode()))


def test_heard_to_the_end_counts_as_heard() -> None:
    (receipt,) = call()
    assert receipt == Receipt(
        delivery=5,
        attempt=1,
        status=ReceiptStatus.PLAYED,
        detail="20/20",
        reference="100001616500^100001871490",
        occurred_at=1_795_680_025_000,
    )
    (short,) = call(duration="14秒")
    assert (short.status, short.detail) == (ReceiptStatus.PLAYED, "14/14")
    (how_long,) = call(duration="")
    assert (how_long.status, how_long.detail) == (ReceiptStatus.DELIVERED, "")
    (no_key,) = call(status_code="200008", duration=25)
    assert (no_key.status, no_key.detail) == (ReceiptStatus.PLAYED, "25/25")


def test_hung_up_early_is_heard_in_part() -> None:
    (early,) = call(status_code="200001", duration="8")
    assert (early.status, early.detail) == (ReceiptStatus.INTERRUPTED, "8/20")
    (enough,) = call(status_code="200001", duration="31")
    assert (enough.status, enough.detail) == (ReceiptStatus.PLAYED, "31/20")
    (asked,) = call(status_code="200001", duration="31", route=made(VOICE, asked_s=40))
    assert (asked.status, asked.detail) == (ReceiptStatus.INTERRUPTED, "31/40")
    for ended in ("200001", "200000"):
        (dropped,) = call(status_code=ended, duration="0")
        assert (dropped.status, dropped.fault) == (ReceiptStatus.FAILED, Fault.RETRY)
        assert (dropped.code, dropped.detail) == ("nothing-heard", "")


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("200002", Fault.RETRY),  # busy
        ("200003", Fault.RETRY),  # nobody answers
        ("200005", Fault.RETRY),  # refused
        ("200007", Fault.RETRY),  # outside the network
        ("200010", Fault.RETRY),  # switched off
        ("200130", Fault.RETRY),  # not taken, and nobody knows why
        ("200004", Fault.DEAD),  # no such number
        ("200011", Fault.DEAD),  # out of service
        ("200121", Fault.THROTTLED),  # too many calls at once
        ("200119", Fault.REFUSED),  # called too often: not by this gateway again
        ("200117", Fault.REFUSED),
        ("999999", Fault.REFUSED),
    ],
)
def test_a_call_that_didnt_come_about(status: str, fault: Fault) -> None:
    (receipt,) = call(status_code=status, duration="0")
    assert (receipt.status, receipt.fault) == (ReceiptStatus.FAILED, fault)
    assert receipt.code == f"aliyun-{status}"


def test_states_during_a_call_say_nothing_of_how_it_ends() -> None:
    """Picked up was arrived, and a call that an exchange took and dropped wasn't made again."""
    state = {"call_id": "c^1", "out_id": "5-2", "status_time": "2026-11-26 16:00:05"}
    body = json.dumps([{**state, "status_code": code} for code in ("200101", "200102", "200100")])
    ringing, answered = read(made(VOICE), "calls", body.encode())
    assert isinstance(ringing, Receipt)
    assert isinstance(answered, Receipt)
    assert ringing.status is answered.status is ReceiptStatus.ACCEPTED
    assert answered.occurred_at == 1_795_680_005_000


@pytest.mark.parametrize(
    ("pressed", "text"),
    [
        *(("1", "1"), ("3", "3"), ("0", "0"), ("111", "1"), ("1#", "1")),
        *(("13", "1 3"), ("*3", "3")),
        *(("23", "3"), ("53", "3"), ("123", "1 3"), ("12", "1")),  # slips beside the keys meant
    ],
)
def test_what_was_pressed_is_the_answer(pressed: str, text: str) -> None:
    receipt, reply = call(dtmf=pressed)
    assert receipt.status is ReceiptStatus.PLAYED
    assert reply == Reply(
        gateway_id="100001616500^100001871490",
        sender="+8613800000001",
        text=text,
        answers=receipt.delivery,
        occurred_at=1_795_680_025_000,
    )


@pytest.mark.parametrize("pressed", ["", "#", None, "2", "45"])
def test_no_key_is_no_answer(pressed: str | None) -> None:
    assert [type(event) for event in call(dtmf=pressed)] == [Receipt]


def test_a_key_counts_though_the_call_isnt_ours_to_name() -> None:
    """A call that another system made through the account: the person answered all the same."""
    assert [type(event) for event in call(out_id="elsewhere", dtmf="3")] == [Reply]


UPLINK = {
    "phone_number": "13800000001",
    "content": "收到",
    "send_time": "2026-11-26 16:00:00",
    "dest_code": "106901333914007",
    "sequence_id": 1234567890,
}


def test_an_uplink() -> None:
    body = json.dumps([UPLINK]).encode()
    (plain,) = read(made(ALIYUN), "replies", body)
    assert plain == Reply(
        gateway_id="1234567890",
        sender="+8613800000001",
        text="收到",
        occurred_at=1_795_680_000_000,
    )
    (extended,) = read(made(ALIYUN, extension_digits=3), "replies", body)
    assert isinstance(extended, Reply)
    assert extended.extension == "007"


def test_an_uplink_without_an_id_gets_one_that_reveals_nothing() -> None:
    said = {"mobile": "13800000001", "nationcode": "86", "text": "1", "time": 1_795_680_000}
    route = made(TENCENT)
    (first,) = read(route, "replies", json.dumps(said).encode())
    (again,) = read(route, "replies", json.dumps({**said, "extend": ""}).encode())
    (other,) = read(route, "replies", json.dumps({**said, "time": 1_795_680_001}).encode())
    (elsewhere,) = read(made(TENCENT, secret_key="x"), "replies", json.dumps(said).encode())
    assert isinstance(first, Reply)
    assert isinstance(again, Reply)
    assert isinstance(other, Reply)
    assert isinstance(elsewhere, Reply)
    assert first.gateway_id == again.gateway_id
    assert len({first.gateway_id, other.gateway_id, elsewhere.gateway_id}) == 3
    assert re.fullmatch(r"[0-9a-f]{64}", first.gateway_id)
    assert (first.sender, first.occurred_at) == ("+8613800000001", 1_795_680_000_000)


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        ("13800000001", "+8613800000001"),
        ("8613800000001", "+8613800000001"),
        ("+8613800000001", "+8613800000001"),
        ("008613800000001", "+8613800000001"),
        ("057412345678", "+8657412345678"),
        ("+85291234567", "+85291234567"),
        ("nobody", "nobody"),
    ],
)
def test_a_senders_number(given: str, sender: str) -> None:
    (reply,) = read(
        made(ALIYUN), "replies", json.dumps([{**UPLINK, "phone_number": given}]).encode()
    )
    assert isinstance(reply, Reply)
    assert reply.sender == sender


def receipt(route: HttpRoute, hook: str, item: Mapping[str, Any]) -> Receipt:
    (event,) = read(route, hook, json.dumps([item]).encode())
    assert isinstance(event, Receipt)
    return event


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("MK:0001", Fault.DEAD),
        ("USER_REJECT", Fault.OPTED_OUT),
        ("MOBILE_IN_BLACK", Fault.REFUSED),  # on a carrier's list, which no other route asks
        ("MOBILE_NOT_ON_SERVICE", Fault.REFUSED),  # it may be switched off
        ("EXPIRED", Fault.REFUSED),
        ("", Fault.REFUSED),
    ],
)
def test_a_message_that_didnt_arrive(code: str, fault: Fault) -> None:
    item = {"out_id": "5-1", "success": False, "err_code": code, "report_time": "nonsense"}
    failed = receipt(made(ALIYUN), "receipts", item)
    assert (failed.status, failed.fault) == (ReceiptStatus.FAILED, fault)
    assert failed.code == (f"aliyun-{code}" if code else "")
    assert failed.occurred_at is None


def test_a_code_that_quotes_the_number_isnt_passed_on() -> None:
    for code in ("13800000001", "NO 13800000001", "号码错误", "x" * 70):
        item = {"out_id": "5-1", "success": False, "err_code": code}
        assert receipt(made(ALIYUN), "receipts", item).code == "aliyun-refused"


def test_somebody_elses_message_is_taken_and_means_nothing() -> None:
    for ours in ({}, {"out_id": "their-own-id"}, {"out_id": 7}, {"out_id": None}):
        body = json.dumps([{"success": True, **ours}]).encode()
        assert read(made(ALIYUN), "receipts", body) == []


def test_one_bad_item_takes_no_neighbour_with_it() -> None:
    items = [1, {"success": True, "out_id": "5-1"}, [], {"x": 1}]
    assert len(read(made(ALIYUN), "receipts", json.dumps(items).encode())) == 1


def cmpp(fields: dict[str, str], signed: tuple[str, ...], password: str) -> bytes:
    parts = {**fields, "password": password, "account": "yy"}
    sign = hashlib.md5("".join(parts[name] for name in signed).encode(), usedforsecurity=False)
    return urlencode({**fields, "sign": sign.hexdigest()}).encode()


@pytest.mark.parametrize(
    ("word", "status", "fault"),
    [
        ("UNDELIV", ReceiptStatus.FAILED, Fault.REFUSED),
        ("MK:0012", ReceiptStatus.FAILED, Fault.REFUSED),
        ("MK:0001", ReceiptStatus.FAILED, Fault.DEAD),
        ("MI:0024", ReceiptStatus.FAILED, Fault.REFUSED),
        ("MN:0013", ReceiptStatus.FAILED, Fault.REFUSED),
        ("CB:0053", ReceiptStatus.FAILED, Fault.DEAD),
        ("ID:0076", ReceiptStatus.FAILED, Fault.REFUSED),
        ("ACCEPTD", ReceiptStatus.ACCEPTED, None),
        ("UNKNOWN", None, None),
        ("MA:0054", None, None),  # a station that didn't answer may have passed it on
        ("MM:0000", None, None),
    ],
)
def test_cmpps_own_words_for_a_failure(
    word: str, status: ReceiptStatus | None, fault: Fault | None
) -> None:
    fields = {"ts": "1795680000", "seq": "5-1", "stat": word, "msgid": "M1"}
    body = cmpp(fields, ("account", "ts", "password", "seq", "stat"), CMPP["password"])
    told = [(e.status, e.fault, e.code) for e in read(made(CMPP), "receipts", body, "")]
    code = f"cmpp-{word}" if fault else ""
    assert told == ([(status, fault, code)] if status else [])


def test_a_form_signed_by_md5() -> None:
    fields = {"ts": "1795680000", "seq": "5-1", "stat": "DELIVRD", "msgid": "m1"}
    fields["done"] = "20261126160000"
    order = ("account", "ts", "password", "seq", "stat")
    (event,) = read(made(CMPP), "receipts", cmpp(fields, order, CMPP["password"]), "")
    assert isinstance(event, Receipt)
    assert (event.status, event.reference) == (ReceiptStatus.DELIVERED, "m1")
    assert event.occurred_at == 1_795_680_000_000
    for forged in (
        cmpp(fields, order, password="guessed"),
        cmpp(fields, order, CMPP["password"]).replace(b"DELIVRD", b"UNDELIV"),
        urlencode(fields).encode(),
    ):
        with pytest.raises(HookRefusedError) as refused:
            read(made(CMPP), "receipts", forged, "")
        assert refused.value.status == 401


OWN = """
title = "own"
channel = "sms"
url = "http://gateway.example"
[options.hook_secret]
[request]
fields = { to = "{address}" }
[answer]
code = ["code"]
ok = ["0"]
[hooks.receipts]
items = "data"
body = "form"
encoding = "gb18030"
time = "ms"
answer = "ok"
answer_type = "text/plain"
[hooks.receipts.verify]
given = "header:x-signature"
digest = "hmac-sha256-hex"
secret = "hook_secret"
of = "{header.x-time}.{request_body}"
[hooks.receipts.reply]
id = ["id"]
sender = "from"
text = "word"
"""


def test_json_in_a_form_signed_in_a_header(tmp_path: Path) -> None:
    route = made(written(tmp_path, OWN, hook_secret="s" * 16))
    items = json.dumps([{"id": 1, "from": "13800000001", "word": "收到"}], ensure_ascii=False)
    body = urlencode({"data": items}, encoding="gb18030").encode()
    mac = hmac.new(b"s" * 16, b"17." + body, hashlib.sha256).hexdigest()
    (hook,) = route.hooks()
    for header in (mac, mac.upper()):
        headers = {"x-signature": header, "x-time": "17"}
        events, answer = hook.read(HookRequest("POST", "/hooks/way/receipts", headers, body))
        assert [event.text for event in events if isinstance(event, Reply)] == ["收到"]
        assert (answer.body, answer.content_type) == (b"ok", "text/plain")
    for headers in ({"x-signature": mac, "x-time": "18"}, {"x-signature": mac}, {}):
        with pytest.raises(HookRefusedError):
            hook.read(HookRequest("POST", "/hooks/way/receipts", headers, body))
