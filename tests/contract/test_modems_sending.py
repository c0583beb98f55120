"""Children that hang and die, and messages of several parts."""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from alertd.messages.length import sms_parts, sms_size
from channels.base import Accepted, Fault, Limits, ReceiptStatus, SendError
from channels.sms.modems import ModemsRoute
from tests.contract.case_modems import (
    HURRIED,
    MODEMS,
    Modems,
    ModemsCase,
    context,
    ready,
    route_config,
)
from tests.contract.messages import outgoing
from tests.contract.modems_alone import LONG, LONG_LATIN, alone, pids, send
from tests.contract.peer import Recorder, until
from tests.contract.process_peer import ROOT
from tests.contract.test_broker import gone as process_gone
from tests.contract.test_send import fault, outcomes


async def idle(route: ModemsRoute) -> bool:
    """Whether nothing is asked of any modem now."""
    return all(d.vitals.network and d.line._waiting is None for d in route._desks)


async def test_a_child_killed_in_mid_send_is_unknown_and_nothing_goes_twice(
    tmp_path: Path,
) -> None:
    async with ModemsCase.open(tmp_path) as case:
        route = case.route
        assert isinstance(route, ModemsRoute)
        held = case.message(1)
        await case.hold(held)
        sending = asyncio.create_task(outcomes(case, [held]))

        async def taken() -> bool:
            return bool(await case.taken())

        await until(taken)
        before = pids(route)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        assert fault((await sending)[1]) is Fault.UNKNOWN
        await case.release()
        await ready(route, MODEMS)
        assert not set(before) & set(pids(route))
        results = await outcomes(case, [case.message(number) for number in range(2, 8)])
        assert {fault(result) for result in results.values()} == {None}
        assert sorted(taken.delivery for taken in await case.taken()) == [1, 2, 3, 4, 5, 6, 7]


async def test_what_a_child_never_began_goes_to_another_modem(tmp_path: Path) -> None:
    async with ModemsCase.open(tmp_path) as case:
        route = case.route
        assert isinstance(route, ModemsRoute)
        await until(lambda: idle(route))
        stopped = pids(route)[:1]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        results = await outcomes(case, [case.message(number) for number in range(1, 7)])
        assert {fault(result) for result in results.values()} == {None}
        assert sorted(taken.delivery for taken in await case.taken()) == [1, 2, 3, 4, 5, 6]
        await ready(route, MODEMS)
        assert not set(stopped) & set(pids(route))


async def test_a_modem_that_never_prompts_has_nothing_and_another_sends(tmp_path: Path) -> None:
    async with ModemsCase.open(tmp_path, timeout_s=60.0) as case:
        await case.peer.control("modems", {"modem": "m1", "mode": "no-prompt"})
        results = await outcomes(case, [case.message(number) for number in range(1, 5)])
        # Killed while it waited for the prompt: nobody can tell any more from outside.
        assert {fault(result) for result in results.values()} <= {None, Fault.UNKNOWN}
        numbers = [taken.delivery for taken in await case.taken()]
        assert len(numbers) == len(set(numbers))
        assert {n for n, result in results.items() if fault(result) is None} == set(numbers)


_PARENT = """
import asyncio, sys
from pathlib import Path

import pytest
from tests.contract.case_modems import *

async def main():
    peer = Modems(Path(sys.argv[1]), 1)
    route = ModemsRoute(route_config(peer, Limits(timeout_s=60.0)), context(Recorder()), HURRIED)
    await route.start()
    await ready(route, 1)
    print(route._desks[0].line.pid, flush=True)
    async for _ in route.send_many([outgoing(1, "+8615400000001", text="red")]):
        pass

asyncio.run(main())
"""


async def test_nothing_goes_twice_when_alertd_is_killed_in_mid_send(tmp_path: Path) -> None:
    peer = Modems(tmp_path, 1)
    await peer.start()
    try:
        await peer.control("hold", {"to": "+8615400000001"})
        parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PARENT, str(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        assert parent.stdout is not None
        child = 0
        while not child:  # what it logs comes there, too
            line = await parent.stdout.readline()
            child = int(line) if line.strip().isdigit() else 0
            assert line

        async def taken() -> bool:
            return len(peer.lines("message")) == 1

        await until(taken)
        parent.kill()
        await parent.communicate()

        async def gone_too() -> bool:
            return process_gone(child)

        await until(gone_too)
        await peer.control("release", {})
        route = ModemsRoute(route_config(peer, Limits()), context(Recorder()), HURRIED)
        await route.start()
        await ready(route, 1)
        assert [type(r) for r in await send(route, "red", first=2)] == [Accepted]
        await route.close()
        assert [line["to"][-1] for line in peer.lines("message")] == ["1", "2"]
    finally:
        await peer.stop()


async def test_what_no_modem_has_time_for_comes_back(tmp_path: Path) -> None:
    async with ModemsCase.open(tmp_path, timeout_s=3.0) as case:
        messages = [case.message(number) for number in range(1, 5)]
        for message in messages:
            await case.hold(message)
        results = await outcomes(case, messages)
        faults = [fault(results[number]) for number in range(1, 5)]
        assert faults == [Fault.UNKNOWN, Fault.UNKNOWN, Fault.THROTTLED, Fault.THROTTLED]
        assert len(await case.taken()) == MODEMS


async def test_a_sim_that_may_not_send_takes_nobodys_message(tmp_path: Path) -> None:
    """Refused in no time, it would take most of the queue, and each recipient would have failed."""
    async with ModemsCase.open(tmp_path) as case:
        for start, code in ((1, 21), (13, 28)):  # no credit; no subscriber of this centre
            await case.peer.control("modems", {"modem": "m1", "mode": "refuse", "code": code})
            messages = [case.message(number) for number in range(start, start + 12)]
            results = await outcomes(case, messages)
            assert {fault(result) for result in results.values()} == {None}
        assert len(await case.taken()) == 24


async def test_what_every_sim_says_is_believed(tmp_path: Path) -> None:
    async with ModemsCase.open(tmp_path) as case:
        for number, code, meaning in ((1, 30, Fault.REFUSED), (2, 8, Fault.AWAY)):
            await case.peer.control("modems", {"mode": "refuse", "code": code})
            result = (await outcomes(case, [case.message(number)]))[number]
            assert isinstance(result, SendError)
            assert (result.fault, result.code) == (meaning, f"cms-{code}")
        refused = [line["modem"] for line in case.peer.lines("message")]
        assert sorted(refused) == ["m1", "m1", "m2", "m2"]


async def test_a_message_that_comes_back_late_has_not_left(tmp_path: Path) -> None:
    async with ModemsCase.open(tmp_path, timeout_s=2.4) as case:
        held, other = case.message(1), case.message(2)
        await case.hold(held)
        sending = asyncio.create_task(outcomes(case, [held]))

        async def taken() -> bool:
            return bool(await case.taken())

        await until(taken)
        (busy,) = {line["modem"] for line in case.peer.lines("message")}
        (free,) = {"m1", "m2"} - {busy}
        # One modem waits for its network, the other's turns it away after half of the time.
        wanted = {"modem": free, "mode": "refuse", "code": 8, "network_s": 1.4}
        await case.peer.control("modems", wanted)
        assert fault((await outcomes(case, [other]))[2]) is Fault.THROTTLED
        await sending


async def test_a_modem_that_is_taken_away_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Gammu would wait for its answer until the part's time is over."""
    async with alone(tmp_path, part_timeout_s=60.0) as (route, _, peer):
        await peer.control("hold", {"to": "+8615400000001"})
        sending = asyncio.create_task(send(route, "red"))

        async def taken() -> bool:
            return bool(peer.lines("message"))

        await until(taken)
        await peer.control("unplug", {})
        (result,) = await sending
        assert isinstance(result, SendError)
        assert (result.fault, result.code) == (Fault.UNKNOWN, "child-died")


async def test_an_answer_after_the_time_resolves_the_doubt(tmp_path: Path) -> None:
    async with ModemsCase.open(tmp_path, timeout_s=1.5) as case:
        message = case.message(1)
        await case.hold(message)
        assert fault((await outcomes(case, [message]))[1]) is Fault.UNKNOWN
        await case.release()
        await case.sink.until(lambda _: bool(case.sink.receipts(message)))
        assert [r.status for r in case.sink.receipts(message)] == [ReceiptStatus.ACCEPTED]


async def test_half_a_message_is_none(tmp_path: Path) -> None:
    async with alone(tmp_path) as (route, sink, peer):
        await peer.control("modems", {"network_s": 1.0})
        sending = asyncio.create_task(send(route, LONG, "红"))

        async def first_part_taken() -> bool:
            return len(peer.lines("message")) == 1

        await until(first_part_taken)
        await peer.control("modems", {"mode": "refuse", "code": 21})
        # The first part's own answer still comes; the second is refused, the third never tried.
        assert [fault(result) for result in await sending] == [Fault.REFUSED, Fault.REFUSED]
        assert [line["taken"] for line in peer.lines("message")] == [True, False, False]
        await peer.control("reports", {"to": "+8615400000001"})
        await peer.control("modems", {"mode": "ok", "network_s": 0.0})
        await send(route, "红", first=3)
        await peer.control("reports", {"to": "+8615400000003"})
        await sink.until(bool)
        assert [event.delivery for event in sink.events] == [3]


async def test_long_texts_go_as_the_parts_that_were_counted(tmp_path: Path) -> None:
    async with alone(tmp_path) as (route, _, peer):
        results = await send(route, LONG, LONG_LATIN, "short", "短~")
        assert [type(result) for result in results] == [Accepted] * 4
        lines = peer.lines("message")
        for number, text in enumerate((LONG, LONG_LATIN, "short", "短~"), start=1):
            mine = [line for line in lines if line["to"] == f"+86154{number:08}"]
            size = sms_size(text)
            assert [line["text"] for line in mine] == sms_parts(text)[1]
            assert {line["ucs2"] for line in mine} == {size.encoding == "ucs-2"}
            if size.parts > 1:
                places = [line["part"] for line in mine]
                assert [place[1:] for place in places] == [
                    [size.parts, n + 1] for n in range(size.parts)
                ]
                assert len({place[0] for place in places}) == 1
            else:
                assert [line["part"] for line in mine] == [None]
        assert all(line["report"] for line in lines)
        references = [line["part"][0] for line in lines if line["part"]]
        assert len(set(references)) == 2


async def test_a_message_is_valid_no_longer_than_its_alert(tmp_path: Path) -> None:
    async with alone(tmp_path) as (route, _, peer):
        now = context(Recorder()).now()
        message = outgoing(1, "+8615400000001", text="a")
        object.__setattr__(message, "expires_at", now + 3 * 3600_000)
        assert [o async for o in route.send_many([message])]
        assert peer.lines("message")[0]["validity"] in {34, 35}  # in 5 minutes, from 0


@pytest.mark.parametrize("many", [30, pytest.param(600, marks=pytest.mark.soak)])
async def test_children_killed_at_random_send_nothing_twice(many: int, tmp_path: Path) -> None:
    dice = random.Random(20261126)
    async with ModemsCase.open(tmp_path, timeout_s=500.0) as case:
        route = case.route
        assert isinstance(route, ModemsRoute)

        async def kill() -> None:
            while True:
                await asyncio.sleep(dice.uniform(0.1, 0.8))
                at_work = [d.line.pid for d in route._desks if d.line.ready and d.line.pid]
                if at_work:
                    os.kill(dice.choice(at_work), signal.SIGKILL)

        killing = asyncio.create_task(kill())
        left = [case.message(number) for number in range(1, many + 1)]
        ended: dict[int, Accepted | SendError] = {}
        while left:
            await ready(route, 1)
            ended |= {o.delivery: o.result async for o in route.send_many(left)}
            left = [message for message in left if fault(ended[message.delivery]) is Fault.AWAY]
        killing.cancel()
        taken = [message.delivery for message in await case.taken()]
        assert len(taken) == len(set(taken))
        accepted = {number for number, result in ended.items() if isinstance(result, Accepted)}
        unknown = {number for number, result in ended.items() if fault(result) is Fault.UNKNOWN}
        assert accepted <= set(taken) <= accepted | unknown
        assert len(accepted) > many / 2
