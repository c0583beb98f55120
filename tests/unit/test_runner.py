"""The runner's own promises: what comes together is committed together, a bad one fails alone."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from alertd.engine import approving
from alertd.engine.runner import Runner
from alertd.engine.timekeeping import Standing
from alertd.model import DeliveryState
from alertd.store import tables as t
from channels.base import Channel, Outcome, Outgoing, Reply
from tests.city import SECOND, START, City, sms_route

BAD = Reply(gateway_id="bad", sender=cast("str", None), text="1")


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def reply(number: int) -> Reply:
    return Reply(gateway_id=f"g{number}", sender=f"+86138000000{number:02d}", text="1")


async def test_a_bad_arrival_takes_none_of_its_neighbours_with_it(city: City) -> None:
    runner = Runner(city.engine, {}, now=lambda: city.now)
    # Before it starts, so that they certainly come together.
    arrivals = [
        asyncio.ensure_future(runner.sink("sms-1", [event]))
        for event in (reply(1), BAD, reply(2), reply(3))
    ]
    await asyncio.sleep(0)
    await runner.start()
    ended = await asyncio.gather(*arrivals, return_exceptions=True)
    await runner.stop()
    assert [isinstance(end, Exception) for end in ended] == [False, True, False, False]
    assert city.rows(select(t.inbound.c.gateway_key).order_by(t.inbound.c.no)) == [
        ("g1",),
        ("g2",),
        ("g3",),
    ]


async def test_what_comes_together_is_in_one_batch_of_facts(city: City) -> None:
    runner = Runner(city.engine, {}, now=lambda: city.now)
    arrivals = [asyncio.ensure_future(runner.sink("sms-1", [reply(n)])) for n in range(20)]
    await asyncio.sleep(0)
    await runner.start()
    await asyncio.gather(*arrivals)
    await runner.stop()
    assert len(city.rows(select(t.inbound.c.no))) == 20
    stored = select(t.journal.c.seq).where(t.journal.c.kind == "inbound.stored")
    assert len(city.rows(stored)) == 1


async def test_a_repetition_within_one_batch_is_stored_once(city: City) -> None:
    runner = Runner(city.engine, {}, now=lambda: city.now)
    arrivals = [asyncio.ensure_future(runner.sink("sms-1", [reply(1)])) for _ in range(3)]
    await asyncio.sleep(0)
    await runner.start()
    await asyncio.gather(*arrivals)
    await runner.stop()
    assert len(city.rows(select(t.inbound.c.no))) == 1


class Mute:
    """A channel that takes messages and never says a word of them, not even in the end."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[Outgoing] = asyncio.Queue()

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        for message in messages:
            self.taken.put_nowait(message)
        await asyncio.Event().wait()
        yield cast("Any", None)


async def test_a_channel_that_never_ends_a_try_gives_its_place_back(tmp_path: Path) -> None:
    city, mute = City(tmp_path, routes=[sms_route(in_flight=1)]), Mute()
    drafted = city.draft()
    runner = Runner(
        city.engine, {"sms-1": cast("Channel", mute)}, now=lambda: city.now, speed=10_000.0
    )
    await runner.start()
    approve = partial(approving.approve, actor=SECOND, alert_id=bytes.fromhex(drafted["id"]))
    await runner.submit(approve)
    async with asyncio.timeout(30):
        first, second = await mute.taken.get(), await mute.taken.get()
    await runner.stop()
    assert first.delivery != second.delivery
    d = t.delivery.c
    (row,) = city.rows(select(d.state, d.reason).where(d.id == first.delivery))
    assert (DeliveryState(row.state), row.reason) == (
        DeliveryState.UNKNOWN,
        "no-outcome-from-channel",
    )


class Broken:
    """A keeper of the time whose disk is full."""

    standing = Standing()

    def __init__(self) -> None:
        self.looked = 0

    def look(self) -> None:
        self.looked += 1
        raise OSError

    def in_time(self, step: Callable[[int], Any]) -> Any:
        return step(START)


async def test_time_that_isnt_kept_is_logged_seldom(city: City) -> None:
    keeper = Broken()
    runner = Runner(city.engine, {}, now=lambda: city.now, keeper=cast("Any", keeper))
    with capture_logs() as said:
        await runner.start()
        for number in range(5):  # a cycle each, at the least
            await runner.sink("sms-1", [reply(number)])
        await runner.stop()
    assert keeper.looked >= 5
    assert [line["event"] for line in said].count("time not kept") == 1


async def test_the_writer_outlives_whatever_fails_outside_of_a_step(city: City) -> None:
    """Its thread is the only one that writes: without it all would stand still for good."""
    failures = [MemoryError]

    def now() -> int:
        if failures and threading.current_thread().name == "alertd-writer":
            raise failures.pop()
        return city.now

    runner = Runner(city.engine, {}, now=now)
    await runner.start()
    async with asyncio.timeout(30):
        while failures:
            runner.wake()
            await asyncio.sleep(0.01)
        await runner.sink("sms-1", [reply(1)])
    await runner.stop()
    assert not runner.failing
