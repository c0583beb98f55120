"""SMPP 3.4 PDUs, written and read by smpplib; what it leaves unchecked is checked here.

smpplib cuts a text that is too long for its field without a word, reads past the end of a PDU, and
gives up on optional parameters that it doesn't expect. So fields are bounded before they are
written, and optional parameters are kept as they came, by their tag.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

from smpplib import smpp
from smpplib.command import DeliverSM, SubmitSM, SubmitSMResp
from smpplib.exceptions import PDUError, UnknownCommandError

HEADER = struct.Struct(">LLLL")  # length, command, status, sequence number
RESPONSE = 0x80000000
GENERIC_NACK = 0x80000000
BIND_TRANSCEIVER_RESP = 0x80000009
SUBMIT_SM_RESP = 0x80000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
ENQUIRE_LINK = 0x00000015
ENQUIRE_LINK_RESP = 0x80000015
ALERT_NOTIFICATION = 0x00000102  # needs no answer

LONGEST_PDU = 70_000  # a message_payload may have 65,535 octets
LONGEST_ADDRESS = 20
LONGEST_MESSAGE_ID = 64
LAST_SEQUENCE = 0x7FFFFFFF

RECEIPTED_MESSAGE_ID = 0x001E
USER_MESSAGE_REFERENCE = 0x0204
SAR_MSG_REF_NUM = 0x020C
SAR_TOTAL_SEGMENTS = 0x020E
SAR_SEGMENT_SEQNUM = 0x020F
MESSAGE_PAYLOAD = 0x0424
MESSAGE_STATE = 0x0427

# What smpplib raises at octets that aren't the PDU that their header promises.
_UNREADABLE = (
    *(PDUError, UnknownCommandError, struct.error),
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
)


class MalformedPduError(Exception):
    """The octets aren't the PDU that their header promises."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A deliver_sm: somebody's message, or a receipt."""

    source: str = field(repr=False)
    source_ton: int
    destination: str = field(repr=False)
    esm_class: int
    data_coding: int
    data: bytes = field(repr=False)  # of short_message, or of message_payload
    extras: dict[int, bytes] = field(repr=False)  # optional parameters by their tag


class _Submit(SubmitSM):  # type: ignore[misc]  # it has no types
    """Without the optional parameters that we never use, and with one that has no name there."""

    params_order = (*SubmitSM.params_order[:18], "user_message_reference")
    params = {name: SubmitSM.params[name] for name in params_order}  # noqa: RUF012 - smpplib's way
    user_message_reference: int | None = None
    more = b""

    def generate_params(self) -> bytes:
        body: bytes = super().generate_params()
        return body + self.more

    # smpplib asks of each field in turn what is the same for all submits: half of their cost.
    def _set_vars(self, **given: Any) -> None:
        self.__dict__.update({name: value for name, value in given.items() if value is not None})

    def field_is_optional(self, field: str) -> bool:
        return field == "user_message_reference"


class _Deliver(DeliverSM):  # type: ignore[misc]  # it has no types
    """With optional parameters as they came."""

    def __init__(self, command: str, **kwargs: Any) -> None:
        self.extras: dict[int, bytes] = {}
        super().__init__(command, **kwargs)

    def parse_optional_params(self, data: bytes) -> None:
        at = 0
        while at + 4 <= len(data):
            tag, size = struct.unpack_from(">HH", data, at)
            self.extras.setdefault(tag, data[at + 4 : at + 4 + size])
            at += 4 + size


class _SubmitResp(SubmitSMResp):  # type: ignore[misc]  # it has no types
    """Whose optional parameters, which 3.4 doesn't know, are let be."""

    def parse_optional_params(self, data: bytes) -> None:
        pass


def submit(sequence: int, extra: tuple[int, bytes] | None, **fields: Any) -> bytes:
    """A submit_sm; `extra` is an optional parameter of the carrier's own, tag and value."""
    pdu = _Submit("submit_sm", sequence=sequence, **fields)
    pdu.sequence = sequence
    if extra is not None:
        pdu.more = struct.pack(">HH", extra[0], len(extra[1])) + extra[1]
    return bytes(pdu.generate())


def request(command: str, sequence: int, **fields: Any) -> bytes:
    """Any other request, by smpplib's name for it."""
    pdu = smpp.make_pdu(command, sequence=sequence, **fields)
    pdu.sequence = sequence
    return bytes(pdu.generate())


def response(command: str, sequence: int, status: int = 0) -> bytes:
    """An answer, by smpplib's name for it."""
    pdu = smpp.make_pdu(command, status=status)
    pdu.sequence = sequence
    return bytes(pdu.generate())


def read_deliver(raw: bytes) -> Delivered:
    """Read a deliver_sm.

    Raises:
        MalformedPduError: It isn't one.
    """
    pdu = _Deliver("deliver_sm", sequence=0)
    try:
        pdu.parse(raw)
        data = pdu.short_message or b""
        if raw.count(b"\0", HEADER.size) < _STRINGS or len(data) != pdu.sm_length:
            raise MalformedPduError
        return Delivered(
            source=_word(pdu.source_addr, LONGEST_ADDRESS),
            source_ton=int(pdu.source_addr_ton),
            destination=_word(pdu.destination_addr, LONGEST_ADDRESS),
            esm_class=int(pdu.esm_class),
            data_coding=int(pdu.data_coding),
            data=bytes(data or pdu.extras.get(MESSAGE_PAYLOAD, b"")),
            extras=pdu.extras,
        )
    except _UNREADABLE:
        raise MalformedPduError from None


_STRINGS = 5  # each of a deliver_sm's strings ends with a NUL


def read_message_id(raw: bytes) -> str:
    """A submit_sm_resp's message_id; "" where there is none.

    Raises:
        MalformedPduError: It can't be one.
    """
    if len(raw) > HEADER.size and b"\0" not in raw[HEADER.size :]:
        raise MalformedPduError  # it has no end
    try:
        pdu = _SubmitResp("submit_sm_resp")
        pdu.parse(raw)
        return _word(pdu.message_id or b"", LONGEST_MESSAGE_ID)
    except _UNREADABLE:
        raise MalformedPduError from None


def _word(value: bytes, longest: int) -> str:
    word = value.decode("ascii")
    if len(word) > longest or not (word.isprintable()):
        raise MalformedPduError
    return word
