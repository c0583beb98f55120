"""What an SMPP gateway is sent: cut right, never too much at once, in doubt never called sent."""

import asyncio
import random
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.messages import sms_size
from channels.base import Accepted, Fault, ReceiptStatus, SendError
from channels.sms import smpp_pdus as pdus
from channels.sms.smpp import SmppRoute
from channels.sms.smpp_link import NotHandedOverError, SmppLink
from channels.sms.smpp_settings import read_settings
from tests.contract.case_smpp import SmppCase, context, route_config
from tests.contract.peer import PATIENCE_S, Recorder, until
from tests.contract.smpp_gate import ENQUIRE, NACK, SUBMIT_RESP, UNBIND, Pdu
from tests.contract.smpp_smsc import OUR_NUMBER, Smsc
from tests.contract.test_mqtt_tls import certificate
from tests.contract.test_send import SHORT_S, fault, outcomes, until_healthy

LONG = "【余姚市防指】红色台风A7:" + "立即转移𬍛危房🌀低洼户" * 12


@pytest.mark.parametrize(
    "text",
    [
        "[Yuyao] Typhoon A7: move {now}^~|€\\ @£$¥ΔΦ" + "é" * 100,  # one part of septets
        "Typhoon €" * 40,  # a shift would be torn from its sign
        "a" * 152 + "€" + "a" * 152,
        "𬍛" * 67,  # a pair would be torn in two
        "🌀" * 34 + "收",
        LONG,
        "收" * 67 * 11,
    ],
)
async def test_a_text_arrives_whole_in_as_many_parts_as_were_counted(
    text: str, tmp_path: Path
) -> None:
    async with SmppCase.open(tmp_path) as case:
        ended = await outcomes(case, [case.message(7, text=text)])
        assert isinstance(ended[7], Accepted)
        sent = case.smsc.submits()
        assert len(sent) == sms_size(text).parts
        assert "".join(submit.text for submit in sent) == text
        assert max(len(submit.data) for submit in sent) <= 160  # what a part may have; UCS-2: 140
        assert all(len(s.data) <= 140 for s in sent if s.coding == 8)
        several = len(sent) > 1
        assert [s.header for s in sent] == [
            bytes((5, 0, 3, sent[0].data[3], len(sent), n)) if several else b""
            for n in range(1, len(sent) + 1)
        ]
        assert [s.numbers for s in sent] == [(7, 1, n, len(sent)) for n in range(1, len(sent) + 1)]


async def test_two_long_messages_to_one_phone_are_told_apart(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        first = case.message(7, text=LONG)
        await outcomes(case, [first])
        await outcomes(case, [replace(first, delivery=8)])
        assert len({submit.header[3] for submit in case.smsc.submits()}) == 2


async def test_numbers_types_and_the_wish_for_a_receipt(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path, national_numbers=True, source_ton=3) as case:
        await outcomes(case, [case.message(1)])
        (submit,) = case.smsc.submits()
        assert (submit.number, submit.ton) == ("13800000001", (3, 2))
        assert (submit.source, submit.registered) == (OUR_NUMBER, 1)


async def test_never_more_unanswered_than_agreed(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path, window=3) as case:
        held = [case.message(number) for number in (1, 2, 3)]
        for message in held:
            await case.hold(message)
        sending = asyncio.create_task(
            outcomes(case, [*held, *[case.message(number) for number in range(4, 40)]])
        )

        async def full() -> bool:
            return len(await case.taken()) == 3

        await until(full)
        await case.release()
        results = await sending
        assert {fault(result) for result in results.values()} == {None}
        assert case.gate.most_unanswered == 3


async def test_what_never_left_the_queue_uses_up_no_try(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path, timeout_s=SHORT_S, window=1) as case:
        quick, held, third = (case.message(number) for number in (1, 2, 3))
        await case.hold(held)
        results = await outcomes(case, [quick, held, third])
        assert [fault(results[number]) for number in (1, 2, 3)] == [
            None,
            Fault.UNKNOWN,
            Fault.THROTTLED,  # it has its pace
        ]
        # Now it answers nobody any more, though it is bound: its messages are for another route.
        results = await outcomes(case, [case.message(4)])
        assert fault(results[4]) is Fault.AWAY
        assert [taken.delivery for taken in await case.taken()] == [1, 2]


async def test_an_answer_that_never_comes_holds_its_place_only_for_so_long(
    tmp_path: Path,
) -> None:
    async with SmppCase.open(tmp_path, window=1) as case:
        down: list[str] = []
        link = SmppLink(
            read_settings(route_config(case.gate.port, window=1, enquire_link_s=1)),
            delivered=lambda *_: None,
            came_up=lambda: None,
            went_down=down.append,
            overdue_s=0.2,
        )
        await link.start()
        await link.wait_up(PATIENCE_S)
        case.gate.mode = "silent-to-submits"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await link.submit(hello, lambda _: None)
        waiting = asyncio.create_task(link.submit(hello, lambda _: None))

        async def cut() -> bool:
            return down == ["answers-overdue"] and link.up

        await until(cut)
        # It never left, and says so; the new connection has its place free.
        with pytest.raises(NotHandedOverError):
            await waiting
        case.gate.mode = "ok"
        assert await link.submit(hello, lambda _: None)
        await link.close()


def hello(sequence: int) -> bytes:
    return pdus.submit(
        sequence, (0x1401, b"1.1.1.1"), source_addr="1", destination_addr="2", short_message=b"hi"
    )


async def test_a_late_answer_still_says_that_the_gateway_has_it(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path, timeout_s=SHORT_S) as case:
        message = case.message(1)
        await case.hold(message)
        assert fault((await outcomes(case, [message]))[1]) is Fault.UNKNOWN
        await case.release()
        await case.sink.until(
            lambda _: len(case.sink.receipts(message, ReceiptStatus.ACCEPTED)) == 1
        )


async def test_a_throttled_route_pauses_and_a_long_message_is_finished_after_it(
    tmp_path: Path,
) -> None:
    async with SmppCase.open(tmp_path) as case:
        case.gate.later = 0x58
        sending = asyncio.create_task(outcomes(case, [case.message(1, text=LONG)]))

        async def twice() -> bool:
            return case.gate.refused >= 2

        await until(twice)
        case.gate.later = None
        assert isinstance((await sending)[1], Accepted)
        assert "".join(submit.text for submit in case.smsc.submits()) == LONG


@pytest.mark.parametrize("status", [0x0B, 0x14])
async def test_a_message_in_halves_is_neither_sent_nor_failed(status: int, tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path, timeout_s=SHORT_S) as case:
        case.gate.later = status
        result = (await outcomes(case, [case.message(1, text=LONG)]))[1]
        assert fault(result) is Fault.UNKNOWN
        (submit,) = case.smsc.submits()
        # … nor delivered by the one half.
        assert (
            await case.smsc.deliver(
                submit.number,
                f"id:{submit.message_id} stat:DELIVRD".encode(),
                esm_class=4,
                coding=0,
            )
            == 0
        )
        assert case.sink.events == []


async def test_one_part_unanswered_is_the_whole_unanswered(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        sending = asyncio.create_task(outcomes(case, [case.message(1, text=LONG)]))
        case.gate.mode = "cut-after"
        result = (await sending)[1]
        assert isinstance(result, SendError)
        assert (result.fault, result.code) == (Fault.UNKNOWN, "connection-lost")


async def test_a_gateway_killed_after_it_took_a_message(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        message = case.message(1)
        await case.hold(message)
        sending = asyncio.create_task(outcomes(case, [message]))

        async def taken() -> bool:
            return bool(await case.taken())

        await until(taken)
        await case.smsc.kill()
        assert fault((await sending)[1]) is Fault.UNKNOWN
        assert fault((await outcomes(case, [case.message(2)]))[2]) is Fault.AWAY
        await case.smsc.start()
        await until_healthy(case)
        assert fault((await outcomes(case, [case.message(3)]))[3]) is None
        assert [taken.delivery for taken in await case.taken()] == [1, 3]


async def test_a_gateway_that_falls_silent_is_noticed(tmp_path: Path) -> None:
    """Stopped as by a power cut, its connection stays open and says nothing."""
    async with SmppCase.open(tmp_path, enquire_link_s=1) as case:
        message = case.message(1)
        await case.hold(message)
        sending = asyncio.create_task(outcomes(case, [message]))

        async def taken() -> bool:
            return bool(await case.taken())

        await until(taken)
        case.smsc.signal(signal.SIGSTOP)
        result = (await sending)[1]
        assert isinstance(result, SendError)
        assert (result.fault, result.code) == (Fault.UNKNOWN, "silent-peer")
        assert not (await case.route.health()).ok
        case.smsc.signal(signal.SIGCONT)
        await until_healthy(case)


async def test_health_asks_and_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        case.gate.mode = "silent"
        async with asyncio.timeout(2.0):
            health = await case.route.health()
        assert (health.ok, health.detail) == (
            False,
            "The SMPP gateway is bound and doesn't answer.",
        )
        assert case.gate.enquired == 1


async def test_a_refused_login_is_named(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        await case.trouble("refuse-bind")
        health = await case.route.health()
        assert health.detail == "The SMPP gateway isn't bound: bind-refused-smpp-0x0e."


async def test_our_own_dead_connection_doesnt_keep_us_out_for_long(tmp_path: Path) -> None:
    """After a crash the gateway still holds it bound; that is no wrong password."""
    async with SmppCase.open(tmp_path) as case:
        case.gate.bind_status = 0x05
        await case.trouble("refuse-bind")
        async with asyncio.timeout(8.0):  # with a wrong password's pauses it would be 15

            async def often() -> bool:
                return case.gate.connections >= 5

            await until(often)
        assert "bind-refused-smpp-0x05" in (await case.route.health()).detail
        await case.trouble(None)


async def test_an_answer_given_twice_is_nobody_elses(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        await outcomes(case, [case.message(1)])
        for sequence in case.gate.asked[:2]:  # the bind's and the submit's
            case.gate.say(Pdu(SUBMIT_RESP, 0x58, sequence, b""))
        assert fault((await outcomes(case, [case.message(2)]))[2]) is None


async def test_an_answer_of_an_ended_connection_is_nobody_elses(tmp_path: Path) -> None:
    """It is kept for the login by some gateways, and brought by the next connection."""
    async with SmppCase.open(tmp_path, timeout_s=SHORT_S) as case:
        case.gate.mode = "silent-to-submits"
        assert fault((await outcomes(case, [case.message(1)]))[1]) is Fault.UNKNOWN
        unanswered = case.gate.asked[-1]
        case.gate.mode = "ok"
        await case.gate.cut()
        await until_healthy(case)
        two = case.message(2)
        await case.hold(two)
        sending = asyncio.create_task(outcomes(case, [two, case.message(3)]))

        async def both() -> bool:
            return len(case.smsc.submits()) == 3

        await until(both)
        for number in {unanswered, *range(1, 9)}:  # by the old number, or by a small one
            case.gate.say(Pdu(SUBMIT_RESP, 0, number, b"of-before\0"))
        await case.release()
        ended = await sending
        taken = {submit.number: submit.message_id for submit in case.smsc.submits()}
        for number in (2, 3):
            result = ended[number]
            assert isinstance(result, Accepted)
            assert result.reference == taken[f"86138{number:08}"]


async def test_a_gateway_that_says_goodbye_is_left_and_found_again(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        case.gate.say(Pdu(ENQUIRE, 0, 77, b""))
        case.gate.say(Pdu(0x00000103, 0, 78, b"a data_sm"))
        assert fault((await outcomes(case, [case.message(1)]))[1]) is None
        case.gate.say(Pdu(NACK, 3, 80, b""))  # of nothing that we asked
        assert fault((await outcomes(case, [case.message(2)]))[2]) is None
        assert case.gate.connections == 1
        case.gate.say(Pdu(UNBIND, 0, 79, b""))

        async def again() -> bool:
            return case.gate.connections == 2

        await until(again)
        await until_healthy(case)
        assert fault((await outcomes(case, [case.message(3)]))[3]) is None
        case.gate.say(Pdu(NACK, 2, 0, b""))  # it has lost count

        async def once_more() -> bool:
            return case.gate.connections == 3

        await until(once_more)


async def test_over_tls_with_the_towns_own_authority(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        plain = case.gate
        await plain.close()
        secure = type(plain)(case.smsc.port, certificate(tmp_path))
        await secure.open()
        for ca, accepted in (({"ca_file": str(tmp_path / "ca.pem")}, True), ({"tls": True}, False)):
            config = route_config(secure.port, reference_tlv=0x1401, **ca)
            route = SmppRoute(config, context(Recorder()))
            await route.start()
            ended = [outcome async for outcome in route.send_many([case.message(5)])]
            assert isinstance(ended[0].result, Accepted) is accepted
            if not accepted:
                assert "SSLCertVerificationError" in (await route.health()).detail
            await route.close()
        await secure.close()


async def test_a_gateway_that_answers_no_submit_holds_up_no_reply(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path, window=100, in_flight=100, timeout_s=SHORT_S) as case:
        for number in range(1, 101):
            await case.hold(case.message(number))
        sending = asyncio.create_task(
            outcomes(case, [case.message(number) for number in range(1, 101)])
        )
        assert await case.smsc.deliver("8613800000001", "收到".encode("utf-16-be")) == 0
        assert {fault(result) for result in (await sending).values()} == {Fault.UNKNOWN}


async def test_a_gateway_that_isnt_there_at_the_start_is_found_later(tmp_path: Path) -> None:
    smsc = Smsc(tmp_path / "smsc.jsonl")
    await smsc.start()
    port = smsc.port
    await smsc.kill()
    route = SmppRoute(route_config(port), context(Recorder()))
    starting = asyncio.create_task(route.start())
    await smsc.start()
    await starting

    async def healthy() -> bool:
        return (await route.health()).ok

    await until(healthy)
    await route.close()
    await smsc.kill()


async def test_closing_in_the_middle_of_connecting(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        await case.leave()
        route = SmppRoute(route_config(case.gate.port), context(Recorder()))
        starting = asyncio.create_task(route.start())
        await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            await route.close()
            starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting


async def test_in_a_storm_nothing_that_was_taken_is_called_unsent(tmp_path: Path) -> None:
    dice = random.Random(20261126)
    weather = ["ok", "ok", "ok", "cut-before", "cut-after", "garbage", "nack", 0x0A]
    async with SmppCase.open(tmp_path, timeout_s=SHORT_S, window=5) as case:
        texts = {number: LONG if number % 5 == 0 else "收到请回1" for number in range(1, 301)}
        results: dict[int, Accepted | SendError] = {}
        for start in range(1, 301, 25):
            batch = [case.message(n, text=texts[n]) for n in range(start, start + 25)]
            sending = asyncio.create_task(outcomes(case, batch))
            while not sending.done():
                case.gate.mode = dice.choice(weather)
                await asyncio.wait([sending], timeout=0.02)
            results |= await sending
            case.gate.mode = "ok"
            await until_healthy(case)
        taken = Counter(submit.numbers[0] for submit in case.smsc.submits())
        ends = Counter(fault(result) for result in results.values())
        for number, result in results.items():
            if isinstance(result, Accepted):
                assert taken[number] == sms_size(texts[number]).parts
            elif result.fault is not Fault.UNKNOWN:
                assert taken[number] == 0, result.code
        assert len(results) == 300
        assert ends[None] > 10
        assert ends[Fault.UNKNOWN] > 10
