"""A whole engine in a process of its own, to be killed: store, runner and the handsets route.

    python -m tests.faults.victim DIRECTORY GATEWAY_URL [PULSE_MS]

It goes on with whatever is under way in DIRECTORY's database until it is killed or told to stop by
SIGTERM. Prints a line of JSON when it is ready, and one when nothing more is to be done.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import func, select

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
from channels.base import Event, Limits, RouteConfig, RouteContext
from tests.city import KEY, library, sms_route
from tests.faults.secret import SECRET

LIMITS = Limits(in_flight=20, rate_per_s=2_000, burst=200, timeout_s=2.0)
OPEN = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.UNKNOWN)


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


async def main() -> None:
    directory, url = Path(sys.argv[1]), sys.argv[2]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store = Store(f"sqlite:///{directory / 'city.sqlite3'}", Vault(KEY), node="test")

    async def sink(route: str, events: Sequence[Event]) -> None:
        await runner.sink(route, events)

    clock = SteadyClock()
    pulse_ms = int(sys.argv[3]) if len(sys.argv) > 3 else PULSE_MS
    keeper = Timekeeper(store, clock, pulse_ms=pulse_ms)
    keeper.start()
    config = RouteConfig(
        name="sms-1",
        type="handsets",
        simulated=True,
        limits=LIMITS,
        options={"url": url, "secret": SECRET},
    )
    context = RouteContext(now=clock, sink=sink, public_base_url="http://127.0.0.1:1")
    channels = {"sms-1": registry.build(config, context)}
    engine = Engine(
        store=store,
        routes={
            "sms-1": sms_route(
                in_flight=LIMITS.in_flight,
                rate_per_s=LIMITS.rate_per_s,
                burst=LIMITS.burst,
                timeout_s=LIMITS.timeout_s,
            )
        },
        library=library(),
        wording=messages.Wording({"zh-CN": "余姚市防指"}),
        ids=None,  # type: ignore[arg-type] - nothing here makes an identity
        lease=os.urandom(6).hex(),
    )
    keeper.moved = engine.leapt
    runner = Runner(engine, channels, now=clock, keeper=keeper)
    await runner.start()
    print(json.dumps({"ready": os.getpid()}), flush=True)
    while not stop.is_set():
        if at_rest(store):
            print(json.dumps({"rest": True}), flush=True)
            await stop.wait()
        await asyncio.wait([asyncio.ensure_future(stop.wait())], timeout=0.2)
    await runner.stop()
    store.close()


if __name__ == "__main__":
    asyncio.run(main())
