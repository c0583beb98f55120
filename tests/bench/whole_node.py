"""The whole job once, in a process of its own: an alert from the approval to the last hand-over.

    python whole_node.py PEOPLE GATEWAY_PORT

Prints JSON: how long it took, how many messages left, and the most memory it held.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import func, select

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent)]

from figures import peak_mb  # noqa: E402 - the path comes first
from ground import CACHE, Ground, ground, routes  # noqa: E402 - the same

from alertd.engine.heap import settle_heap  # noqa: E402 - the same
from alertd.engine.runner import Runner  # noqa: E402 - the same
from alertd.model import DeliveryState  # noqa: E402 - the same
from alertd.store import tables as t  # noqa: E402 - the same
from channels import registry  # noqa: E402 - the same
from channels.base import Channel, Limits, RouteConfig, RouteContext  # noqa: E402 - the same
from channels.loudspeaker.broker import EmbeddedBroker  # noqa: E402 - the same
from channels.loudspeaker.keys import make_key  # noqa: E402 - the same

_AT_ONCE = {"sms": 400, "groups": 50, "speakers": 50}
_LOOK_S = 0.05
_OPEN = (
    "SELECT (SELECT phase FROM alert),"
    " (SELECT sum(n) FROM delivery_count WHERE state IN (:pending, :sending))"
)
_STATES = {"pending": int(DeliveryState.PENDING), "sending": int(DeliveryState.SENDING)}


async def once(people: int, port: int) -> dict[str, float]:
    """Issue it and wait until every message is handed over."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        broker = EmbeddedBroker(Path(folder) / "broker")
        await broker.start()
        by_name = {name: routes(n)[name] for name, n in _AT_ONCE.items()}
        with ground(people, by_name=by_name) as here:
            here.point_groups_at(f"http://127.0.0.1:{port}/group")
            key_file = Path(folder) / "key.pem"
            make_key(key_file)
            options: dict[str, dict[str, str]] = {
                "sms": {"url": f"http://127.0.0.1:{port}", "secret": "secret"},
                "groups": {},
                "speakers": {"broker": broker.address.url, "key_file": str(key_file)},
            }
            result = await _issue(here, _channels(options))
        await broker.stop()
        return result


def _channels(options: Mapping[str, Mapping[str, str]]) -> dict[str, Channel]:
    types = {"sms": "handsets", "groups": "webhook", "speakers": "mqtt"}

    async def nowhere(_route: str, _events: object) -> None:
        pass

    context = RouteContext(now=_now, sink=nowhere, public_base_url="http://127.0.0.1")
    return {
        name: registry.build(
            RouteConfig(
                name=name,
                type=types[name],
                limits=Limits(in_flight=n, rate_per_s=1e9, burst=n, timeout_s=60.0),
                options=options[name],
            ),
            context,
        )
        for name, n in _AT_ONCE.items()
    }


async def _issue(here: Ground, channels: Mapping[str, Channel]) -> dict[str, float]:
    here.now = _now()
    drafted = here.draft()
    runner = Runner(here.engine, channels, now=_now)
    await runner.start()
    settle_heap()
    before = peak_mb()
    began, busy = time.perf_counter(), time.process_time()
    await runner.submit(here.approving(drafted))
    while not (left := _left(here)):  # noqa: ASYNC110 - no event says that all have left
        await asyncio.sleep(_LOOK_S)
    took, cpu = time.perf_counter() - began, time.process_time() - busy
    await runner.stop()
    return {
        "seconds": took,
        "cpu_seconds": cpu,
        "messages": left,
        "peak_mb": peak_mb(),
        "before_mb": before,
    }


def _left(here: Ground) -> int:
    """How many were handed over, once all are; else 0."""
    n = t.delivery_count.c
    with here.store.read() as connection:
        # One statement that is text already: what the looking takes is counted as the engine's.
        if any(connection.exec_driver_sql(_OPEN, _STATES).one()):
            return 0
        states = dict(connection.execute(select(n.state, func.sum(n.n)).group_by(n.state)).all())
    good = {int(DeliveryState.ACCEPTED), int(DeliveryState.DELIVERED)}
    assert {state for state, count in states.items() if count} <= good, states
    return int(sum(states.values()))


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    _result = asyncio.run(once(int(sys.argv[1]), int(sys.argv[2])))
    sys.stdout.write(json.dumps(_result))
    sys.stdout.flush()
    os._exit(0)
