"""Texts as SMPP carries them: cut into parts that fit, and read whatever coding they came in."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from gsm0338 import Codec

from alertd.messages import Encoding, sms_parts

DEFAULT_ALPHABET = 0x00  # the SMSC's own, GSM 03.38 as a rule, one septet an octet
UCS2 = 0x08
MOST_PARTS = 255  # what the header can count

_GSM = Codec()
_CONCATENATION_8, _CONCATENATION_16 = 0x00, 0x08  # information elements, 3GPP TS 23.040, 9.2.3.24
# data_coding, SMPP 3.4, 5.2.19; 0x0F is GBK at gateways that descend from CMPP.
_CODINGS = {
    0x01: "ascii",
    0x03: "latin-1",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    0x08: "utf-16-be",
    0x0F: "gb18030",
    0x18: "utf-16-be",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it stands in a submit."""

    data_coding: int
    data: bytes = field(repr=False)  # its header first, where there are several
    has_header: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of which message this one is, by the sender's word."""

    reference: int
    number: int  # 1 … total
    total: int


def cut(text: str, reference: int) -> list[Part]:
    """The parts of `text`, as many as `sms_size` counts.

    Args:
        text: What to send.
        reference: What tells its parts from another message's to the same phone; 0–255.

    Raises:
        ValueError: It takes more parts than can be counted, or isn't Unicode.
    """
    coding, bodies = _bodies(text)
    if len(bodies) <= 1:
        return [Part(coding, b"".join(bodies), has_header=False)]
    head = bytes((5, _CONCATENATION_8, 3, reference, len(bodies)))
    return [
        Part(coding, head + bytes((number,)) + body, has_header=True)
        for number, body in enumerate(bodies, start=1)
    ]


@lru_cache(maxsize=64)  # an alert says the same to many
def _bodies(text: str) -> tuple[int, tuple[bytes, ...]]:
    encoding, texts = sms_parts(text)
    if len(texts) > MOST_PARTS:
        raise ValueError("too many parts")
    coding = DEFAULT_ALPHABET if encoding is Encoding.GSM7 else UCS2
    return coding, tuple(_encoded(part, encoding) for part in texts)


def _encoded(text: str, encoding: Encoding) -> bytes:
    if encoding is Encoding.UCS2:
        return text.encode("utf-16-be")
    return bytes(_GSM.encode(text)[0])


def place_in_header(data: bytes) -> tuple[Place | None, bytes]:
    """Take the user data header off; what it says of parts, and the rest of the data.

    A header that can't be read leaves the data as it is.
    """
    end = data[0] + 1 if data else 1
    if not 1 < end <= len(data):
        return None, data
    place, at = None, 1
    while at + 2 <= end:
        kind, size = data[at], data[at + 1]
        value = data[at + 2 : at + 2 + size]
        if kind == _CONCATENATION_8 and len(value) == 3:  # noqa: PLR2004 - 9.2.3.24.1
            place = sound_place(value[0], value[2], value[1])
        elif kind == _CONCATENATION_16 and len(value) == 4:  # noqa: PLR2004 - 9.2.3.24.8
            place = sound_place(value[0] << 8 | value[1], value[3], value[2])
        at += 2 + size
    return place, data[end:]


def sound_place(reference: int, number: int, total: int) -> Place | None:
    """A place that can be; None for a message in one part."""
    return Place(reference, number, total) if 1 <= number <= total and total > 1 else None


def decode(data: bytes, data_coding: int) -> str:
    """Read what a phone wrote; what can't be read becomes U+FFFD, an answer isn't refused."""
    coding = _CODINGS.get(data_coding)
    if coding is not None:
        return data.decode(coding, "replace")
    if max(data, default=0) < 0x80:  # noqa: PLR2004 - septets
        # A shift before a sign that has none shows the sign itself (3GPP TS 23.038, 6.2.1.1).
        return str(_GSM.decode(_LONE_SHIFT.sub(b"", data), "replace")[0])
    return _guessed(data)


# Before anything but the extension table's signs.
_LONE_SHIFT = re.compile(rb"\x1b(?![\x0a\x14\x28\x29\x2f\x3c-\x3e\x40\x65])")


def _guessed(data: bytes) -> str:
    """Octets that the alphabet doesn't have: some gateway's own idea of a default."""
    for coding in ("utf-8", "gb18030"):
        try:
            return data.decode(coding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
