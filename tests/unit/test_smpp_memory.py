"""What an SMPP route remembers: who a receipt is about, what a message is called; bounded."""

import itertools

import pytest

from alertd.decide.grammar import ReplyKind, parse
from channels.base import ReceiptStatus
from channels.sms.smpp_joining import Joining
from channels.sms.smpp_names import Names, fingerprint, fresh_names
from channels.sms.smpp_numbers import incoming_number, outgoing_number
from channels.sms.smpp_pdus import Delivered
from channels.sms.smpp_text import Place
from channels.sms.smpp_tries import MOST_PARTS, Tries, Try

PHONE = "+8613800000001"


def one(delivery: int, parts: int = 1) -> Try:
    return Try(delivery, 1, PHONE, parts)


def test_references_are_bounded_and_none_is_given_twice() -> None:
    tries = Tries(first=65_530)
    parts = [tries.part(one(number), 1) for number in range(MOST_PARTS + 10_000)]
    for part in parts:
        tries.taken(part, f"X{part.of.delivery}")
    kept = tries._by_reference
    assert len(kept) == MOST_PARTS
    assert len({part.reference for part in kept.values()}) == MOST_PARTS
    assert tries.find(f"X{parts[-1].of.delivery}", None, b"", ()) == (parts[-1].of, 1)


def test_what_is_forgotten_is_forgotten_whole() -> None:
    tries = Tries(first=0)
    for number in range(MOST_PARTS + 5_000):
        tries.taken(tries.part(one(number, parts=2), 1), f"X{number}")
    assert len(tries._by_id) == len(tries._by_reference) == len(tries._several) == MOST_PARTS
    assert tries.find("X1", None, b"", (PHONE,)) is None


def test_a_whole_is_delivered_when_each_part_is() -> None:
    of = one(1, parts=3)
    words = [of.after(part, ReceiptStatus.DELIVERED) for part in (3, 3, 1)]
    assert words == [None, None, None]
    assert of.after(2, ReceiptStatus.ACCEPTED) is ReceiptStatus.ACCEPTED
    assert of.after(2, ReceiptStatus.DELIVERED) is ReceiptStatus.DELIVERED
    assert of.after(2, ReceiptStatus.FAILED) is ReceiptStatus.FAILED


def test_of_a_whole_with_a_lost_part_the_others_arrival_says_nothing() -> None:
    """It was taken for the gateway's word that it has all of it: a copy then under way by another
    route was called accepted by that, and its own refusal went unheard."""
    of = one(1, parts=3)
    of.accepted = 0b1110
    assert of.after(2, ReceiptStatus.FAILED) is ReceiptStatus.FAILED
    assert [of.after(part, ReceiptStatus.DELIVERED) for part in (1, 3)] == [None, None]
    assert of.after(2, ReceiptStatus.ACCEPTED) is None  # en route, told late
    assert of.after(2, ReceiptStatus.DELIVERED) is ReceiptStatus.DELIVERED  # it came all the same


def test_a_reference_of_a_message_that_has_another_id_says_nothing() -> None:
    tries = Tries(first=0)
    part = tries.part(one(1), 1)
    tries.taken(part, "A1")
    assert tries.find("B2", part.reference, b"", (PHONE,)) is None
    assert tries.find("", part.reference, b"", (PHONE,)) == (part.of, 1)
    assert tries.find("", part.reference, b"", ("8613811111111",)) is None


def test_digits_that_are_the_id_of_one_and_the_spelling_of_another_go_by_the_phone() -> None:
    """A gateway gives ids in hexadecimal and names them in decimal: 16 is `10`, and so is 0x10."""
    tries = Tries(first=0)
    ours = {n: tries.part(Try(n, 1, f"+86138000000{n}", 1), 1) for n in (10, 16)}
    for number, part in ours.items():
        tries.taken(part, f"{number:08X}")
    named = {n: tries.find(str(n), None, b"", (f"86138000000{n}", "10657100")) for n in ours}
    assert named == {number: (part.of, 1) for number, part in ours.items()}
    # One whose phone the gateway doesn't name is found by the very id.
    assert tries.find("10", None, b"", ("", "10657100")) == (ours[16].of, 1)


def test_names_are_kept_for_what_may_come_again() -> None:
    names = Names(fresh_names("run"))
    looks = fingerprint("a", "b", 8, b"c")
    first = names.name(looks, "one", 0.0)
    # The same connection doesn't repeat what it waits for an answer to.
    second = names.name(looks, "one", 0.0)
    assert first != second
    names.refused(looks, second)
    assert names.name(looks, "one", 10_000.0) == second
    assert names.name(looks, "two", 299.0) == first
    names.settled(looks, first)
    names.settled(looks, second)
    assert names.name(looks, "three", 300.0) not in {first, second}


def test_a_stored_answer_of_long_ago_swallows_none() -> None:
    names = Names(fresh_names("run"))
    looks = fingerprint("a")
    assert names.name(looks, "one", 0.0) != names.name(looks, "two", 300.0)


def test_names_are_bounded() -> None:
    names = Names(fresh_names("run"))
    for number in range(20_000):
        names.name(fingerprint(number), "one", 0.0)
    assert len(names._open) == 10_000


def test_fingerprints_keep_their_facts_apart() -> None:
    assert fingerprint("a", "bc") != fingerprint("ab", "c")
    assert fingerprint(1, b"") != fingerprint("1:0", b"")


def deliver(
    joining: Joining, now: float, number: int, data: bytes, looks: bytes = b"a"
) -> list[str]:
    part = Delivered("8613800000001", 1, "106", 0x40, 3, data, {})
    taken = joining.take(looks, Place(1, number, 3), part, data, lambda _: None, now)
    return [joined.text for joined in taken]


def test_parts_that_never_come_are_marked_and_forgotten() -> None:
    joining = Joining(lambda looks: fingerprint(looks).hex())
    assert deliver(joining, 0.0, 3, b"c") == []
    assert deliver(joining, 1.0, 1, b"a") == []
    assert joining.overdue(3.9) == []
    (joined,) = joining.overdue(4.0)
    assert (joined.text, len(joined.answers)) == ("a…c…(2/3)", 2)
    assert joining.overdue(3_600.0) == []
    assert deliver(joining, 3_600.0, 2, b"b") == ["abc"]
    joining.overdue(8_000.0)
    assert not joining._messages


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("收到", ReplyKind.UNCLEAR),  # it may go on: …了吗?
        ("2 35", ReplyKind.UNCLEAR),
        ("1", ReplyKind.UNCLEAR),
        ("2", ReplyKind.UNCLEAR),  # with the mark behind it no count: 2 1/2
        ("已全部转移", ReplyKind.UNCLEAR),
        ("求助,水已经到二楼了", ReplyKind.HELP),
    ],
)
def test_a_half_answers_nothing_but_calls_for_help(text: str, kind: ReplyKind) -> None:
    joining = Joining(lambda looks: fingerprint(looks).hex())
    part = Delivered("8613800000001", 1, "106", 0x40, 8, b"", {})
    joining.take(b"a", Place(1, 1, 2), part, text.encode("utf-16-be"), lambda _: None, 0.0)
    (joined,) = joining.overdue(10.0)
    assert parse(joined.text).kind is kind


def test_messages_in_parts_are_bounded() -> None:
    joining = Joining(lambda looks: fingerprint(looks).hex())
    said = [deliver(joining, 0.0, 1, b"a", b"%d" % number) for number in range(1_500)]
    assert len(joining._messages) == 1_000
    # Those that had to go weren't thrown away.
    assert list(itertools.chain(*said)) == ["a…(1/3)"] * 500


@pytest.mark.parametrize(
    ("source", "ton", "number"),
    [
        ("8613800000001", 1, "+8613800000001"),
        ("8613800000001", 0, "+8613800000001"),
        ("13800000001", 0, "+8613800000001"),
        ("13862345678", 2, "+8613862345678"),  # a number of +1, too
        ("13800000001", 1, "+8613800000001"),  # so called, and given without its code
        ("4915112345678", 1, "+4915112345678"),
        ("+13862345678", 0, "+13862345678"),
        ("057462600001", 0, "+8657462600001"),
        ("10086", 0, "10086"),
        ("Yuyao", 5, "Yuyao"),
        ("", 0, ""),
    ],
)
def test_numbers_that_come(source: str, ton: int, number: str) -> None:
    assert incoming_number(source, ton, "CN") == number


@pytest.mark.parametrize(
    ("address", "left_out", "number"),
    [
        (PHONE, "", "8613800000001"),
        (PHONE, "86", "13800000001"),
        ("+13862345678", "86", "13862345678"),
        ("13800000001", "", "13800000001"),
        ("+86138x", "", None),
        ("", "", None),
        ("+" + "1" * 21, "", None),
        ("+٣٤٥", "", None),
    ],
)
def test_numbers_that_go(address: str, left_out: str, number: str | None) -> None:
    assert outgoing_number(address, left_out) == number
