"""A thousand loudspeakers behind the embedded broker: told singly and by area, until each answers.

Each is enrolled, with a login of its own, in an area of fifty.
"""

import asyncio
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import limits
from bench_http import context
from figures import Figure, pair_of, peak_mb
from ground import CACHE, ROOT
from handing import made
from paho.mqtt.client import Client as Paho
from paho.mqtt.enums import CallbackAPIVersion

from channels import registry
from channels.base import Channel, Event, Limits, Outgoing, Receipt, ReceiptStatus, RouteConfig
from channels.loudspeaker.accounts import Accounts
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.broker import EmbeddedBroker
from channels.loudspeaker.commands import SigningKey, command_id, command_topic, sign
from channels.loudspeaker.keys import make_key, public_text
from channels.loudspeaker.orders import Manner, order, order_to_area
from tests.enrolled import enrol

_WINDOW = 20
_IN_AN_AREA = 50
_TEXT = "【余姚市防指】台风红色预警:今日18时起12级以上大风,请立即转移危房、低洼地带人员。" * 2
_PATIENCE_S = 300.0
_RESULTS = "alertd/v1/terminal/+/result"
_turns = itertools.count(1)


def run(*, quick: bool) -> list[Figure]:
    """Commands with their receipts, in turns with paho alone; how long all take to come; memory."""
    rounds, many = (2, 100) if quick else (5, 1_000)
    return asyncio.run(_all(rounds, many))


async def _all(rounds: int, many: int) -> list[Figure]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        broker = EmbeddedBroker(Path(folder) / "broker")
        areas = _enrol(Path(folder) / "broker", many)
        await broker.start()
        key = make_key(Path(folder) / "commands.key")
        try:
            async with _terminals(broker.address, key, many, Path(folder)) as (took_s, pid):
                rates = [
                    await _rate(way, broker.address, key, Path(folder), rounds, many)
                    for way in (None, areas)
                ]
                assert broker.pid is not None
                memory = {"loudspeakers": _mb(pid), "broker": _mb(broker.pid)}
        finally:
            await broker.stop()
    return [*rates, *_sizes(many, took_s, memory)]


class Heard:
    """The deliveries that their loudspeaker has answered for."""

    def __init__(self) -> None:
        self.delivered: set[int] = set()
        self._more = asyncio.Event()

    async def sink(self, _route: str, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Receipt) and event.status is ReceiptStatus.DELIVERED:
                self.delivered.add(event.delivery)
        self._more.set()

    async def until(self, wanted: set[int]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not wanted <= self.delivered:
                self._more.clear()
                await self._more.wait()


class Played:
    """How many loudspeakers have said what became of a command: a round's last messages.

    What comes late of one round would be work for the broker in the next.
    """

    def __init__(self, address: BrokerAddress) -> None:
        self._came, self._more = 0, threading.Condition()
        subscribed = threading.Event()
        self._client = Paho(CallbackAPIVersion.VERSION2, client_id="bench-played")
        self._client.username_pw_set(address.username or "", address.password or "")
        self._client.on_connect = lambda *_: self._client.subscribe(_RESULTS, 1)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = lambda *_: self._count()
        self._client.connect(address.host, address.port)
        self._client.loop_start()
        assert subscribed.wait(10)

    def _count(self) -> None:
        with self._more:
            self._came += 1
            self._more.notify()

    async def until(self, many: int) -> None:
        """Wait until so many more have; raises TimeoutError."""

        def wait() -> None:
            with self._more:
                if not self._more.wait_for(lambda: self._came >= many, _PATIENCE_S):
                    raise TimeoutError(f"{self._came} of {many} results")
                self._came -= many

        await asyncio.to_thread(wait)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _enrol(folder: Path, many: int) -> dict[str, list[str]]:
    """Who is in which area."""
    names = [f"sim-{number}" for number in range(1, many + 1)]
    areas = {
        f"area-{first // _IN_AN_AREA}": names[first : first + _IN_AN_AREA]
        for first in range(0, many, _IN_AN_AREA)
    }
    for area, members in areas.items():
        enrol(Accounts(folder), members, [area], 1)
    return areas


@asynccontextmanager
async def _route(
    address: BrokerAddress, folder: Path, *, by_area: bool
) -> AsyncIterator[tuple[Channel, Heard]]:
    heard = Heard()
    config = RouteConfig(
        name="speakers",
        type="mqtt",
        limits=Limits(in_flight=50, rate_per_s=1e9, burst=50, timeout_s=600.0),
        options={
            "broker": address.url,
            "key_file": str(folder / "commands.key"),
            "mqtt": "3.1.1",
            "accounts_dir": str(folder / "broker"),
            "areas": by_area,
        },
    )
    channel = registry.build(config, context(heard.sink))
    await channel.start()
    try:
        yield channel, heard
    finally:
        await channel.close()


@asynccontextmanager
async def _listening(address: BrokerAddress) -> AsyncIterator[Played]:
    played = await asyncio.to_thread(Played, address)
    try:
        yield played
    finally:
        await asyncio.to_thread(played.close)


@asynccontextmanager
async def _terminals(
    address: BrokerAddress, key: SigningKey, many: int, folder: Path
) -> AsyncIterator[tuple[float, int]]:
    """So many simulated loudspeakers; yields how long they took to come, and their process."""
    pipe = asyncio.subprocess.PIPE
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "channels.loudspeaker.terminal_sim", "--until-eof"),
        *("--broker", address.url, "--verify-key", public_text(key), "--mix", '{"ok": 1}'),
        *("--count", str(many), "--speed", "1e6", "--patience-s", str(_PATIENCE_S)),
        *("--accounts", str(folder / "broker" / "terminals.json")),
        stdin=pipe,
        stdout=pipe,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = json.loads(await process.stdout.readline())
        assert ready["online"] == many, ready
        yield time.perf_counter() - began, process.pid
    finally:
        process.stdin.close()
        await process.wait()


async def _rate(
    areas: dict[str, list[str]] | None,
    address: BrokerAddress,
    key: SigningKey,
    folder: Path,
    rounds: int,
    many: int,
) -> Figure:
    """By area, or each singly where that is None."""
    login = (address.username or "", address.password or "")
    pairs = []
    async with (
        _route(address, folder, by_area=areas is not None) as (channel, heard),
        _listening(address) as played,
    ):
        for turn in range(rounds + 1):
            messages = _messages(many)
            began = time.perf_counter()
            async for _ in channel.send_many(messages):
                pass
            await heard.until({message.delivery for message in messages})
            mine = many / (time.perf_counter() - began)
            await played.until(many)
            signed = _all_signed(_messages(many), areas, key)
            theirs = await asyncio.to_thread(
                limits.command_all,
                *(address.host, address.port, login, signed, _WINDOW),
                *("alertd/v1/terminal/+/ack", many),
            )
            await played.until(many)
            if turn:
                pairs.append((mine, theirs))
    pair = pair_of(pairs)
    how = "singly" if areas is None else f"by area, {_IN_AN_AREA} in each"
    return Figure(
        bench="speakers",
        what=f"loudspeakers told {how}, with each one's receipt",
        size=many,
        ours=pair.ours,
        unit="loudspeakers/s",
        limit=pair.limit,
        ratio=pair.ratio,
        at_least=0.7,
        peak_mb=peak_mb(),
        note="until the last has answered; the limit is paho alone, with commands"
        " signed before, to the same loudspeakers",
    )


def _sizes(many: int, took_s: float, memory: dict[str, float]) -> list[Figure]:
    return [
        Figure(
            bench="speakers",
            what="until all are online, all coming at once for the first time",
            size=many,
            ours=took_s,
            unit="s",
            at_most=60.0,
        ),
        *(
            Figure(bench="speakers", what=f"memory of the {name}", size=many, ours=mb, unit="MB")
            for name, mb in memory.items()
        ),
    ]


def _messages(many: int) -> list[Outgoing]:
    first = next(_turns) * many
    return made(many, lambda number: f"sim-{number}", text=_TEXT, first=first)


def _all_signed(
    messages: list[Outgoing], areas: dict[str, list[str]] | None, key: SigningKey
) -> list[tuple[str, bytes]]:
    if areas is None:
        return [_signed(message, key) for message in messages]
    now = time.time_ns() // 1_000_000
    of = {message.address: message for message in messages}
    made = []
    for area, members in areas.items():
        ids = {
            name: command_id(key, name, of[name].alert, of[name].delivery, of[name].attempt)
            for name in members
        }
        command = order_to_area(area, ids, of[members[0]], now * 1000, now, Manner())
        made.append((command_topic(f"area/{area}"), sign(command, key)))
    return made


def _signed(message: Outgoing, key: SigningKey) -> tuple[str, bytes]:
    now = time.time_ns() // 1_000_000
    cmd_id = command_id(key, message.address, message.alert, message.delivery, message.attempt)
    command = order(message, cmd_id, now * 1000, now, Manner())
    return command_topic(f"terminal/{message.address}"), sign(command, key)


def _mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
