"""SMS lengths, counted by hand beside each case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.messages import Encoding, SmsSize, sms_size

GSM, UCS = Encoding.GSM7, Encoding.UCS2

# DOMAIN's own example: 55 characters.
ONE_PART = (
    "【余姚市防指】红色台风A7:立即按清单转移危房、低洼户,18时前完成。"
    "回1收到 2+人数完成 3求助 0不在岗"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", SmsSize(GSM, 0, 0)),
        ("a", SmsSize(GSM, 1, 1)),
        ("a" * 160, SmsSize(GSM, 160, 1)),
        ("a" * 161, SmsSize(GSM, 161, 2)),
        ("a" * 306, SmsSize(GSM, 306, 2)),  # 2 × 153
        ("a" * 307, SmsSize(GSM, 307, 3)),
        ("€" * 80, SmsSize(GSM, 160, 1)),  # the extension table counts 2
        ("€" * 81, SmsSize(GSM, 162, 2)),
        ("a" * 152 + "€" + "a" * 7, SmsSize(GSM, 161, 2)),  # the escape isn't torn from its sign
        ("a" * 152 + "€" + "a" * 152, SmsSize(GSM, 306, 3)),  # … and so costs a part here
        ("[]{}\\^~|", SmsSize(GSM, 16, 1)),
        ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ", SmsSize(GSM, 31, 1)),
        ("ç", SmsSize(UCS, 1, 1)),  # small; only the capital is in the alphabet
        ("`", SmsSize(UCS, 1, 1)),
        ("\x1b", SmsSize(UCS, 1, 1)),
        ("收" * 70, SmsSize(UCS, 70, 1)),
        ("收" * 71, SmsSize(UCS, 71, 2)),
        ("收" * 134, SmsSize(UCS, 134, 2)),  # 2 × 67
        ("收" * 135, SmsSize(UCS, 135, 3)),
        ("a" * 71 + "收", SmsSize(UCS, 72, 2)),
        ("𬍛", SmsSize(UCS, 2, 1)),  # beyond the BMP: two UTF-16 units
        ("𬍛" * 35, SmsSize(UCS, 70, 1)),
        ("𬍛" * 36, SmsSize(UCS, 72, 2)),
        ("𬍛" * 67, SmsSize(UCS, 134, 3)),  # 33 to a part: a pair isn't torn in two
        ("䶮㛃", SmsSize(UCS, 2, 1)),
        (ONE_PART, SmsSize(UCS, 55, 1)),
    ],
)
def test_length(text: str, expected: SmsSize) -> None:
    assert sms_size(text) == expected


@given(st.text(max_size=400))
def test_units_are_what_travels(text: str) -> None:
    measured = sms_size(text)
    if measured.encoding is UCS:
        assert measured.units == len(text.encode("utf-16-be", "surrogatepass")) // 2
    assert measured.parts <= measured.units
    assert sms_size(text + "收").encoding is UCS
    assert sms_size(text + "a").parts >= measured.parts
