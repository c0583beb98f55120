"""Mail: aiosmtpd takes what is sent, and a small IMAP server holds what comes back."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

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
from channels.mail.smtp import MailRoute
from tests.contract.mail_imap_peer import ImapPeer
from tests.contract.mail_letters import bounce
from tests.contract.mail_smtp_peer import SmtpPeer, body, numbers
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble

SECRET, USER, PASSWORD = "signs-message-ids", "alertd", "imap password"
ACTIONS = {ReceiptStatus.ACCEPTED: "relayed", ReceiptStatus.DELIVERED: "delivered"}


class MailCase:
    name: ClassVar[str] = "mail"
    reports: ClassVar[bool] = True
    has_one_gateway: ClassVar[bool] = True
    troubles: ClassVar[tuple[Trouble, ...]] = (
        Trouble("greylisted", Fault.RETRY),
        Trouble("mailbox-full", Fault.RETRY),
        Trouble("out-of-space", Fault.RETRY),
        Trouble("hung-up-early", Fault.RETRY),
        Trouble("too-many", Fault.THROTTLED),
        Trouble("congested", Fault.THROTTLED),
        Trouble("no-such-mailbox", Fault.DEAD),
        Trouble("closed-mailbox", Fault.DEAD),
        Trouble("unknown-user", Fault.DEAD),
        Trouble("relay-denied", Fault.REFUSED),
        Trouble("content-refused", Fault.REFUSED),
        Trouble("drop", Fault.UNKNOWN, taken=True),
        Trouble("garbage", Fault.UNKNOWN, taken=True),
        Trouble("nonsense-code", Fault.UNKNOWN, taken=True),
    )

    def __init__(self, route: MailRoute, sink: Recorder, smtp: SmtpPeer, imap: ImapPeer) -> None:
        self.route: Channel = route
        self.sink = sink
        self.secrets: Sequence[str] = (SECRET, PASSWORD)
        self._smtp = smtp
        self._imap = imap

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,  # noqa: ARG003 - the peers keep their record in memory
        *,
        timeout_s: float = 10.0,
        in_flight: int = 50,
    ) -> AsyncIterator[Self]:
        sink, smtp, imap = Recorder(), SmtpPeer(), ImapPeer(USER, PASSWORD)
        await smtp.start()
        await imap.start()
        config = RouteConfig(
            name="r1",
            type="mail",
            limits=Limits(in_flight=in_flight, timeout_s=timeout_s),
            options={
                "host": "127.0.0.1",
                "port": smtp.port,
                "security": "none",
                "from": "alertd@city.example",
                "secret": SECRET,
                "imap_host": "127.0.0.1",
                "imap_port": imap.port,
                "imap_security": "none",
                "imap_username": USER,
                "imap_password": PASSWORD,
                "poll_s": 0.1,
            },
        )
        context = RouteContext(
            now=lambda: time.time_ns() // 1_000_000, sink=sink, public_base_url="http://127.0.0.1"
        )
        route = MailRoute(config, context)
        await route.start()
        try:
            yield cls(route, sink, smtp, imap)
        finally:
            await route.close()
            await smtp.stop()
            await imap.stop()

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        return outgoing(delivery, f"v{delivery}@village.example", attempt=attempt, text=text)

    async def trouble(self, name: str | None) -> None:
        self._smtp.trouble = name

    async def hold(self, message: Outgoing) -> None:
        self._smtp.held.add(message.address)

    async def release(self) -> None:
        self._smtp.release()

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        mail = next(mail for mail in self._smtp.taken if mail["To"] == message.address)
        for _ in range(times):
            self._imap.put(bounce(mail["Message-ID"], ACTIONS.get(status, "failed"), "5.1.1"))

    async def taken(self) -> list[Taken]:
        return [Taken(*numbers(mail), body(mail)) for mail in self._smtp.taken]

    async def leave(self) -> None:
        await self._smtp.stop()

    async def come_back(self) -> None:
        await self._smtp.start()

    def hook_samples(self) -> Sequence[HookSample]:
        return ()

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        raise NotImplementedError
