"""What people answer on chat platforms: the platforms' own examples, and every kind of event."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

import pytest

from alertd.errors import NotConfiguredError
from alertd.web.hooks import HookApp
from channels.base import Hook, HookRefusedError, HookRequest, Reply, RouteConfig, RouteContext
from channels.chat.callback_crypto import CallbackCrypto
from channels.chat.feishu_hooks import Reader as FeishuReader
from channels.chat.onebot_hooks import Reader as OneBotReader
from channels.chat.wecom_hooks import Reader as WeComReader
from channels.registry import build

# WeCom's own example, https://developer.work.weixin.qq.com/document/path/90968.
TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
COMPANY = "wx5823bf96d3bd56c7"
ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
HELLO = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUp"
    "j911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue"
    "06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+"
    "3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH"
    "27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8"
    "R07+qN+E7Q=="
)


def wecom(*, userid_is_mobile: bool = False) -> WeComReader:
    return WeComReader(CallbackCrypto(TOKEN, KEY, COMPANY), userid_is_mobile=userid_is_mobile)


def wecom_call(message: str) -> HookRequest:
    sealed, signature = CallbackCrypto(TOKEN, KEY, COMPANY).seal(message.encode(), "1", "2")
    target = f"/hooks/w/events?msg_signature={signature}&timestamp=1&nonce=2"
    return HookRequest("POST", target, {}, f"<xml><Encrypt>{sealed}</Encrypt></xml>".encode())


def test_wecoms_own_trial_of_the_url() -> None:
    target = (
        "/hooks/w/events?msg_signature=5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
        f"&timestamp=1409659589&nonce=263014780&echostr={quote(ECHO, safe='')}"
    )
    events, answer = wecom().read(HookRequest("GET", target, {}, b""))
    assert (list(events), answer.body) == ([], b"1616140317555161061")


def test_wecoms_own_message() -> None:
    target = (
        "/hooks/w/events?msg_signature=477715d11cdb4164915debcba66cb864d751f3e6"
        "&timestamp=1409659813&nonce=1372623149"
    )
    body = f"<xml><Encrypt><![CDATA[{HELLO}]]></Encrypt></xml>".encode()
    events, _ = wecom().read(HookRequest("POST", target, {}, body))
    assert list(events) == [
        Reply(
            gateway_id="4561255354251345929",
            sender="wecom:mycreate",
            text="hello",
            occurred_at=1_409_659_813_000,
        )
    ]


PRESSED = (
    "<xml><FromUserName>{user}</FromUserName><CreateTime>1790000000</CreateTime>"
    "<MsgType>event</MsgType><Event>{event}</Event><EventKey>{key}</EventKey>"
    "<TaskId>t7</TaskId></xml>"
)


@pytest.mark.parametrize("event", ["click", "template_card_event"])
def test_a_menu_and_a_card_answer_with_their_key(event: str) -> None:
    [reply], _ = wecom().read(wecom_call(PRESSED.format(user="u1", event=event, key="1")))
    assert isinstance(reply, Reply)
    assert (reply.sender, reply.text) == ("wecom:u1", "1")
    [other], _ = wecom().read(wecom_call(PRESSED.format(user="u1", event=event, key="3")))
    assert isinstance(other, Reply)
    assert other.gateway_id != reply.gateway_id, "another key is another answer"


def test_other_events_are_no_answers() -> None:
    for message in (
        PRESSED.format(user="u1", event="enter_agent", key=""),
        "<xml><FromUserName>u1</FromUserName><MsgType>image</MsgType></xml>",
    ):
        assert wecom().read(wecom_call(message))[0] == ()


@pytest.mark.parametrize(
    ("user", "sender"), [("13800000001", "+8613800000001"), ("wangwu", "wecom:wangwu")]
)
def test_ids_that_are_numbers_name_their_person(user: str, sender: str) -> None:
    call = wecom_call(PRESSED.format(user=user, event="click", key="1"))
    [reply], _ = wecom(userid_is_mobile=True).read(call)
    assert isinstance(reply, Reply)
    assert reply.sender == sender
    [reply], _ = wecom().read(call)
    assert isinstance(reply, Reply)
    assert reply.sender == f"wecom:{user}", "not unless it is said so"


def test_a_document_type_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><MsgType>&a;</MsgType></xml>'
    with pytest.raises(HookRefusedError):
        wecom().read(wecom_call(bomb))


def feishu_event(event_type: str, event: Any, **header: Any) -> HookRequest:
    whole = {
        "schema": "2.0",
        "header": {"event_id": "e1", "token": "t", "event_type": event_type, **header},
        "event": event,
    }
    return HookRequest("POST", "/hooks/f/events", {}, json.dumps(whole).encode())


SENDER = {"sender_id": {"open_id": "ou_1"}}


def test_feishus_own_sealed_text() -> None:
    sealed = b'{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}'
    # It holds "hello world", which is no JSON: opened with the right key, and then refused.
    with pytest.raises(HookRefusedError, match="malformed-json"):
        FeishuReader("t", "test key").read(by_feishu(sealed, "test key"))
    with pytest.raises(HookRefusedError, match="malformed-envelope"):
        FeishuReader("t", "other key").read(by_feishu(sealed, "other key"))


@pytest.mark.parametrize("key", ["test key", "other key"])
def test_nobody_learns_from_feishus_refusals_what_an_envelope_holds(key: str) -> None:
    """Whether the padding is right must not show: by it a sealed text can be read without a key."""
    sealed = b'{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}'
    for body in (sealed, b'{"encrypt":"AAAA"}', b'{"encrypt":1}', b"[]", b"no JSON"):
        with pytest.raises(HookRefusedError, match="bad-signature"):
            FeishuReader("t", key).read(HookRequest("POST", "/", {}, body))


def by_feishu(body: bytes, key: str) -> HookRequest:
    signature = hashlib.sha256(f"1n{key}".encode() + body).hexdigest()
    names = ("x-lark-request-timestamp", "x-lark-request-nonce", "x-lark-signature")
    return HookRequest("POST", "/", dict(zip(names, ("1", "n", signature), strict=True)), body)


def test_feishus_trial_of_the_url() -> None:
    body = json.dumps({"type": "url_verification", "token": "t", "challenge": "c-1"}).encode()
    request = HookRequest("POST", "/hooks/f/events", {}, body)
    assert FeishuReader("t", None).read(request)[1].body == b'{"challenge": "c-1"}'
    with pytest.raises(HookRefusedError):
        FeishuReader("another", None).read(request)


def test_a_card_answers_with_its_value() -> None:
    for value in ("1", {"reply": "1", "alert": "A7"}):
        event = {"operator": {"open_id": "ou_1"}, "action": {"tag": "button", "value": value}}
        [reply], _ = FeishuReader("t", None).read(feishu_event("card.action.trigger", event))
        assert isinstance(reply, Reply)
        assert (reply.sender, reply.text) == ("feishu:ou_1", "1")


def test_feishus_mentions_of_the_bot_are_left_out() -> None:
    content = json.dumps({"text": "@_user_1 2 35"})
    event = {"sender": SENDER, "message": {"message_type": "text", "content": content}}
    request = feishu_event("im.message.receive_v1", event, create_time="1790000000000")
    [reply], _ = FeishuReader("t", None).read(request)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.occurred_at) == ("2 35", 1_790_000_000_000)


async def test_the_web_lets_wecoms_trial_through() -> None:
    hook = Hook("events", wecom().read, methods=("GET", "POST"))
    query = (
        "msg_signature=5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
        f"&timestamp=1409659589&nonce=263014780&echostr={quote(ECHO, safe='')}"
    )
    scope = {"type": "http", "method": "GET", "path": "/hooks/w/events", "headers": []}
    scope |= {"query_string": query.encode()}
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    deps: Any = None  # nothing is stored
    await HookApp(deps, "w", hook)(scope, receive, send)
    assert [sent[0]["status"], sent[1]["body"]] == [200, b"1616140317555161061"]


def test_nothing_but_a_mention_is_no_answer() -> None:
    event = {
        "sender": SENDER,
        "message": {"message_type": "text", "content": '{"text":"@_user_1"}'},
    }
    assert FeishuReader("t", None).read(feishu_event("im.message.receive_v1", event))[0] == ()


@pytest.mark.parametrize("kind", ["image", "sticker"])
def test_a_picture_is_no_answer(kind: str) -> None:
    event = {"sender": SENDER, "message": {"message_type": kind, "content": "{}"}}
    assert FeishuReader("t", None).read(feishu_event("im.message.receive_v1", event))[0] == ()


def test_another_applications_token_is_refused() -> None:
    with pytest.raises(HookRefusedError, match="bad-token"):
        FeishuReader("t", None).read(feishu_event("im.message.receive_v1", {}, token="x"))


def qq(message: Any, *, everything: bool = False, **more: Any) -> list[Any]:
    event = {"post_type": "message", "message_type": "group", "self_id": 10, "user_id": 7}
    event |= {"message_id": 5, "time": 1_790_000_000, "message": message, **more}
    body = json.dumps(event).encode()
    mac = hmac.new(b"s", body, hashlib.sha1).hexdigest()
    request = HookRequest("POST", "/hooks/q/events", {"x-signature": f"sha1={mac}"}, body)
    return list(OneBotReader("s", everything=everything).read(request)[0])


AT_US = {"type": "at", "data": {"qq": "10"}}
RECEIVED = {"type": "text", "data": {"text": " 收到 [1]"}}


@pytest.mark.parametrize("message", ["[CQ:at,qq=10] 收到 &#91;1&#93;", [AT_US, RECEIVED]])
def test_qq_messages_come_in_two_forms(message: Any) -> None:
    [reply] = qq(message)
    assert (reply.sender, reply.text, reply.occurred_at) == ("qq:7", "收到 [1]", 1_790_000_000_000)


def test_what_is_said_to_others_in_a_qq_group_is_left_alone() -> None:
    assert qq("吃了吗") == qq("[CQ:at,qq=101] 吃了吗") == qq([RECEIVED]) == []
    assert [reply.text for reply in qq("吃了吗", everything=True)] == ["吃了吗"]
    assert [reply.text for reply in qq("收到", message_type="private")] == ["收到"]


def test_a_number_that_starts_again_is_another_message() -> None:
    ids = {qq([AT_US, RECEIVED], time=at)[0].gateway_id for at in (1, 2)}
    assert len(ids) == 2


def test_heartbeats_are_no_answers() -> None:
    assert qq("", post_type="meta_event") == qq("", post_type="message_sent") == []


async def nothing_stored(route: str, events: Any) -> None:
    raise AssertionError


CONTEXT = RouteContext(now=lambda: 0, sink=nothing_stored, public_base_url="http://127.0.0.1")


@pytest.mark.parametrize(
    ("kind", "options", "option"),
    [
        ("wecom", {"callback_token": "t"}, "callback_key"),
        ("wecom", {"callback_token": "t", "callback_key": "k", "corp_id": "c"}, "callback_key"),
        (
            "wecom",
            {"callback_token": "t", "callback_key": KEY[:-1] + "!", "corp_id": "c"},
            "callback_key",
        ),
        ("wecom", {"markdown": "yes"}, "markdown"),
        ("wecom", {"app_secret": "s"}, "app_secret"),
        ("dingtalk", {"userid_is_mobile": 1}, "userid_is_mobile"),
        ("dingtalk", {"callback_token": "t", "callback_key": KEY}, "app_key"),
        ("feishu", {"encrypt_key": "k"}, "verification_token"),
        ("feishu", {"base_url": "ftp://x"}, "base_url"),
        ("onebot", {}, "base_url"),
        ("onebot", {"base_url": "http://x", "access_token": "防"}, "access_token"),
        ("onebot", {"base_url": "http://x", "listen": "some"}, "listen"),
        ("slack", {"token": "t"}, "token"),
    ],
)
def test_a_wrong_option_is_named(kind: str, options: dict[str, Any], option: str) -> None:
    with pytest.raises(NotConfiguredError) as refused:
        build(RouteConfig(name="r", type=kind, options=options), CONTEXT)
    assert refused.value.field == f"routes.r.{option}"


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu", "slack"])
def test_nothing_need_be_set(kind: str) -> None:
    assert build(RouteConfig(name="r", type=kind), CONTEXT).hooks() == ()
