"""A small carrier gateway over HTTP, by the shipped example of such a description."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from channels.base import Hook, HookRequest, ReceiptStatus
from tests.contract.case_clouds import CloudCase
from tests.contract.cloud_stub import CloudStub, Made, post
from tests.contract.cmpp_stub import ACCOUNT, PASSWORD, CmppStub, md5
from tests.contract.peer import HookSample

_ORDER = {
    "receipts": ("ts", "password", "seq", "stat"),
    "replies": ("ts", "password", "id", "content"),
}


def _parts(hook: str, item: dict[str, str]) -> list[str]:
    known = {**item, "password": PASSWORD}
    return [known.get(name, "") for name in _ORDER[hook]]


class CmppCase(CloudCase):
    name: ClassVar[str] = "cmpp-http"
    stub: ClassVar[type[CloudStub]] = CmppStub
    keys: ClassVar[tuple[str, ...]] = (PASSWORD,)
    options: ClassVar[dict[str, Any]] = {
        "gateway": "cmpp-http",
        "account": ACCOUNT,
        "password": PASSWORD,
        "service_number": "106901333914",
    }
    hook_options: ClassVar[dict[str, Any]] = {}

    def receipt(self, made: Made, status: ReceiptStatus) -> tuple[str, dict[str, Any]]:
        words = {ReceiptStatus.DELIVERED: "DELIVRD", ReceiptStatus.ACCEPTED: "ACCEPTD"}
        return "receipts", {
            "ts": "1795680000",
            "seq": made.ours,
            "stat": words.get(status, "UNDELIV"),
            "msgid": made.id,
            "done": "20261126160005",
        }

    async def push(self, hook: str, value: Any) -> int:
        (item,) = value
        status, answer = await post(f"{self.hooks_url}/{hook}", self._signed(hook, item))
        assert answer == b"0"
        return status

    def _signed(self, hook: str, item: dict[str, str]) -> bytes:
        return urlencode({**item, "sign": md5(ACCOUNT, *_parts(hook, item))}).encode()

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        first = dict(reversed(pairs))
        sign = md5(ACCOUNT, *_parts(hook.name, first))
        return HookRequest("POST", f"/hooks/r1/{hook.name}", {}, f"sign={sign}&".encode() + body)

    def hook_samples(self) -> Sequence[HookSample]:
        receipt = self.receipt(Made("M1", "", "5-1", ""), ReceiptStatus.DELIVERED)[1]
        reply = {"ts": "1795680000", "id": "u1", "mobile": "13800000001", "content": "收到"}
        found = []
        for hook, item in zip(self.route.hooks(), (receipt, reply), strict=True):
            request = HookRequest(
                "POST", f"/hooks/r1/{hook.name}", {}, self._signed(hook.name, item)
            )
            bodies = [
                urlencode(item),
                urlencode({**item, "sign": ""}),
                urlencode({**item, "sign": md5(ACCOUNT)}),
                request.body.decode().replace("1795680000", "1795680001"),
                json.dumps(item),
            ]
            forgeries = tuple(
                HookRequest("POST", request.target, {}, body.encode()) for body in bodies
            )
            found.append(HookSample(hook, request, 1, forgeries))
        return found
