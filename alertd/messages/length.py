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


# What a message takes that is sent whole, and what a part of one does beside its header.
_ROOM = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


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
    encoding, widths = _widths(text)
    units = sum(widths)
    return SmsSize(encoding, units, len(_cuts(encoding, widths, units)))


def sms_parts(text: str) -> tuple[Encoding, list[str]]:
    """Cut `text` into the parts that `sms_size` counts; none where it is empty."""
    encoding, widths = _widths(text)
    ends = _cuts(encoding, widths, sum(widths))
    return encoding, [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _widths(text: str) -> tuple[Encoding, list[int]]:
    """The alphabet of `text`, and each character's septets or UTF-16 units in it."""
    septets = _septets(text)
    if septets is not None:
        return Encoding.GSM7, septets
    return Encoding.UCS2, [2 if ord(char) > 0xFFFF else 1 for char in text]  # noqa: PLR2004 - end of the BMP


def _septets(text: str) -> list[int] | None:
    """Each character's septets; None where the alphabet lacks one."""
    if _ESCAPE in text:
        return None
    try:
        return [len(_GSM.encode(char)[0]) for char in text]
    except UnicodeEncodeError:
        return None


def _cuts(encoding: Encoding, widths: Sequence[int], units: int) -> list[int]:
    """The character after the last of each part."""
    whole, part = _ROOM[encoding]
    if units <= whole:
        return [len(widths)] if units else []
    ends, room = [], part
    for place, width in enumerate(widths):
        if width > room:
            ends.append(place)
            room = part
        room -= width
    return [*ends, len(widths)]
