"""A carrier's SMPP gateway: smpp34's server is the peer, behind a gate that makes trouble."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
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
    Sink,
)
from channels.sms.smpp import SmppRoute
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble, until
from tests.contract.smpp_gate import Gate
from tests.contract.smpp_smsc import NUMBERS_TLV, OUR_NUMBER, Smsc, receipt_text

PASSWORD = "s3cr3t-p"
# What smpp34's server can answer itself; other statuses are the gate's.
_REFUSALS = {
    "throttled": 0x58,
    "queue-full": 0x14,
    "system-error": 0x08,
    "bad-destination": 0x0B,
    "bad-source": 0x0A,
}
_STATUSES = {"submit-failed": 0x45, "not-bound": 0x04, "vendors-own": 0x412}
_FLAWS = {"over", "no-number", "text-too-long"}
_STATES = {
    ReceiptStatus.ACCEPTED: "ACCEPTD",
    ReceiptStatus.DELIVERED: "DELIVRD",
    ReceiptStatus.FAILED: "UNDELIV",
}


class SmppCase:
    name: ClassVar[str] = "smpp"
    reports: ClassVar[bool] = True
    has_one_gateway: ClassVar[bool] = True
    troubles: ClassVar[tuple[Trouble, ...]] = (
        Trouble("throttled", Fault.THROTTLED),
        Trouble("queue-full", Fault.THROTTLED),
        Trouble("submit-failed", Fault.RETRY),
        Trouble("not-bound", Fault.AWAY),
        Trouble("refuse-bind", Fault.AWAY),
        Trouble("bad-destination", Fault.DEAD),
        Trouble("no-number", Fault.DEAD),
        Trouble("bad-source", Fault.REFUSED),
        Trouble("vendors-own", Fault.REFUSED),
        Trouble("nack", Fault.REFUSED),
        Trouble("over", Fault.REFUSED),
        Trouble("text-too-long", Fault.REFUSED),
        Trouble("system-error", Fault.UNKNOWN),
        Trouble("cut-before", Fault.UNKNOWN),
        Trouble("cut-after", Fault.UNKNOWN, taken=True),
        Trouble("garbage", Fault.UNKNOWN, taken=True),
        Trouble("no-end", Fault.UNKNOWN, taken=True),
        Trouble("wrong-kind", Fault.UNKNOWN, taken=True),
        Trouble("noise", Fault.UNKNOWN, taken=True),
        Trouble("flood", Fault.UNKNOWN, taken=True),
        Trouble("too-short", Fault.UNKNOWN, taken=True),
    )

    def __init__(self, route: SmppRoute, sink: Recorder, smsc: Smsc, gate: Gate) -> None:
        self.route: Channel = route
        self.sink = sink
        self.smsc = smsc
        self.gate = gate
        self.secrets: Sequence[str] = (PASSWORD,)
        self._flaw = ""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,
        *,
        timeout_s: float = 10.0,
        in_flight: int = 50,
        **options: Any,
    ) -> AsyncIterator[Self]:
        smsc = Smsc(folder / "smsc.jsonl")
        await smsc.start()
        gate = Gate(smsc.port)
        await gate.open()
        sink = Recorder()
        given = {"window": in_flight, "reference_tlv": NUMBERS_TLV, **options}
        config = route_config(gate.port, timeout_s, in_flight, **given)
        route = SmppRoute(config, context(sink))
        await route.start()
        try:
            yield cls(route, sink, smsc, gate)
        finally:
            await route.close()
            await gate.close()
            await smsc.kill()

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        # An address takes 20 digits and no more.
        number = "138+0013" if self._flaw == "no-number" else f"+86138{delivery:08}"[:21]
        text = text * 500 if self._flaw == "text-too-long" else text
        made = outgoing(delivery, number, attempt=attempt, text=text)
        return made if self._flaw != "over" else replace(made, expires_at=made.created_at)

    async def trouble(self, name: str | None) -> None:
        self._flaw = name if name in _FLAWS and name else ""
        refusal = _REFUSALS.get(name or "", 0)
        await self.smsc.refuse(refusal)
        at_gate = name is not None and not self._flaw and not refusal
        self.gate.mode = _STATUSES.get(name, name) if at_gate and name else "ok"
        if name == "refuse-bind":
            await self.gate.cut()
        await until(self._steady)

    async def hold(self, message: Outgoing) -> None:
        await self.smsc.hold(message.address.lstrip("+"))

    async def release(self) -> None:
        await self.smsc.release()

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        submit = next(s for s in self.smsc.submits() if s.number == message.address.lstrip("+"))
        text = receipt_text(submit.message_id, _STATES[status])
        tlvs = {NUMBERS_TLV: submit.tlvs[NUMBERS_TLV]}
        for _ in range(times):
            answered = await self.smsc.deliver(
                submit.number, text, esm_class=0x04, coding=0, tlvs=tlvs
            )
            assert answered == 0

    async def taken(self) -> list[Taken]:
        return [Taken(*submit.numbers[:2], submit.text) for submit in self.smsc.submits()]

    async def leave(self) -> None:
        await self.gate.close()

    async def come_back(self) -> None:
        await self.gate.open()

    def hook_samples(self) -> Sequence[HookSample]:
        return ()

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        raise NotImplementedError  # there is no hook

    async def _steady(self) -> bool:
        """Bound, or refused."""
        health = await self.route.health()
        if self.gate.mode == "refuse-bind":
            return not health.ok and "bind-refused" in health.detail
        return health.ok


def route_config(
    port: int, timeout_s: float = 10.0, in_flight: int = 50, **options: Any
) -> RouteConfig:
    login = {"host": "127.0.0.1", "port": port, "system_id": "yuyao", "password": PASSWORD}
    return RouteConfig(
        name="carrier",
        type="smpp",
        limits=Limits(in_flight=in_flight, timeout_s=timeout_s),
        options={**login, "source": OUR_NUMBER, **options},
    )


def context(sink: Sink) -> RouteContext:
    return RouteContext(
        now=lambda: time.time_ns() // 1_000_000, sink=sink, public_base_url="http://127.0.0.1"
    )
