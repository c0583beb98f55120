"""Chat groups by DingTalk (钉钉) group robots, and those of its government editions (浙政钉).

The address is the robot's webhook URL, `https://oapi.dingtalk.com/robot/send?access_token=…`, the
secret its signing secret (加签, `SEC…`); without one nothing is signed, and the robot must be
secured by keyword or by our address instead. From
https://open.dingtalk.com/document/robots/custom-robot-access.

Options, all of them optional: `base_url` (a government edition's server, or a proxy's), and what
answers need, see `dingtalk_hooks`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from urllib.parse import quote

from channels import options
from channels.base import Accepted, Fault, Hook, RouteConfig, RouteContext, SendError
from channels.chat.answers import (
    BotBusyError,
    SignatureError,
    dead,
    json_object,
    refused,
    require_zero,
)
from channels.chat.dingtalk_hooks import HOOK_OPTIONS, configured_hooks
from channels.chat.pace import Window
from channels.chat.robots import Dialect, Letter, RobotRoute, Sheet
from channels.http_web import WebAnswer

_BLOCK_S = 600.0  # a robot that was too fast is silenced for ten minutes
_SHUT_OUT_S = 300.0  # an address that called 10,000 times in 20 s, with whatever robot
_GONE = frozenset({300001, 300005, 400013, 400101, 400102, 400106})  # token, group or robot
_NOT_THIS = frozenset(
    {40035, 43004, 400014, 400105, 430101, 430102, 430103, 430104, 460101}
    | {90030}  # the organisation's calls of the month are used up
)


class DingTalkRoute(RobotRoute):
    """Every group that has a robot."""

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:
        options.only(config, HOOK_OPTIONS | {"base_url"})
        super().__init__(config, context, _DIALECT)
        self._hooks = configured_hooks(config, self._clock.now)

    def hooks(self) -> Sequence[Hook]:
        """What people tell the robot, and the application's events, where they are configured."""
        return self._hooks


def _letter(sheet: Sheet) -> Letter:
    body: dict[str, object] = {"msgtype": "text", "text": {"content": sheet.text}}
    if sheet.mobiles:
        body["at"] = {"atMobiles": list(sheet.mobiles), "isAtAll": False}
    query = ""
    if sheet.secret:
        signed = f"{sheet.now_ms}\n{sheet.secret}".encode()
        digest = hmac.new(sheet.secret.encode(), signed, hashlib.sha256).digest()
        sign = quote(base64.b64encode(digest), safe="")  # encoded once, and never again
        query = f"timestamp={sheet.now_ms}&sign={sign}"
    return Letter(body=body, query=query)


def _tail(mobiles: Sequence[str]) -> str:
    """DingTalk mentions whom the text names, too; it shows their names in place of the numbers."""
    return "\n" + " ".join(f"@{mobile}" for mobile in mobiles)


def _judge(answer: WebAnswer, now_ms: int) -> Accepted:
    if json_object(answer.body).get("punish") == "deny":  # no code, but a page of its guard's
        raise SendError(Fault.THROTTLED, "dingtalk-shut-out", retry_after_s=_SHUT_OUT_S)
    require_zero(
        answer,
        service="dingtalk",
        code_fields=("errcode",),
        words_field="errmsg",
        meaning=_meaning,
        now_ms=now_ms,
    )
    return Accepted(None, delivered=True)


def _meaning(code: int, words: str) -> SendError | None:
    name = f"dingtalk-{code}"
    if code in {130101, 410100}:
        return BotBusyError(name, _BLOCK_S)
    if code == 310000:  # noqa: PLR2004 - "security check failed"; the words say which
        return _security(words)
    if code in _GONE:
        return dead(name)
    return refused(name) if code in _NOT_THIS else None


def _security(words: str) -> SendError:
    if "timestamp" in words or "过期" in words or "sign" in words or "签名" in words:
        return SignatureError("dingtalk-310000-sign")
    if "keyword" in words or "关键词" in words:
        return refused("dingtalk-310000-keywords")
    if "whitelist" in words or "白名单" in words:
        return refused("dingtalk-310000-ip")
    return refused("dingtalk-310000")


_DIALECT = Dialect(
    service="DingTalk",
    public_url="https://oapi.dingtalk.com",
    path=re.compile(r"/robot/send"),
    most_bytes=8_000,  # 20,000 for the whole body, in which a character may take two
    windows=(Window(20, 60.0),),
    letter=_letter,
    judge=_judge,
    tail=_tail,
)
