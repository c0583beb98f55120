"""Chat robots: pace, long texts, mentions, and a clock that is wrong."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from channels.base import Accepted, Fault, HookRefusedError, Outgoing, SendError
from tests.contract import envelope
from tests.contract.case_dingtalk import REPLY, DingTalkCase
from tests.contract.case_feishu import FeishuCase
from tests.contract.case_onebot import OneBotCase
from tests.contract.case_slack import SlackCase
from tests.contract.case_wecom import WeComCase
from tests.contract.hook_host import hook_host
from tests.contract.peer import PATIENCE_S, Recorder
from tests.contract.robot_case import Clock, RobotCase
from tests.contract.test_send import fault, outcomes

ROBOTS = [WeComCase, DingTalkCase, FeishuCase, OneBotCase, SlackCase]
every_robot = pytest.mark.parametrize("case_type", ROBOTS, ids=[case.name for case in ROBOTS])
LONG_TEXT = "【余姚市防指】" + "请立即转移危房住户🧑🏽‍🚒👨‍👩‍👧,18时前完成。\n" * 120


def to_group(case: RobotCase, group: int, count: int) -> list[Outgoing]:
    """Several messages for one group."""
    address = case.peer.address(group)
    first = group * 1000
    return [replace(case.message(first + n), address=address) for n in range(count)]


def error(result: Accepted | SendError) -> SendError:
    assert isinstance(result, SendError)
    return result


@pytest.mark.parametrize("case_type", [WeComCase, DingTalkCase])
async def test_a_bot_that_is_too_busy_is_told_when_and_slows_no_other(
    case_type: type[RobotCase], tmp_path: Path
) -> None:
    async with case_type.open(tmp_path) as case:
        busy, quiet = to_group(case, 1, 30), to_group(case, 2, 5)
        async with asyncio.timeout(case.route.config.limits.timeout_s / 2):  # nobody waits
            results = await outcomes(case, [*busy, *quiet])
        late = [error(results[m.delivery]) for m in busy if fault(results[m.delivery])]
        assert len(late) == 10
        assert {(one.fault, one.code) for one in late} == {(Fault.BUSY, f"{case.name}-pace")}
        assert all(50 < (one.retry_after_s or 0) <= 61 for one in late)
        assert not any(fault(results[message.delivery]) for message in quiet)
        assert case.peer.asked[case.group(busy[0])] == 20, "the platform is never asked too often"


async def test_a_short_wait_is_waited_out(tmp_path: Path) -> None:
    async with FeishuCase.open(tmp_path) as case:
        messages = to_group(case, 1, 12)
        results = await outcomes(case, messages)
        assert {fault(result) for result in results.values()} == {None}
        assert case.peer.asked[case.group(messages[0])] == 12, "the stub refused none as too fast"


async def test_who_would_wait_too_long_is_told_at_once(tmp_path: Path) -> None:
    async with FeishuCase.open(tmp_path, timeout_s=5.0) as case:
        async with asyncio.timeout(PATIENCE_S):
            ended = [outcome async for outcome in case.route.send_many(to_group(case, 1, 60))]
        accepted = [n for n, one in enumerate(ended) if isinstance(one.result, Accepted)]
        assert 5 < len(accepted) <= 15, "those that can wait for 2.5 seconds do"
        at_once = [one.result for one in ended[: accepted[5]] if isinstance(one.result, SendError)]
        assert len(at_once) >= 60 - 15, "and the others don't wait to be refused"
        waits = [refused.retry_after_s or 0 for refused in at_once]
        assert waits == sorted(waits), "who comes later is told to come later"
        assert 8 <= max(waits) <= 12


async def test_what_was_sent_before_counts(tmp_path: Path) -> None:
    async with WeComCase.open(tmp_path) as case:
        *first, late = to_group(case, 1, 21)
        assert {fault(result) for result in (await outcomes(case, first)).values()} == {None}
        assert error((await outcomes(case, [late]))[late.delivery]).code == "wecom-pace"


async def test_a_bot_that_the_platform_silenced_isnt_asked_again(tmp_path: Path) -> None:
    async with DingTalkCase.open(tmp_path) as case:
        first, again, other = *to_group(case, 1, 2), *to_group(case, 2, 1)
        await case.trouble("too-fast")
        assert error((await outcomes(case, [first]))[first.delivery]).retry_after_s == 600
        await case.trouble(None)
        results = await outcomes(case, [again, other])
        refused = error(results[again.delivery])
        assert (refused.fault, refused.code) == (Fault.BUSY, "dingtalk-pace")
        assert 590 < (refused.retry_after_s or 0) <= 600
        assert case.peer.asked[case.group(first)] == 1
        assert fault(results[other.delivery]) is None


@pytest.mark.parametrize(
    ("case_type", "options", "parts"),
    [(WeComCase, {}, 5), (WeComCase, {"markdown": True}, 3), (DingTalkCase, {}, 2)],
)
async def test_a_long_text_comes_in_numbered_parts(
    case_type: type[RobotCase], options: dict[str, bool], parts: int, tmp_path: Path
) -> None:
    async with case_type.open(tmp_path, **options) as case:
        result = (await outcomes(case, [case.message(1, text=LONG_TEXT)]))[1]
        assert fault(result) is None
        texts = [posted.text for posted in case.peer.posted]
        assert [posted.reference for posted in case.peer.posted] == [
            f"1-1-{number}" for number in range(1, parts + 1)
        ]
        numbers = [f"({number}/{parts})" for number in range(1, parts + 1)]
        assert [text[: len(numbers[0])] for text in texts] == numbers
        assert "".join(text[len(numbers[0]) :] for text in texts) == LONG_TEXT
        assert all(text.endswith("\n") for text in texts), "no sentence is torn"


@pytest.mark.parametrize("later", ["busy", "drop", "too-fast", "unavailable", "gone"])
async def test_half_a_message_is_unknown(later: str, tmp_path: Path) -> None:
    async with WeComCase.open(tmp_path) as case:
        case.peer.later_trouble = (2, later)
        result = error((await outcomes(case, [case.message(1, text=LONG_TEXT)]))[1])
        assert (result.fault, result.code) == (Fault.UNKNOWN, "half-sent")
        assert len(case.peer.posted) == (2 if later == "drop" else 1), "the rest isn't tried"


async def test_what_no_pace_allows_is_refused_whole(tmp_path: Path) -> None:
    async with WeComCase.open(tmp_path) as case:
        result = error((await outcomes(case, [case.message(1, text="防" * 20_000)]))[1])
        assert (result.fault, result.code) == (Fault.REFUSED, "too-long")
        assert case.peer.posted == []


PEOPLE = ("+8613800000001", "+8613900000002", "+8613800000001", "+4915112345678")


@pytest.mark.parametrize("case_type", [WeComCase, DingTalkCase])
@pytest.mark.parametrize("text", ["未应答2人", LONG_TEXT])
async def test_people_are_mentioned_once_by_their_national_number(
    case_type: type[RobotCase], text: str, tmp_path: Path
) -> None:
    async with case_type.open(tmp_path) as case:
        message = replace(case.message(1, text=text), mentions=PEOPLE)
        assert fault((await outcomes(case, [message]))[1]) is None
        mentioned = [mobile for posted in case.peer.posted for mobile in posted.mobiles]
        assert mentioned == ["13800000001", "13900000002"]
        assert case.peer.posted[-1].mobiles == mentioned


async def test_a_crowd_doesnt_crowd_out_the_text(tmp_path: Path) -> None:
    async with DingTalkCase.open(tmp_path) as case:
        crowd = tuple(f"+8613{number:09}" for number in range(1_000))
        message = replace(case.message(1, text="未应答1000人"), mentions=crowd)
        assert fault((await outcomes(case, [message]))[1]) is None
        [posted] = case.peer.posted
        assert len(posted.mobiles) == 200
        assert posted.text.startswith("未应答1000人\n@")


@pytest.mark.parametrize("case_type", [FeishuCase, OneBotCase, SlackCase])
async def test_where_nobody_can_be_mentioned_no_number_is_shown(
    case_type: type[RobotCase], tmp_path: Path
) -> None:
    async with case_type.open(tmp_path) as case:
        message = replace(case.message(1, text="未应答2人"), mentions=PEOPLE)
        assert fault((await outcomes(case, [message]))[1]) is None
        assert [posted.text for posted in case.peer.posted] == ["未应答2人"]


@pytest.mark.parametrize(
    ("case_type", "options", "text", "shown"),
    [
        (WeComCase, {"markdown": True}, "<@all>王芳:雨量<50 mm", "(@all>王芳:雨量<50 mm"),
        (
            FeishuCase,
            {},
            '<at user_id="all">所有人</at><AT id=x>',
            '(at user_id="all">所有人(/at>(AT id=x>',
        ),
        (FeishuCase, {}, "雨量<50 mm", "雨量<50 mm"),
        (SlackCase, {}, "@all @Channel 王芳@here", "＠all ＠Channel 王芳＠here"),
        (SlackCase, {}, "a@all.example @allen", "a@all.example @allen"),
    ],
)
async def test_a_name_mentions_nobody(
    case_type: type[RobotCase], options: dict[str, bool], text: str, shown: str, tmp_path: Path
) -> None:
    async with case_type.open(tmp_path, **options) as case:
        assert fault((await outcomes(case, [case.message(1, text=text)]))[1]) is None
        assert [posted.text for posted in case.peer.posted] == [shown]


async def test_markdown_gives_way_to_mentions(tmp_path: Path) -> None:
    async with WeComCase.open(tmp_path, markdown=True) as case:
        message = replace(case.message(1, text="未应答2人"), mentions=PEOPLE)
        assert fault((await outcomes(case, [message]))[1]) is None
        assert len(case.peer.posted[0].mobiles) == 2


@pytest.mark.parametrize("case_type", [DingTalkCase, FeishuCase])
@pytest.mark.parametrize(
    ("off_s", "words"), [(-10_900, "3 h 1 min behind"), (200_000, "2 d 7 h 33 min ahead of")]
)
async def test_a_wrong_clock_is_named_and_overcome(
    case_type: type[RobotCase], off_s: float, words: str, tmp_path: Path
) -> None:
    clock = Clock(off_s)
    async with case_type.open(tmp_path, clock=clock) as case:
        refused = error((await outcomes(case, [case.message(1)]))[1])
        assert (refused.fault, refused.code) == (Fault.RETRY, "wrong-clock")
        health = await case.route.health()
        assert not health.ok
        assert f"Our clock is {words} " in health.detail
        assert fault((await outcomes(case, [case.message(2)]))[2]) is None
        clock.off_s = 0  # somebody puts it right: what was learnt is wrong now
        assert error((await outcomes(case, [case.message(3)]))[3]).code == "wrong-clock"
        assert fault((await outcomes(case, [case.message(4)]))[4]) is None
        assert (await case.route.health()).ok
        assert [taken.delivery for taken in await case.taken()] == [2, 4]


async def test_a_wrong_secret_isnt_taken_for_a_wrong_clock(tmp_path: Path) -> None:
    async with FeishuCase.open(tmp_path, clock=Clock(240)) as case:
        message = replace(case.message(1), secret="another")
        refused = error((await outcomes(case, [message]))[1])
        assert (refused.fault, refused.code) == (Fault.REFUSED, "feishu-19021")


async def test_what_people_say_is_believed_under_a_wrong_clock(tmp_path: Path) -> None:
    async with DingTalkCase.open(tmp_path, clock=Clock(-10_900)) as case:
        robot = case.hook("robot")
        said = case.signed(robot, json.dumps(REPLY).encode())
        with pytest.raises(HookRefusedError):
            robot.read(said)
        await case.route.health()
        assert len(robot.read(said)[0]) == 1


@every_robot
@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("https://example.invalid/cgi-bin/webhook/send?key=1", "other-server"),
        ("{peer}/somewhere/else", "bad-url"),
        ("{peer}/%00", "bad-url"),
        ("http://[::1", "bad-url"),
        ("not a url", "other-server"),
        ("", "other-server"),
    ],
)
async def test_a_url_of_another_service_gets_nothing(
    case_type: type[RobotCase], address: str, code: str, tmp_path: Path
) -> None:
    async with case_type.open(tmp_path) as case:
        message = replace(case.message(1), address=address.format(peer=case.peer.url))
        refused = error((await outcomes(case, [message]))[1])
        assert refused.code == code
        assert refused.fault in {Fault.REFUSED, Fault.DEAD}
        assert case.peer.asked.total() == 0


@pytest.mark.parametrize("prefix", ["", "/proxies/dingtalk"])
async def test_the_platforms_own_urls_go_to_the_server_that_is_set(
    prefix: str, tmp_path: Path
) -> None:
    async with DingTalkCase.open(tmp_path, prefix=prefix) as case:
        ours, other = case.message(1), case.message(2)
        public = ours.address.replace(case.peer.url, "https://oapi.dingtalk.com")
        results = await outcomes(case, [replace(ours, address=public), other])
        assert {fault(result) for result in results.values()} == {None}
        assert {taken.delivery for taken in await case.taken()} == {1, 2}
        assert (await case.route.health()).ok


@every_robot
async def test_a_platform_that_is_down_shows(case_type: type[RobotCase], tmp_path: Path) -> None:
    async with case_type.open(tmp_path) as case:
        assert (await case.route.health()).ok
        await case.trouble("unavailable")
        health = await case.route.health()
        assert (health.ok, health.detail.partition(" ")[2]) == (False, "answers http-503.")


async def test_a_qq_account_that_is_offline_shows(tmp_path: Path) -> None:
    async with OneBotCase.open(tmp_path) as case:
        assert (await case.route.health()).ok
        await case.trouble("offline")
        health = await case.route.health()
        assert not health.ok
        assert "isn't online" in health.detail


async def test_onebots_own_number_is_kept_as_reference(tmp_path: Path) -> None:
    async with OneBotCase.open(tmp_path) as case:
        result = (await outcomes(case, [case.message(1)]))[1]
        assert result == Accepted("-1845671", delivered=True)


async def test_wecoms_trial_of_the_url_is_answered(tmp_path: Path) -> None:
    async with WeComCase.open(tmp_path) as case, hook_host(Recorder()) as host:
        host.mount(case.route)
        sealed = envelope.seal("回显 1616140317555161061".encode())
        target = f"/hooks/r1/events?{envelope.query(sealed, echostr=sealed)}"
        answer = await get(host.base_url, target)
        assert answer.endswith("\r\n\r\n回显 1616140317555161061".encode())


async def test_dingtalk_gets_its_sealed_success(tmp_path: Path) -> None:
    async with DingTalkCase.open(tmp_path) as case:
        events = case.hook("events")
        called = case.signed(events, b'{"EventType":"check_url"}')
        given = json.loads(events.read(called)[1].body)
        fields = parse_qs(urlsplit(called.target).query)
        assert [given["timeStamp"], given["nonce"]] == fields["timestamp"] + fields["nonce"]
        assert envelope.unseal(given["encrypt"]) == b"success"
        assert given["msg_signature"] == envelope.signature(
            given["encrypt"], given["timeStamp"], given["nonce"]
        )


async def get(base_url: str, target: str) -> bytes:
    parts = urlsplit(base_url)
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nhost: us\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            return head + await reader.readexactly(length)
    finally:
        writer.close()
        await writer.wait_closed()
