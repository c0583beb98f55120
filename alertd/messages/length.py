"""How many SMS a text takes: DOMAIN, "SMS"; the alphabet is GSM 03.38."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gsm0338 import Codec

_GSM = Codec()
_ESCAPE = "\x1b"  # the alphabet's own shift: a text that holds it bare can't travel in it


class Encoding(StrEnum):
    """The two alphabets that a text can travel in."""

    GSM7 = "gsm-7"
    UCS2 = "ucs-2"


@dataclass(frozen=True, slots=True)
class SmsSize:
    """A text's size on the air: `units` are septets or UTF-16 units."""

    encoding: Encoding
    units: int
    parts: int


def sms_size(text: str) -> SmsSize:
    """The size of `text`, its signature and marks included.

    One part takes 160 septets or 70 UTF-16 units; a longer text is cut into parts of 153 or 67.
    A character of two units (€ in GSM, 𬍛 in UCS-2) is never cut in two.
    """
    septets = _septets(text)
    if septets is not None:
        return _size(Encoding.GSM7, septets, whole=160, part=153)
    widths = [2 if ord(char) > 0xFFFF else 1 for char in text]  # noqa: PLR2004 - end of the BMP
    return _size(Encoding.UCS2, widths, whole=70, part=67)


def _septets(text: str) -> list[int] | None:
    """Each character's septets; None where the alphabet lacks one."""
    if _ESCAPE in text:
        return None
    try:
        return [len(_GSM.encode(char)[0]) for char in text]
    except UnicodeEncodeError:
        return None


def _size(encoding: Encoding, widths: Sequence[int], *, whole: int, part: int) -> SmsSize:
    units = sum(widths)
    if units <= whole:
        return SmsSize(encoding, units, 1 if units else 0)
    parts, room = 1, part
    for width in widths:
        if width > room:
            parts, room = parts + 1, part
        room -= width
    return SmsSize(encoding, units, parts)
