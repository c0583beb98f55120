"""A database that can't grow, without a full disk: SQLite's own bound on its pages stands for it.

SQLite ends a whole transaction by itself where a statement finds no space, and whoever went on
would write outside of any.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from alertd.decide.expand import Pieces
from alertd.engine import approving, receive
from alertd.engine.runner import Runner
from alertd.errors import UnavailableError
from alertd.store import dialect, journal, migrate, rebuild
from alertd.store import tables as t
from alertd.store.dialect import out_of_space
from channels.base import Accepted, ChannelKind, Health, Hook, Outcome, Outgoing, Reply, RouteConfig
from tests.city import SECOND, City, sms_route
from tests.faults.powered import FileCity

LONG = "请派人来" * 200


@pytest.fixture
def city(tmp_path: Path) -> City:
    return FileCity(tmp_path)


def bound(city: City, *, grows: bool = False, by: int = 0) -> None:
    """Let the database grow, or not by more than `by` pages."""
    connection = city.store._connection
    assert connection is not None
    cursor = connection.connection.cursor()
    ((pages,),) = cursor.execute("PRAGMA page_count").fetchall()
    cursor.execute(f"PRAGMA max_page_count={pages * 100 if grows else pages + by}")


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
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        await self.goes_on.wait()
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


async def test_stopped_while_outcomes_cannot_be_kept_it_ends_and_they_are_unknown(
    city: City, tmp_path: Path
) -> None:
    city.behave = lambda _: None
    # So many that what became of them doesn't fit into what the last reply has left of its page.
    drafted = city.draft()
    routes = {name: Taking(name) for name in city.engine.routes}
    routes["sms-1"].goes_on.clear()
    runner = Runner(city.engine, routes, now=lambda: city.now)
    await runner.start()
    await runner.submit(
        partial(approving.approve, actor=SECOND, alert_id=bytes.fromhex(drafted["id"]))
    )
    async with asyncio.timeout(20):
        while city.states(drafted["no"]).get("sending", 0) < 300:  # both pieces
            await runner.committed()
    claimed = city.states(drafted["no"])["sending"]
    bound(city, grows=False)
    with suppress(UnavailableError):
        for number in range(5_000):
            await runner.sink("sms-1", [reply(number)])
    routes["sms-1"].goes_on.set()
    async with asyncio.timeout(8):
        await runner.stop()
    assert not runner._thread.is_alive()
    bound(city, grows=True)
    assert city.states(drafted["no"])["sending"] == claimed
    city.behave = lambda _: Accepted("ref")
    city.restart()
    city.forward(minutes=5, tick_s=10)
    states = city.states(drafted["no"])
    assert not states.get("sending")
    assert sum(message.possible_duplicate for message in city.sent) >= claimed
    holds(city, tmp_path)


async def test_an_expansion_that_does_not_fit_holds_up_nobody(tmp_path: Path) -> None:
    whole = Pieces(first_people=100_000, most=100_000)
    city = FileCity(tmp_path, routes=(sms_route(in_flight=5),), pieces=whole)
    small = city.draft(roles=["grid_leader"])
    large = city.draft(roles=["grid_leader", "building_lead", "party_member"])
    route = Taking("sms-1")
    route.goes_on.clear()
    runner = Runner(city.engine, {"sms-1": route}, now=lambda: city.now)
    await runner.start()

    def agree(drafted: dict[str, Any]) -> Any:
        alert_id = bytes.fromhex(drafted["id"])
        return runner.submit(partial(approving.approve, actor=SECOND, alert_id=alert_id))

    async def until(reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not reached():
                runner.wake()
                await asyncio.wait([asyncio.ensure_future(runner.committed())], timeout=0.2)

    await agree(small)
    await until(lambda: city.states(small["no"]).get("sending") == 5)
    bound(city, by=12)
    await agree(large)
    route.goes_on.set()
    everybody = len(city.leaders())
    assert everybody > 5
    await until(lambda: city.states(small["no"]).get("accepted") == everybody)
    (phase,) = city.one(select(t.alert.c.phase).where(t.alert.c.no == large["no"]))
    assert phase, "it did fit"
    bound(city, grows=True)
    city.now += 6_000
    await until(
        lambda: city.one(select(t.alert.c.phase).where(t.alert.c.no == large["no"]))[0] == 0
    )
    await runner.stop()
    holds(city, tmp_path)
