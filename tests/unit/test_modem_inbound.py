"""What SIMs hold becomes replies: joined in any order, under ids that stay the same."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.decide.grammar import parse
from channels.base import Reply
from channels.sms.modem_inbound import Joiner, Stored, Whole
from channels.sms.modem_pdu import deliver_text
from channels.sms.modem_sim.pdu import Part, deliver

T0 = 1_790_000_000_000
WHO = "+8615400000009"
LATER = T0 + 11 * 60_000


def stored(
    place: int, text: str, part: tuple[int, int, int] | None = None, *, sender: str = WHO
) -> Stored:
    return Stored(place, f"key-{text}-{part}", sender, text, T0 + place, part)


def replies(wholes: list[Whole]) -> list[Reply]:
    return [whole.reply for whole in wholes if whole.reply]


PARTS = [(1, "一", (9, 3, 1)), (2, "二", (9, 3, 2)), (3, "三", (9, 3, 3))]


@pytest.mark.parametrize("order", list(itertools.permutations(PARTS)))
def test_parts_are_joined_in_any_order_and_a_reply_has_one_id(
    order: tuple[tuple[int, str, tuple[int, int, int]], ...],
) -> None:
    joiner = Joiner("m1", "86")
    held: list[Stored] = []
    for place, text, part in order:
        assert joiner.wholes(held, T0) == []
        held.append(stored(place, text, part))
    (whole,) = joiner.wholes(held, T0)
    assert whole.reply is not None
    assert whole.reply.text == "一二三"
    assert {place for place, _ in whole.places} == {1, 2, 3}
    # After a crash the SIM gives them in an order of its own.
    again = replies(Joiner("m1", "86").wholes([stored(*part) for part in PARTS], LATER))
    assert [reply.gateway_id for reply in again] == [whole.reply.gateway_id]


def test_messages_that_differ_have_ids_that_differ() -> None:
    joiner = Joiner("m1", "86")
    held = [
        stored(1, "1"),
        stored(2, "1"),  # a second later
        stored(3, "2"),
        stored(4, "1", sender="+8615400000008"),
        *(stored(*part) for part in PARTS),
        *(stored(place + 9, text, (10, 3, part[2])) for place, text, part in PARTS),
    ]
    found = replies(joiner.wholes(held, T0))
    assert len(found) == len({reply.gateway_id for reply in found}) == 6
    others = replies(Joiner("m2", "86").wholes(held, T0))
    assert not {reply.gateway_id for reply in others} & {reply.gateway_id for reply in found}


def test_two_senders_and_two_references_dont_mix() -> None:
    held = [
        stored(1, "a1", (9, 2, 1)),
        stored(2, "b2", (9, 2, 2), sender="+8615400000008"),
        stored(3, "c2", (8, 2, 2)),
        stored(4, "d2", (9, 3, 2)),
    ]
    assert Joiner("m1", "86").wholes(held, T0) == []


def test_what_isnt_whole_is_handed_on_after_ten_minutes() -> None:
    joiner = Joiner("m1", "86")
    held = [stored(1, "我们这里", (9, 3, 1)), stored(3, "快来", (9, 3, 3))]
    assert joiner.wholes(held, T0) == []
    (whole,) = joiner.wholes(held, LATER)
    assert whole.reply is not None
    assert whole.reply.text == "我们这里[…]快来"


def test_what_lacks_a_part_answers_nothing() -> None:
    """老人不肯走,还没有 may have stood in front of it."""
    joiner, held = Joiner("m1", "86"), [stored(2, "全部转移完毕", (9, 2, 2))]
    joiner.wholes(held, T0)
    (reply,) = replies(joiner.wholes(held, LATER))
    assert parse(reply.text).reason == "part-of-a-message"


def test_a_part_that_comes_twice_is_nothing_new() -> None:
    joiner = Joiner("m1", "86")
    held = [stored(*part) for part in PARTS]
    (whole,) = joiner.wholes(held, T0)
    joiner.stored(whole, held)
    assert joiner.wholes([stored(7, "二", (9, 3, 2))], T0) == [
        Whole(None, ((7, "key-二-(9, 3, 2)"),))
    ]
    # The reference is one octet: another message may have it later.
    assert joiner.wholes([stored(7, "别的", (9, 3, 2))], T0) == []


@pytest.mark.parametrize("at", [None, 946_684_800_000])  # 2000-01-01: a clock that nobody set
def test_a_service_centre_without_a_clock_swallows_no_answer(at: int | None) -> None:
    """Someone who answers each alert by the same word, once the first is off the SIM."""
    joiner = Joiner("m1", "86")
    of_today = [Stored(1, "same", WHO, "1", at), Stored(2, "same", WHO, "1", at)]
    first, beside = replies(joiner.wholes(of_today, T0))
    assert replies(joiner.wholes(of_today, T0 + 500)) == [first, beside]  # not yet deleted
    assert joiner.wholes([], T0 + 1_000) == []
    (tomorrow,) = replies(joiner.wholes(of_today[:1], LATER))
    assert len({first.gateway_id, beside.gateway_id, tomorrow.gateway_id}) == 3


def test_a_reference_used_again_by_one_sender_loses_no_text() -> None:
    """Some phones choose it by chance, some have only one."""
    asked = [stored(1, "求助,水到二楼", (9, 2, 1)), stored(2, "有老人", (9, 2, 2))]
    then = [stored(3, "2 35", (9, 2, 1)), stored(4, "人已转移", (9, 2, 2))]
    found = Joiner("m1", "86").wholes([*then, *asked], T0)
    assert {reply.text for reply in replies(found)} == {"求助,水到二楼有老人", "2 35人已转移"}
    assert sorted(place for whole in found for place, _ in whole.places) == [1, 2, 3, 4]
    # Of the first only one part has come: it waits for the other.
    joiner = Joiner("m1", "86")
    (whole,) = joiner.wholes([asked[0], *then], T0)
    assert whole.reply is not None
    assert whole.reply.text == "2 35人已转移"
    (rest,) = replies(joiner.wholes([asked[0]], LATER))
    assert rest.text == "求助,水到二楼[…]"


@pytest.mark.parametrize(
    ("given_as", "read"),
    [
        ("15400000009", "+8615400000009"),
        ("057462700000", "+8657462700000"),
        ("+8615400000009", "+8615400000009"),
        ("8615400000009", "+8615400000009"),
        ("008615400000009", "+8615400000009"),
        ("10086", "10086"),
        ("106901333914", "106901333914"),
        ("ALERT", "ALERT"),
        ("", "unknown"),
    ],
)
def test_national_numbers_get_their_country(given_as: str, read: str) -> None:
    (reply,) = replies(Joiner("m1", "86").wholes([stored(1, "1", sender=given_as)], T0))
    assert reply.sender == read


def test_what_no_store_takes_is_left_out() -> None:
    (reply,) = replies(Joiner("m1", "86").wholes([stored(1, "a\0b\ud870c")], T0))
    assert reply.text == "ab\ufffdc"


def test_a_character_cut_in_two_by_the_phone_is_whole_again() -> None:
    held = [stored(1, "a\ud870", (9, 2, 1)), stored(2, "\udf5bb", (9, 2, 2))]
    (reply,) = replies(Joiner("m1", "86").wholes(held, T0))
    assert reply.text == "a𬍛b"


AT = datetime(2026, 9, 21, 12, tzinfo=UTC)
# ESC is no character of a text but how its alphabet shifts (3GPP TS 23.038, 6.2.1).
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x1b")
texts = st.text(CHARACTERS, min_size=0, max_size=60)
parts = st.none() | st.builds(
    Part, st.integers(0, 255), st.just(3), st.integers(min_value=1, max_value=3)
)


@given(text=texts, part=parts, sender=st.sampled_from([WHO, "10086", "1540000000", "ALERT"]))
def test_a_texts_bytes_are_read_as_they_were_written(
    text: str, part: Part | None, sender: str
) -> None:
    if len(text.encode("utf-16-be")) <= 134:
        pdu = deliver(sender, text, AT, centre="+8613800571500", part=part)
        assert deliver_text(pdu) == text


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(pdu: bytes) -> None:
    text = deliver_text(pdu)
    assert text is None or isinstance(text, str)


def test_other_alphabets_and_kinds() -> None:
    pdu = deliver(WHO, "好", AT, centre="+8613800571500")
    coding = pdu.index(b"\x00\x08", 10) + 1
    waiting, data = bytearray(pdu), bytearray(pdu)
    waiting[coding], data[coding] = 0xE0, 0xF4
    assert deliver_text(bytes(waiting)) == "好"
    assert deliver_text(bytes(data)) == ""
    submit = bytearray(pdu)
    submit[9] |= 1
    assert deliver_text(bytes(submit)) is None
