"""What a node does now and then: again and again, whatever fails, and never twice at once."""

import asyncio

from structlog.testing import capture_logs

from alertd.ticking import Ticker

OFTEN_S = 0.001


async def test_it_is_done_again_and_again_though_it_or_another_fails() -> None:
    done = asyncio.Event()
    times = {"fails": 0, "works": 0}
    ticker = Ticker()

    def fails() -> None:
        times["fails"] += 1
        raise LookupError("secret: can't start new thread")

    async def works() -> None:
        times["works"] += 1
        if min(times.values()) >= 3:
            done.set()

    with capture_logs() as said:
        ticker.every(OFTEN_S, fails)
        ticker.every(OFTEN_S, works)
        async with asyncio.timeout(10):
            await done.wait()
        await ticker.stop()
    assert {line["error"] for line in said} == {"LookupError"}
    assert "secret" not in str(said)
    assert "TasksMax" in said[0]["hint"]
    before = dict(times)
    await asyncio.sleep(10 * OFTEN_S)  # in which it would be done again
    assert times == before


async def test_what_takes_long_is_not_begun_a_second_time() -> None:
    began: list[int] = []
    goes_on, ticker = asyncio.Event(), Ticker()
    second = asyncio.Event()

    async def slow() -> None:
        began.append(len(began))
        if len(began) > 1:
            second.set()
        await goes_on.wait()

    ticker.every(OFTEN_S, slow)
    await asyncio.sleep(20 * OFTEN_S)  # in which it would be begun again
    assert began == [0]
    goes_on.set()
    async with asyncio.timeout(10):
        await second.wait()
    await ticker.stop()
