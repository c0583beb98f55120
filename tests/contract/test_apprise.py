"""The long tail by apprise: the real library against a real server; its yes is no proof."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from channels.base import (
    Accepted,
    Channel,
    Fault,
    Limits,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
)
from channels.registry import build
from channels.sim_http import Exchange, bound_port, serve
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, Recorder, until
from tests.contract.test_robots import error

NATIVE_WECOM = (
    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7000-4bc4-97a0-0ec2aaaa5aaa"
)


@dataclass
class Peer:
    """A service that apprise's own `json://` speaks to."""

    port: int = 0
    status: int = 200
    hangs: bool = False
    texts: list[str] = field(default_factory=list)
    held: list[Exchange] = field(default_factory=list)

    def handle(self, exchange: Exchange) -> None:
        self.texts.append(json.loads(exchange.body)["message"])
        if self.hangs:
            self.held.append(exchange)
        else:
            exchange.answer(self.status, b'{"errcode": 1}')

    def message(self, delivery: int) -> Outgoing:
        secret = f"json://127.0.0.1:{self.port}/groups/{delivery}"
        return outgoing(delivery, "https://chat.example/x", text=AWKWARD_TEXT, secret=secret)


@asynccontextmanager
async def opened(timeout_s: float = 10.0) -> AsyncIterator[tuple[Channel, Peer]]:
    peer = Peer()
    server = await serve(peer.handle)
    peer.port = bound_port(server)
    limits = Limits(in_flight=10, timeout_s=timeout_s)
    context = RouteContext(
        now=lambda: time.time_ns() // 1_000_000, sink=Recorder(), public_base_url="http://127.0.0.1"
    )
    levels = {name: logging.getLogger(name).level for name in ("apprise", "urllib3")}
    route = build(RouteConfig(name="r1", type="apprise", limits=limits), context)
    await route.start()
    try:
        yield route, peer
    finally:
        for exchange in peer.held:
            exchange.drop()
        await route.close()
        server.close()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


async def sent(route: Channel, message: Outgoing) -> Accepted | SendError:
    [outcome] = [outcome async for outcome in route.send_many([message])]
    return outcome.result


async def test_a_yes_is_accepted_and_no_more() -> None:
    async with opened() as (route, peer):
        assert await sent(route, peer.message(1)) == Accepted(None, delivered=False)
        assert peer.texts == [AWKWARD_TEXT]
        assert "unverified" in (await route.health()).detail


@pytest.mark.parametrize("status", [400, 500, 503])
async def test_a_no_is_unknown(status: int) -> None:
    async with opened() as (route, peer):
        peer.status = status
        refused = error(await sent(route, peer.message(1)))
        assert (refused.fault, refused.code) == (Fault.UNKNOWN, "apprise-no")


async def test_a_service_that_hangs_holds_up_nobody() -> None:
    async with opened(timeout_s=1.0) as (route, peer):
        peer.hangs = True
        refused = error(await sent(route, peer.message(1)))
        assert refused.fault is Fault.UNKNOWN


async def test_closing_ends_what_is_in_flight() -> None:
    async with opened() as (route, peer):
        peer.hangs = True
        sending = asyncio.create_task(sent(route, peer.message(1)))

        async def taken() -> bool:
            return bool(peer.held)

        await until(taken)
        await route.close()
        assert error(await sending).code == "closed-in-flight"
        assert error(await sent(route, peer.message(2))).code == "route-closed"


@pytest.mark.parametrize(
    ("url", "fault", "code"),
    [
        ("wecombot://693a91f6-7000-4bc4-97a0-0ec2aaaa5aaa", Fault.REFUSED, "use-type-wecom"),
        (NATIVE_WECOM, Fault.REFUSED, "use-type-wecom"),
        ("dingtalk://token", Fault.REFUSED, "use-type-dingtalk"),
        ("feishu://token", Fault.REFUSED, "use-type-feishu"),
        ("lark://01234567-8901-2345-6789-012345678901", Fault.REFUSED, "use-type-feishu"),
        ("https://chat.example/unknown", Fault.DEAD, "bad-url"),
        ("nonsense", Fault.DEAD, "bad-url"),
        ("json://", Fault.DEAD, "bad-url"),
    ],
)
async def test_services_that_have_their_own_type_are_sent_there(
    url: str, fault: Fault, code: str
) -> None:
    async with opened() as (route, peer):
        refused = error(await sent(route, replace(peer.message(1), secret=url)))
        assert (refused.fault, refused.code) == (fault, code)
        by_address = replace(peer.message(1), secret=None, address=url)
        assert error(await sent(route, by_address)).code == code


async def test_nothing_private_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with opened() as (route, peer):
        await sent(route, peer.message(1))
        peer.status = 500
        await sent(route, peer.message(1))
        await sent(route, replace(peer.message(1), secret="tgram://n0t-a-t0ken/1"))
    for word in ("/groups/1", "n0t-a-t0ken", AWKWARD_TEXT, f"127.0.0.1:{peer.port}"):
        assert word not in caplog.text
