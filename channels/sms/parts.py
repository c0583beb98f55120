"""How long an SMS is: what a person pays attention to, and an operator is warned about."""

from dataclasses import dataclass
from enum import StrEnum

import gsm0338

_ESCAPE = "\x1b"  # the codec passes it, a phone would swallow it
_GSM7 = gsm0338.Codec()


class Encoding(StrEnum):
    """The two alphabets of 3GPP TS 23.038 that gateways choose between."""

    GSM7 = "gsm-7"
    UCS2 = "ucs-2"


# Units in a message of one part, and in each part of a longer one, whose header takes the rest
# (3GPP TS 23.040, 9.2.3.24.1).
_ROOM = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


@dataclass(frozen=True, slots=True)
class Parts:
    """How a text travels.

    Args:
        encoding: GSM-7 where the whole text fits that alphabet, otherwise UCS-2.
        units: Septets, the extension table's characters counting 2, or UTF-16 units.
        parts: How many messages it is sent as; 0 for an empty text.
    """

    encoding: Encoding
    units: int
    parts: int


def parts(text: str) -> Parts:
    """Measure `text`; a signature such as 【余姚市防指】 is simply part of it."""
    encoding, sizes = _sizes(text)
    single, joined = _ROOM[encoding]
    units = sum(sizes)
    if units <= single:
        return Parts(encoding, units, 1 if units else 0)
    return Parts(encoding, units, _packed(sizes, joined))


def _sizes(text: str) -> tuple[Encoding, list[int]]:
    try:
        septets = [len(_GSM7.encode(character)[0]) for character in text]
    except UnicodeEncodeError:
        septets = []
    if len(septets) == len(text) and _ESCAPE not in text:
        return Encoding.GSM7, septets
    return Encoding.UCS2, [2 if ord(character) > 0xFFFF else 1 for character in text]  # noqa: PLR2004 - the BMP's end


def _packed(sizes: list[int], room: int) -> int:
    """How many parts hold it when neither an escape nor a surrogate pair is torn in two."""
    count, used = 1, 0
    for size in sizes:
        if used + size > room:
            count, used = count + 1, 0
        used += size
    return count
