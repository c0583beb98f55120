"""SIMs that want a PIN, health, and gammu itself: its dummy, its own pace, its licence."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from channels.base import Accepted, Fault, Limits, Reply
from channels.sms.modem_line import CHILD
from channels.sms.modems import ModemsRoute
from tests.contract.case_modems import (
    HURRIED,
    PIN,
    Modems,
    context,
    ready,
    route_config,
)
from tests.contract.modems_alone import LONG, alone, send
from tests.contract.peer import Recorder, until
from tests.contract.process_peer import ROOT
from tests.contract.test_send import fault


async def test_a_sim_is_opened_with_its_pin(tmp_path: Path) -> None:
    peer = Modems(tmp_path, 1)
    await peer.start()
    try:
        await peer.control("modems", {"pin": PIN})
        route = ModemsRoute(route_config(peer, Limits()), context(Recorder()), HURRIED)
        await route.start()
        await ready(route, 1)
        assert [type(r) for r in await send(route, "红")] == [Accepted]
        await route.close()
        assert [line["right"] for line in peer.lines("pin")] == [True]
    finally:
        await peer.stop()


async def test_a_wrong_pin_is_given_once(tmp_path: Path) -> None:
    """The third time the card would want its PUK."""
    peer = Modems(tmp_path, 1)
    await peer.start()
    try:
        await peer.control("modems", {"pin": "0000"})
        route = ModemsRoute(route_config(peer, Limits()), context(Recorder()), HURRIED)
        await route.start()

        async def tried() -> bool:
            return route._desks[0].line.starts > 3

        await until(tried)
        assert [fault(r) for r in await send(route, "红")] == [Fault.AWAY]
        detail = (await route.health()).detail
        assert detail == "0 of 1 modems are ready; m1: its SIM wants a PIN."
        await route.close()
        assert [line["right"] for line in peer.lines("pin")] == [False]
    finally:
        await peer.stop()


async def test_health_says_what_a_modem_says_and_stops_nothing(tmp_path: Path) -> None:
    async with alone(tmp_path, ussd="*100#") as (route, _, peer):
        detail = "1 of 1 modems are ready; m1: signal 6 %; m1: credit 12.50."
        await peer.control("modems", {"signal": 2})
        route._desks[0]._due["check"] = 0.0  # a minute is too long for a test

        async def says() -> bool:
            health = await route.health()
            return health.ok and health.detail == detail

        await until(says)
        await peer.control("modems", {"registered": False})
        route._desks[0]._due["check"] = 0.0

        async def says_not() -> bool:
            return "m1: not registered" in (await route.health()).detail

        await until(says_not)
        assert [type(r) for r in await send(route, "红")] == [Accepted]


async def test_without_gammu_it_says_how_to_get_it() -> None:
    code = """
import sys
sys.modules["gammu"] = None
from alertd.errors import NotConfiguredError
from channels import registry
from tests.contract.case_modems import Modems, Limits, Path, Recorder, context, route_config
try:
    registry.build(route_config(Modems(Path("."), 1), Limits()), context(Recorder()))
except NotConfiguredError as error:
    print(error, error.hint)
"""
    run = [sys.executable, "-c", code]
    told = (await asyncio.to_thread(subprocess.check_output, run, cwd=ROOT)).decode()
    assert "python-gammu" in told
    assert "pip install" in told


async def test_gammus_own_dummy_is_a_modem_as_well(tmp_path: Path) -> None:
    """Its folder holds what came in; what it sends it throws away, and says that it sent it."""
    inbox = tmp_path / "sms" / "1"
    inbox.mkdir(parents=True)
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", FILL, str(tmp_path)], check=True)
    assert len(list(inbox.iterdir())) == 1
    dummy = {"device": str(tmp_path), "connection": "none", "model": "dummy", "cnmi": ""}
    config = route_config(
        Modems(tmp_path, 0),
        Limits(),
        poll_s=0.2,
        modems={"d1": {**dummy, "smsc": "+8613800571500"}},
    )
    sink = Recorder()
    route = ModemsRoute(config, context(sink), CHILD)
    await route.start()
    await ready(route, 1)
    assert [type(r) for r in await send(route, LONG, "red")] == [Accepted, Accepted]
    await sink.until(lambda events: len(events) == 1)
    (reply,) = sink.events
    assert isinstance(reply, Reply)
    assert (reply.sender, reply.text) == ("+8615400000009", "收到 3")

    async def emptied() -> bool:
        return not list(inbox.iterdir())

    await until(emptied)
    await route.close()


FILL = """
import datetime, gammu, sys
machine = gammu.StateMachine()
machine.SetConfig(0, {"Device": sys.argv[1], "Connection": "none", "Model": "dummy"})
machine.Init()
machine.AddSMS({"Folder": 1, "SMSC": {"Number": "+8613800571500"}, "Number": "+8615400000009",
                "Text": "\\u6536\\u5230 3", "Coding": "Unicode_No_Compression", "Type": "Deliver",
                "State": "UnRead", "DateTime": datetime.datetime(2026, 9, 21, 12, 0, 0)})
"""


async def test_unhurried_on_the_serial_line(tmp_path: Path) -> None:
    """The child as it is, at its own pace, to see that the hurry changes nothing but time."""
    async with alone(tmp_path, child=CHILD) as (route, _, peer):
        results = await send(route, "红色台风", "hello")
        assert [result.reference for result in results if isinstance(result, Accepted)] == [
            "m1-0",
            "m1-1",
        ]
        assert [line["text"] for line in peer.lines("message")] == ["红色台风", "hello"]
        part_s = route._desks[0].part_s
        assert part_s is not None
        assert part_s > 0.5


def test_the_child_imports_nothing_of_ours() -> None:
    """It is the only file that imports gammu, which is GPL, and shares no code with us."""
    code = f"""
import runpy, sys, json
runpy.run_path({CHILD[-1]!r}, run_name="child")
print(json.dumps(sorted(name.split(".")[0] for name in sys.modules)))
"""
    said = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert not {"alertd", "channels", "gammu"} & set(json.loads(said))
