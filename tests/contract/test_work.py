"""Work notifications: who has read them, tokens that end, and the government edition's clock."""

from dataclasses import replace
from pathlib import Path

import pytest

from alertd.errors import NotConfiguredError
from channels.base import Accepted, Fault, Limits, Receipt, ReceiptStatus, RouteConfig
from channels.chat.dingwork import DingWorkRoute
from channels.registry import build
from tests.contract.case_dingwork import DingWorkCase, GovWorkCase
from tests.contract.case_modems import context
from tests.contract.peer import Recorder, until
from tests.contract.robot_case import Clock
from tests.contract.test_robots import LONG_TEXT, error
from tests.contract.test_send import fault, outcomes
from tests.contract.work_stub import APP_KEY, APP_SECRET


async def test_reading_is_told_once_and_silence_tells_nothing(tmp_path: Path) -> None:
    sink = Recorder()
    async with DingWorkCase.open(tmp_path, poll_s=1, sink=sink) as case:
        read, unread = case.message(1), case.message(2)
        results = await outcomes(case, [read, unread])
        assert all(isinstance(each, Accepted) and not each.delivered for each in results.values())
        case.peer.fates[read.address] = "read_user_id_list"
        await sink.until(lambda _: bool(sink.receipts(read)))

        async def asked_again() -> bool:
            return case.peer.results >= 4

        await until(asked_again)
        (event,) = sink.events
        assert isinstance(event, Receipt)
        assert (event.delivery, event.status, event.detail) == (1, ReceiptStatus.DELIVERED, "read")
        assert results[1] == Accepted(event.reference)


@pytest.mark.parametrize(
    ("fate", "meaning"),
    [
        ("invalid_user_id_list", Fault.DEAD),
        ("forbidden_user_id_list", Fault.REFUSED),
        ("failed_user_id_list", Fault.RETRY),
    ],
)
async def test_what_failed_after_all_is_told(fate: str, meaning: Fault, tmp_path: Path) -> None:
    sink = Recorder()
    async with DingWorkCase.open(tmp_path, poll_s=1, sink=sink) as case:
        message = case.message(1)
        case.peer.fates[message.address] = fate
        await outcomes(case, [message])
        await sink.until(bool)
        (receipt,) = sink.receipts(message, ReceiptStatus.FAILED)
        assert receipt.fault is meaning


async def test_a_token_that_ended_is_replaced_and_nothing_goes_twice(tmp_path: Path) -> None:
    async with DingWorkCase.open(tmp_path) as case:
        await outcomes(case, [case.message(1), case.message(2)])
        assert case.peer.tokens == 1
        case.peer.forget_token()
        assert fault((await outcomes(case, [case.message(3)]))[3]) is None
        assert [taken.delivery for taken in await case.taken()] == [1, 2, 3]


async def test_an_application_that_isnt_let_in_is_named(tmp_path: Path) -> None:
    async with DingWorkCase.open(tmp_path) as case:
        case.peer.login = {"errcode": 40089, "errmsg": "不合法的corpid或corpsecret"}
        refused = error((await outcomes(case, [case.message(1)]))[1])
        assert (refused.fault, refused.code) == (Fault.REFUSED, "dingwork-40089")
        health = await case.route.health()
        assert not health.ok
        assert health.detail == "DingTalk doesn't let our application in: dingwork-40089."


@pytest.mark.parametrize("case_type", [DingWorkCase, GovWorkCase])
async def test_a_long_text_comes_in_parts(
    case_type: type[DingWorkCase] | type[GovWorkCase], tmp_path: Path
) -> None:
    async with case_type.open(tmp_path) as case:
        assert fault((await outcomes(case, [case.message(1, text=LONG_TEXT)]))[1]) is None
        texts = [posted.text for posted in case.peer.posted]
        assert len(texts) > 1
        assert "".join(text.split(")", 1)[1] for text in texts) == LONG_TEXT


@pytest.mark.parametrize("account", ["", "a,b", "a b", "账号", "x" * 65])
async def test_what_is_no_account_gets_nothing(account: str, tmp_path: Path) -> None:
    async with DingWorkCase.open(tmp_path) as case:
        refused = error((await outcomes(case, [replace(case.message(1), address=account)]))[1])
        assert (refused.fault, refused.code) == (Fault.DEAD, "bad-userid")
        assert case.peer.tokens == 0


async def test_the_government_editions_clock_is_learnt(tmp_path: Path) -> None:
    async with GovWorkCase.open(tmp_path, clock=Clock(-10_900)) as case:
        refused = error((await outcomes(case, [case.message(1)]))[1])
        assert (refused.fault, refused.code) == (Fault.RETRY, "wrong-clock")
        assert "Our clock is 3 h 1 min behind" in (await case.route.health()).detail
        assert fault((await outcomes(case, [case.message(2)]))[2]) is None


@pytest.mark.parametrize(
    "options", [{}, {"tenant_id": "1"}, {"agent_id": 0}, {"agent_id": 1, "color": "red"}]
)
def test_what_must_be_configured(options: dict[str, object]) -> None:
    login = {"app_key": APP_KEY, "app_secret": APP_SECRET, **options}
    config = RouteConfig(name="r1", type="dingwork", limits=Limits(), options=login)
    with pytest.raises(NotConfiguredError):
        build(config, context(Recorder()))
    assert DingWorkRoute.kind == "chat"
