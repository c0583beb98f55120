"""Short messages as bytes (3GPP 23.040): what a modem reads from us, and what a network sends.

Written from the standard and not from gammu, so that the two check each other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from gsm0338 import Codec

_GSM = Codec()
_SEPTET = 7
_UDHI = 0x40
_REPORT_WANTED = 0x20
_INTERNATIONAL = 0x91
_NATIONAL = 0x81
_ALPHANUMERIC = 0xD0
_UCS2 = 0x08
_BITS_16 = 0x08  # the information element of a long message with a reference of 16 bits


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a long message it is; (reference, total, number) come from its header."""

    reference: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class Submit:
    """One part as a phone hands it to the network."""

    number: str
    text: str
    wants_report: bool
    part: Part | None
    ucs2: bool
    validity: int | None  # relative, as on the wire


def read_submit(pdu: bytes) -> Submit:
    """Read an SMS-SUBMIT with its service centre's address before it.

    Raises:
        ValueError: It isn't one.
    """
    try:
        return _read_submit(pdu)
    except IndexError:
        raise ValueError("it ends too soon") from None


def _read_submit(pdu: bytes) -> Submit:
    at = 1 + pdu[0]
    first = pdu[at]
    if first & 0x03 != 1:
        raise ValueError("no SMS-SUBMIT")
    number, at = _read_address(pdu, at + 2)
    ucs2 = pdu[at + 1] & 0x0C == _UCS2
    at += 2
    form = first >> 3 & 0x03
    validity = pdu[at] if form == 2 else None  # noqa: PLR2004 - relative
    at += (0, 7, 1, 7)[form]
    length, body = pdu[at], pdu[at + 1 :]
    if len(body) != (length if ucs2 else (length * _SEPTET + 7) // 8):
        raise ValueError("its length is wrong")
    header = body[1 : 1 + body[0]] if first & _UDHI else None
    skip = 0 if header is None else 1 + len(header)
    if ucs2:
        text = body[skip:].decode("utf-16-be")
    else:
        begin = (skip * 8 + 6) // _SEPTET
        text = _GSM.decode(bytes(_septets(body, length)[begin:]))[0]
    wants = bool(first & _REPORT_WANTED)
    return Submit(number, text, wants, _part(header or b""), ucs2, validity)


def deliver(
    sender: str, text: str, at: datetime, *, centre: str, part: Part | None = None
) -> bytes:
    """An SMS-DELIVER, in UCS-2 unless the alphabet of GSM has all of it."""
    header = b"" if part is None else bytes([5, 0, 3, part.reference, part.total, part.number])
    first = 0x04 | (_UDHI if header else 0)
    try:
        septets = list(_GSM.encode(text)[0])
        gap = (len(header) * 8 + 6) // _SEPTET
        body, length, coding = _packed(septets, header), gap + len(septets), 0
    except UnicodeEncodeError:
        body = header + text.encode("utf-16-be")
        length, coding = len(body), _UCS2
    head = bytes([first]) + _address(sender) + bytes([0, coding]) + _time(at)
    return _centre(centre) + head + bytes([length]) + body


def report(
    reference: int, number: str, sent: datetime, done: datetime, status: int, *, centre: str
) -> bytes:
    """An SMS-STATUS-REPORT: what became of the part that got `reference`."""
    head = bytes([0x06, reference]) + _address(number)
    return _centre(centre) + head + _time(sent) + _time(done) + bytes([status])


def _read_address(pdu: bytes, at: int) -> tuple[str, int]:
    digits, kind = pdu[at], pdu[at + 1]
    end = at + 2 + (digits + 1) // 2
    text = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in pdu[at + 2 : end])[:digits]
    return ("+" if kind == _INTERNATIONAL else "") + text, end


def _address(number: str) -> bytes:
    digits = number.removeprefix("+")
    if not digits.isdigit():
        septets = list(_GSM.encode(number)[0])
        packed = _packed(septets, b"")
        return bytes([len(packed) * 2, _ALPHANUMERIC]) + packed
    kind = _INTERNATIONAL if number.startswith("+") else _NATIONAL
    return bytes([len(digits), kind]) + _swapped(digits)


def _centre(number: str) -> bytes:
    digits = number.removeprefix("+")
    octets = _swapped(digits)
    return bytes([len(octets) + 1, _INTERNATIONAL]) + octets


def _swapped(digits: str) -> bytes:
    padded = digits + "f" * (len(digits) % 2)
    return bytes(int(padded[i + 1] + padded[i], 16) for i in range(0, len(padded), 2))


def _time(at: datetime) -> bytes:
    """Local digits and the zone in quarters of an hour; China's is +8."""
    local = at.astimezone(timezone(timedelta(hours=8)))
    return _swapped(local.strftime("%y%m%d%H%M%S") + "32")


def _part(header: bytes) -> Part | None:
    at = 0
    while at + 1 < len(header):
        kind, length = header[at], header[at + 1]
        data = header[at + 2 : at + 2 + length]
        if kind == 0:
            return Part(data[0], data[1], data[2])
        if kind == _BITS_16:
            return Part(data[0] << 8 | data[1], data[2], data[3])
        at += 2 + length
    return None


def _septets(body: bytes, count: int) -> list[int]:
    bits = int.from_bytes(body, "little")
    return [bits >> _SEPTET * place & 0x7F for place in range(count)]


def _packed(septets: list[int], header: bytes) -> bytes:
    begin = (len(header) * 8 + 6) // _SEPTET
    bits = int.from_bytes(header, "little")
    for place, septet in enumerate(septets, start=begin):
        bits |= septet << _SEPTET * place
    return bits.to_bytes(((begin + len(septets)) * _SEPTET + 7) // 8, "little")


def of_ms(at: int) -> datetime:
    """Milliseconds since the epoch as a time; a network's stamps have whole seconds."""
    return datetime.fromtimestamp(at // 1000, UTC)
