"""HTTP out: what a route hands over per second of one core, against a bare client."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import limits
from figures import Figure, pair_of, peak_mb
from handing import made
from peer import gateway

from channels import registry
from channels.base import Accepted, Channel, Limits, Outgoing, RouteConfig, RouteContext
from channels.base import Event as Came

_AT_ONCE = 50
_SECRET = "bench-secret-of-a-group"
_TEXT = (
    "【余姚市防指】台风红色预警:今日18时起12级以上大风,请立即转移危房、低洼地带人员,"
    "逐户叫应。收到回复1,完成回复2,求助回复3。[A7]"
)


def run(*, quick: bool) -> list[Figure]:
    """Per core at 50 in flight, and against a slow gateway at 200."""
    rounds, many = (2, 2_000) if quick else (5, 10_000)
    return asyncio.run(_all(rounds, many))


async def _all(rounds: int, many: int) -> list[Figure]:
    with gateway() as port:
        sms = await _per_core("sms", port, many, rounds, 0.2)
        figures = [sms, *(await _webhooks(port, many // 2, rounds))]
    with gateway(50) as port:
        return [*figures, await _slow_gateway(port, many)]


async def _per_core(
    kind: str, port: int, many: int, rounds: int, least: float | None, *, each: bool = False
) -> Figure:
    post = limits.post_each if each else limits.post_all
    async with opened(kind, port, at_once=_AT_ONCE) as channel:
        pairs = []
        for turn in range(rounds + 1):
            mine = await _cpu_rate(hand_over(channel, kind, port, many, _AT_ONCE), many)
            bare = await _cpu_rate(post(port, _bare(kind, many), _AT_ONCE), many)
            if turn:
                pairs.append((mine, bare))
    pair = pair_of(pairs)
    return Figure(
        bench="http",
        what={"sms": "bulk SMS", "webhook": "webhooks"}[kind] + " per core, 50 in flight",
        size=many,
        ours=pair.ours,
        unit="req/s",
        limit=pair.limit,
        ratio=pair.ratio,
        at_least=least,
        peak_mb=peak_mb(),
        note="requests per second of our own CPU time; the gateway is another process",
    )


async def _webhooks(port: int, many: int, rounds: int) -> list[Figure]:
    """A webhook has a connection of its own (`channels.http_web`), and so has the limit's.

    The limit that keeps its connections is shown as well: what that safety costs.
    """
    figure = await _per_core("webhook", port, many, rounds, 0.07, each=True)
    kept = await _per_core("webhook", port, many, rounds, None)
    return [
        replace(figure, note="a connection each, the limit too"),
        replace(kept, what=f"{kept.what}, a limit that keeps its connections", note=""),
    ]


async def _cpu_rate(work: Any, many: int) -> float:
    began = time.process_time()
    assert await work == many
    return many / (time.process_time() - began)


async def _slow_gateway(port: int, many: int) -> Figure:
    at_once = 200
    async with opened("sms", port, at_once=at_once) as channel:
        await hand_over(channel, "sms", port, at_once * 5, at_once)
        began = time.perf_counter()
        assert await hand_over(channel, "sms", port, many, at_once) == many
        rate = many / (time.perf_counter() - began)
    return Figure(
        bench="http",
        what="bulk SMS, gateway of 50 ms, 200 in flight",
        size=many,
        ours=rate,
        unit="req/s",
        limit=4_000.0,
        ratio=rate / 4_000,
        at_least=0.9,
        note="the limit is what 200 in flight can do at 50 ms each",
    )


@asynccontextmanager
async def opened(kind: str, port: int, *, at_once: int) -> AsyncIterator[Channel]:
    """A started route to the bench's gateway."""
    options = {"url": f"http://127.0.0.1:{port}", "secret": "secret"} if kind == "sms" else {}
    config = RouteConfig(
        name=kind,
        type={"sms": "handsets", "webhook": "webhook"}[kind],
        limits=Limits(in_flight=at_once, rate_per_s=1e9, burst=at_once, timeout_s=60),
        options=options,
    )
    channel = registry.build(config, context())
    await channel.start()
    try:
        yield channel
    finally:
        await channel.close()


def context(sink: Callable[..., Any] | None = None) -> RouteContext:
    """What bootstrap would give a route."""

    async def nowhere(_route: str, _events: "list[Came]") -> None:
        pass

    return RouteContext(
        now=lambda: time.time_ns() // 1_000_000,
        sink=sink or nowhere,  # type: ignore[arg-type]
        public_base_url="http://127.0.0.1",
    )


async def hand_over(channel: Channel, kind: str, port: int, many: int, at_once: int) -> int:
    """Keep the route as full as the engine does; returns how many the gateway took."""
    waiting = messages(kind, port, many)
    taken = 0

    async def feed() -> None:
        nonlocal taken
        while some := list(islice(waiting, 10)):
            async for outcome in channel.send_many(some):
                taken += isinstance(outcome.result, Accepted)

    await asyncio.gather(*(feed() for _ in range(at_once // 10)))
    return taken


def messages(kind: str, port: int, many: int) -> Iterator[Outgoing]:
    """Messages for one gateway."""
    group = f"http://127.0.0.1:{port}/group"
    secret = f"whsec_{base64.b64encode(_SECRET.encode()).decode()}"
    phone = "+8613{:09d}".format
    return iter(made(many, phone if kind == "sms" else lambda _: group, text=_TEXT, secret=secret))


def _bare(kind: str, many: int) -> Iterator[bytes]:
    texts = [(f"+8613{number:09d}", _TEXT) for number in range(many)]
    if kind == "sms":
        return limits.sms_requests(texts)
    return limits.webhook_requests(texts, _SECRET.encode())
