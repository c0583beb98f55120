"""Domestic clouds whose signatures hold for minutes, and a node whose clock is wrong by more."""

from pathlib import Path

import pytest

from channels.base import Accepted, Fault, SendError
from tests.contract.case_clouds import AliyunSmsCase, CloudCase, TencentSmsCase, VoiceCase
from tests.contract.robot_case import Clock
from tests.contract.test_send import outcomes

OFF = [(-10_900, "3 h 1 min behind"), (200_000, "2 d 7 h 33 min ahead of")]


async def sent(case: CloudCase, number: int) -> str:
    """What became of a message."""
    result = (await outcomes(case, [case.message(number)]))[number]
    if isinstance(result, Accepted):
        return "accepted"
    assert isinstance(result, SendError)
    assert result.fault is Fault.RETRY
    return result.code


@pytest.mark.parametrize("case_type", [AliyunSmsCase, TencentSmsCase, VoiceCase])
@pytest.mark.parametrize("off_s", [off_s for off_s, _ in OFF])
async def test_a_wrong_clock_is_overcome(
    case_type: type[CloudCase], off_s: float, tmp_path: Path
) -> None:
    clock = Clock(off_s)
    async with case_type.open(tmp_path, now=clock.now) as case:
        assert await sent(case, 1) == "wrong-clock"
        assert await sent(case, 2) == "accepted"
        clock.off_s = 0  # somebody puts it right: what was learnt is wrong now
        assert await sent(case, 3) == "wrong-clock"
        assert await sent(case, 4) == "accepted"
        assert [made.phone for made in case.peer.made] == [
            case.phone(case.message(number)) for number in (2, 4)
        ]
        case.peer.refused.clear()


@pytest.mark.parametrize("case_type", [AliyunSmsCase, TencentSmsCase])
@pytest.mark.parametrize(("off_s", "words"), OFF)
async def test_a_wrong_clock_is_named(
    case_type: type[CloudCase], off_s: float, words: str, tmp_path: Path
) -> None:
    async with case_type.open(tmp_path, now=Clock(off_s).now) as case:
        health = await case.route.health()
        assert not health.ok
        assert f"Our clock is {words} " in health.detail
        assert (await case.route.health()).ok, "it is signed with their time by now"
        case.peer.refused.clear()
