"""The text of a received short message, from its own bytes (SMS-DELIVER, 3GPP 23.040).

Gammu reads them as well, but takes a tilde in UCS-2 for a sign of Nokia's, and a text that holds
one loses its end: `收到~ 3` would come without its 3.
"""

from gsm0338 import Codec

_GSM = Codec()
_KIND, _DELIVER, _UDHI = 0x03, 0x00, 0x40
_TIME_OCTETS = 7
_CODING = 0x0C
_UCS2, _DATA = 0x08, 0x04


def deliver_text(pdu: bytes) -> str | None:
    """The text that `pdu` carries; None where it is of another kind, or isn't whole."""
    try:
        return _text(pdu)
    except (IndexError, UnicodeDecodeError):
        return None


def _text(pdu: bytes) -> str | None:
    at = 1 + pdu[0]  # past the service centre's address
    first = pdu[at]
    if first & _KIND != _DELIVER:
        return None
    at += 3 + (pdu[at + 1] + 1) // 2  # past the sender
    coding = _coding(pdu[at + 1])
    at += 2 + _TIME_OCTETS
    length, body = pdu[at], pdu[at + 1 :]
    header = 1 + body[0] if first & _UDHI else 0
    if coding == _DATA:
        return ""
    if coding == _UCS2:
        # Phones cut long texts anywhere: one half of a pair may be in the next part.
        return body[header:length].decode("utf-16-be", "surrogatepass")
    bits = int.from_bytes(body, "little")
    septets = [bits >> 7 * place & 0x7F for place in range((header * 8 + 6) // 7, length)]
    return str(_GSM.decode(bytes(septets))[0])


def _coding(octet: int) -> int:
    """The alphabet that a TP-DCS names."""
    group = octet >> 4
    if group == 0xE:  # noqa: PLR2004 - message waiting, in UCS-2
        return _UCS2
    if group == 0xF:  # noqa: PLR2004 - data coding with a class
        return octet & _DATA
    return octet & _CODING if group < 0x8 else 0  # noqa: PLR2004 - reserved groups mean GSM-7
