"""Reading delivery receipts: from their optional parameters, or from their text."""

import re
from dataclasses import dataclass

from channels.base import ReceiptStatus
from channels.sms import smpp_codes as codes
from channels.sms import smpp_pdus as pdus

_KIND = 0x3C  # esm_class, 5.2.12
_RECEIPT, _INTERMEDIATE = 0x04, 0x20
_FIELDS = re.compile(r"\b(id|stat|err):(\S*)", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9:_-]{1,16}")


@dataclass(frozen=True, slots=True)
class ReceiptWord:
    """What a receipt says, of a message that only its ids name."""

    message_id: str
    reference: int | None
    ours: bytes  # of the TLV that the carrier brings back
    status: ReceiptStatus | None  # None: it says nothing
    code: str


def is_receipt(message: pdus.Delivered) -> bool:
    """Whether it is the gateway's word on one of our messages, and nobody's reply.

    Not by its text: anybody could send one that looks like a receipt.
    """
    if message.esm_class & _KIND in {_RECEIPT, _INTERMEDIATE}:
        return True
    return {pdus.RECEIPTED_MESSAGE_ID, pdus.MESSAGE_STATE} <= message.extras.keys()


def read_receipt(message: pdus.Delivered, tlv: int | None) -> ReceiptWord:
    """What it says; optional parameters before the text, whose form is each vendor's own.

    The usual form of the text is that of SMPP 3.4, appendix B.

    Args:
        message: As it came.
        tlv: The tag of the one that carries our own numbers, or None.
    """
    text = message.data.decode("latin-1")
    fields = {name.lower(): value for name, value in reversed(_FIELDS.findall(text))}
    extras = message.extras
    named = extras.get(pdus.RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1")
    state = extras.get(pdus.MESSAGE_STATE, b"")
    word = codes.state_word(state[0]) if state else fields.get("stat", "").upper()
    reference = extras.get(pdus.USER_MESSAGE_REFERENCE, b"")
    return ReceiptWord(
        message_id=named or fields.get("id", ""),
        reference=int.from_bytes(reference, "big") if len(reference) == 2 else None,  # noqa: PLR2004 - 5.3.2.17
        ours=b"" if tlv is None else extras.get(tlv, b""),
        status=codes.status_of_state(word),
        code=_code(word, fields.get("err", "")),
    )


def _code(word: str, error: str) -> str:
    """A short word for reports; never the receipt's own text."""
    said = [part for part in (word, error) if part.strip("0") and _CODE.fullmatch(part)]
    return "-".join(["smpp", *said]).lower() if said else ""
