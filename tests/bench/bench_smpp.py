"""A carrier's gateway: submits through the SMPP route, against smpplib alone."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import limits_smpp
from bench_http import context
from figures import Figure, pair_of, peak_mb
from handing import TEXT, handed_over, made
from peer import HERE, program

from channels import registry
from channels.base import Channel, Limits, RouteConfig

_WINDOW = 20


def run(*, quick: bool) -> list[Figure]:
    """One-part messages at the same window, in turns."""
    rounds, many = (2, 1_000) if quick else (15, 2_000)
    with program([sys.executable, str(HERE / "limits_smpp.py"), "serve"]) as port:
        return asyncio.run(_rate(port, rounds, many))


async def _rate(port: int, rounds: int, many: int) -> list[Figure]:
    bare = [TEXT.encode("utf-16-be")] * many
    pairs = []
    async with _opened(port) as channel:
        for turn in range(rounds + 1):
            messages = made(many, lambda number: f"+86138{number:08}", first=turn * many)
            began = time.perf_counter()
            states = await handed_over(channel, messages)
            mine = many / (time.perf_counter() - began)
            assert states == {"accepted": many}, states
            theirs = await asyncio.to_thread(limits_smpp.submit_all, port, bare, _WINDOW)
            if turn:
                pairs.append((mine, theirs))
    pair = pair_of(pairs)
    return [
        Figure(
            bench="smpp",
            what=f"submits, a window of {_WINDOW}",
            size=many,
            ours=pair.ours,
            unit="msg/s",
            limit=pair.limit,
            ratio=pair.ratio,
            at_least=0.7,
            peak_mb=peak_mb(),
            note="one part of UCS-2 each; the gateway is another process and takes everything",
        )
    ]


@asynccontextmanager
async def _opened(port: int) -> AsyncIterator[Channel]:
    config = RouteConfig(
        name="carrier",
        type="smpp",
        limits=Limits(in_flight=50, rate_per_s=1e9, burst=50, timeout_s=600.0),
        options={
            "host": "127.0.0.1",
            "port": port,
            "system_id": "bench",
            "password": "bench",
            "source": "10657100",
            "window": _WINDOW,
        },
    )
    channel = registry.build(config, context())
    await channel.start()
    try:
        yield channel
    finally:
        await channel.close()
