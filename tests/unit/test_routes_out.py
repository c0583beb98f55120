"""What is wrong with one route keeps no other from sending."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import certifi
import pytest
from structlog.testing import capture_logs

from alertd.decide.shares import CONSOLE
from alertd.errors import NotConfiguredError
from alertd.i18n import sentence
from alertd.model import Channel as Kind
from alertd.model import Status
from alertd.routes import Aside, Routes
from channels import registry
from channels.base import (
    Channel,
    ChannelKind,
    Event,
    Fault,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
)
from channels.kinds import kinds_of
from channels.mail.smtp import MailRoute
from channels.out import RouteOut
from tests.unit.web_city import SECRET, Loopback, web_city

MAIL = {"host": "smtp.example", "from": "alertd@city.example", "secret": "s1gns"}
HANDSETS = {"url": "http://127.0.0.1:1/", "secret": "s"}
MESSAGE = Outgoing(
    delivery=7,
    attempt=1,
    address="+8613900000000",
    text="x",
    alert="0" * 32,
    short_code="A7",
    kind="alert",
    status="Actual",
    severity=1,
    created_at=0,
    expires_at=2**60,
)


async def nowhere(route: str, events: Sequence[Event]) -> None:
    raise AssertionError(route, events)


CONTEXT = RouteContext(now=lambda: 0, sink=nowhere, public_base_url="https://alerts.example/")


async def built(config: RouteConfig) -> Channel:
    return registry.build(config, CONTEXT)


def config(name: str, type_: str, *, simulated: bool = False, **options: Any) -> RouteConfig:
    return RouteConfig(name=name, type=type_, simulated=simulated, options=options)


async def test_a_file_that_is_gone_stops_its_own_route_until_it_is_back(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    mail = config("mail", "mail", **MAIL, ca_file=str(file))
    routes = Routes(built, lambda _: True)
    await routes.add([mail, config("sms", "handsets", **HANDSETS)])
    out = routes.channels["mail"]
    assert (out.kind, out.config) == (ChannelKind.MAIL, mail)
    assert routes.channels["sms"].kind is ChannelKind.SMS
    (outcome,) = [outcome async for outcome in out.send_many([MESSAGE])]
    assert isinstance(outcome.result, SendError)
    assert (outcome.delivery, outcome.result.fault) == (MESSAGE.delivery, Fault.AWAY)
    health = await out.health()
    assert not health.ok
    assert "the option 'ca_file' must be a file of PEM certificates" in health.detail
    assert sentence("zh-CN", health.detail).startswith("该通路已停用,会自动重试:通路“mail”")
    assert [trouble.field for trouble in routes.troubles] == ["routes.mail.ca_file"]
    await routes.look()
    assert routes.channels["mail"] is out, "it stays out, and is never had by less"
    shutil.copyfile(certifi.where(), file)
    await routes.look()
    assert isinstance(routes.channels["mail"], MailRoute)
    assert routes.troubles == []
    await routes.channels["mail"].close()


async def test_nor_does_a_disk_that_hangs(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    os.mkfifo(file)  # whoever opens it waits until somebody writes
    mail = config("mail", "mail", **MAIL, ca_file=str(file))
    aside, begun = Aside(patience_s=0.2), []

    def begin(given: RouteConfig) -> Channel:
        begun.append(given.name)
        if given.name == "mail":
            file.read_bytes()
        return Loopback(given.name, kinds_of(given)[0])

    async def build(given: RouteConfig) -> Channel:
        return await aside.make(given.name, partial(begin, given))

    routes = Routes(build, lambda _: True)
    await routes.add([mail, config("sms", "handsets", **HANDSETS)])
    assert isinstance(routes.channels["sms"], Loopback)
    told = "Route 'mail': its files or its library can't be read in time."
    assert [trouble.message for trouble in routes.troubles] == [told]
    await routes.look()
    assert begun == ["mail", "sms"], "what hangs is asked once"
    with file.open("wb"):
        pass
    await routes.look()
    assert isinstance(routes.channels["mail"], Loopback)


async def test_nor_does_a_library_that_breaks() -> None:
    broken = [True]

    async def build(given: RouteConfig) -> Channel:
        if broken and given.name == "modems":
            raise ImportError("/usr/lib/libGammu.so.8: +8613800001234")
        return Loopback(given.name)

    routes = Routes(build, lambda _: True)
    with capture_logs() as logged:
        await routes.add([config("modems", "modems"), config("sms", "handsets")])
    assert [(line["route"], type(line["exc_info"])) for line in logged] == [("modems", ImportError)]
    (trouble,) = routes.troubles
    assert trouble.message == "Route 'modems' (modems) can't be started: ImportError."
    assert sentence("zh-CN", trouble.message) == "通路“modems”(modems)无法启动:ImportError。"
    assert isinstance(routes.channels["sms"], Loopback)
    broken.clear()
    await routes.look()
    assert isinstance(found := routes.channels["modems"], Loopback)
    assert found.started


async def test_nothing_simulated_takes_what_a_route_that_is_out_would_carry(tmp_path: Path) -> None:
    """Of what its description says nothing can be known: it may have been for calls."""
    file = tmp_path / f"{'gone' * 100}.toml"
    routes = Routes(built, lambda _: True)
    await routes.add(
        [
            config("own", "http", gateway=str(file)),
            config("sim", "handsets", simulated=True, **HANDSETS),
        ]
    )
    plans = routes.plan(1.0)
    assert plans.keys() == {"own", "sim"}
    assert plans["own"].channel is Kind.SMS
    assert Status.ACTUAL not in plans["sim"].carries


async def test_a_route_that_turns_out_to_be_of_another_kind_waits_for_a_start() -> None:
    gone = [True]

    async def build(given: RouteConfig) -> Channel:
        return await built(given) if gone else Loopback(given.name, ChannelKind.VOICE)

    routes = Routes(build, lambda _: True)
    await routes.add([config("own", "http", gateway="/no/such.toml")])
    gone.clear()
    await routes.look()
    assert isinstance(out := routes.channels["own"], RouteOut)
    assert sentence("zh-CN", out.trouble.message) == "通路“own”现已可用。"


async def test_a_type_that_nobody_knows_is_refused() -> None:
    with pytest.raises(NotConfiguredError, match="no route type 'pigeon'"):
        await Routes(built, lambda _: True).add([config("own", "pigeon")])


class Broken(Loopback):
    """One whose gateway's library breaks at the start."""

    async def start(self) -> None:
        raise PermissionError(13, "/dev/ttyUSB0")


async def test_a_route_that_can_t_start_stops_no_server(tmp_path: Path) -> None:
    broken = Broken("sms-2")
    async with web_city(tmp_path, others=[broken]) as web:
        assert isinstance(web.deps.channels["sms-2"], RouteOut)
        headers = {"authorization": f"Bearer {SECRET}"}
        async with web.client(headers=headers) as client:
            found = (await client.get("/readyz")).json()
            assert found["ready"]
            (warning,) = found["warnings"]
            assert warning.startswith("sms-2: This route is out")
            assert "/dev/ttyUSB0" not in warning
            kept = await client.post("/hooks/sms-2/replies", json=[])
            assert (kept.status_code, kept.headers["retry-after"]) == (503, "5")
            assert (await client.post("/hooks/sms-3/replies", json=[])).status_code == 404
            web.deps.channels["sms-2"] = Loopback("sms-2")  # type: ignore[index]
            assert (await client.post("/hooks/sms-2/replies", json=[])).status_code == 200
            assert (await client.post("/hooks/sms-2/others", json=[])).status_code == 404
        drafted = await web.issue()
        await web.until(drafted["id"], lambda board: board["funnel"]["accepted"])


class Meeting(Loopback):
    """One that can't start unless the others are being started, too."""

    def __init__(self, name: str, together: asyncio.Barrier) -> None:
        super().__init__(name)
        self.together = together

    async def start(self) -> None:
        await self.together.wait()


async def test_no_route_waits_for_another_s_start(tmp_path: Path) -> None:
    together = asyncio.Barrier(2)
    async with (
        asyncio.timeout(10),
        web_city(tmp_path, others=[Meeting(name, together) for name in ("sms-2", "sms-3")]) as web,
    ):
        assert not any(isinstance(each, RouteOut) for each in web.deps.channels.values())


async def test_a_console_beside_workers_says_whose_hooks_it_cannot_answer(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client() as client:
        web.deps.runner.engine.part = CONSOLE
        broken = NotConfiguredError("The file is gone.", hint="Put it back.")
        out = RouteOut(config("sms-1", "handsets"), ChannelKind.SMS, broken)
        web.deps.channels["sms-1"] = out  # type: ignore[index]
        found = (await client.get("/readyz")).json()
        assert found["ready"], "others send by it"
        assert [warning.split(":")[0] for warning in found["warnings"]] == ["sms-1"]
