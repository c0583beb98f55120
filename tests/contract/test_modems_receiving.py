"""Status reports and replies, as gammu reads them from a SIM."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alertd.messages.length import sms_size
from channels.base import Accepted, Event, Fault, Limits, ReceiptStatus, Reply
from channels.sms.modem_sim.pdu import deliver, of_ms
from channels.sms.modems import ModemsRoute
from tests.contract.case_modems import (
    HURRIED,
    Modems,
    context,
    route_config,
)
from tests.contract.modems_alone import LONG, alone, gone, send
from tests.contract.peer import Recorder, until


async def test_a_long_message_is_delivered_when_all_of_it_is(tmp_path: Path) -> None:
    async with alone(tmp_path) as (route, sink, peer):
        parts = sms_size(LONG).parts
        await peer.control("next", {"reference": 254})  # they wrap in mid-message
        (result,) = await send(route, LONG)
        assert isinstance(result, Accepted)
        assert result.reference == "m1-254+255+0+1"[: len(result.reference or "")]
        assert parts == len(peer.lines("message")) >= 3
        await peer.control("reports", {"to": "+8615400000001"})
        await sink.until(lambda events: len(events) == 1)
        (receipt,) = sink.events
        assert (receipt.delivery, receipt.status) == (1, ReceiptStatus.DELIVERED)


async def test_references_that_wrap_name_the_right_message(tmp_path: Path) -> None:
    async with alone(tmp_path) as (route, sink, peer):
        await peer.control("next", {"reference": 250})
        assert [type(r) for r in await send(route, *["红"] * 12)] == [Accepted] * 12
        references = [line["reference"] for line in peer.lines("message")]
        assert references == [*range(250, 256), *range(6)]
        # One by one: python-gammu drops what is more than ten at once, and no network sends that.
        for count, number in enumerate(reversed(range(1, 13)), start=1):
            await peer.control("reports", {"to": f"+86154{number:08}"})
            await sink.until(lambda events, count=count: len(events) == count)
        assert [e.delivery for e in sink.events] == [*reversed(range(1, 13))]


async def test_a_phone_that_is_off_holds_up_nobody(tmp_path: Path) -> None:
    async with alone(tmp_path) as (route, sink, peer):
        assert [type(r) for r in await send(route, *["红"] * 6)] == [Accepted] * 6
        await peer.control("reports", {"to": "+8615400000002", "status": 0x30})  # still trying
        await peer.control("reports", {"to": "+8615400000003"})
        await sink.until(lambda events: len(events) == 1)
        assert [type(r) for r in await send(route, "红", first=7)] == [Accepted]
        await peer.control("reports", {"to": "+8615400000002", "status": 0x46})  # too long off
        await sink.until(lambda events: len(events) == 2)
        late = sink.events[1]
        assert (late.delivery, late.status, late.fault) == (
            *(2, ReceiptStatus.FAILED, Fault.RETRY),
        )


async def test_reports_that_the_modem_stores_are_read_and_deleted(tmp_path: Path) -> None:
    async with alone(tmp_path) as (route, sink, peer):
        await peer.control("modems", {"stored_reports": True})
        await send(route, "红")
        await peer.control("reports", {"to": "+8615400000001"})
        await sink.until(lambda events: len(events) == 1)
        assert sink.events[0].status is ReceiptStatus.DELIVERED
        await until(lambda: gone(peer, 1))
        # A report on what nobody here sent is of no use to anybody.
        await peer.control("reports", {"to": "+8615400000001"})


async def receive(peer: Modems, text: str, part: list[int] | None = None) -> None:
    wanted = {"modem": "m1", "from": "+8615400000009", "text": text, "at": 1_790_000_000_000}
    await peer.control("receive", {**wanted, "part": part} if part else wanted)


async def test_what_comes_in_is_read_whole_and_deleted(tmp_path: Path) -> None:
    texts = ["收到~ 3", "2 35", "好的~~𬍛~1", "[ok] {1} €~x", "a" * 160, "测" * 70]
    async with alone(tmp_path) as (_, sink, peer):
        for text in texts:
            await receive(peer, text)
        await sink.until(lambda events: len(events) == len(texts))
        replies = [event for event in sink.events if isinstance(event, Reply)]
        assert sorted(reply.text for reply in replies) == sorted(texts)
        assert {reply.sender for reply in replies} == {"+8615400000009"}
        assert {reply.occurred_at for reply in replies} == {1_790_000_000_000}
        await until(lambda: gone(peer, len(texts)))


async def test_a_message_that_cant_be_read_hides_no_other(tmp_path: Path) -> None:
    """One that ends too soon, one with more behind it than it says, and an empty record."""
    whole = deliver("+8615400000009", "1", of_ms(1_790_000_000_000), centre="+8613800571500")
    async with alone(tmp_path) as (route, sink, peer):
        for pdu in (whole[:-6], whole + b"\0\0", b"\xff" * 40):
            await peer.control("store", {"modem": "m1", "pdu": pdu.hex()})
        await receive(peer, "3 求助")
        await sink.until(bool)
        assert [e.text for e in sink.events if isinstance(e, Reply)] == ["3 求助"]
        await until(lambda: gone(peer, 1))

        async def told() -> bool:
            return "m1: 3 messages on its SIM can't be read" in (await route.health()).detail

        await until(told)


async def test_long_replies_are_joined_in_any_order(tmp_path: Path) -> None:
    async with alone(tmp_path) as (_, sink, peer):
        await receive(peer, "人,3户不肯走", [77, 3, 3])
        await receive(peer, "另一条", [78, 2, 1])
        await receive(peer, "梨洲街道已转移", [77, 3, 1])
        await receive(peer, "三十五", [77, 3, 2])
        await sink.until(lambda events: len(events) == 1)
        (reply,) = sink.events
        assert isinstance(reply, Reply)
        assert reply.text == "梨洲街道已转移三十五人,3户不肯走"
        await until(lambda: gone(peer, 3))  # and the other one's part stays


class Forgetful(Recorder):
    """Commits, and dies before it says so."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = True

    async def __call__(self, route: str, events: Sequence[Event]) -> None:
        await super().__call__(route, events)
        if self.fails:
            raise RuntimeError("cut")


async def test_a_reply_read_again_after_a_crash_is_the_same(tmp_path: Path) -> None:
    peer = Modems(tmp_path, 1)
    await peer.start()
    try:
        for reference in (5, 6):
            await receive(peer, "后半", [reference, 2, 2])
            await receive(peer, "前半", [reference, 2, 1])
        await receive(peer, "收到")
        sinks = [Forgetful(), Forgetful()]
        sinks[1].fails = False
        for sink in sinks:
            config = route_config(peer, Limits(), poll_s=0.2)
            route = ModemsRoute(config, context(sink), HURRIED)
            await route.start()
            await sink.until(lambda events: len(ids(events)) == 3)
            if not sink.fails:
                await until(lambda: gone(peer, 5))
            assert sink.fails is not bool(peer.lines("deleted"))
            await route.close()
        assert ids(sinks[0].events) == ids(sinks[1].events)
    finally:
        await peer.stop()


async def full(peer: Modems, **air: Any) -> None:
    """Its memory has 16 replies before anybody asks, and is slow or worn as `air` says."""
    await peer.control("modems", air)
    for number in range(16):
        await receive(peer, f"收到 {number}")


async def test_a_memory_that_is_freed_slowly_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    async with alone(tmp_path, before=lambda peer: full(peer, erase_s=0.05)) as (route, _, peer):

        async def begun() -> bool:
            return bool(peer.lines("deleted"))

        await until(begun)
        assert [type(result) for result in await send(route, "红", "红")] == [Accepted] * 2
        assert len(peer.lines("deleted")) < 12  # it goes on beside them
        await until(lambda: gone(peer, 16))


async def test_a_place_that_is_worn_out_keeps_no_other_from_being_freed(tmp_path: Path) -> None:
    async with alone(tmp_path, before=lambda peer: full(peer, worn=1)) as (_, sink, peer):
        await until(lambda: gone(peer, 15))
        assert len(ids(sink.events)) == 16


def ids(events: Sequence[Event]) -> set[str]:
    return {event.gateway_id for event in events if isinstance(event, Reply)}
