"""Twilio: a stub of its API, stateful and on a real socket, is the peer."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from channels import registry
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
from tests.contract.hook_host import hook_host
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble
from tests.contract.twilio_stub import ACCOUNT, OUR_NUMBER, TOKEN, Made, TwilioStub, sign

WORDS = {ReceiptStatus.ACCEPTED: "sent", ReceiptStatus.DELIVERED: "delivered"}


class TwilioCase:
    name: ClassVar[str] = "twilio"
    reports: ClassVar[bool] = True
    has_one_gateway: ClassVar[bool] = True
    troubles: ClassVar[tuple[Trouble, ...]] = (
        Trouble("unavailable", Fault.RETRY),
        Trouble("too-many", Fault.THROTTLED, retry_after_s=7.0),
        Trouble("queue-full", Fault.THROTTLED),
        Trouble("bad-login", Fault.REFUSED),
        Trouble("invalid-number", Fault.DEAD),
        Trouble("not-mobile", Fault.DEAD),
        Trouble("unsubscribed", Fault.OPTED_OUT),
        Trouble("broken", Fault.UNKNOWN),
        Trouble("drop", Fault.UNKNOWN, taken=True),
        Trouble("garbage", Fault.UNKNOWN, taken=True),
        Trouble("empty-object", Fault.UNKNOWN, taken=True),
        Trouble("array", Fault.UNKNOWN, taken=True),
        Trouble("flood", Fault.UNKNOWN, taken=True),
        Trouble("noise", Fault.UNKNOWN, taken=True),
    )

    type: ClassVar[str] = "twilio"
    hook_words: ClassVar[dict[str, str]] = {"status": "?d=5&a=1", "inbound": ""}

    def __init__(self, route: Channel, sink: Recorder, peer: TwilioStub, base_url: str) -> None:
        self.route = route
        self.sink = sink
        self.secrets: Sequence[str] = (TOKEN,)
        self._peer = peer
        self._base_url = base_url

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,  # noqa: ARG003 - the stub keeps its record in memory
        *,
        timeout_s: float = 10.0,
        in_flight: int = 50,
    ) -> AsyncIterator[Self]:
        sink, peer = Recorder(), TwilioStub()
        await peer.start()
        async with hook_host(sink) as host:
            config = RouteConfig(
                name="r1",
                type=cls.type,
                limits=Limits(in_flight=in_flight, timeout_s=timeout_s),
                options={
                    "account_sid": ACCOUNT,
                    "auth_token": TOKEN,
                    "from": OUR_NUMBER,
                    "base_url": f"http://127.0.0.1:{peer.port}",
                },
            )
            context = RouteContext(
                now=lambda: time.time_ns() // 1_000_000, sink=sink, public_base_url=host.base_url
            )
            route = registry.build(config, context)
            host.mount(route)
            await route.start()
            try:
                yield cls(route, sink, peer, host.base_url)
            finally:
                await route.close()
                await peer.stop()

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        return outgoing(delivery, f"+86138{delivery:08}", attempt=attempt, text=text)

    async def trouble(self, name: str | None) -> None:
        self._peer.trouble = name

    async def hold(self, message: Outgoing) -> None:
        self._peer.held_numbers.add(message.address)

    async def release(self) -> None:
        self._peer.release()

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        made = next(made for made in self._peer.made if made.form["To"] == message.address)
        for _ in range(times):
            word = WORDS.get(status, "undelivered")
            code = 30003 if status is ReceiptStatus.FAILED else None
            assert await self._peer.call_back(made, word, code) == 200

    async def taken(self) -> list[Taken]:
        return [_taken(made) for made in self._peer.made]

    async def leave(self) -> None:
        await self._peer.stop()

    async def come_back(self) -> None:
        await self._peer.start()

    def hook_samples(self) -> Sequence[HookSample]:
        hooks = {hook.name: hook for hook in self.route.hooks()}
        status = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30005"}
        inbound = {"MessageSid": "SM2", "From": "+8613800000001", "Body": "收到 🙏", "To": "+1"}
        return [
            HookSample(hooks["status"], self.signed(hooks["status"], encoded(status)), 1),
            HookSample(hooks["inbound"], self.signed(hooks["inbound"], encoded(inbound)), 1),
        ]

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        target = f"/hooks/r1/{hook.name}{self.hook_words[hook.name]}"
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        headers = {"x-twilio-signature": sign(self._base_url + target, dict(pairs))}
        return HookRequest("POST", target, headers, body)


def encoded(form: dict[str, str]) -> bytes:
    return urlencode(form).encode()


def _taken(made: Made) -> Taken:
    ours = parse_qs(urlsplit(made.form["StatusCallback"]).query)
    return Taken(int(ours["d"][0]), int(ours["a"][0]), made.form["Body"])
