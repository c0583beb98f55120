"""Long texts of chat groups: bytes bounded, signs whole, nothing lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.chat.parts import TooLongError, split

FAMILY = "👨‍👩‍👧‍👦"
SIGNS = [
    "防",
    "a",
    "𬍛",
    "e\u0301",
    "葛\U000e0100",  # a variant of a character, as in people's names
    "👍🏽",
    FAMILY,
    "🇨🇳",
    "1\ufe0f\u20e3",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "\r\n",
]


def unnumbered(parts: list[str]) -> str:
    return "".join(re.sub(r"^\(\d+/\d+\)", "", part, count=1) for part in parts)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=400), st.integers(64, 300))
def test_parts_are_short_and_are_the_text_again(text: str, most_bytes: int) -> None:
    parts = split(text, most_bytes)
    assert all(len(part.encode()) <= most_bytes for part in parts)
    assert (unnumbered(parts) if len(parts) > 1 else parts[0]) == text
    assert all(parts) or not text


@given(st.lists(st.sampled_from(SIGNS), max_size=120), st.integers(64, 200))
def test_no_sign_is_torn(signs: list[str], most_bytes: int) -> None:
    left = list(signs)
    parts = split("".join(signs), most_bytes)
    for part in parts:
        piece = unnumbered([part]) if len(parts) > 1 else part
        while piece:
            sign = left.pop(0)
            assert piece.startswith(sign), f"{sign!r} is torn"
            piece = piece.removeprefix(sign)
    assert left == []


def test_flags_are_cut_between_pairs() -> None:
    parts = split("🇨🇳" * 40, 64)
    assert {len(unnumbered([part])) % 2 for part in parts} == {0}


def test_a_sentence_is_kept_where_one_ends_near() -> None:
    parts = split("防汛" * 12 + "。" + "转移" * 12, 96)
    assert parts[0].endswith("。")
    far = split("防。" + "转移" * 40, 96)
    assert not far[0].endswith("。"), "not for a part of one word"


def test_the_tail_is_whole_and_at_the_end() -> None:
    tail = "\n@13800000001 @13900000002"
    parts = split("防" * 100, 128, tail)
    assert parts[-1].endswith(tail)
    assert all(len(part.encode()) <= 128 for part in parts)
    assert split("防", 128, tail) == [f"防{tail}"]


def test_a_sign_longer_than_a_part_is_given_in_pieces() -> None:
    text = "e" + "\u0301" * 200
    assert unnumbered(split(text, 64)) == text


def test_a_book_is_too_long() -> None:
    with pytest.raises(TooLongError):
        split("a" * 100 * 64, 64)
