"""Handing over: every message gets its one outcome, whatever the gateway does."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from channels.base import Accepted, Fault, Outcome, Outgoing, SendError
from tests.contract.peer import AWKWARD_TEXT, PATIENCE_S, Case, Taken, Trouble, until

# Long enough for a loaded machine to hand over, short enough to wait for.
SHORT_S = 1.5


async def outcomes(case: Case, messages: list[Outgoing]) -> dict[int, Accepted | SendError]:
    """Send and gather; a second outcome for a message, or a missing one, fails the test."""
    async with asyncio.timeout(PATIENCE_S):
        ended = [outcome async for outcome in case.route.send_many(messages)]
    assert Counter((o.delivery, o.attempt) for o in ended) == Counter(
        (m.delivery, m.attempt) for m in messages
    )
    return {outcome.delivery: outcome.result for outcome in ended}


def fault(result: Accepted | SendError) -> Fault | None:
    return result.fault if isinstance(result, SendError) else None


async def test_each_is_handed_over_once_and_unchanged(
    case_class: type[Case], tmp_path: Path
) -> None:
    async with case_class.open(tmp_path) as case:
        messages = [case.message(number) for number in range(1, 21)]
        results = await outcomes(case, messages)
        assert {fault(result) for result in results.values()} == {None}
        assert sorted(await case.taken(), key=lambda taken: taken.delivery) == [
            Taken(message.delivery, 1, AWKWARD_TEXT) for message in messages
        ]


async def test_an_attempts_number_is_carried(case_class: type[Case], tmp_path: Path) -> None:
    async with case_class.open(tmp_path) as case:
        assert await outcomes(case, [case.message(2**53 + 1, attempt=3)])
        assert await case.taken() == [Taken(2**53 + 1, 3, AWKWARD_TEXT)]


async def test_nothing_to_send_ends_at_once(case_class: type[Case], tmp_path: Path) -> None:
    async with case_class.open(tmp_path) as case:
        assert await outcomes(case, []) == {}


async def test_more_than_the_route_has_connections_for(
    case_class: type[Case], tmp_path: Path
) -> None:
    async with case_class.open(tmp_path, in_flight=5) as case:
        results = await outcomes(case, [case.message(number) for number in range(1, 101)])
        assert {fault(result) for result in results.values()} == {None}
        assert len(await case.taken()) == 100


async def test_trouble_becomes_its_fault_and_passes(
    case_class: type[Case], trouble: Trouble, tmp_path: Path
) -> None:
    async with case_class.open(tmp_path) as case:
        await case.trouble(trouble.name)
        result = (await outcomes(case, [case.message(1)]))[1]
        assert isinstance(result, SendError)
        assert (result.fault, result.retry_after_s) == (trouble.fault, trouble.retry_after_s)
        assert [taken.delivery for taken in await case.taken()] == [1] * trouble.taken
        await case.trouble(None)
        assert fault((await outcomes(case, [case.message(2)]))[2]) is None


async def test_every_kind_of_trouble_is_tried(case_class: type[Case]) -> None:
    """A case without a temporary, a permanent and an unknowable trouble proves too little."""
    faults = {trouble.fault for trouble in case_class.troubles}
    assert faults & {Fault.RETRY, Fault.THROTTLED, Fault.AWAY}
    assert faults & {Fault.REFUSED, Fault.DEAD, Fault.OPTED_OUT}
    assert Fault.UNKNOWN in faults


async def test_no_answer_in_time_is_unknown(case_class: type[Case], tmp_path: Path) -> None:
    async with case_class.open(tmp_path, timeout_s=SHORT_S) as case:
        message = case.message(1)
        await case.hold(message)
        result = (await outcomes(case, [message]))[1]
        assert fault(result) is Fault.UNKNOWN
        assert [taken.delivery for taken in await case.taken()] == [1]


async def test_a_slow_recipient_holds_up_nobody(case_class: type[Case], tmp_path: Path) -> None:
    async with case_class.open(tmp_path) as case:
        slow, *quick = [case.message(number) for number in range(1, 21)]
        await case.hold(slow)
        ended: list[Outcome] = []
        async with asyncio.timeout(PATIENCE_S):
            async for outcome in case.route.send_many([slow, *quick]):
                ended.append(outcome)
                if len(ended) == len(quick):
                    await case.release()
        assert [outcome.delivery for outcome in ended][-1] == slow.delivery
        assert all(isinstance(outcome.result, Accepted) for outcome in ended)


async def test_a_gateway_that_is_away_takes_nothing_and_comes_back(
    case_class: type[Case], tmp_path: Path
) -> None:
    async with case_class.open(tmp_path) as case:
        assert fault((await outcomes(case, [case.message(1)]))[1]) is None
        assert (await case.route.health()).ok
        await case.leave()
        gone = fault((await outcomes(case, [case.message(2)]))[2])
        # One gateway that isn't there is the whole route; one group's receiver is that group's.
        away = Fault.AWAY if case.has_one_gateway else Fault.RETRY
        assert gone in {away, Fault.UNKNOWN}
        gone = fault((await outcomes(case, [case.message(3)]))[3])
        assert gone is away
        assert (await case.route.health()).ok != case.has_one_gateway
        await case.come_back()
        await until_healthy(case)
        assert fault((await outcomes(case, [case.message(4)]))[4]) is None


async def until_healthy(case: Case) -> None:
    async def healthy() -> bool:
        return (await case.route.health()).ok

    await until(healthy)


@pytest.mark.parametrize("held", [1, 20])
async def test_closing_ends_what_is_in_flight(
    case_class: type[Case], held: int, tmp_path: Path
) -> None:
    # A modem has one message in its hands; most gateways take any number at once.
    held = min(held, getattr(case_class, "at_once", held))
    async with case_class.open(tmp_path) as case:
        messages = [case.message(number) for number in range(1, held + 1)]
        for message in messages:
            await case.hold(message)
        sending = asyncio.create_task(outcomes(case, messages))
        await until_taken(case, held, sending)
        await case.route.close()
        results = await sending
        assert {fault(result) for result in results.values()} == {Fault.UNKNOWN}


async def until_taken(case: Case, count: int, sending: "asyncio.Task[object]") -> None:
    """Wait until the gateway has `count`; where they ended before, how is in what fails."""

    async def enough() -> bool:
        taken = len(await case.taken())
        assert taken >= count or not sending.done(), sending.result()
        return taken >= count

    await until(enough)


async def test_closing_before_the_first_step_still_ends_every_try(
    case_class: type[Case], tmp_path: Path
) -> None:
    async with case_class.open(tmp_path) as case:
        messages = [case.message(number) for number in range(1, 11)]
        sending = asyncio.create_task(outcomes(case, messages))
        await asyncio.sleep(0)
        await case.route.close()
        assert len(await sending) == len(messages)


async def test_a_closed_route_hands_over_nothing_and_says_so(
    case_class: type[Case], tmp_path: Path
) -> None:
    async with case_class.open(tmp_path) as case:
        await case.route.close()
        assert fault((await outcomes(case, [case.message(1)]))[1]) is Fault.RETRY
        assert not (await case.route.health()).ok
        await case.route.close()
        assert await case.taken() == []
