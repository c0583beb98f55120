"""What the gateway says later names our own try, in whatever order it comes."""

import asyncio
from pathlib import Path

from channels.base import Accepted, Fault, ReceiptStatus, SendError
from tests.contract.peer import Case, until
from tests.contract.test_send import SHORT_S, outcomes


async def test_a_receipt_names_its_try(reporting_case: type[Case], tmp_path: Path) -> None:
    async with reporting_case.open(tmp_path) as case:
        first, again = case.message(1), case.message(2, attempt=2)
        await outcomes(case, [first, again])
        await case.report(again, ReceiptStatus.DELIVERED)
        await case.report(first, ReceiptStatus.FAILED)
        # In whichever order: each of several modems brings its own.
        await case.sink.until(lambda _: all(map(case.sink.receipts, (first, again))))
        assert len(case.sink.receipts(again, ReceiptStatus.DELIVERED)) == 1
        failed = case.sink.receipts(first, ReceiptStatus.FAILED)
        assert len(failed) == 1
        assert failed[0].fault is not None


async def test_a_receipt_resolves_a_try_that_hung(
    reporting_case: type[Case], tmp_path: Path
) -> None:
    async with reporting_case.open(tmp_path, timeout_s=SHORT_S) as case:
        message = case.message(1)
        await case.hold(message)
        result = (await outcomes(case, [message]))[1]
        assert isinstance(result, SendError)
        assert result.fault is Fault.UNKNOWN
        await case.report(message, ReceiptStatus.DELIVERED)
        await case.sink.until(
            lambda _: len(case.sink.receipts(message, ReceiptStatus.DELIVERED)) == 1
        )


async def test_a_receipt_given_twice_is_the_same_twice(
    reporting_case: type[Case], tmp_path: Path
) -> None:
    async with reporting_case.open(tmp_path) as case:
        message = case.message(1)
        await outcomes(case, [message])
        await case.report(message, ReceiptStatus.DELIVERED, times=2)
        await case.sink.until(
            lambda _: len(case.sink.receipts(message, ReceiptStatus.DELIVERED)) == 2
        )


async def test_a_receipt_may_come_before_the_answer(
    reporting_case: type[Case], tmp_path: Path
) -> None:
    async with reporting_case.open(tmp_path) as case:
        message = case.message(1)
        await case.hold(message)
        sending = asyncio.create_task(outcomes(case, [message]))

        async def taken() -> bool:
            return bool(await case.taken())

        await until(taken)
        await case.report(message, ReceiptStatus.DELIVERED)
        await case.sink.until(lambda _: len(case.sink.receipts(message)) == 1)
        assert not sending.done()
        await case.release()
        assert isinstance((await sending)[1], Accepted)
