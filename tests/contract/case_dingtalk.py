"""DingTalk's group robots, what people tell them, and an application's events."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from channels.base import Fault, Hook, HookRequest
from tests.contract import envelope
from tests.contract.peer import HookSample, Trouble
from tests.contract.robot_case import WEB_TROUBLES, RobotCase
from tests.contract.robot_platforms import DingTalkStub

APP_SECRET = "dingtalk-app-secret"
REPLY = {
    "conversationId": "cid1",
    "msgId": "msgAbc==",
    "createAt": 1790000000000,
    "conversationType": "2",
    "senderId": "$:LWCP_v1:$x",
    "senderNick": "张三",
    "senderStaffId": "manager42",
    "isInAtList": True,
    "text": {"content": " 收到 🙏"},
    "msgtype": "text",
}


class DingTalkCase(RobotCase):
    name: ClassVar[str] = "dingtalk"
    stub_type: ClassVar = DingTalkStub
    secret: ClassVar[str | None] = DingTalkStub.secret
    options: ClassVar = {
        "app_secret": APP_SECRET,
        "callback_token": envelope.TOKEN,
        "callback_key": envelope.KEY,
        "app_key": envelope.RECEIVER,
    }
    troubles: ClassVar[tuple[Trouble, ...]] = (
        *WEB_TROUBLES,
        Trouble("too-fast", Fault.BUSY, retry_after_s=600.0),
        Trouble("limited", Fault.BUSY, retry_after_s=600.0),
        Trouble("keywords", Fault.REFUSED),
        Trouble("ip", Fault.REFUSED),
        Trouble("sign", Fault.REFUSED),
        Trouble("gone", Fault.DEAD),
        Trouble("dissolved", Fault.DEAD),
        Trouble("quota", Fault.REFUSED),
        Trouble("shut-out", Fault.THROTTLED, retry_after_s=300.0),
        Trouble("busy", Fault.UNKNOWN),
    )

    def hook_samples(self) -> Sequence[HookSample]:
        robot, events = self.hook("robot"), self.hook("events")
        told = self.signed(robot, json.dumps(REPLY).encode())
        stale = _told(b"{}", round(time.time() * 1000) - 2 * 3_600_000)
        check = self.signed(events, b'{"EventType":"check_url"}')
        return [
            HookSample(
                robot,
                told,
                1,
                # The body isn't signed there; whoever has no secret has no signature.
                forgeries=(
                    stale,
                    replace(told, headers={}),
                    replace(told, headers={**told.headers, "sign": "x"}),
                    replace(told, headers={**told.headers, "sign": "\udc80é"}),
                    replace(told, headers={**told.headers, "timestamp": "1"}),
                ),
            ),
            HookSample(
                events,
                check,
                0,
                forgeries=(
                    replace(check, target="/hooks/r1/events"),
                    replace(check, target=check.target.replace("nonce=1", "nonce=2")),
                    replace(check, body=b'{"encrypt":"AAAA"}'),
                    replace(check, body=json.dumps({"encrypt": envelope.seal(b"{}")}).encode()),
                    replace(check, body=json.dumps({"encrypt": 1}).encode()),
                ),
            ),
        ]

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        if hook.name == "robot":
            return _told(body, round(time.time() * 1000))
        sealed = envelope.seal(body)
        target = f"/hooks/r1/events?{envelope.query(sealed)}"
        return HookRequest("POST", target, {}, json.dumps({"encrypt": sealed}).encode())


def _told(body: bytes, at_ms: int) -> HookRequest:
    mac = hmac.new(APP_SECRET.encode(), f"{at_ms}\n{APP_SECRET}".encode(), hashlib.sha256)
    headers = {"timestamp": str(at_ms), "sign": base64.b64encode(mac.digest()).decode()}
    return HookRequest("POST", "/hooks/r1/robot", headers, body)
