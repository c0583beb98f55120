"""`each`: one outcome a message, as soon as it is known, whatever happens to its try."""

import asyncio

import pytest

from channels.base import Accepted, Fault, Outcome, Outgoing, SendError, UnderWay, each

PATIENCE_S = 10.0


def message(delivery: int) -> Outgoing:
    return Outgoing(
        delivery=delivery,
        attempt=1,
        address="+8613800000000",
        text="t",
        alert="00" * 16,
        short_code="A7",
        kind="alert",
        status="Exercise",
        severity=1,
        created_at=0,
        expires_at=1,
    )


def faults(outcomes: list[Outcome]) -> dict[int, tuple[Fault, str] | None]:
    return {
        outcome.delivery: (outcome.result.fault, outcome.result.code)
        if isinstance(outcome.result, SendError)
        else None
        for outcome in outcomes
    }


async def test_each_kind_of_ending() -> None:
    async def send(sent: Outgoing) -> Accepted:
        match sent.delivery:
            case 1:
                return Accepted("ref")
            case 2:
                raise SendError(Fault.DEAD, "no-such-number")
            case 3:
                raise TimeoutError
            case 4:
                raise RuntimeError(sent.address)
            case _:
                await asyncio.Event().wait()
        raise AssertionError

    outcomes = [outcome async for outcome in each([message(n) for n in range(1, 6)], send, 0.2)]
    assert faults(outcomes) == {
        1: None,
        2: (Fault.DEAD, "no-such-number"),
        3: (Fault.UNKNOWN, "timeout"),
        4: (Fault.UNKNOWN, "defect-RuntimeError"),
        5: (Fault.UNKNOWN, "timeout"),
    }
    assert outcomes[-1].delivery == 5
    assert "138" not in repr(outcomes)


@pytest.mark.parametrize("steps", [1, 2, 5])
async def test_ending_leaves_nobody_out(steps: int) -> None:
    """A task that is cancelled before its first step runs none of its own code."""
    under_way = UnderWay()
    began = 0

    async def send(_: Outgoing) -> Accepted:
        nonlocal began
        began += 1
        await asyncio.Event().wait()
        raise AssertionError

    async def gather() -> list[Outcome]:
        messages = [message(n) for n in range(1, 4)]
        return [outcome async for outcome in each(messages, send, PATIENCE_S, under_way)]

    sending = asyncio.create_task(gather())
    for _ in range(steps):
        await asyncio.sleep(0)
    assert (len(under_way), began) == (3, 0 if steps == 1 else 3)
    await under_way.end()
    async with asyncio.timeout(PATIENCE_S):
        outcomes = await sending
    assert set(faults(outcomes).values()) == {(Fault.UNKNOWN, "closed-in-flight")}
    assert len(outcomes) == 3
    assert not under_way


async def test_who_stops_listening_stops_the_tries() -> None:
    ended = 0

    async def send(sent: Outgoing) -> Accepted:
        nonlocal ended
        if sent.delivery == 1:
            return Accepted(None)
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1
        raise AssertionError

    outcomes = each([message(1), message(2)], send, PATIENCE_S)
    assert (await anext(outcomes)).delivery == 1
    await outcomes.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    assert ended == 1
