"""A whole engine in a process of its own, to be killed: store, runner and the handsets route.

    python -m tests.faults.victim DATABASE_URL GATEWAY_URL [--pulse-ms MS]

It goes on with whatever is under way in the database until it is killed, told to stop by SIGTERM,
or reaches the nth passing of a labelled step (`fate`). It says when it is ready, and when nothing
more is to be done: a line of JSON, or an object into a pipe where it is forked (`live`).
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from alertd import messages
from alertd.clock import SteadyClock
from alertd.engine.core import Engine
from alertd.engine.runner import Runner
from alertd.engine.timekeeping import PULSE_MS, Timekeeper
from alertd.model import DeliveryState
from alertd.store import tables as t
from alertd.store.database import Store
from alertd.store.vault import Vault
from channels import registry
from channels.base import Channel, Event, Limits, RouteConfig, RouteContext
from tests.city import KEY, library, sms_route
from tests.faults.fate import Fate, MortalChannel, MortalStore
from tests.faults.secret import SECRET

LIMITS = Limits(in_flight=20, rate_per_s=2_000, burst=200, timeout_s=2.0)
SHARES = 4  # of the one route, where there are several victims
OPEN = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)


@dataclass(frozen=True)
class Given:
    """What a victim is told.

    Args:
        database: Its URL.
        gateway: The peer's URL.
        fate: Label and count of the step at which it dies.
        pulse_ms: How often it writes down that it lives.
    """

    database: str
    gateway: str
    fate: tuple[str, int] = ("", 1)
    pulse_ms: int = PULSE_MS


def live(given: Given, words: Connection) -> None:
    """Be a victim that was forked; it speaks into `words`."""
    asyncio.run(main(given, words.send))


def at_rest(store: Store) -> bool:
    """Whether every delivery has come to an end that needs nothing more."""
    c = t.delivery.c
    with store.read() as connection:
        waiting = connection.execute(
            select(func.count()).where(
                c.state.in_([int(state) for state in OPEN]), c.due_at.is_not(None)
            )
        ).scalar_one()
        phases = connection.execute(select(func.sum(t.alert.c.phase))).scalar_one()
    return not waiting and not phases


def engine_of(store: Store, lease: str) -> Engine:
    """The engine under test."""
    route = sms_route(
        in_flight=LIMITS.in_flight,
        rate_per_s=LIMITS.rate_per_s,
        burst=LIMITS.burst,
        timeout_s=LIMITS.timeout_s,
        shares=SHARES,
    )
    return Engine(
        store=store,
        routes={route.name: route},
        library=library(),
        wording=messages.Wording({"zh-CN": "余姚市防指"}),
        ids=None,  # type: ignore[arg-type] - nothing here makes an identity
        lease=lease,
    )


def arguments() -> Given:
    """What the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("gateway")
    parser.add_argument("--pulse-ms", type=int, default=PULSE_MS)
    found = parser.parse_args()
    return Given(found.database, found.gateway, pulse_ms=found.pulse_ms)


def print_line(word: Any) -> None:
    """Say it on stdout."""
    print(json.dumps(word), flush=True)


async def main(given: Given, say: Callable[[Any], None]) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    fate = Fate(*given.fate)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store = MortalStore(given.database, Vault(KEY), node="test")
    store.fate = fate

    async def sink(route: str, events: Sequence[Event]) -> None:
        await runner.sink(route, events)

    clock = SteadyClock()
    keeper = Timekeeper(store, clock, pulse_ms=given.pulse_ms)
    keeper.start()
    config = RouteConfig(
        name="sms-1",
        type="handsets",
        simulated=True,
        limits=LIMITS,
        options={"url": given.gateway, "secret": SECRET},
    )
    context = RouteContext(now=clock, sink=sink, public_base_url="http://127.0.0.1:1")
    channels: dict[str, Channel] = {
        "sms-1": MortalChannel(registry.build(config, context), fate, say)
    }
    lease = os.urandom(6).hex()
    engine = engine_of(store, lease)
    keeper.moved = engine.leapt
    runner = Runner(engine, channels, now=clock, keeper=keeper)
    await runner.start()
    say({"ready": {"pid": os.getpid(), "lease": lease}})
    rested = False
    while not stop.is_set():
        with suppress(DBAPIError):  # the database may be away
            rested = at_rest(store)
        if rested:
            say({"rest": True})
            await stop.wait()
        await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=0.2)
    await runner.stop()
    store.close()


if __name__ == "__main__":
    asyncio.run(main(arguments(), print_line))
