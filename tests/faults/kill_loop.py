"""A city whose engine processes are killed again and again, in front of a real gateway process.

What was lost, and which duplicates were marked, is counted from the gateway's own log and never
from alertd's tables (which only say what should have arrived).
"""

import asyncio
import json
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, func, select

from alertd.decide.shares import Part
from alertd.lanes import BY_SMS
from alertd.model import DeliveryState, Policy, alert_of
from alertd.store import dialect
from alertd.store import tables as t
from tests import databases
from tests.city import City, sms_route
from tests.contract.process_peer import ProcessPeer
from tests.faults.secret import SECRET
from tests.faults.victim import Given, live
from tests.forked import PROCESSES

STUCK_S = 60.0
_AT_WORK = 0.9  # of the kills fall while messages leave, however slow the machine is to start
_LONGEST_IDLE_S = 5.0
POLICY = Policy(name="kill", tell="everyone", unknown_grace_s=0.5, stages=(), steps=())


@dataclass
class Victim:
    """A running engine process, and the pipe into which it speaks."""

    process: BaseProcess
    words: Connection
    lease: str = ""
    worked: bool = False  # it is known to have sent something

    async def says(self, word: str, within_s: float | None = None) -> Any:
        """Wait until it has said `word`, and pass over others; None: not in that time."""
        while await asyncio.to_thread(self.words.poll, within_s):
            said = self.words.recv()
            if word in said:
                return said[word]
        return None

    async def gone(self) -> None:
        """Wait until the process has ended."""
        await asyncio.to_thread(self.process.join)
        self.words.close()


@dataclass
class Loop:
    """One city, one gateway, and engines that are killed.

    Args:
        directory: The city's.
        peer: The gateway.
        dice: Where the random points come from.
        postgresql: Which database.
        own: The URL of a database that the test has made itself.
        workers: How many engines there are at a time.
    """

    directory: Path
    peer: ProcessPeer
    dice: random.Random
    postgresql: bool = False
    own: str = ""
    workers: int = 1
    between: int = 0  # kills that fell between a claim and its settlement
    kills: int = 0
    expected: set[int] = field(default_factory=set)
    first_wave: Counter[int] = field(default_factory=Counter)  # by alert
    alive: list[Victim] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The city's database."""
        return self.own or databases.url_of(self.directory, postgresql=self.postgresql)

    def issue(self, *, expanded: bool = True) -> None:
        """Have an alert issued with nothing sent yet; a process of ours that ends in order."""
        city = self._city(
            routes=(sms_route(in_flight=1, burst=1, rate_per_s=0.001),),
            policies=dict.fromkeys(("red", "orange", "yellow", "blue"), POLICY),
            behave=lambda _: None,
            fresh=not self.expected,
            part=Part(decides=expanded),
            now=time.time_ns() // 1_000_000 - 10_000,
        )
        city.issue(roles=("grid_leader", "building_lead", "party_member"))
        city.engine.leave(city.now)
        city.store.close()
        self.expect()

    def expect(self) -> None:
        """Learn what should arrive: every alert's first wave, and whatever followed it."""
        c = t.delivery.c
        rows = self._rows(select(c.id, c.message_no).where(c.lane.in_(BY_SMS)))
        self.expected = {row.id for row in rows}
        # Who counts as not reached is told by a second number, too: no part of what is compared.
        self.first_wave = Counter(alert_of(row.id) for row in rows if row.message_no & 0xFFFF == 1)

    def open_sends(self, lease: str | None = None) -> int:
        """How many tries are between claim and settlement, of one engine or of all."""
        return self._count(DeliveryState.SENDING, lease)

    def unfinished(self) -> int:
        """How many deliveries are still to be tried."""
        return self._count(DeliveryState.PENDING)

    def _count(self, state: DeliveryState, lease: str | None = None) -> int:
        c = t.delivery.c
        query = select(func.count()).where(c.state == int(state))
        return int(self._rows(query.where(c.lease == lease) if lease else query)[0][0])

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """Ask the database alone: a city takes a hundred times as long."""
        engine = dialect.reader(self.url)
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        engine.dispose()
        return rows

    def _city(self, **more: Any) -> City:
        return City(self.directory, url=self.url, **more)

    def seen(self) -> dict[int, list[dict[str, Any]]]:
        """What the gateway took, by delivery, in its own log's order."""
        taken: dict[int, list[dict[str, Any]]] = defaultdict(list)
        with (self.directory / "gateway.jsonl").open(encoding="utf-8") as log:
            for line in log:
                entry = json.loads(line)
                if entry["what"] == "message" and entry["taken"]:
                    taken[entry["delivery"]].append(entry)
        return taken

    async def live_and_die(self) -> None:
        """Have all engines run, and kill one at a random moment: of ten, one while it starts."""
        while len(self.alive) < self.workers:
            self.alive.append(await self.start())
        victim = self.alive.pop(self.dice.randrange(len(self.alive)))
        if self.dice.random() < _AT_WORK and not victim.worked:
            await victim.says("sends", _LONGEST_IDLE_S)
            victim.worked = True
        await asyncio.sleep(self.dice.uniform(0.0, 0.25))  # the random point itself
        victim.process.kill()
        await self.bury(victim)

    async def die_at(self, label: str, count: int) -> None:
        """Run one engine until it kills itself at a labelled step."""
        victim = await self.start((label, count))
        async with asyncio.timeout(STUCK_S):
            await self.bury(victim)
        assert victim.process.exitcode == -signal.SIGKILL

    async def bury(self, victim: Victim) -> None:
        """Count what an engine has left behind."""
        await victim.gone()
        self.kills += 1
        self.between += bool(self.open_sends(victim.lease))

    async def live_until_rest(self) -> None:
        """Let the engines finish: as long as that takes, but something has to move all the time."""
        while len(self.alive) < self.workers:
            self.alive.append(await self.start())
        rest = asyncio.gather(*(self._rest(victim) for victim in self.alive))
        taken = -1
        while not (await asyncio.wait([rest], timeout=STUCK_S))[0]:
            before, taken = taken, self._taken()
            assert taken > before, f"the gateway got nothing for {STUCK_S:g} s, and nobody rests"
        await rest
        await self.end()

    def _taken(self) -> int:
        """How much the gateway has put on record."""
        return (self.directory / "gateway.jsonl").stat().st_size

    async def _rest(self, victim: Victim) -> None:
        assert await victim.says("rest") is True

    async def end(self) -> None:
        """Stop the engines that still run."""
        for victim in self.alive:
            victim.process.terminate()
        for victim in self.alive:
            await victim.gone()
        self.alive.clear()

    async def start(self, fate: tuple[str, int] = ("", 1)) -> Victim:
        """Start an engine; returns when it is ready."""
        here, there = PROCESSES.Pipe(duplex=False)
        given = Given(self.url, self.peer.url, fate)
        process = PROCESSES.Process(target=live, args=(given, there), daemon=True)
        process.start()
        there.close()
        victim = Victim(process, here)
        ready = await victim.says("ready")
        assert ready["pid"] == process.pid
        victim.lease = ready["lease"]
        return victim

    def check(self) -> None:
        """Nothing is lost, nothing is stuck, and every duplicate is marked."""
        self.expect()
        sizes = set(self.first_wave.values())
        assert len(sizes) == 1, f"alerts of several sizes: {self.first_wave}"
        seen = self.seen()
        lost = self.expected - seen.keys()
        assert not lost, f"{len(lost)} of {len(self.expected)} never reached the gateway"
        unmarked = [
            copy
            for copies in seen.values()
            for copy in copies[1:]
            if not copy["possible_duplicate"]
        ]
        assert not unmarked, f"{len(unmarked)} duplicates without a mark"
        assert not self.open_sends(), "something rests in sending"


def gateway(directory: Path) -> ProcessPeer:
    """The peer, not started: phones that answer nothing, behind a slow gateway."""
    log = directory / "gateway.jsonl"
    mix = ("--mix", '{"silent": 1.0}')
    return ProcessPeer("channels.sms.handset_sim", log, "--secret", SECRET, *mix)


async def kill_again_and_again(loop: Loop, kills: int) -> None:
    """Kill so many times, and then let it come to rest."""
    await loop.peer.start()
    try:
        await loop.peer.post("/control/gateway", {"latency_ms": 150})
        while loop.kills < kills:
            if not loop.expected or not loop.unfinished():
                loop.issue()
            await loop.live_and_die()
        await loop.live_until_rest()
    finally:
        await loop.end()
        await loop.peer.stop()
