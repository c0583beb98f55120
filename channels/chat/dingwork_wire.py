"""Work notifications as bytes, in DingTalk's own way and in its government edition's. Pure.

DingTalk: an access token in the URL, JSON, `task_id` back; asked later, that task tells who has
read it (`/topapi/message/corpconversation/`, https://open.dingtalk.com/document/orgapp).

政务钉钉 and 浙政钉: no token; every call is signed (HMAC-SHA256 over method, time, nonce, path and
the sorted fields as they are, before any encoding), the fields are a form, and our own number is
`bizMsgId`, of which the platform takes each once
(https://openplatform-portal.dg-work.cn/portal/#/helpdoc).
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any
from urllib.parse import quote

from channels.base import Accepted, Fault, SendError
from channels.chat.answers import (
    SignatureError,
    dead,
    is_success,
    json_object,
    refused,
    require_zero,
)
from channels.chat.robots import Letter
from channels.http_web import WebAnswer

SEND = "/topapi/message/corpconversation/asyncsend_v2"
RESULT = "/topapi/message/corpconversation/getsendresult"
GOV_SEND = "/message/workNotification"
MOST_BYTES = 1_800  # of a text; with what JSON puts around it a message may have 2,048
_TOKEN_IS_OVER = frozenset({40014, 42001})
_LOGIN = frozenset(
    {40001, 40013, 40089, 60011, 60020}
)  # our key, our secret, our rights, our address
_TOO_MANY = frozenset({90018, 143103, 143104, 143203, 143204, 1430003})
_HAD_ITS_SHARE = frozenset({143105, 143106, 143205, 143206, 1430002, 1430004})
_NOBODY = frozenset({33012, 40031, 40035, 60121, 1430000})
_PER_MINUTE_S = 60.0
_CHINA = timezone(timedelta(hours=8))


class TokenOverError(SendError):
    """The access token holds no more; nothing was handed over."""

    def __init__(self) -> None:
        super().__init__(Fault.RETRY, "dingwork-token")


class Fate(Enum):
    """What a task says of one person."""

    OPEN = "open"  # not read yet
    READ = "read"
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Application:
    """Ours on the platform; `tenant` is the government edition's, else ""."""

    key: str
    secret: str = field(repr=False)
    agent: int = 0
    tenant: str = ""


def letter(app: Application, user: str, text: str, token: str) -> Letter:
    """DingTalk's own: one message to one person."""
    message = {"msgtype": "text", "text": {"content": text}}
    body = {"agent_id": app.agent, "userid_list": user, "msg": message}
    return Letter(body=body, query=f"access_token={quote(token, safe='')}")


def gov_letter(app: Application, user: str, text: str, ours: str, now_ms: int) -> Letter:
    """The government edition's: the same, signed with the platform's time."""
    message = {"msgtype": "text", "text": {"content": text}}
    fields = {
        "bizMsgId": ours,
        "msg": json.dumps(message, ensure_ascii=False, separators=(",", ":")),
        "receiverIds": user,
        "tenantId": app.tenant,
    }
    at = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(_CHINA)
    stamp = at.isoformat(timespec="milliseconds")
    nonce = f"{now_ms}{secrets.randbelow(10_000):04}"
    plain = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    signed = f"POST\n{stamp}\n{nonce}\n{GOV_SEND}\n{plain}".encode()
    mac = hmac.new(app.secret.encode(), signed, hashlib.sha256).digest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-hmac-auth-timestamp": stamp,
        "x-hmac-auth-version": "1.0",
        "x-hmac-auth-nonce": nonce,
        "x-hmac-auth-signature": base64.b64encode(mac).decode(),
        "x-hmac-auth-ip": "127.0.0.1",  # asked for, and believed
        "x-hmac-auth-mac": "00:00:00:00:00:00",
        "apikey": app.key,
    }
    form = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
    return Letter(body={}, form=form, headers=headers)


def judge(answer: WebAnswer, now_ms: int) -> Accepted:
    """What DingTalk's own answer says: it has a task, which is no arrival.

    Raises:
        SendError: It wasn't taken, or nobody can tell.
    """
    _require(answer, now_ms)
    task = json_object(answer.body).get("task_id")
    if not isinstance(task, int):
        raise SendError(Fault.UNKNOWN, "malformed-answer")
    return Accepted(str(task))


def gov_judge(answer: WebAnswer, now_ms: int) -> Accepted:
    """What the government edition's answer says; its codes are words, and few are documented.

    Raises:
        SendError: It wasn't taken, or nobody can tell.
    """
    found = json_object(answer.body)
    inner = found.get("content")
    told = json_object(inner.encode()) if isinstance(inner, str) else inner
    if found.get("success") is True and isinstance(told, dict) and told.get("success") is True:
        if not is_success(answer):
            raise SendError(Fault.UNKNOWN, "contradictory-answer")
        message = told.get("msgId")
        return Accepted(message if isinstance(message, str) else None)
    if is_success(answer) and (found.get("success") is False or told):
        words = json.dumps(found, ensure_ascii=False)
        if "重复" in words:  # this person has had the same text today
            raise refused("dingwork-repeated")
        if "ignature" in words or "签名" in words or "timestamp" in words.lower():
            raise SignatureError("dingwork-signature")
        raise SendError(Fault.UNKNOWN, "dingwork-refused")
    _require(answer, now_ms)
    raise SendError(Fault.UNKNOWN, "malformed-answer")


def token_of(answer: WebAnswer, now_ms: int) -> tuple[str, float]:
    """The access token, and for how many seconds it holds.

    Raises:
        SendError: There is none.
    """
    _require(answer, now_ms)
    found = json_object(answer.body)
    token, lasts = found.get("access_token"), found.get("expires_in")
    if not isinstance(token, str) or not isinstance(lasts, int):
        raise SendError(Fault.RETRY, "dingwork-no-token")
    return token, float(lasts)


def fate_of(answer: WebAnswer, user: str, now_ms: int) -> Fate:
    """What became of a person's message, by the answer to RESULT.

    Raises:
        SendError: The answer doesn't say.
    """
    _require(answer, now_ms)
    lists = json_object(answer.body).get("send_result")
    found: dict[str, Any] = lists if isinstance(lists, dict) else {}
    for name, fate in (
        ("read_user_id_list", Fate.READ),
        ("invalid_user_id_list", Fate.INVALID),
        ("forbidden_user_id_list", Fate.FORBIDDEN),
        ("failed_user_id_list", Fate.FAILED),
    ):
        users = found.get(name)
        if isinstance(users, list) and user in users:
            return fate
    return Fate.OPEN


def _require(answer: WebAnswer, now_ms: int) -> None:
    require_zero(
        answer,
        service="dingwork",
        code_fields=("errcode",),
        words_field="errmsg",
        meaning=_meaning,
        now_ms=now_ms,
    )


def _meaning(code: int, _: str) -> SendError | None:
    name = f"dingwork-{code}"
    if code in _TOKEN_IS_OVER:
        return TokenOverError()
    if code in _TOO_MANY:
        return SendError(Fault.THROTTLED, name, retry_after_s=_PER_MINUTE_S)
    if code in _NOBODY:
        return dead(name)
    return refused(name) if code in _HAD_ITS_SHARE | _LOGIN else None
