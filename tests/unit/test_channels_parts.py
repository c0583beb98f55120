"""SMS lengths, counted by hand beside each case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sms.parts import Encoding, Parts, parts

GSM, UCS = Encoding.GSM7, Encoding.UCS2

# DOMAIN's own example: 55 characters.
ONE_PART = (
    "【余姚市防指】红色台风A7:立即按清单转移危房、低洼户,18时前完成。"
    "回1收到 2+人数完成 3求助 0不在岗"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Parts(GSM, 0, 0)),
        ("a", Parts(GSM, 1, 1)),
        ("a" * 160, Parts(GSM, 160, 1)),
        ("a" * 161, Parts(GSM, 161, 2)),
        ("a" * 306, Parts(GSM, 306, 2)),  # 2 × 153
        ("a" * 307, Parts(GSM, 307, 3)),
        ("€" * 80, Parts(GSM, 160, 1)),  # the extension table counts 2
        ("€" * 81, Parts(GSM, 162, 2)),
        ("a" * 152 + "€" + "a" * 7, Parts(GSM, 161, 2)),  # the escape isn't torn from its sign
        ("a" * 152 + "€" + "a" * 152, Parts(GSM, 306, 3)),  # … and so costs a part here
        ("[]{}\\^~|", Parts(GSM, 16, 1)),
        ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ", Parts(GSM, 31, 1)),
        ("ç", Parts(UCS, 1, 1)),  # small; only the capital is in the alphabet
        ("`", Parts(UCS, 1, 1)),
        ("\x1b", Parts(UCS, 1, 1)),
        ("收" * 70, Parts(UCS, 70, 1)),
        ("收" * 71, Parts(UCS, 71, 2)),
        ("收" * 134, Parts(UCS, 134, 2)),  # 2 × 67
        ("收" * 135, Parts(UCS, 135, 3)),
        ("a" * 71 + "收", Parts(UCS, 72, 2)),
        ("𬍛", Parts(UCS, 2, 1)),  # beyond the BMP: two UTF-16 units
        ("𬍛" * 35, Parts(UCS, 70, 1)),
        ("𬍛" * 36, Parts(UCS, 72, 2)),
        ("𬍛" * 67, Parts(UCS, 134, 3)),  # 33 to a part: a pair isn't torn in two
        ("䶮㛃", Parts(UCS, 2, 1)),
        (ONE_PART, Parts(UCS, 55, 1)),
    ],
)
def test_length(text: str, expected: Parts) -> None:
    assert parts(text) == expected


@given(st.text(max_size=400))
def test_units_are_what_travels(text: str) -> None:
    measured = parts(text)
    if measured.encoding is UCS:
        assert measured.units == len(text.encode("utf-16-be", "surrogatepass")) // 2
    assert measured.parts <= measured.units
    assert parts(text + "收").encoding is UCS
    assert parts(text + "a").parts >= measured.parts
