"""What is particular to mail on the wire: TLS, logins, and a mailbox that nothing is lost from."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from channels.base import (
    Accepted,
    Event,
    Fault,
    Limits,
    Reply,
    RouteConfig,
    RouteContext,
    SendError,
)
from channels.mail.smtp import MailRoute
from tests.contract.mail_imap_peer import ImapPeer
from tests.contract.mail_letters import answer
from tests.contract.mail_smtp_peer import SmtpPeer
from tests.contract.messages import outgoing
from tests.contract.peer import PATIENCE_S, until
from tests.contract.tls_certificate import certificate

USER, PASSWORD = "alertd", "s3cret word"


@dataclass
class Store:
    """A sink that can be slow, or away."""

    kept: list[Event] = field(default_factory=list)
    tried: int = 0
    refuses: str | None = None  # a text that it can't store
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, route: str, events: Sequence[Event]) -> None:  # noqa: ARG002 - Sink's
        self.tried += 1
        await self.gate.wait()
        if any(isinstance(event, Reply) and event.text == self.refuses for event in events):
            raise ConnectionError("the store is away")
        self.kept += events

    def texts(self) -> list[str]:
        return [event.text for event in self.kept if isinstance(event, Reply)]


def made(smtp_port: int, sink: Store, timeout_s: float = 5.0, **options: Any) -> MailRoute:
    given = {"host": "127.0.0.1", "port": smtp_port, "security": "none", "secret": "x"}
    given |= {"from": "alertd@city.example", **options}
    limits = Limits(in_flight=4, timeout_s=timeout_s)
    return MailRoute(
        RouteConfig(name="r1", type="mail", limits=limits, options=given),
        RouteContext(
            now=lambda: time.time_ns() // 1_000_000, sink=sink, public_base_url="http://x"
        ),
    )


async def result(route: MailRoute) -> Accepted | SendError:
    async with asyncio.timeout(PATIENCE_S):
        await route.start()
        try:
            message = outgoing(1, "v1@village.example", text="收到请回1")
            (outcome,) = [outcome async for outcome in route.send_many([message])]
        finally:
            await route.close()
    return outcome.result


@asynccontextmanager
async def listening(**how: Any) -> AsyncIterator[SmtpPeer]:
    peer = SmtpPeer(**how)
    await peer.start()
    try:
        yield peer
    finally:
        await peer.stop()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_login_behind_tls(security: str, tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    options = {"security": security, "username": USER, "ca_file": str(tmp_path / "ca.pem")}
    async with listening(tls=tls, implicit=security == "tls", login=PASSWORD) as peer:
        route = made(peer.port, Store(), password=PASSWORD, **options)
        assert await result(route) == Accepted(None)
        assert peer.logins == [(USER, PASSWORD)]
        assert peer.secured == [True]
        wrong = await result(made(peer.port, Store(), password="wrong", **options))
        assert isinstance(wrong, SendError)
        assert (wrong.fault, wrong.code) == (Fault.REFUSED, "smtp-535-5.7.8")
        assert len(peer.taken) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(security: str, tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    async with listening(tls=tls, implicit=security == "tls", login=PASSWORD) as peer:
        refused = await result(
            made(peer.port, Store(), security=security, username=USER, password=PASSWORD)
        )
        assert isinstance(refused, SendError)
        assert (refused.fault, refused.code) == (Fault.AWAY, "tls-failed")
        assert (peer.logins, peer.taken) == ([], [])


async def test_a_server_without_starttls_gets_nothing() -> None:
    async with listening() as peer:
        refused = await result(made(peer.port, Store(), security="starttls"))
        assert isinstance(refused, SendError)
        assert (refused.fault, refused.code) == (Fault.REFUSED, "not-supported")
        assert peer.taken == []


async def test_an_address_that_no_server_takes_is_not_tried() -> None:
    async with listening() as peer:
        route = made(peer.port, Store())
        await route.start()
        message = outgoing(1, "a@b>\r\nRCPT TO:<c@d", text="x")
        (outcome,) = [outcome async for outcome in route.send_many([message])]
        await route.close()
        assert isinstance(outcome.result, SendError)
        assert (outcome.result.fault, outcome.result.code) == (Fault.DEAD, "bad-address")
        assert peer.taken == []


@dataclass
class Post:
    """A route that reads a mailbox, its store, and the mailbox itself."""

    route: MailRoute
    store: Store
    imap: ImapPeer
    smtp: SmtpPeer


@asynccontextmanager
async def post(
    *, is_open: bool = True, timeout_s: float = 5.0, tls: Path | None = None
) -> AsyncIterator[Post]:
    imap, store = ImapPeer(USER, PASSWORD, tls=certificate(tls) if tls else None), Store()
    security: dict[str, Any] = {"imap_security": "none"}
    if tls is not None:
        security = {"imap_security": "tls", "ca_file": str(tls / "ca.pem")}
    if is_open:
        store.gate.set()
    await imap.start()
    async with listening() as smtp:
        route = made(
            smtp.port,
            store,
            timeout_s,
            imap_host="127.0.0.1",
            imap_port=imap.port,
            **security,
            imap_username=USER,
            imap_password=PASSWORD,
            poll_s=0.1,
        )
        await route.start()
        try:
            yield Post(route, store, imap, smtp)
        finally:
            await route.close()
            await imap.stop()


def written(text: str, number: int) -> bytes:
    return answer(text, sender="v1@village.example", Message_ID=f"<{number}@phone.example>")


async def seen(post_: Post, count: int) -> None:
    async def enough() -> bool:
        return sum(mail.seen for mail in post_.imap.mails) >= count

    await until(enough)


async def test_a_mail_is_seen_only_after_it_was_stored() -> None:
    async with post(is_open=False) as office:
        mail = office.imap.put(written("收到", 1))

        async def asked() -> bool:
            return office.store.tried > 0

        await until(asked)
        assert not mail.seen
        office.store.gate.set()
        await seen(office, 1)
        assert office.store.texts() == ["收到"]


async def test_many_are_read_once_each_in_their_order() -> None:
    async with post() as office:
        for number in range(45):
            office.imap.put(written(f"2 {number}", number))
        await seen(office, 45)
        assert office.store.texts() == [f"2 {number}" for number in range(45)]


async def test_one_that_cannot_be_stored_holds_up_nobody_and_is_not_lost() -> None:
    async with post() as office:
        office.store.refuses = "毒"
        bad = [office.imap.put(written("毒", number)) for number in range(25)]
        good = office.imap.put(written("收到", 99))
        await seen(office, 1)
        assert good.seen
        assert not any(mail.seen for mail in bad)
        assert office.store.texts() == ["收到"]
        assert not (await office.route.health()).ok
        office.store.refuses = None
        await seen(office, 26)
        assert len(office.store.texts()) == 26


async def test_one_that_says_nothing_is_seen_too() -> None:
    async with post() as office:
        office.imap.put(b"\xff\x00 no mail at all")
        office.imap.put(written("收到", 1))
        await seen(office, 2)
        assert office.store.texts() == ["收到"]


@pytest.mark.parametrize(
    "hostile",
    [
        b"Content-Type: text/html\r\n\r\n<![foo bar]]>",
        b"Content-Type: message/rfc822\r\n\r\n" * 3_000,
    ],
)
async def test_a_hostile_mail_ends_no_reading(hostile: bytes) -> None:
    async with post() as office:
        office.imap.put(hostile)
        office.imap.put(written("收到", 1))
        await seen(office, 2)
        assert office.store.texts() == ["收到"]


@pytest.mark.parametrize("manner", ["drop", "garbage", "refuse-login"])
async def test_a_mailbox_in_trouble_is_told_and_read_later(manner: str) -> None:
    async with post() as office:
        office.imap.trouble = manner
        office.imap.put(written("收到", 1))

        async def told() -> bool:
            health = await office.route.health()
            return not health.ok and "mailbox" in health.detail

        await until(told)
        assert office.store.texts() == []
        office.imap.trouble = None
        await seen(office, 1)
        assert office.store.texts() == ["收到"]

        async def well() -> bool:
            return (await office.route.health()).ok

        await until(well)


@pytest.mark.parametrize("behind_tls", [False, True])
async def test_a_mailbox_that_hangs_holds_up_no_close_and_no_sending(
    behind_tls: bool, tmp_path: Path
) -> None:
    async with post(timeout_s=30.0, tls=tmp_path if behind_tls else None) as office:
        office.imap.put(written("收到", 0))
        await seen(office, 1)
        office.imap.trouble = "hang"
        office.imap.put(written("收到", 1))

        async def hung() -> bool:
            return office.imap.hanging > 0

        await until(hung)
        message = outgoing(1, "v1@village.example", text="x")
        (outcome,) = [outcome async for outcome in office.route.send_many([message])]
        assert outcome.result == Accepted(None)
        begun = time.monotonic()
        await office.route.close()
        assert time.monotonic() - begun < 5


def test_a_route_without_a_mailbox_trusts_the_systems_authorities() -> None:
    route = made(1, Store())
    assert route._settings.mailbox is None
    assert route._settings.smtp.tls.verify_mode is ssl.CERT_REQUIRED
    assert route._settings.smtp.tls.check_hostname
