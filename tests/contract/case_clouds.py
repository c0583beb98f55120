"""Domestic clouds by their shipped descriptions: stubs of the documented APIs are the peers."""

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from channels.base import (
    Channel,
    Fault,
    Hook,
    HookRequest,
    Limits,
    Outgoing,
    ReceiptStatus,
    RouteConfig,
    RouteContext,
)
from channels.described.http import HttpRoute
from tests.contract import aliyun_stub, tencent_stub
from tests.contract.cloud_stub import HOOK_SECRET, SIGNATURE, CloudStub, Made, post
from tests.contract.hook_host import hook_host
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble

LOST = (
    Trouble("drop", Fault.UNKNOWN, taken=True),
    Trouble("garbage", Fault.UNKNOWN, taken=True),
    Trouble("empty-object", Fault.UNKNOWN, taken=True),
    Trouble("array", Fault.UNKNOWN, taken=True),
    Trouble("no-id", Fault.UNKNOWN, taken=True),
    Trouble("late-error", Fault.UNKNOWN, taken=True),
    Trouble("flood", Fault.UNKNOWN, taken=True),
    Trouble("noise", Fault.UNKNOWN, taken=True),
)
REFUSED = (
    Trouble("too-many", Fault.THROTTLED, retry_after_s=7.0),
    Trouble("throttled", Fault.THROTTLED),
    Trouble("bad-signature", Fault.REFUSED),
    Trouble("limit-of-a-number", Fault.REFUSED),
    Trouble("invalid-number", Fault.DEAD),
    Trouble("unavailable", Fault.RETRY),
    Trouble("system-error", Fault.UNKNOWN),
    Trouble("broken", Fault.UNKNOWN),
)


class CloudCase:
    """What the cases share; each provider's has its options, troubles and pushes."""

    name: ClassVar[str]
    reports: ClassVar[bool] = True
    has_one_gateway: ClassVar[bool] = True
    troubles: ClassVar[tuple[Trouble, ...]] = REFUSED + LOST
    stub: ClassVar[type[CloudStub]]
    options: ClassVar[dict[str, Any]]
    keys: ClassVar[tuple[str, ...]]  # secrets among them
    hook_options: ClassVar[dict[str, Any]] = {"hook_secret": HOOK_SECRET}

    def __init__(self, route: HttpRoute, sink: Recorder, peer: CloudStub, hooks_url: str) -> None:
        self.route: Channel = route
        self.sink = sink
        self.peer = peer
        self.secrets: Sequence[str] = (HOOK_SECRET, *self.keys)
        self.hooks_url = hooks_url

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,  # noqa: ARG003 - the stub keeps its record in memory
        *,
        timeout_s: float = 10.0,
        in_flight: int = 50,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        **more: Any,
    ) -> AsyncIterator[Self]:
        sink, peer = Recorder(), cls.stub()
        await peer.start()
        async with hook_host(sink) as host:
            config = RouteConfig(
                name="r1",
                type="http",
                limits=Limits(in_flight=in_flight, timeout_s=timeout_s),
                options={
                    **cls.options,
                    **cls.hook_options,
                    "url": f"http://127.0.0.1:{peer.port}",
                    **more,
                },
            )
            context = RouteContext(now=now, sink=sink, public_base_url=host.base_url)
            route = HttpRoute(config, context)
            host.mount(route)
            await route.start()
            try:
                yield cls(route, sink, peer, f"{host.base_url}/hooks/r1")
            finally:
                await route.close()
                await peer.stop()
        assert peer.refused == [], "the documented API would have refused a request of ours"

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        number = f"+86138{delivery % 10**8:08}"
        return outgoing(delivery, number, attempt=attempt, text=text)

    async def trouble(self, name: str | None) -> None:
        self.peer.trouble = name

    def phone(self, message: Outgoing) -> str:
        """The message's number as the provider is given it."""
        return message.address.removeprefix("+86")

    async def hold(self, message: Outgoing) -> None:
        self.peer.held_phones.add(self.phone(message))

    async def release(self) -> None:
        self.peer.release()

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        phone = self.phone(message)
        made = next(made for made in self.peer.made if made.phone == phone)
        hook, item = self.receipt(made, status)
        for _ in range(times):
            assert await self.push(hook, [item]) == 200

    async def push(self, hook: str, value: Any) -> int:
        """What the provider pushes; its answer must be one that the provider takes for a yes."""
        body = json.dumps(value, ensure_ascii=False).encode()
        status, answer = await post(f"{self.hooks_url}/{hook}?key={HOOK_SECRET}", body)
        assert 0 in json.loads(answer).values()
        return status

    def receipt(self, made: Made, status: ReceiptStatus) -> tuple[str, dict[str, Any]]:
        """The hook, and the item that says so."""
        raise NotImplementedError

    async def taken(self) -> list[Taken]:
        return [_taken(made) for made in self.peer.made]

    async def leave(self) -> None:
        await self.peer.stop()

    async def come_back(self) -> None:
        await self.peer.start()

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        return HookRequest("POST", f"/hooks/r1/{hook.name}?key={HOOK_SECRET}", {}, body)

    def samples(self, *, receipts: Any, replies: Any, hooks: tuple[str, str]) -> list[HookSample]:
        known = {hook.name: hook for hook in self.route.hooks()}
        found = []
        for name, value, events in zip(hooks, (receipts, replies), (2, 1), strict=True):
            request = self.signed(known[name], json.dumps(value).encode())
            found.append(HookSample(known[name], request, events, forged(request)))
        return found


def forged(request: HookRequest) -> tuple[HookRequest, ...]:
    """What somebody who doesn't know the secret in the URL could send."""
    path = request.target.partition("?")[0]
    queries = ("", "?key=", "?key", f"?key={HOOK_SECRET[:-1]}x", f"?kee={HOOK_SECRET}", "?key=%ff")
    return tuple(
        HookRequest("POST", path + query, request.headers, request.body) for query in queries
    )


def _taken(made: Made) -> Taken:
    delivery, attempt = made.ours.split("-")
    return Taken(int(delivery, 36), int(attempt, 36), made.text)


class AliyunSmsCase(CloudCase):
    name: ClassVar[str] = "aliyun-sms"
    stub: ClassVar[type[CloudStub]] = aliyun_stub.AliyunSmsStub
    keys: ClassVar[tuple[str, ...]] = (aliyun_stub.KEY_SECRET,)
    options: ClassVar[dict[str, Any]] = {
        "gateway": "aliyun-sms",
        "access_key_id": aliyun_stub.KEY_ID,
        "access_key_secret": aliyun_stub.KEY_SECRET,
        "signature": SIGNATURE,
        "templates": {"*": {"id": "SMS_1000009", "variables": ["content=unsigned"]}},
    }

    def receipt(self, made: Made, status: ReceiptStatus) -> tuple[str, dict[str, Any]]:
        arrived = status is ReceiptStatus.DELIVERED
        return "receipts", {
            "phone_number": made.phone,
            "send_time": "2026-11-26 15:00:00",
            "report_time": "2026-11-26 15:00:05",
            "success": arrived,
            "err_code": "DELIVERED" if arrived else "MK:0001",
            "err_msg": "用户接收成功" if arrived else "空号",
            "sms_size": "1",
            "biz_id": made.id,
            "out_id": made.ours,
        }

    def hook_samples(self) -> Sequence[HookSample]:
        item = self.receipt(Made("9006^0", "13800000001", "5-1", ""), ReceiptStatus.DELIVERED)[1]
        reply = {
            "phone_number": "13800000001",
            "content": "收到 🙏",
            "send_time": "2026-11-26 15:01:00",
            "dest_code": "1234",
            "sequence_id": 1234567890,
        }
        receipts = [item, {**item, "out_id": "6-1"}, {**item, "out_id": "somebody else's"}]
        return self.samples(receipts=receipts, replies=[reply], hooks=("receipts", "replies"))


class TencentSmsCase(CloudCase):
    name: ClassVar[str] = "tencent-sms"
    stub: ClassVar[type[CloudStub]] = tencent_stub.TencentStub
    troubles: ClassVar[tuple[Trouble, ...]] = (
        *REFUSED,
        Trouble("unsubscribed", Fault.REFUSED),
        *LOST,
    )
    keys: ClassVar[tuple[str, ...]] = (tencent_stub.SECRET_KEY,)
    options: ClassVar[dict[str, Any]] = {
        "gateway": "tencent-sms",
        "secret_id": tencent_stub.SECRET_ID,
        "secret_key": tencent_stub.SECRET_KEY,
        "sdk_app_id": tencent_stub.APP_ID,
        "signature": SIGNATURE,
        "templates": {
            name: {"id": "1110", "variables": ["unsigned"]} for name in ("typhoon-red", "*")
        },
    }

    def phone(self, message: Outgoing) -> str:
        return message.address

    def receipt(self, made: Made, status: ReceiptStatus) -> tuple[str, dict[str, Any]]:
        arrived = status is ReceiptStatus.DELIVERED
        return "receipts", {
            "user_receive_time": "2026-11-26 15:00:05",
            "nationcode": "86",
            "mobile": made.phone.removeprefix("+86"),
            "report_status": "SUCCESS" if arrived else "FAIL",
            "errmsg": "DELIVRD" if arrived else "MK:0001",
            "description": "用户短信送达成功" if arrived else "空号",
            "sid": made.id,
            "ext": made.ours,
        }

    def hook_samples(self) -> Sequence[HookSample]:
        item = self.receipt(Made("2640:1", "+8613800000001", "5-1", ""), ReceiptStatus.FAILED)[1]
        reply = {
            "extend": "",
            "mobile": "13800000001",
            "nationcode": "86",
            "sign": SIGNATURE,
            "text": "收到",
            "time": 1_790_000_000,
        }
        without = {key: value for key, value in item.items() if key != "ext"}
        receipts = [item, {**item, "ext": "6-1"}, without]
        return self.samples(receipts=receipts, replies=reply, hooks=("receipts", "replies"))


class VoiceCase(CloudCase):
    name: ClassVar[str] = "voice"
    troubles: ClassVar[tuple[Trouble, ...]] = (
        *(each for each in REFUSED if each.name != "limit-of-a-number"),
        Trouble("limit-of-a-number", Fault.BUSY),  # once a minute
        *LOST,
    )
    stub: ClassVar[type[CloudStub]] = aliyun_stub.AliyunVoiceStub
    keys: ClassVar[tuple[str, ...]] = (aliyun_stub.KEY_SECRET,)
    options: ClassVar[dict[str, Any]] = {
        "gateway": "aliyun-voice",
        "access_key_id": aliyun_stub.KEY_ID,
        "access_key_secret": aliyun_stub.KEY_SECRET,
        "show_number": "057400000000",
        "templates": {"*": {"id": "TTS_1000009", "variables": ["content=text"]}},
    }

    def receipt(self, made: Made, status: ReceiptStatus) -> tuple[str, dict[str, Any]]:
        if status is ReceiptStatus.FAILED:
            return "calls", self.call(made, "200002")
        if status is ReceiptStatus.DELIVERED:
            return "calls", self.call(made, "200000", duration="")  # and how long isn't told
        return "calls", {
            "call_id": made.id,
            "status_code": "200101",
            "status_time": "2026-11-26 15:00:05",
            "out_id": made.ours,
        }

    def call(
        self, made: Made, status: str, *, duration: str = "0", dtmf: str | None = None
    ) -> dict[str, Any]:
        """A VoiceReport."""
        report = {
            "status_code": status,
            "callee": made.phone,
            "ring_time": "2026-11-26 15:00:03",
            "duration": duration,
            "voice_type": "voice",
            "originate_time": "2026-11-26 15:00:00",
            "b_start_time": "2026-11-26 15:00:05",
            "end_time": "2026-11-26 15:00:25",
            "call_id": made.id,
            "caller": "057400000000",
            "status_msg": "执行完成",
            "out_id": made.ours,
            "toll_type": "LOCAL",
        }
        return report if dtmf is None else {**report, "dtmf": dtmf}

    def hook_samples(self) -> Sequence[HookSample]:
        made = Made("000000000001^1", "13800000001", "5-1", "")
        calls = [self.call(made, "200000", duration="20", dtmf="1")]
        state = self.receipt(made, ReceiptStatus.DELIVERED)[1]
        (hook,) = self.route.hooks()
        request = self.signed(hook, json.dumps([*calls, state]).encode())
        return [HookSample(hook, request, 3, forged(request))]
