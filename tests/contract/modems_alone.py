"""One simulated modem and a route for it, beside the pool of the conformance suite."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from channels.base import Accepted, Limits, SendError
from channels.sms.modems import ModemsRoute
from tests.contract.case_modems import (
    HURRIED,
    Modems,
    context,
    ready,
    route_config,
)
from tests.contract.messages import outgoing
from tests.contract.peer import Recorder

LONG = "【余姚市防指】红色台风A7:𬍛䶮村立即按清单转移危房、低洼户~" * 6


LONG_LATIN = "Typhoon red: {leave} now [all] houses at the €coast~ " * 7


@asynccontextmanager
async def alone(
    folder: Path,
    *,
    child: Sequence[str] = HURRIED,
    wait: bool = True,
    before: Callable[[Modems], Awaitable[None]] | None = None,
    **options: Any,
) -> AsyncIterator[tuple[ModemsRoute, Recorder, Modems]]:
    """One modem, and a route for it; `before` is done to the modem before the route is there."""
    peer = Modems(folder, 1)
    await peer.start()
    if before is not None:
        await before(peer)
    sink = Recorder()
    config = route_config(peer, Limits(timeout_s=20.0), **{"poll_s": 0.2, **options})
    route = ModemsRoute(config, context(sink), child)
    await route.start()
    try:
        if wait:
            await ready(route, 1)
        yield route, sink, peer
    finally:
        await route.close()
        await peer.stop()


async def send(route: ModemsRoute, *texts: str, first: int = 1) -> list[Accepted | SendError]:
    messages = [
        outgoing(number, f"+86154{number:08}", text=text)
        for number, text in enumerate(texts, start=first)
    ]
    ended = {o.delivery: o.result async for o in route.send_many(messages)}
    return [ended[message.delivery] for message in messages]


def pids(route: ModemsRoute) -> list[int]:
    return [desk.line.pid for desk in route._desks if desk.line.pid]


async def gone(peer: Modems, count: int) -> bool:
    return len(peer.lines("deleted", found=True)) == count
