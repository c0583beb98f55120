"""A described route against a real socket: what only it has, beside the conformance suite."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from channels.base import (
    Accepted,
    ChannelKind,
    Fault,
    HookRequest,
    Outgoing,
    Receipt,
    Reply,
    RouteConfig,
    RouteContext,
    SendError,
)
from channels.described.http import HttpRoute
from channels.sim_http import Exchange, bound_port, serve
from channels.voice.by_hand import ByHandRoute
from tests.unit.described_routes import ALIYUN, NOW, TENCENT, made, message, nowhere, read, written


class Gateway:
    """Answers what it is told to, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[Exchange] = []
        self.status = 200
        self.body = b'{"code": "0", "id": "m1"}'
        self.headers: dict[str, str] = {}

    def handle(self, exchange: Exchange) -> None:
        self.got.append(exchange)
        exchange.answer(self.status, self.body, headers=self.headers)


@asynccontextmanager
async def running(
    options: dict[str, Any], path: str = ""
) -> AsyncIterator[tuple[HttpRoute, Gateway]]:
    gateway = Gateway()
    server = await serve(gateway.handle)
    try:
        route = made(options, url=f"http://127.0.0.1:{bound_port(server)}{path}")
        await route.start()
        yield route, gateway
        await route.close()
    finally:
        server.close()


async def sent(route: HttpRoute, given: Outgoing | None = None) -> Accepted | SendError:
    (outcome,) = [outcome async for outcome in route.send_many([given or message()])]
    return outcome.result


OWN = """
title = "own"
channel = "sms"
url = "http://gateway.example"
[options.token]
[request]
path = "/send"
{request}
[signing]
algorithm = "bearer"
secret = "token"
[answer]
code = ["code", "error.code"]
ok = ["0"]
reference = "id"
prefix = "own-"
{answer}
[answer.faults]
"no-*" = "dead"
"no-money" = "refused"
busy = "throttled"
"""


def own(folder: Path, request: str, answer: str = "") -> dict[str, Any]:
    return written(folder, OWN.format(request=request, answer=answer), token="t-1")


async def test_a_json_body_under_a_base_path(tmp_path: Path) -> None:
    request = (
        'fields = { to = ["{address}"], n = "{delivery}", x = "{extension?}", v = "{values}" }'
    )
    templates = {"*": {"id": "1", "variables": ["unit"]}}
    async with running(own(tmp_path, request) | {"templates": templates}, "/base/") as route_to:
        route, gateway = route_to
        assert await sent(route, message(variables={"unit": "梨洲"})) == Accepted("m1")
        (exchange,) = gateway.got
        assert (exchange.method, exchange.path) == ("POST", "/base/send")
        assert exchange.headers["authorization"] == "Bearer t-1"
        expected = {"to": ["+8613800000001"], "n": 7_000_000_001, "v": ["梨洲"]}
        assert json.loads(exchange.body) == expected


async def test_a_limit_of_one_number_slows_nobody_elses_message() -> None:
    """Tencent's frequency policy is counted by number; throttled would hold up the whole route."""
    async with running(TENCENT) as (route, gateway):
        status = {"SerialNo": "", "Code": "LimitExceeded.DeliveryFrequencyLimit"}
        gateway.body = json.dumps({"Response": {"SendStatusSet": [status]}}).encode()
        result = await sent(route)
        assert isinstance(result, SendError)
        assert result.fault is Fault.REFUSED


async def test_a_form_in_gb18030(tmp_path: Path) -> None:
    request = 'body = "form"\nencoding = "gb18030"\nfields = { say = "{text}", to = "{digits}" }'
    async with running(own(tmp_path, request)) as (route, gateway):
        await sent(route, message(text="𬍛䶮村 a+b&c=d"))
        (exchange,) = gateway.got
        fields = dict(parse_qsl(exchange.body.decode("ascii"), encoding="gb18030"))
        assert fields == {"say": "𬍛䶮村 a+b&c=d", "to": "8613800000001"}
        assert exchange.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_get_with_a_query(tmp_path: Path) -> None:
    request = 'method = "GET"\nbody = "query"\nfields = { say = "{text}", key = "{token}" }'
    async with running(own(tmp_path, request)) as (route, gateway):
        assert await sent(route) == Accepted("m1")
        (exchange,) = gateway.got
        assert (exchange.method, exchange.body) == ("GET", b"")
        assert dict(parse_qsl(exchange.query))["say"] == message().text


async def test_nothing_breaks_out_of_a_header(tmp_path: Path) -> None:
    request = 'headers = { x-say = "{text}" }\nfields = {}'
    async with running(own(tmp_path, request)) as (route, gateway):
        for text in ("a\r\nx-evil: 1", "收到"):
            result = await sent(route, message(text=text))
            assert isinstance(result, SendError)
            assert (result.fault, result.code) == (Fault.REFUSED, "header-cannot-be-sent")
        assert gateway.got == []


@pytest.mark.parametrize(
    ("status", "body", "fault", "code"),
    [
        (200, {"code": "no-such-number"}, Fault.DEAD, "own-no-such-number"),
        (200, {"code": "no-money"}, Fault.REFUSED, "own-no-money"),
        (200, {"error": {"code": "busy"}}, Fault.THROTTLED, "own-busy"),
        (200, {"code": 17}, Fault.UNKNOWN, "own-17"),  # what can't be placed
        (403, {"code": 17}, Fault.REFUSED, "own-17"),
        (400, {"code": "busy"}, Fault.THROTTLED, "own-busy"),
        (503, {}, Fault.RETRY, "http-503"),
        (500, {"code": "no-such-number"}, Fault.UNKNOWN, "own-no-such-number"),
        (200, {"code": "13800000001"}, Fault.UNKNOWN, "own-refused"),
        (200, {"code": "0"}, Fault.UNKNOWN, "malformed-answer"),
        (200, {"id": "m1"}, Fault.UNKNOWN, "malformed-answer"),
        (200, {"code": "busy", "id": "m1"}, Fault.UNKNOWN, "contradictory-answer"),
        (400, {"code": "0", "id": "m1"}, Fault.UNKNOWN, "contradictory-answer"),
        (302, {}, Fault.REFUSED, "http-302"),
    ],
)
async def test_answers(tmp_path: Path, status: int, body: Any, fault: Fault, code: str) -> None:
    async with running(own(tmp_path, "")) as (route, gateway):
        gateway.status, gateway.body = status, json.dumps(body).encode()
        result = await sent(route)
        assert isinstance(result, SendError)
        assert (result.fault, result.code) == (fault, code)


async def test_what_cant_be_placed_is_what_the_description_says(tmp_path: Path) -> None:
    async with running(own(tmp_path, "", 'default = "refused"')) as (route, gateway):
        gateway.body = b'{"code": 17}'
        result = await sent(route)
        assert isinstance(result, SendError)
        assert result.fault is Fault.REFUSED


async def test_an_answer_in_words(tmp_path: Path) -> None:
    answer = r"""format = "text"
pattern = '(?P<code>-?\d+)(,(?P<id>\w+))?'"""
    async with running(own(tmp_path, "", answer)) as (route, gateway):
        gateway.body = b"0,m77\r\n"
        assert await sent(route) == Accepted("m77")
        for said, code in ((b"-3", "own--3"), (b"<html>", "malformed-answer")):
            gateway.body = said
            result = await sent(route)
            assert isinstance(result, SendError)
            assert (result.fault, result.code) == (Fault.UNKNOWN, code)


async def test_the_answer_to_another_message_is_told_by_its_reference(tmp_path: Path) -> None:
    async with running(own(tmp_path, "")) as (route, _):
        assert await sent(route) == Accepted("m1")
        assert await sent(route, message(attempt=2)) == Accepted("m1")
        other = await sent(route, message(delivery=8))
        assert isinstance(other, SendError)
        assert (other.fault, other.code) == (Fault.UNKNOWN, "answer-of-another")


async def test_an_echo_of_another_message(tmp_path: Path) -> None:
    async with running(own(tmp_path, "", 'echo = "ours"')) as (route, gateway):
        gateway.body = b'{"code": "0", "id": "m1", "ours": "8-1"}'
        result = await sent(route)
        assert isinstance(result, SendError)
        assert result.code == "answer-of-another"


async def test_a_receipt_without_our_number_is_matched_by_the_reference() -> None:
    async with running(TENCENT) as (route, gateway):
        status = {"SerialNo": "2640:1", "Code": "Ok", "SessionContext": ""}
        gateway.body = json.dumps({"Response": {"SendStatusSet": [status]}}).encode()
        assert await sent(route, message(attempt=2)) == Accepted("2640:1")
        said = [{"sid": sid, "report_status": "SUCCESS"} for sid in ("2640:1", "2640:2")]
        (event,) = read(route, "receipts", json.dumps(said).encode())
        assert isinstance(event, Receipt)
        assert (event.delivery, event.attempt) == (7_000_000_001, 2)
        other = [{"sid": "2640:1", "ext": "theirs", "report_status": "SUCCESS"}]
        assert read(route, "receipts", json.dumps(other).encode()) == []


async def test_a_gateway_that_pushes_by_get(tmp_path: Path) -> None:
    hook = """
[options.hook_secret]
[hooks.replies]
method = "GET"
body = "query"
time = "s"
verify = { given = "query:key", of = "{hook_secret}" }
reply = { id = ["id"], sender = "from", text = "msg", at = ["t"] }
"""
    options = written(
        tmp_path, OWN.format(request="", answer="") + hook, token="t-1", hook_secret="0" * 16
    )
    (hook_of_it,) = made(options).hooks()
    assert hook_of_it.methods == ("GET",)
    query = urlencode({"key": "0" * 16, "id": 7, "from": "13800000001", "msg": "收到", "t": 9})
    events, _ = hook_of_it.read(HookRequest("GET", f"/hooks/way/replies?{query}", {}, b""))
    assert events == [
        Reply(gateway_id="7", sender="+8613800000001", text="收到", occurred_at=9_000)
    ]


async def test_an_alerts_extension_goes_with_it() -> None:
    async with running(ALIYUN | {"extension_digits": 3}) as (route, gateway):
        await sent(route)
        await sent(route, message(short_code=""))
        first, second = (dict(parse_qsl(exchange.query)) for exchange in gateway.got)
        assert first["SmsUpExtendCode"] == "007"
        assert "SmsUpExtendCode" not in second


async def test_health_names_what_isnt_registered() -> None:
    async with running(ALIYUN | {"templates": {"typhoon-red": "SMS_1"}}) as (route, gateway):
        gateway.body = b'{"Code": "OK"}'
        health = await route.health()
        assert health.ok
        assert health.detail.startswith(
            "The gateway answers; not registered with it are: all-clear"
        )
        assert "typhoon-red" not in health.detail
        assert health.detail.endswith(").")
    async with running(ALIYUN) as (route, gateway):
        gateway.body = b'{"Code": "OK"}'
        assert (await route.health()).detail == "The gateway answers."
        (exchange,) = gateway.got
        assert exchange.headers["x-acs-action"] == "QuerySmsTemplateList"


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (400, b'{"Code": "SignatureDoesNotMatch"}', "answers aliyun-SignatureDoesNotMatch."),
        (200, b'{"Code": "isv.OUT_OF_SERVICE"}', "answers aliyun-isv.OUT_OF_SERVICE."),
        (502, b"<html>", "answers http-502."),
    ],
)
async def test_a_gateway_that_complains_isnt_well(status: int, body: bytes, detail: str) -> None:
    async with running(ALIYUN) as (route, gateway):
        gateway.status, gateway.body = status, body
        health = await route.health()
        assert (health.ok, health.detail) == (False, f"The gateway {detail}")


async def test_a_call_by_hand_is_on_the_list_and_no_more() -> None:
    config = RouteConfig(name="desk", type="by-hand")
    context = RouteContext(now=lambda: NOW, sink=nowhere, public_base_url="https://a.example")
    route = ByHandRoute(config, context)
    assert route.kind is ChannelKind.VOICE
    closed = [outcome async for outcome in route.send_many([message()])]
    assert isinstance(closed[0].result, SendError)
    assert closed[0].result.fault is Fault.RETRY
    assert not (await route.health()).ok
    await route.start()
    outcomes = [outcome async for outcome in route.send_many([message(), message(delivery=8)])]
    assert [outcome.result for outcome in outcomes] == [Accepted(None, by_hand=True)] * 2
    assert [outcome.delivery for outcome in outcomes] == [7_000_000_001, 8]
    assert route.hooks() == ()
    assert (await route.health()).ok
    await route.close()
