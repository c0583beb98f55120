"""Stubs of five chat platforms, from their documentation (each adapter's docstring says where).

`python -m tests.contract.robot_platforms dingtalk` runs one to point a route at: it prints its URL,
a group's URL and secret, and then each message that it takes.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import html
import json
import re
import sys
import time
from dataclasses import asdict
from typing import Any, ClassVar

from channels.sim_http import Exchange
from tests.contract.robot_stub import Posted, Refused, RobotStub, json_body, query

HOUR_S = 3600.0


def _mac(key: str, message: str) -> str:
    return base64.b64encode(
        hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
    ).decode()


class WeComStub(RobotStub):
    limits: ClassVar = ((20, 60.0),)
    too_fast: ClassVar = "too-fast"
    success: ClassVar = {"errcode": 0, "errmsg": "ok"}
    errors: ClassVar[dict[str, Any]] = {
        "too-fast": {
            "errcode": 45009,
            "errmsg": "api freq out of limit, hint: [1], from ip: 1.2.3.4",
        },
        "gone": {"errcode": 93000, "errmsg": "invalid webhook url, hint: [1], from ip: 1.2.3.4"},
        "bad-parameter": {"errcode": 40058, "errmsg": "invalid Request Parameter"},
        "busy": {"errcode": -1, "errmsg": "system busy"},
        "news": {"errcode": 99999, "errmsg": "whatever comes next year"},
    }

    def address(self, group: int) -> str:
        return f"{self.url}/cgi-bin/webhook/send?key=693a91f6-0000-4bc4-97a0-{group:012}"

    def read(self, exchange: Exchange) -> Posted:
        key = query(exchange).get("key", "")
        if exchange.path != "/cgi-bin/webhook/send" or not re.fullmatch(r"[0-9a-f-]{36,}", key):
            raise Refused(self.errors["gone"])
        body = json_body(exchange)
        kind = body.get("msgtype")
        if kind not in {"text", "markdown"}:
            raise Refused({"errcode": 40008, "errmsg": "invalid message type"})
        content = body[kind]["content"]
        most = 2048 if kind == "text" else 4096
        if not content or len(content.encode()) > most:
            words = f"{kind}.content exceed max length {most}. invalid Request Parameter"
            raise Refused({"errcode": 40058, "errmsg": words})
        mobiles = body[kind].get("mentioned_mobile_list", []) if kind == "text" else []
        return Posted(key, content, exchange.headers["x-request-id"], mobiles)


class DingTalkStub(RobotStub):
    secret: ClassVar = "SECc0ffee"
    tokens: ClassVar = r"[0-9a-f]{64}"
    limits: ClassVar = ((20, 60.0),)
    too_fast: ClassVar = "too-fast"
    block_s: ClassVar = 600.0
    success: ClassVar = {"errcode": 0, "errmsg": "ok"}
    errors: ClassVar[dict[str, Any]] = {
        "too-fast": {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"},
        "limited": {"errcode": 410100, "errmsg": "发送速度太快而限流"},
        "keywords": {"errcode": 310000, "errmsg": "keywords not in content"},
        "ip": {"errcode": 310000, "errmsg": "ip 1.2.3.4 not in whitelist"},
        "sign": {"errcode": 310000, "errmsg": "description:机器人发送签名不匹配;solution:请确认"},
        "stale": {"errcode": 310000, "errmsg": "invalid timestamp, more: [https://ding-doc]"},
        "gone": {"errcode": 300001, "errmsg": "token is not exist"},
        "dissolved": {"errcode": 400013, "errmsg": "群已被解散"},
        "quota": {"errcode": 90030, "errmsg": "webhook over limit"},
        "shut-out": {"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "1"},
        "busy": {"errcode": -1, "errmsg": "系统繁忙"},
    }

    def address(self, group: int) -> str:
        return f"{self.url}/robot/send?access_token={group:064x}"

    def read(self, exchange: Exchange) -> Posted:
        fields = query(exchange)
        token = fields.get("access_token", "")
        if exchange.path != "/robot/send" or not re.fullmatch(self.tokens, token):
            raise Refused(self.errors["gone"])
        stamp = fields.get("timestamp", "")
        if abs(int(stamp or 0) / 1000 - self.time()) > HOUR_S:
            raise Refused(self.errors["stale"])
        if fields.get("sign") != _mac(self.secret, f"{stamp}\n{self.secret}"):
            raise Refused(self.errors["sign"])
        if len(exchange.body) > 20_000:
            raise Refused({"errcode": 460101, "errmsg": "message too long, exceed 20000 bytes"})
        body = json_body(exchange)
        if body.get("msgtype") != "text":
            raise Refused({"errcode": 400105, "errmsg": "不支持的消息类型"})
        content = body["text"]["content"]
        # Who is in the list, but not in the text, sees no mention.
        wanted = body.get("at", {}).get("atMobiles", [])
        mobiles = [mobile for mobile in wanted if f"@{mobile}" in content]
        return Posted(token, content, exchange.headers["x-request-id"], mobiles)


class FeishuStub(RobotStub):
    secret: ClassVar = "feishu-signing-secret"
    limits: ClassVar = ((100, 60.0), (5, 1.0))
    too_fast: ClassVar = "too-fast"
    success: ClassVar = {"code": 0, "data": {}, "msg": "success", "StatusCode": 0}
    errors: ClassVar[dict[str, Any]] = {
        "too-fast": {"code": 11232, "msg": "create message service trigger rate limit"},
        "too-many": (400, {"code": 9499, "msg": "too many request"}),
        "stale-or-sign": {
            "code": 19021,
            "data": {},
            "msg": "sign match fail or timestamp is not within one hour from current time",
        },
        "ip": {"code": 19022, "msg": "Ip Not Allowed"},
        "keywords": {"code": 19024, "msg": "Key Words Not Found"},
        "bad-form": (400, {"code": 9499, "msg": "Bad Request", "data": {}}),
        "gone": {"code": 19001, "msg": "param invalid: incoming webhook access token invalid"},
        "news": {"code": 77777, "msg": "whatever comes next year"},
    }

    def address(self, group: int) -> str:
        return f"{self.url}/open-apis/bot/v2/hook/cafe0000-0000-4000-8000-{group:012}"

    def read(self, exchange: Exchange) -> Posted:
        found = re.fullmatch(r"/open-apis/bot/v2/hook/([0-9a-f-]{36,})", exchange.path)
        if found is None:
            raise Refused(self.errors["gone"])
        body = json_body(exchange)
        stamp = body.get("timestamp", "")
        stale = not stamp or abs(int(stamp) - time.time()) > HOUR_S
        # The key is time and secret, the message is empty.
        if stale or body.get("sign") != _mac(f"{stamp}\n{self.secret}", ""):
            raise Refused(self.errors["stale-or-sign"])
        if body.get("msg_type") != "text" or len(exchange.body) > 20 * 1024:
            raise Refused({"code": 9499, "msg": "Bad Request", "data": {}}, 400)
        return Posted(found[1], body["content"]["text"], exchange.headers["x-request-id"])


class OneBotStub(RobotStub):
    token: ClassVar = "onebot-access-token"
    success: ClassVar = {"status": "ok", "retcode": 0, "data": {"message_id": -1845671}}
    errors: ClassVar[dict[str, Any]] = {
        "no-group": {
            "status": "failed",
            "retcode": 100,
            "msg": "GROUP_NOT_FOUND",
            "wording": "群聊不存在",
            "data": None,
        },
        "not-allowed": {"status": "failed", "retcode": 1403, "data": None},
        "unclear": {
            "status": "failed",
            "retcode": 1200,
            "message": "Timeout: NTEvent",
            "data": None,
        },
    }

    def address(self, group: int) -> str:
        return f"{self.url}/send_group_msg?group_id={group}"

    def probe(self, exchange: Exchange) -> None:
        if exchange.headers.get("authorization") != f"Bearer {self.token}":
            self.answer(exchange, b"", 401)
        elif exchange.path == "/get_status":
            data = {"online": self.trouble != "offline", "good": True}
            self.answer(exchange, {"status": "ok", "retcode": 0, "data": data})
        else:
            self.answer(exchange, b"", 404)

    def read(self, exchange: Exchange) -> Posted:
        if exchange.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(b"", 403)
        if exchange.path != "/send_group_msg":
            raise Refused(b"", 404)
        body = json_body(exchange)
        if not isinstance(body.get("group_id"), int):
            raise Refused(b"", 400)
        segments = body["message"]
        assert all(segment["type"] == "text" for segment in segments)
        text = "".join(segment["data"]["text"] for segment in segments)
        return Posted(str(body["group_id"]), text, exchange.headers["x-request-id"])


class SlackStub(RobotStub):
    success: ClassVar = b"ok"
    errors: ClassVar[dict[str, Any]] = {
        "no-service": (404, b"no_service"),
        "archived": (410, b"channel_is_archived"),
        "prohibited": (403, b"action_prohibited"),
        "bad-payload": (400, b"invalid_payload"),
        "not-ok": {"success": False, "error": "rocket.chat has its own words"},
    }

    def address(self, group: int) -> str:
        return f"{self.url}/services/T00000000/B00000000/{group:024}"

    def read(self, exchange: Exchange) -> Posted:
        found = re.fullmatch(r"/services/T00000000/B00000000/(\d{24})", exchange.path)
        if found is None:
            raise Refused(b"no_service", 404)
        text = json_body(exchange).get("text")
        if not isinstance(text, str) or not text:
            raise Refused(b"no_text", 400)
        # "<" opens a link or a mention there, and "&" an entity.
        if re.search(r"[<>]|&(?!(amp|lt|gt);)", text):
            raise Refused(b"invalid_payload", 400)
        return Posted(found[1], html.unescape(text), exchange.headers["x-request-id"])


async def _try_it(stub: RobotStub) -> None:
    stub.told = lambda posted: print(json.dumps(asdict(posted), ensure_ascii=False), flush=True)
    await stub.start()
    told = {"base_url": stub.url, "group": stub.address(1), "secret": getattr(stub, "secret", "")}
    if isinstance(stub, OneBotStub):
        told["access_token"] = stub.token
    print(json.dumps(told), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    stubs = {
        "wecom": WeComStub,
        "dingtalk": DingTalkStub,
        "feishu": FeishuStub,
        "onebot": OneBotStub,
        "slack": SlackStub,
    }
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_try_it(stubs[sys.argv[1]]()))
