"""A lost answer is asked after, and the gateway's word saves the second copy."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.engine import approving
from alertd.engine.runner import Runner
from alertd.engine.tracing import AFTER_S
from alertd.lanes import BY_SMS
from alertd.model import DeliveryState
from alertd.store import tables as t
from channels.base import (
    ChannelKind,
    Fault,
    Health,
    Hook,
    Outcome,
    Outgoing,
    Receipt,
    ReceiptStatus,
    RouteConfig,
    SendError,
)
from tests.city import SECOND, City, sms_route

SPEED = 200.0  # five seconds of waiting are 25 ms


class Forgetful:
    """A gateway whose answers are lost, and which can be asked; it knows half of the messages."""

    kind = ChannelKind.SMS

    def __init__(self, *, fails: bool = False) -> None:
        self.config = RouteConfig(name="sms-1", type="forgetful", simulated=True)
        self.fails = fails
        self.sent: list[Outgoing] = []
        self.asked: list[int] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        for message in messages:
            self.sent.append(message)
            yield Outcome(message.delivery, message.attempt, SendError(Fault.UNKNOWN, "timeout"))

    async def look_up(self, message: Outgoing, since: int) -> Receipt | None:
        assert since > 0
        self.asked.append(message.delivery)
        if self.fails:
            raise ConnectionError("away")
        if message.delivery % 2:
            return None
        return Receipt(
            delivery=message.delivery, attempt=message.attempt, status=ReceiptStatus.DELIVERED
        )

    def hooks(self) -> Sequence[Hook]:
        return ()

    async def health(self) -> Health:
        return Health(ok=True, detail="")


@pytest.mark.parametrize("fails", [False, True])
async def test_what_the_gateway_knows_is_settled_and_the_rest_stays_unknown(
    tmp_path: Path, *, fails: bool
) -> None:
    city = City(tmp_path, routes=(sms_route(),))
    drafted = city.draft(roles=("grid_leader",))
    channel = Forgetful(fails=fails)
    runner = Runner(city.engine, {"sms-1": channel}, now=lambda: city.now, speed=SPEED)
    await runner.start()
    await runner.submit(
        partial(approving.approve, actor=SECOND, alert_id=bytes.fromhex(drafted["id"]))
    )
    async with asyncio.timeout(20):
        while not channel.sent or states(city) != expected(channel):  # noqa: ASYNC110 - a thread's
            await asyncio.sleep(0.01)
    await runner.stop()
    assert {message.attempt for message in channel.sent} == {1}
    assert set(channel.asked) == {message.delivery for message in channel.sent}
    city.store.close()


def states(city: City) -> dict[int, DeliveryState]:
    c = t.delivery.c
    rows = city.rows(select(c.id, c.state).where(c.lane.in_(BY_SMS)))
    return {row.id: DeliveryState(row.state) for row in rows}


def expected(channel: Forgetful) -> dict[int, DeliveryState]:
    """Once every message has been asked after as often as it is."""
    known = {m.delivery: not channel.fails and m.delivery % 2 == 0 for m in channel.sent}
    asked = Counter(channel.asked)
    if any(asked[number] < (1 if knows else len(AFTER_S)) for number, knows in known.items()):
        return {}
    return {
        number: DeliveryState.DELIVERED if knows else DeliveryState.UNKNOWN
        for number, knows in known.items()
    }
