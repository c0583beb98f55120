"""A database that can't grow, without a full disk: SQLite's own bound on its pages stands for it.

SQLite ends a whole transaction by itself where a statement finds no space, and whoever went on
would write outside of any.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from alertd.engine import receive
from alertd.engine.runner import Runner
from alertd.errors import UnavailableError
from alertd.store import dialect, journal, migrate, rebuild
from alertd.store import tables as t
from alertd.store.dialect import out_of_space
from channels.base import Accepted, ChannelKind, Health, Hook, Outcome, Outgoing, Reply, RouteConfig
from tests.city import City
from tests.faults.powered import FileCity

LONG = "请派人来" * 200


@pytest.fixture
def city(tmp_path: Path) -> City:
    return FileCity(tmp_path)


def bound(city: City, *, grows: bool) -> None:
    """Let the database grow, or not by a page."""
    connection = city.store._connection
    assert connection is not None
    cursor = connection.connection.cursor()
    ((pages,),) = cursor.execute("PRAGMA page_count").fetchall()
    cursor.execute(f"PRAGMA max_page_count={pages * 100 if grows else pages}")


def reply(number: int) -> Reply:
    return Reply(gateway_id=f"g{number}", sender=f"+861380000{number:04d}", text=LONG)


def came(number: int) -> Any:
    def take(turn: Any) -> Any:
        return receive.events(turn, route="sms-1", came=[reply(number)])

    return take


def holds(city: City, folder: Path) -> None:
    """The chain is whole, the tables are what it says, and no fact says that we were at fault."""
    again = f"sqlite:///{folder}/again.sqlite3"
    migrate.upgrade(again)
    engine = dialect.writer(again, synchronous="OFF")
    with city.store.read() as live, engine.begin() as made:
        rows = list(journal.stream(live))
        _, broken = journal.verify(rows, journal.heads(live))
        assert not broken
        assert "defect" not in {row.fact.kind for row in rows}
        rebuild.rebuild(live, made)
        assert not rebuild.compare(live, made)
    engine.dispose()


def test_a_step_without_space_is_undone_whole(city: City, tmp_path: Path) -> None:
    bound(city, grows=False)
    before = city.rows(select(func.count()).select_from(t.journal))
    kept, failed = 0, None
    while failed is None and kept < 1_000:
        try:
            city.engine.step(city.now, [came(kept), came(kept + 1)])
            kept += 2
        except Exception as error:  # noqa: BLE001 - what it is, is asked below
            failed = error
    assert out_of_space(failed)
    assert city.rows(select(func.count()).select_from(t.inbound)) == [(kept,)]
    bound(city, grows=True)
    step = city.engine.step(city.now, [came(number) for number in range(kept + 2)])
    assert not [answer.error for answer in step.answers if answer.error]
    assert city.rows(select(func.count()).select_from(t.inbound)) == [(kept + 2,)]
    assert city.rows(select(func.count()).select_from(t.journal)) > before
    holds(city, tmp_path)


class Taking:
    """A route that takes everything at once."""

    kind = ChannelKind.SMS

    def __init__(self, name: str) -> None:
        self.config = RouteConfig(name=name, type="taking", simulated=True)
        self.sent: list[Outgoing] = []

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        for message in messages:
            self.sent.append(message)
            yield Outcome(message.delivery, message.attempt, Accepted("ref"))

    def hooks(self) -> Sequence[Hook]:
        return []

    async def health(self) -> Health:
        return Health(ok=True, detail="here")


async def test_while_nothing_can_be_committed_little_waits(city: City, tmp_path: Path) -> None:
    routes = {name: Taking(name) for name in city.engine.routes}
    runner = Runner(city.engine, routes, now=lambda: city.now)
    bound(city, grows=False)
    await runner.start()
    stored = 0
    with suppress(UnavailableError):
        for number in range(5_000):
            await runner.sink("sms-1", [reply(number)])
            stored += 1
    for _ in range(3):  # whoever comes again and again is refused again and again, and none wait
        tries = [runner.sink("sms-1", [reply(5_000 + n)]) for n in range(200)]
        ended = await asyncio.gather(*tries, return_exceptions=True)
        assert {type(end) for end in ended} == {UnavailableError}
        assert not runner._arrivals
    assert runner.failing
    assert city.rows(select(func.count()).select_from(t.inbound)) == [(stored,)]
    bound(city, grows=True)
    await runner.sink("sms-1", [reply(9_000)])
    await runner.stop()
    assert not runner.failing
    assert city.rows(select(func.count()).select_from(t.inbound)) == [(stored + 1,)]
    holds(city, tmp_path)
