"""The journal's end is read once for all listeners, and whoever is too slow misses nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import pytest
from sqlalchemy import Engine, event

from alertd.store.eras import Place
from alertd.store.given import leave_out
from alertd.store.reads.timeline import heads
from alertd.web.live import Listener, follow, format_cursor, parse_cursor
from alertd.web.tail import Ear, Tail
from tests.unit.web_city import WebCity, short, web_city

MANY = 30


@pytest.fixture(scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path_factory.mktemp("city")) as started:
        yield started


async def drafts(web: WebCity) -> None:
    async with web.client("officer") as officer:
        assert (await officer.post("/api/v1/alerts", json=short())).status_code == 201


def facts(wire: bytes) -> list[tuple[str, str]]:
    """(cursor, key) of the facts in some bytes of a stream."""
    found = []
    for text in wire.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        if lines.get("event") == "fact":
            found.append((lines["id"], json.loads(lines["data"])["key"]))
    return found


async def test_thirty_listeners_cost_a_commit_as_many_looks_as_one(web: WebCity) -> None:
    tail, looks = Tail(web.deps), 0

    def look(*arguments: object) -> None:
        nonlocal looks
        looks += "FROM journal" in str(arguments[2])

    streams = [follow(tail, Listener(cursor=None)) for _ in range(MANY)]
    async with asyncio.timeout(20), AsyncExitStack() as stack:
        for stream in streams:
            await stack.enter_async_context(aclosing(stream))
            await anext(stream)  # a beat
        hearing = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await tail.begun()
        await drafts(web)
        await asyncio.gather(*hearing)  # all are at the tail now
        event.listen(Engine, "before_cursor_execute", look)
        hearing = [asyncio.ensure_future(anext(stream)) for stream in streams]
        await drafts(web)
        heard = [facts(wire) for wire in await asyncio.gather(*hearing)]
        event.remove(Engine, "before_cursor_execute", look)
    assert heard[0]
    assert all(each == heard[0] for each in heard)
    assert 0 < looks < MANY // 3


async def test_who_loses_the_place_reads_by_itself_and_has_each_fact_once(web: WebCity) -> None:
    tail = Tail(web.deps)
    seen: list[tuple[str, str]] = []
    async with (
        asyncio.timeout(20),
        aclosing(follow(tail, Listener(cursor=None))) as stream,
    ):
        await anext(stream)
        for lost in (False, True, False):
            hearing = asyncio.ensure_future(anext(stream))
            await tail.begun()
            if lost:
                tail.lose_all()
            await drafts(web)
            seen += facts(await hearing)
    keys = [key for _, key in seen]
    assert len(keys) == len(set(keys))
    sequence = [int(key.rpartition(":")[2]) for key in keys]
    assert sequence == list(range(sequence[0], sequence[0] + len(sequence)))


async def test_a_cursor_of_ones_own_is_gone_on_with(web: WebCity) -> None:
    tail = Tail(web.deps)
    cursor = Place({("elsewhere", 7): 12})
    async with (
        asyncio.timeout(20),
        aclosing(follow(tail, Listener(cursor=cursor))) as stream,
    ):
        await anext(stream)
        behind = facts(await anext(stream))
        assert behind
        assert all("elsewhere:7:12" in at for at, _ in behind)
        await drafts(web)
        fresh = facts(await anext(stream))
    assert all("elsewhere:7:12" in at for at, _ in fresh)
    assert not {key for _, key in behind} & {key for _, key in fresh}


async def test_a_cursor_behind_the_end_hears_what_comes(web: WebCity) -> None:
    """A standby took over that lacks the last moments, or a backup was restored."""
    tail = Tail(web.deps)
    with web.deps.store.read() as connection:
        ahead = Place({place: seq + 1_000 for place, seq in heads(connection).items()})
    async with (
        asyncio.timeout(20),
        aclosing(follow(tail, Listener(cursor=ahead))) as stream,
    ):
        await anext(stream)
        hearing = asyncio.ensure_future(_first_facts(stream))
        await tail.begun()
        await drafts(web)
        heard = await hearing
    assert heard[0][0] != format_cursor(ahead)


async def _first_facts(stream: AsyncIterator[bytes]) -> list[tuple[str, str]]:
    async for wire in stream:
        if found := facts(wire):
            return found
    return []


async def test_an_ear_that_is_too_slow_is_let_go() -> None:
    ear, told = Ear(), 0
    while not ear.lost:
        ear.tell([])
        told += 1
        assert told < 1_000
    for _ in range(told):
        await ear.hear(0)
    async with asyncio.timeout(1):
        assert await ear.hear(60) == ()


async def test_who_was_ahead_of_a_restore_hears_all_that_came_since(web: WebCity) -> None:
    tail = Tail(web.deps)
    with web.deps.store.read() as connection:
        before = heads(connection)
    await web.deps.runner.submit(lambda turn: leave_out(turn.tx, 0, source="cli"))
    for _ in range(3):
        await drafts(web)
    with web.deps.store.read() as connection:
        ahead = Place(heads(connection), ())  # as much had come that was lost
    async with (
        asyncio.timeout(20),
        aclosing(follow(tail, Listener(cursor=ahead))) as stream,
    ):
        await anext(stream)
        heard = await _first_facts(stream)
    sequence = [int(key.rpartition(":")[2]) for _, key in heard]
    (place,) = before
    assert sequence == list(range(before[place] + 1, ahead.cursor[place] + 1))
    again = parse_cursor(heard[-1][0])
    assert again.cursor == ahead.cursor
    assert again.eras != ahead.eras
