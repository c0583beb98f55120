"""Texts for SMPP: as many parts as were counted, each of which fits, and nothing torn."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from smpplib.gsm import GSM_CHARACTER_TABLE

from alertd.messages import Encoding, sms_parts, sms_size
from channels.sms.smpp_text import Place, cut, decode, place_in_header

# Both alphabets, characters of two units in each, and what is in neither alphabet's table.
CHARACTERS = (
    st.sampled_from("aZ9 \n@$€[]{}\\^~|é") | st.sampled_from("收到𬍛🌀䶮\ufffd") | st.characters()
)
TEXTS = st.text(CHARACTERS, min_size=1, max_size=500).filter(
    lambda text: not any("\ud800" <= char <= "\udfff" for char in text)
)


@given(TEXTS)
@example("€" * 81)
@example("a" * 152 + "€" + "a" * 152)
@example("𬍛" * 67)
@example("a" * 160)
@example("a" * 161)
@example("收" * 70)
@example("收" * 71)
@example("\x1b[0m")
def test_parts_agree_with_what_was_counted(text: str) -> None:
    size = sms_size(text)
    encoding, texts = sms_parts(text)
    assert (encoding, len(texts), "".join(texts)) == (size.encoding, size.parts, text)
    parts = cut(text, 200)
    assert len(parts) == size.parts
    bodies = []
    for number, part in enumerate(parts, start=1):
        assert part.has_header == (size.parts > 1)
        place, body = place_in_header(part.data) if part.has_header else (None, part.data)
        assert place == (Place(200, number, size.parts) if part.has_header else None)
        # On the air: 140 octets, less six for a header; or 160 septets, less seven.
        if size.encoding is Encoding.UCS2:
            assert part.data_coding == 8
            assert len(part.data) <= 140
            bodies.append(body.decode("utf-16-be"))
        else:
            assert part.data_coding == 0
            assert len(body) <= (153 if part.has_header else 160)
            bodies.append(decode(body, 0))
    assert bodies == texts


def test_an_empty_text_is_one_empty_part() -> None:
    (part,) = cut("", 0)
    assert (part.data, part.has_header) == (b"", False)


@pytest.mark.parametrize("text", ["收" * 67 * 256, "a" * 153 * 256, "\ud83c"])
def test_what_cant_travel_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        cut(text, 0)


def test_the_most_parts() -> None:
    assert len(cut("收" * 67 * 255, 255)) == 255


def test_the_alphabet_is_smpplibs_too() -> None:
    """Two libraries' tables of GSM 03.38, read against each other."""
    for place, char in enumerate(GSM_CHARACTER_TABLE[:0x80]):
        if char not in "\x1b`":
            assert decode(bytes((place,)), 0) == char


@pytest.mark.parametrize(
    ("data", "place", "rest"),
    [
        (b"", None, b""),
        (b"\x05", None, b"\x05"),
        (b"\x05\x00\x03\x07\x02", None, b"\x05\x00\x03\x07\x02"),  # shorter than it says
        (b"\x00text", None, b"\x00text"),
        (b"\x05\x00\x03\x07\x02\x01a", Place(7, 1, 2), b"a"),
        (b"\x06\x08\x04\x01\x07\x02\x02a", Place(0x107, 2, 2), b"a"),
        (b"\x05\x00\x03\x07\x01\x01a", None, b"a"),  # one of one
        (b"\x05\x00\x03\x07\x02\x03a", None, b"a"),  # the third of two
        (b"\x05\x00\x03\x07\x02\x00a", None, b"a"),
        (b"\x05\x00\x02\x07\x02\x00a", None, b"a"),
        (b"\x06\x05\x04\x0b\x84\x23\xf0x", None, b"x"),  # ports alone
        (b"\x03\x00\xff\x00a", None, b"a"),
    ],
)
def test_headers(data: bytes, place: Place | None, rest: bytes) -> None:
    assert place_in_header(data) == (place, rest)


@given(st.binary(max_size=160), st.integers(0, 255))
def test_whatever_comes_is_read(data: bytes, coding: int) -> None:
    place_in_header(data)
    decode(data, coding)
