"""Loudspeakers: signed commands through the embedded broker, against paho alone."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import limits
from bench_http import context
from figures import Figure, pair_of, peak_mb
from ground import CACHE
from handing import handed_over, made

from channels import registry
from channels.base import Channel, Limits, Outgoing, RouteConfig
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.broker import EmbeddedBroker
from channels.loudspeaker.keys import make_key

_WINDOW = 20
_TEXT = "【余姚市防指】台风红色预警:今日18时起12级以上大风,请立即转移危房、低洼地带人员。" * 2


def run(*, quick: bool) -> list[Figure]:
    """The rate in turns, and what becomes of 100,000 at once."""
    rounds, many, queued = (2, 500, 5_000) if quick else (5, 2_000, 100_000)
    return asyncio.run(_all(rounds, many, queued))


async def _all(rounds: int, many: int, queued: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        broker = EmbeddedBroker(Path(folder) / "broker")
        await broker.start()
        try:
            async with _opened(broker.address, Path(folder)) as channel:
                rate = await _rate(channel, broker.address, rounds, many)
                refused = await _at_once(channel, queued)
        finally:
            await broker.stop()
    return [rate, *refused]


@asynccontextmanager
async def _opened(address: BrokerAddress, folder: Path) -> AsyncIterator[Channel]:
    key_file = folder / "commands.key"
    make_key(key_file)
    config = RouteConfig(
        name="speakers",
        type="mqtt",
        limits=Limits(in_flight=50, rate_per_s=1e9, burst=50, timeout_s=600.0),
        options={"broker": address.url, "key_file": str(key_file)},
    )
    channel = registry.build(config, context())
    await channel.start()
    try:
        yield channel
    finally:
        await channel.close()


async def _rate(channel: Channel, address: BrokerAddress, rounds: int, many: int) -> Figure:
    login = (address.username or "", address.password or "")
    payload = b"x" * 900  # as long as a signed command
    bare = [(f"alertd/v1/terminal/LS{n:06d}/cmd", payload) for n in range(many)]
    pairs = []
    for turn in range(rounds + 1):
        began = time.perf_counter()
        states = await handed_over(channel, _messages(many, turn * many))
        mine = many / (time.perf_counter() - began)
        assert states == {"accepted": many}, states
        theirs = await asyncio.to_thread(
            limits.publish_all, address.host, address.port, login, bare, _WINDOW
        )
        if turn:
            pairs.append((mine, theirs))
    pair = pair_of(pairs)
    return Figure(
        bench="mqtt",
        what="commands at QoS 1, a window of 20",
        size=many,
        ours=pair.ours,
        unit="msg/s",
        limit=pair.limit,
        ratio=pair.ratio,
        at_least=0.7,
        peak_mb=peak_mb(),
        note="to the embedded broker, which writes each to disk; ours are numbered and signed",
    )


async def _at_once(channel: Channel, many: int) -> list[Figure]:
    """Everything handed over at once: each must end as accepted, or say why not."""
    began = time.perf_counter()
    states = await handed_over(channel, _messages(many, 1_000_000))
    took = time.perf_counter() - began
    return [
        Figure(
            bench="mqtt",
            what="handed over at once, without an outcome",
            size=many,
            ours=many - sum(states.values()),
            unit="msg",
            at_most=0,
            note=f"{dict(states)} in {took:.0f} s",
        ),
        Figure(
            bench="mqtt",
            what="of them not accepted",
            size=many,
            ours=many - states["accepted"],
            unit="msg",
            at_most=0,
        ),
    ]


def _messages(many: int, first: int) -> list[Outgoing]:
    return made(many, lambda number: f"LS{number % 100_000:06d}", text=_TEXT, first=first)
