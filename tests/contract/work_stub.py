"""Stubs of DingTalk's work notifications, and of the government edition's.

From the same pages as the adapter, and without any code of it. A message is for one person, whom
the stub knows by the account.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import itertools
import json
import re
import sys
from dataclasses import asdict
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from channels.sim_http import Exchange
from tests.contract.robot_stub import Posted, Refused, RobotStub, json_body, query

APP_KEY, APP_SECRET, AGENT = "dingapp1", "work-app-secret", 4711
TENANT = "196729"
OK = {"errcode": 0, "errmsg": "ok"}
LONGEST = 2_048
HOUR_S = 3_600.0


class DingWorkStub(RobotStub):
    """`read` and `failed` say what became of a person's message."""

    success: ClassVar = {**OK, "task_id": 256271667526, "request_id": "5y2znla8tw3d"}
    errors: ClassVar[dict[str, Any]] = {
        "nobody": {"errcode": 33012, "errmsg": "无效的USERID"},
        "too-fast": {"errcode": 143103, "errmsg": "企业单应用消息发送人次QPM超限"},
        "repeated": {"errcode": 143106, "errmsg": "单应用给单人推送重复消息超限"},
        "forbidden-words": {"errcode": 1430002, "errmsg": "包含违禁内容"},
        "no-rights": {"errcode": 60011, "errmsg": "没有调用该接口的权限"},
        "busy": {"errcode": -1, "errmsg": "系统繁忙"},
    }

    def __init__(self) -> None:
        super().__init__()
        self.fates: dict[str, str] = {}  # by account: which list of a task's result holds it
        self.tokens = 0  # how many were asked for; the last one holds
        self.results = 0  # how often a task was asked about
        self.login: Any = None  # in place of a token
        self._tasks: dict[int, str] = {}
        self._numbers = itertools.count(256271667526)

    def address(self, group: int) -> str:
        return f"manager{group}"

    def forget_token(self) -> None:
        """What was given holds no more."""
        self.tokens += 1

    def answer(self, exchange: Exchange, body: Any, status: int = 200, **headers: str) -> None:
        if body is self.success:
            number = next(self._numbers)
            self._tasks[number] = self.posted[-1].group
            body = {**self.success, "task_id": number}
        super().answer(exchange, body, status, **headers)

    def probe(self, exchange: Exchange) -> None:
        if exchange.path != "/gettoken":
            super().probe(exchange)
        elif self.login is not None:
            self.answer(exchange, self.login)
        elif query(exchange) != {"appkey": APP_KEY, "appsecret": APP_SECRET}:
            self.answer(exchange, {"errcode": 40089, "errmsg": "不合法的corpid或corpsecret"})
        else:
            self.tokens += 1
            token = f"token{self.tokens}"
            self.answer(exchange, {**OK, "access_token": token, "expires_in": 7200})

    def read(self, exchange: Exchange) -> Posted:
        if query(exchange) != {"access_token": f"token{self.tokens}"}:
            raise Refused({"errcode": 40014, "errmsg": "不合法的access_token"})
        body = json_body(exchange)
        if exchange.path == "/topapi/message/corpconversation/getsendresult":
            raise Refused(self._result(body))
        if exchange.path != "/topapi/message/corpconversation/asyncsend_v2":
            raise Refused({"errcode": 404, "errmsg": "请求的URI地址不存在"})
        if body.get("agent_id") != AGENT:
            raise Refused({"errcode": 60011, "errmsg": "没有调用该接口的权限"})
        text = _text(json.dumps(body["msg"], ensure_ascii=False), {"errcode": 43004, "errmsg": "x"})
        return Posted(body["userid_list"], text, exchange.headers["x-request-id"])

    def _result(self, body: dict[str, Any]) -> dict[str, Any]:
        self.results += 1
        user = self._tasks.get(body.get("task_id", 0))
        if user is None or body.get("agent_id") != AGENT:
            return {"errcode": 41042, "errmsg": "任务不存在"}
        lists: dict[str, list[str]] = {"read_user_id_list": [], "unread_user_id_list": []}
        lists[self.fates.get(user, "unread_user_id_list")] = [user]
        return {**OK, "send_result": lists}


class GovWorkStub(RobotStub):
    """The government edition: signed calls, forms, a message's own number once."""

    success: ClassVar = {"success": True, "content": {"success": True, "msgId": "aeb07a615a5e4294"}}
    errors: ClassVar[dict[str, Any]] = {
        "repeated": {"success": True, "content": {"success": False, "errorMsg": "重复"}},
        "denied": {"success": False, "Code": "Forbidden.Api", "Message": "应用没有该接口的权限"},
    }

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def address(self, group: int) -> str:
        return f"{77_000_000 + group}"

    def read(self, exchange: Exchange) -> Posted:
        pairs = parse_qsl(exchange.body.decode(), keep_blank_values=True, strict_parsing=True)
        fields = dict(pairs)
        self._check(exchange, pairs)
        if exchange.path != "/message/workNotification" or fields["tenantId"] != TENANT:
            raise Refused(self.errors["denied"])
        if fields["bizMsgId"] in self._seen:
            raise Refused(self.errors["repeated"])
        if self.trouble not in self.errors:
            self._seen.add(fields["bizMsgId"])
        text = _text(fields["msg"], self.errors["denied"])
        return Posted(fields["receiverIds"], text, fields["bizMsgId"])

    def _check(self, exchange: Exchange, pairs: list[tuple[str, str]]) -> None:
        headers = exchange.headers
        stamp, nonce = headers["x-hmac-auth-timestamp"], headers["x-hmac-auth-nonce"]
        plain = "&".join(sorted(f"{name}={value}" for name, value in pairs))
        signed = f"{exchange.method}\n{stamp}\n{nonce}\n{exchange.path}\n{plain}"
        mac = hmac.new(APP_SECRET.encode(), signed.encode(), hashlib.sha256).digest()
        right = base64.b64encode(mac).decode() == headers["x-hmac-auth-signature"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+08:00", stamp)
        fresh = abs(int(nonce[:13]) / 1000 - self.time()) < HOUR_S
        if not right or not fresh or headers["apikey"] != APP_KEY:
            raise Refused({"success": False, "Code": "SignatureDoesNotMatch", "Message": "签名"})


def _text(message: str, too_long: Any) -> str:
    found = json.loads(message)
    if len(message.encode()) > LONGEST or found["msgtype"] != "text":
        raise Refused(too_long)
    return str(found["text"]["content"])


async def main(edition: str) -> None:
    gov = edition == "gov"
    stub = GovWorkStub() if gov else DingWorkStub()
    stub.told = lambda posted: print(json.dumps(asdict(posted), ensure_ascii=False), flush=True)
    await stub.start()
    own = {"tenant_id": TENANT} if gov else {"agent_id": AGENT, "poll_s": 1}
    login = {"app_key": APP_KEY, "app_secret": APP_SECRET}
    settings = {"type": "dingwork", "base_url": stub.url, **login, **own}
    print(json.dumps(settings), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
