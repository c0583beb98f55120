"""A city of as many people, loudspeakers and groups as a test wants, and a node that serves them.

Real routes, engine, runner and application; the gateways are whoever the test points them at.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select

from alertd import messages
from alertd.clock import SteadyClock, UuidV7
from alertd.engine.core import Engine
from alertd.engine.runner import Runner
from alertd.model import Channel as Kind
from alertd.model import DeliveryState, Policy
from alertd.provision import planned
from alertd.report.make import gather
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.roster import InMemory, import_roster
from alertd.store.vault import Vault
from alertd.web.app import create_app
from alertd.web.deps import Deps
from channels import registry
from channels.base import Channel, Event, RouteConfig, RouteContext
from rosters.model import ChatGroup, Roster, Terminal
from rosters.words import Level
from tests.city import KEY, City, sms_route
from tests.small_city import held, person, unit
from tests.unit.web_city import let_in, settings_of

PATIENCE_S = 60.0
# They carry whatever is drafted, and never have a token to send it with.
IDLE = tuple(
    sms_route(kind.word, channel=kind, burst=0, rate_per_s=1e-9)
    for kind in (Kind.SMS, Kind.LOUDSPEAKER, Kind.CHAT)
)
COLOURS = ("red", "orange", "yellow", "blue")
# What needs no further step of the engine: an end, or a state without a due time.
_OPEN = (DeliveryState.PENDING, DeliveryState.SENDING)


def policy(**changes: Any) -> Policy:
    """One that is in a hurry: graces and pauses of a fraction of a second."""
    values: dict[str, Any] = {
        "name": "hurry",
        "tell": "everyone",
        "unknown_grace_s": 0.3,
        "terminal_grace_s": 5.0,
        "retry_backoff_s": (0.1, 0.2),
        "confirm_replies": False,
        "stages": (),
        "steps": (),
    }
    return Policy(**(values | changes))


def phone(number: int) -> str:
    """The number of person P{number}."""
    return f"+86154{number:08}"


def roster(people: int, terminals: int = 0, group_urls: Sequence[str] = ()) -> Roster:
    """Grids G1…, a leader P1… each, terminals t1…, and a chat group for each URL."""
    count = max(people, 1)
    grids = {n: f"330281001001G{n}" for n in range(1, count + 1)}
    town, community = "330281001", "330281001001"
    units = [
        unit("330281", Level.CITY, ""),
        unit(town, Level.SUBDISTRICT, "330281"),
        unit(community, Level.COMMUNITY, town),
        *(unit(code, Level.GRID, community) for code in grids.values()),
    ]
    who = [person(f"P{n}", phone(n)) for n in grids]
    holdings = [held(f"P{n}", code, "grid_leader") for n, code in grids.items()]
    speakers = [
        Terminal(f"t{n}", grids[(n - 1) % count + 1], f"Gate {n}", 121.1, 30.0)
        for n in range(1, terminals + 1)
    ]
    groups = [
        ChatGroup(f"G{n}", town, "webhook", url, "whsec_c2VjcmV0LW9mLXRoZS1ncm91cHM=")
        for n, url in enumerate(group_urls, start=1)
    ]
    return Roster(
        units={each.code: each for each in units},
        facts={},
        people={each.person_id: each for each in who},
        holdings={each.key: each for each in holdings},
        terminals={each.terminal_id: each for each in speakers},
        groups={each.group_id: each for each in groups},
    )


def settle_in(
    folder: Path, who: Roster, *, under: Policy | None = None, now: Callable[[], int] | None = None
) -> City:
    """Import a roster and open a city on it that sends nothing by itself."""
    city = City(
        folder,
        routes=IDLE,
        policies=dict.fromkeys(COLOURS, under or policy()),
        fresh=False,
        now=(now or _wall)(),
    )
    with city.store.transaction(city.now) as tx:
        import_roster(tx, InMemory(who), ids=city.ids, by="test", why="test", now=city.now)
    return city


def _wall() -> int:
    return time.time_ns() // 1_000_000


def memory() -> int:
    """This process's resident bytes."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Node:
    """One alertd on a city's store, with routes of its own."""

    folder: Path
    store: Store
    runner: Runner
    channels: Mapping[str, Channel]
    city: City
    app: Any
    token: str
    most_memory: int = 0
    fewest_memory: int = field(default_factory=memory)

    def rows(self, query: Any) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(query).all())

    def deliveries(self, alert_no: int, channel: Kind | None = None) -> dict[int, Any]:
        """Of one alert, by number."""
        c = t.delivery.c
        query = select(t.delivery).where(c.id.between(alert_no << 32, (alert_no + 1 << 32) - 1))
        if channel is not None:
            query = query.where(c.lane // 10 == int(channel))
        return {row.id: row for row in self.rows(query)}

    def under_way(self) -> int:
        """How many deliveries the engine has something left to do about."""
        c = t.delivery.c
        waiting = c.due_at.is_not(None) & (c.state != int(DeliveryState.ACCEPTED))
        open_ = c.state.in_([int(state) for state in _OPEN])
        return int(self.rows(select(func.count()).where(waiting | open_))[0][0])

    async def until(self, true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait for what the store will say, and watch the memory meanwhile."""
        async with asyncio.timeout(patience_s):
            while not true():
                self.most_memory = max(self.most_memory, memory())
                await asyncio.sleep(0.05)

    async def rest(self, patience_s: float = PATIENCE_S) -> None:
        """Wait until nothing is under way."""
        await self.until(lambda: not self.under_way(), patience_s)

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """Asks the application itself, as an officer or as nobody."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="http://alertd.test",
            headers={"accept-language": "en", **headers},
        )

    async def check_faces(self, alert_no: int) -> None:
        """Board, API and report say of every state what the deliveries themselves say.

        What a gateway says when it is asked after a lost try may still come; so all of them are
        looked at again where anything came meanwhile.
        """
        true, facts, said, told = await self._faces(alert_no)
        while facts != self.rows(select(func.count()).select_from(t.journal)):
            true, facts, said, told = await self._faces(alert_no)
        total = {s.word: sum(counts[s.word] for counts in true.values()) for s in DeliveryState}
        assert {c["channel"]: c["states"] for c in said["channels"]} == true
        assert said["funnel"]["accepted"] == total["accepted"] + total["delivered"]
        calls = true.get("voice", {}).get("delivered", 0)  # a mailbox's, perhaps
        assert said["funnel"]["delivered"] == total["delivered"] - calls
        assert said["funnel"]["failed"] == total["failed"]
        assert said["funnel"]["unknown"] == total["unknown"]
        assert {word: told[word] for word in total} == total

    async def _faces(self, alert_no: int) -> Any:
        """Deliveries by channel and state, how many facts there were, the board, the report."""
        facts = self.rows(select(func.count()).select_from(t.journal))
        true: dict[str, dict[str, int]] = {}
        for row in self.deliveries(alert_no).values():
            counts = true.setdefault(Kind(row.lane // 10).word, {s.word: 0 for s in DeliveryState})
            counts[DeliveryState(row.state).word] += 1
        identity = self.rows(select(t.alert.c.id).where(t.alert.c.no == alert_no))[0].id.hex()
        async with self.client(self.token) as asker:
            said = (await asker.get(f"/api/v1/alerts/{identity}/board")).json()["board"]
        with self.store.read() as connection:
            figures = gather(connection, alert_no).figures.to_dict()
        return true, facts, said, json.loads(json.dumps(figures))["deliveries"]


@asynccontextmanager
async def node(
    city: City,
    configs: Sequence[RouteConfig],
    *,
    base_url: str = "http://alertd.test",
    now: Callable[[], int] | None = None,
) -> AsyncIterator[Node]:
    """Open a node where `city` was closed; it stops with the block."""
    token = let_in(city)["officer"]
    city.store.close()
    store = Store(city.url, Vault(KEY), node="test", synchronous="NORMAL")
    clock = now or SteadyClock()

    async def sink(route: str, events: Sequence[Event]) -> None:
        await runner.sink(route, events)

    context = RouteContext(now=clock, sink=sink, public_base_url=base_url)
    channels = {config.name: registry.build(config, context) for config in configs}
    wording = messages.Wording({"zh-CN": "余姚市防指", "en": "Yuyao FCDH"})
    engine = Engine(
        store=store,
        routes={name: planned(channel, 1.0) for name, channel in channels.items()},
        library=city.library,
        wording=wording,
        ids=UuidV7(),
        lease=os.urandom(6).hex(),
    )
    runner = Runner(engine, channels, now=clock)
    deps = Deps(
        store=store,
        runner=runner,
        library=city.library,
        wording=wording,
        settings=settings_of(city.directory),
        now=clock,
        channels=channels,
        stopping=asyncio.Event(),
    )
    await runner.start()
    try:
        yield Node(city.directory, store, runner, channels, city, create_app(deps), token)
    finally:
        deps.stopping.set()
        await runner.stop()
        store.close()
