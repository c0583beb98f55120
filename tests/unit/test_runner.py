"""The runner's own promises: what comes together is committed together, a bad one fails alone."""

import asyncio
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select

from alertd.engine.runner import Runner
from alertd.store import tables as t
from channels.base import Reply
from tests.city import City

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
