"""Two who share a telephone aren't called at once, where the gateway would call neither."""

import json

from channels.base import Accepted, Fault, SendError
from channels.described.spacing import Spacing
from tests.unit.described_routes import VOICE, message
from tests.unit.test_described_route import running, sent

MINUTE_MS = 60_000


def test_a_number_waits_for_its_minute_and_no_other_does() -> None:
    spacing = Spacing(60)
    assert spacing.wait_s("+861", 0) == 0
    assert spacing.wait_s("+861", 1_000) == 59
    assert spacing.wait_s("+862", 1_000) == 0
    assert spacing.wait_s("+861", MINUTE_MS) == 0
    assert spacing.wait_s("+861", MINUTE_MS + 500) == 59.5
    spacing.forget("+861")
    assert spacing.wait_s("+861", MINUTE_MS + 500) == 0
    assert spacing.wait_s("+861", 500) == 0  # a clock that was set back
    for number in range(1_000):
        spacing.wait_s(f"+{number}", 10 * MINUTE_MS)
    spacing.wait_s("+861", 11 * MINUTE_MS)
    assert len(spacing._last) == 1


def test_where_nothing_is_asked_nothing_waits() -> None:
    spacing = Spacing(0)
    assert [spacing.wait_s("+861", 0), spacing.wait_s("+861", 0)] == [0, 0]
    assert not spacing._last


async def test_two_calls_to_one_telephone_go_one_after_the_other() -> None:
    async with running(VOICE) as (route, gateway):
        gateway.body = json.dumps({"Code": "OK", "CallId": "c^1"}).encode()
        both = [message(delivery=7), message(delivery=8)]
        first, second = [outcome.result async for outcome in route.send_many(both)]
        refused, taken = (first, second) if isinstance(first, SendError) else (second, first)
        assert isinstance(taken, Accepted)
        assert isinstance(refused, SendError)
        assert (refused.fault, refused.retry_after_s) == (Fault.BUSY, 60)
        assert len(gateway.got) == 1
        other = message(delivery=9, address="+8613800000002")
        gateway.body = b'{"Code": "isv.AMOUNT_NOT_ENOUGH"}'
        assert isinstance(await sent(route, other), SendError)
        gateway.body = json.dumps({"Code": "OK", "CallId": "c^2"}).encode()
        assert isinstance(await sent(route, other), Accepted)  # the first wasn't taken
