"""QQ groups by OneBot, and what is said there."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import ClassVar

from channels.base import Fault, Hook, HookRequest
from tests.contract.peer import HookSample, Trouble
from tests.contract.robot_case import WEB_TROUBLES, RobotCase
from tests.contract.robot_platforms import OneBotStub

POST_SECRET = "onebot-post-secret"
REPLY = {
    "time": 1790000000,
    "self_id": 10001000,
    "post_type": "message",
    "message_type": "group",
    "sub_type": "normal",
    "message_id": -12,
    "group_id": 5,
    "user_id": 12345678,
    "message": "[CQ:at,qq=10001000] 收到 🙏 &#91;1&#93;",
    "raw_message": "[CQ:at,qq=10001000] 收到 🙏 &#91;1&#93;",
    "font": 0,
    "sender": {"nickname": "小不点"},
}


class OneBotCase(RobotCase):
    name: ClassVar[str] = "onebot"
    stub_type: ClassVar = OneBotStub
    options: ClassVar = {"access_token": OneBotStub.token, "post_secret": POST_SECRET}
    troubles: ClassVar[tuple[Trouble, ...]] = (
        *WEB_TROUBLES,
        Trouble("no-group", Fault.DEAD),
        Trouble("not-allowed", Fault.REFUSED),
        Trouble("unclear", Fault.UNKNOWN),
    )

    def hook_samples(self) -> Sequence[HookSample]:
        hook = self.hook("events")
        return [HookSample(hook, self.signed(hook, json.dumps(REPLY).encode()), 1)]

    def signed(self, hook: Hook, body: bytes) -> HookRequest:  # noqa: ARG002 - there is one
        mac = hmac.new(POST_SECRET.encode(), body, hashlib.sha1).hexdigest()
        headers = {"x-self-id": "10001000", "x-signature": f"sha1={mac}"}
        return HookRequest("POST", "/hooks/r1/events", headers, body)
