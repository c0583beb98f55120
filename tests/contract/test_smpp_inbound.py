"""What an SMPP gateway brings is answered when it is on disk, and counts once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from channels.base import Accepted, Event, Receipt, ReceiptStatus, Reply
from channels.sms.smpp import SmppRoute
from tests.contract.case_smpp import SmppCase, context, route_config
from tests.contract.peer import PATIENCE_S, Recorder, until
from tests.contract.smpp_gate import DELIVER, Gate, Pdu
from tests.contract.smpp_smsc import NUMBERS_TLV, OUR_NUMBER, Smsc, receipt_text
from tests.contract.test_send import SHORT_S, fault, outcomes, until_healthy

PHONE = "8613800000001"
LONG = "【余姚市防指】红色台风A7:" + "立即转移𬍛危房🌀低洼户" * 12
QUEUE_FULL = 0x14


def ucs2(text: str) -> bytes:
    return text.encode("utf-16-be")


def part(number: int, total: int, data: bytes, reference: int = 9) -> bytes:
    return bytes((5, 0, 3, reference, total, number)) + data


@dataclass
class Store(Recorder):
    """A sink that can be out of order, or slow."""

    broken: bool = False
    poison: str | None = None  # a reply's text that it can't store
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0

    async def __call__(self, route: str, events: Sequence[Event]) -> None:
        self.asked += 1
        await self.gate.wait()
        texts = [event.text for event in events if isinstance(event, Reply)]
        if self.broken or self.poison in texts:
            raise OSError("no space left")
        await super().__call__(route, events)

    @property
    def replies(self) -> list[Reply]:
        return [event for event in self.events if isinstance(event, Reply)]

    @property
    def texts(self) -> list[str]:
        return [reply.text for reply in self.replies]

    @property
    def names(self) -> set[str]:
        return {reply.gateway_id for reply in self.replies}


@asynccontextmanager
async def inbound(
    folder: Path, **options: Any
) -> AsyncIterator[tuple[Smsc, Gate, Store, SmppRoute]]:
    smsc = Smsc(folder / "smsc.jsonl")
    await smsc.start()
    gate = Gate(smsc.port)
    await gate.open()
    store = Store()
    store.gate.set()
    route = SmppRoute(route_config(gate.port, **options), context(store))
    await route.start()
    try:
        yield smsc, gate, store, route
    finally:
        await route.close()
        await gate.close()
        await smsc.kill()


@pytest.mark.parametrize(
    ("data", "coding", "text"),
    [
        (ucs2("收到 🙏𬍛"), 8, "收到 🙏𬍛"),
        (b"Moved @\x00 \x1b\x65 35/40", 0, "Moved ¡@ € 35/40"),
        (b"\x02\x10_\x11", 0, "$Δ§_"),
        ("收到".encode(), 0, "收到"),
        ("收到2".encode("gb18030"), 15, "收到2"),
        (b"caf\xe9", 3, "café"),
        (b"\xd8\x3d", 8, "\ufffd"),
        (b"", 8, ""),
        (b"a\x1b", 0, "a"),
    ],
)
async def test_a_reply_is_read_in_whatever_it_came(
    data: bytes, coding: int, text: str, tmp_path: Path
) -> None:
    async with inbound(tmp_path) as (smsc, _, store, _):
        assert await smsc.deliver(PHONE, data, coding=coding, to=OUR_NUMBER + "07") == 0
        (reply,) = store.replies
        assert (reply.sender, reply.text, reply.extension) == ("+8613800000001", text, "07")


async def test_a_reply_is_answered_only_when_it_is_stored(tmp_path: Path) -> None:
    async with inbound(tmp_path) as (smsc, _, store, _):
        store.gate.clear()
        bringing = asyncio.create_task(smsc.deliver(PHONE, ucs2("收到")))

        async def asked() -> bool:
            return store.asked == 1

        await until(asked)
        assert not bringing.done()
        store.gate.set()
        assert await bringing == 0
        assert store.texts == ["收到"]


async def test_what_cant_be_stored_is_brought_again_under_its_name(tmp_path: Path) -> None:
    async with inbound(tmp_path) as (smsc, _, store, _):
        store.broken = True
        assert await smsc.deliver(PHONE, ucs2("收到")) == QUEUE_FULL
        store.broken = False
        assert await smsc.deliver(PHONE, ucs2("收到")) == 0
        # The same word again is another answer, and must not be lost as a repetition.
        assert await smsc.deliver(PHONE, ucs2("收到")) == 0
        assert store.texts == ["收到", "收到"]
        assert len(store.names) == 2


async def test_one_that_cant_be_stored_keeps_back_no_other(tmp_path: Path) -> None:
    async with inbound(tmp_path) as (smsc, _, store, route):
        store.gate.clear()
        store.poison = "bad"
        first = asyncio.create_task(smsc.deliver(PHONE, ucs2("first")))

        async def asked() -> bool:
            return store.asked == 1

        await until(asked)
        texts = ["1", "2", "bad", "3", "4"]
        rest = [asyncio.create_task(smsc.deliver(PHONE, ucs2(text))) for text in texts]

        async def all_wait() -> bool:
            return len(route._inbound._inbox._waiting) == len(texts)

        await until(all_wait)  # so that they are one batch
        store.gate.set()
        assert await first == 0
        assert await asyncio.gather(*rest) == [0, 0, QUEUE_FULL, 0, 0]
        assert sorted(store.texts) == ["1", "2", "3", "4", "first"]


async def test_brought_again_after_a_break_it_has_the_same_name(tmp_path: Path) -> None:
    """Our answer may have been lost with the connection, so the gateway can't know."""
    async with inbound(tmp_path) as (smsc, gate, store, route):
        assert await smsc.deliver(PHONE, ucs2("收到")) == 0
        await gate.cut()
        await until_up(route)
        assert await smsc.deliver(PHONE, ucs2("收到")) == 0
        assert len(store.names) == 1
        # Once it has surely read our answer, an equal message is another.
        assert (await route.health()).ok
        await gate.cut()
        await until_up(route)
        assert await smsc.deliver(PHONE, ucs2("收到")) == 0
        assert len(store.names) == 2


async def test_while_only_replies_come_the_gateway_is_asked_whether_it_read(
    tmp_path: Path,
) -> None:
    """Else what may be brought again would be remembered for ever."""
    async with inbound(tmp_path, enquire_link_s=1) as (smsc, gate, _, route):
        async with asyncio.timeout(PATIENCE_S):
            while not gate.enquired:
                assert await smsc.deliver(PHONE, ucs2("收到")) == 0

        async def read() -> bool:
            assert route._link._session is not None
            return not route._link._session.has_unread and not route._inbound._names._open

        await until(read)


async def until_up(route: SmppRoute) -> None:
    async def healthy() -> bool:
        return route._link.up

    async def down() -> bool:
        return not route._link.up

    await until(down)
    await until(healthy)


@pytest.mark.parametrize("by", ["header", "wide-header", "parameters"])
async def test_parts_are_joined_in_whatever_order_they_come(by: str, tmp_path: Path) -> None:
    octets = ucs2(LONG)
    pieces = [octets[at : at + 133] for at in range(0, len(octets), 133)]  # in mid-character
    async with inbound(tmp_path) as (smsc, _, store, _):

        async def bring(number: int) -> int:
            data, total = pieces[number - 1], len(pieces)
            if by == "parameters":
                tlvs = {0x020C: b"\1\2", 0x020E: bytes((total,)), 0x020F: bytes((number,))}
                return await smsc.deliver(PHONE, data, tlvs=tlvs)
            if by == "wide-header":
                # Beside another element, as some phones write it.
                data = bytes((10, 0x24, 2, 1, 1, 8, 4, 1, 2, total, number)) + data
            else:
                data = part(number, total, data)
            return await smsc.deliver(PHONE, data, esm_class=0x40)

        order = [3, 1, *range(len(pieces), 3, -1), 2]
        answers = await asyncio.gather(*[bring(number) for number in order])
        assert answers == [0] * len(pieces)
        (reply,) = store.replies
        assert (reply.text, reply.sender) == (LONG, "+8613800000001")
        # A part that is brought again makes the same reply again, and no other.
        assert await bring(2) == 0
        assert store.names == {reply.gateway_id}


async def test_no_part_is_answered_before_the_whole_is_stored(tmp_path: Path) -> None:
    async with inbound(tmp_path) as (smsc, _, store, _):
        store.broken = True
        one = asyncio.create_task(smsc.deliver(PHONE, part(1, 2, ucs2("求助")), esm_class=0x40))
        two = smsc.deliver(PHONE, part(2, 2, ucs2("屋顶")), esm_class=0x40)
        assert [await two, await one] == [QUEUE_FULL, QUEUE_FULL]
        store.broken = False
        one = asyncio.create_task(smsc.deliver(PHONE, part(1, 2, ucs2("求助")), esm_class=0x40))
        two = smsc.deliver(PHONE, part(2, 2, ucs2("屋顶")), esm_class=0x40)
        assert [await two, await one] == [0, 0]
        assert set(store.texts) == {"求助屋顶"}
        assert len(store.names) == 1


async def test_a_gateway_that_brings_one_at_a_time_is_answered_in_time(tmp_path: Path) -> None:
    """It would wait for ever for the answer to the first part before it brings the second."""
    async with inbound(tmp_path) as (smsc, _, store, _):
        assert await smsc.deliver(PHONE, part(2, 2, ucs2("屋顶")), esm_class=0x40) == 0
        assert store.texts == ["屋顶…(1/2)"]
        assert await smsc.deliver(PHONE, part(1, 2, ucs2("求助")), esm_class=0x40) == 0
        assert store.texts == ["屋顶…(1/2)", "求助屋顶"]
        assert len(store.names) == 2


async def test_a_reference_that_is_used_again_mixes_nothing(tmp_path: Path) -> None:
    async with inbound(tmp_path) as (smsc, gate, store, _):

        async def brought() -> bool:
            return gate.brought == len(waiting)

        waiting = []
        for text in ("旧", "新"):  # the second leaves when the first is on the wire
            bringing = smsc.deliver(PHONE, part(1, 2, ucs2(text)), esm_class=0x40)
            waiting.append(asyncio.create_task(bringing))
            await until(brought)
        assert await smsc.deliver(PHONE, part(2, 2, ucs2("消息")), esm_class=0x40) == 0
        assert await asyncio.gather(*waiting) == [0, 0]
        assert store.texts == ["旧…(1/2)", "新消息"]


async def test_an_unreadable_message_is_refused_for_good(tmp_path: Path) -> None:
    async with inbound(tmp_path) as (smsc, gate, store, route):
        gate.say(Pdu(DELIVER, 0, 900, b"\0\1\1no end"))
        gate.say(Pdu(DELIVER, 0, 901, b"\0" * 17))
        assert await smsc.deliver(PHONE, ucs2("收到")) == 0
        assert store.texts[-1] == "收到"
        assert (await route.health()).ok


async def test_a_receipt_by_its_id_alone(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        first, second = case.message(1), case.message(2, attempt=3)
        await outcomes(case, [first])
        await outcomes(case, [second])
        one, two = case.smsc.submits()
        await receipt(case, two.message_id, two.number, "UNDELIV", "027")
        await receipt(case, one.message_id, one.number, "DELIVRD")
        assert case.sink.receipts(first) == [
            Receipt(
                delivery=1,
                attempt=1,
                status=ReceiptStatus.DELIVERED,
                code="smpp-delivrd",
                reference=one.message_id,
            )
        ]
        (failed,) = case.sink.receipts(second)
        assert (failed.status, failed.code) == (ReceiptStatus.FAILED, "smpp-undeliv-027")


async def test_an_id_that_a_gateway_gives_anew_goes_by_the_phone(tmp_path: Path) -> None:
    """It was restarted and counts from 1 again: an older message's receipt names a newer one's."""
    async with SmppCase.open(tmp_path) as case:
        message = case.message(1)
        await outcomes(case, [message])
        (submit,) = case.smsc.submits()
        for stranger in ("8613899999999", "13899999999"):
            await receipt(case, submit.message_id, stranger, "DELIVRD")
        assert case.sink.receipts(message) == []
        await receipt(case, submit.message_id, "138****0001", "DELIVRD")  # it masks them
        assert len(case.sink.receipts(message, ReceiptStatus.DELIVERED)) == 1


async def receipt(
    case: SmppCase, message_id: str, number: str, state: str, error: str = "000"
) -> None:
    text = receipt_text(message_id, state, error)
    assert await case.smsc.deliver(number, text, esm_class=4, coding=0) == 0


@pytest.mark.parametrize("spelt", ["decimal", "lower", "bare", "padded"])
async def test_an_id_that_is_spelt_otherwise(spelt: str, tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        message = case.message(1)
        await outcomes(case, [message])
        (submit,) = case.smsc.submits()
        value = int(submit.message_id, 16)
        other = {
            "decimal": str(value),
            "lower": f"{value:08x}",
            "bare": f"{value:X}",
            "padded": f"{value:012}",
        }[spelt]
        if spelt in {"decimal", "padded"}:
            # Read so for another phone, it is the name of another message.
            await receipt(case, other, "8613899999999", "DELIVRD")
            assert case.sink.receipts(message) == []
        await receipt(case, other, submit.number, "DELIVRD")
        assert len(case.sink.receipts(message, ReceiptStatus.DELIVERED)) == 1


async def test_receipts_in_parameters_and_by_our_reference(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path, timeout_s=SHORT_S) as case:
        message = case.message(1)
        await case.hold(message)
        assert fault((await outcomes(case, [message]))[1]) is not None
        (submit,) = case.smsc.submits()
        tlvs = {0x001E: b"never-heard-of\0", 0x0427: b"\2", 0x0204: submit.tlvs[0x0204]}
        # Somebody else's, though the reference is the same.
        assert await case.smsc.deliver("8613899999999", b"", tlvs=tlvs) == 0
        assert await case.smsc.deliver(submit.number, b"", tlvs=tlvs) == 0
        assert len(case.sink.receipts(message, ReceiptStatus.DELIVERED)) == 1
        assert len(case.sink.events) == 1


async def test_a_receipt_before_its_answer_waits_for_it(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        message = case.message(1)
        await case.hold(message)
        sending = asyncio.create_task(outcomes(case, [message]))

        async def taken() -> bool:
            return bool(await case.taken())

        await until(taken)
        (submit,) = case.smsc.submits()
        early = asyncio.create_task(receipt(case, submit.message_id, submit.number, "DELIVRD"))

        async def waits() -> bool:
            assert isinstance(case.route, SmppRoute)
            return len(case.route._inbound._early) == 1

        await until(waits)
        await case.release()
        assert isinstance((await sending)[1], Accepted)
        await early
        assert len(case.sink.receipts(message, ReceiptStatus.DELIVERED)) == 1


async def test_closing_lets_what_is_being_stored_be_answered(tmp_path: Path) -> None:
    async with inbound(tmp_path) as (smsc, _, store, route):
        store.gate.clear()
        bringing = asyncio.create_task(smsc.deliver(PHONE, ucs2("收到")))

        async def asked() -> bool:
            return store.asked == 1

        await until(asked)
        closing = asyncio.create_task(route.close())
        await asyncio.sleep(0)
        store.gate.set()
        await closing
        assert await bringing == 0
        assert store.texts == ["收到"]


async def test_a_long_message_is_delivered_when_all_of_it_is(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        message, other = case.message(1, text=LONG), case.message(2, text=LONG)
        await outcomes(case, [message, other])
        parts = [s for s in case.smsc.submits() if s.numbers[0] == 1]
        for submit in reversed(parts[1:]):
            await receipt(case, submit.message_id, submit.number, "DELIVRD")
            await receipt(case, submit.message_id, submit.number, "DELIVRD")
        assert case.sink.receipts(message, ReceiptStatus.DELIVERED) == []
        await receipt(case, parts[0].message_id, parts[0].number, "DELIVRD")
        assert len(case.sink.receipts(message, ReceiptStatus.DELIVERED)) == 1
        lost = next(s for s in case.smsc.submits() if s.numbers[0] == 2)
        await receipt(case, lost.message_id, lost.number, "EXPIRED")
        assert len(case.sink.receipts(other, ReceiptStatus.FAILED)) == 1


async def test_after_a_restart_a_tlv_of_ours_says_whose_receipt_it_is(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        short, long = case.message(1), case.message(2, attempt=4, text=LONG)
        await outcomes(case, [short, long])
        await case.route.close()
        sink = Recorder()
        config = route_config(case.gate.port, reference_tlv=NUMBERS_TLV)
        route = SmppRoute(config, context(sink))
        await route.start()
        for submit in case.smsc.submits():
            text = receipt_text(submit.message_id, "DELIVRD")
            # Without it nobody can tell, and nobody is told.
            await receipt(case, submit.message_id, submit.number, "DELIVRD")
            tlvs = {NUMBERS_TLV: submit.tlvs[NUMBERS_TLV]}
            await case.smsc.deliver(submit.number, text, esm_class=4, coding=0, tlvs=tlvs)
        assert len(sink.receipts(short)) == len(sink.receipts(long)) == 1
        assert len(sink.events) == 2
        await route.close()


@pytest.mark.parametrize("word", [b"", b"1.1.1", b"a.1.1.1", b"0.1.1.1", b"1.1.2.1", b"9" * 300])
async def test_a_tlv_that_isnt_ours_names_nobody(word: bytes, tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        text = receipt_text("X", "DELIVRD")
        tlvs = {NUMBERS_TLV: word}
        assert await case.smsc.deliver(PHONE, text, esm_class=4, coding=0, tlvs=tlvs) == 0
        assert case.sink.events == []


async def test_nobody_can_send_us_a_receipt(tmp_path: Path) -> None:
    """A phone's own text that looks like one is a reply."""
    async with SmppCase.open(tmp_path) as case:
        message = case.message(1)
        await outcomes(case, [message])
        (submit,) = case.smsc.submits()
        text = receipt_text(submit.message_id, "DELIVRD")
        assert await case.smsc.deliver(submit.number, text, coding=0) == 0
        (event,) = case.sink.events
        assert isinstance(event, Reply)


async def test_a_state_that_says_nothing_changes_nothing(tmp_path: Path) -> None:
    async with SmppCase.open(tmp_path) as case:
        await outcomes(case, [case.message(1)])
        (submit,) = case.smsc.submits()
        for state in ("UNKNOWN", "MK:0001", ""):
            await receipt(case, submit.message_id, submit.number, state)
        assert case.sink.events == []
        await until_healthy(case)
