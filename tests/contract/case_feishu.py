"""Feishu's custom bots, and an application's events."""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import ClassVar

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from channels.base import Fault, Hook, HookRequest
from tests.contract.peer import HookSample, Trouble
from tests.contract.robot_case import WEB_TROUBLES, RobotCase
from tests.contract.robot_platforms import FeishuStub

KEY = "feishu-encrypt-key"
TOKEN = "feishu-verification-token"
REPLY = {
    "schema": "2.0",
    "header": {
        "event_id": "5e3702a84e847582be8db7fb73283c02",
        "event_type": "im.message.receive_v1",
        "create_time": "1790000000000",
        "token": TOKEN,
        "app_id": "cli_1",
        "tenant_key": "t1",
    },
    "event": {
        "sender": {"sender_id": {"open_id": "ou_1", "user_id": "e33ggbyz"}, "sender_type": "user"},
        "message": {
            "message_id": "om_1",
            "chat_type": "group",
            "message_type": "text",
            "content": json.dumps({"text": "@_user_1 收到 🙏"}),
        },
    },
}


class FeishuCase(RobotCase):
    name: ClassVar[str] = "feishu"
    stub_type: ClassVar = FeishuStub
    secret: ClassVar[str | None] = FeishuStub.secret
    options: ClassVar = {"verification_token": TOKEN, "encrypt_key": KEY}
    troubles: ClassVar[tuple[Trouble, ...]] = (
        *WEB_TROUBLES,
        Trouble("too-fast", Fault.BUSY, retry_after_s=60.0),
        Trouble("too-many", Fault.BUSY, retry_after_s=60.0),
        Trouble("stale-or-sign", Fault.REFUSED),
        Trouble("ip", Fault.REFUSED),
        Trouble("keywords", Fault.REFUSED),
        Trouble("bad-form", Fault.REFUSED),
        Trouble("gone", Fault.DEAD),
        Trouble("news", Fault.UNKNOWN),
    )

    def hook_samples(self) -> Sequence[HookSample]:
        hook = self.hook("events")
        return [HookSample(hook, self.signed(hook, json.dumps(REPLY).encode()), 1)]

    def signed(self, hook: Hook, body: bytes) -> HookRequest:  # noqa: ARG002 - there is one
        return posted(json.dumps({"encrypt": seal(body)}).encode())


def seal(text: bytes) -> str:
    initial = b"0123456789abcdef"
    padding = 16 - len(text) % 16
    key = hashlib.sha256(KEY.encode()).digest()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(initial)).encryptor()
    sealed = encryptor.update(text + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(initial + sealed).decode()


def posted(body: bytes) -> HookRequest:
    stamp, nonce = "1790000000", "n0nce"
    signed = f"{stamp}{nonce}{KEY}".encode() + body
    headers = {
        "x-lark-request-timestamp": stamp,
        "x-lark-request-nonce": nonce,
        "x-lark-signature": hashlib.sha256(signed).hexdigest(),
    }
    return HookRequest("POST", "/hooks/r1/events", headers, body)
