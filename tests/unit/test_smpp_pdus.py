"""SMPP's PDUs by smpplib, read by smpp34, and the other way round."""

import struct

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Fault, ReceiptStatus
from channels.sms import smpp_codes as codes
from channels.sms import smpp_pdus as pdus
from channels.sms.smpp_receipts import is_receipt, read_receipt

DELIVER = smpp34.DeliverSm(
    "8613800000001",
    "10657100",
    b"yo",
    source_addr_ton=1,
    esm_class=4,
    data_coding=8,
    # One that smpplib doesn't expect here, one of a wrong size, one of nobody's.
    tlvs=[smpp34.Tlv(5, b"\1"), smpp34.Tlv(0x0204, b"\1"), smpp34.Tlv(0x1401, b"1.1.1.1")],
    sequence_number=8,
).encode()


def test_a_submit_is_read_by_another_library() -> None:
    octets = pdus.submit(
        9,
        (0x1401, b"1.2.3.4"),
        source_addr_ton=5,
        source_addr_npi=0,
        source_addr="alertd",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="8613800000001",
        esm_class=0x40,
        data_coding=8,
        registered_delivery=1,
        validity_period="000001020304000R",
        short_message=b"\0" * 140,
        user_message_reference=0,
    )
    read = smpp34.decode(octets)
    assert isinstance(read, smpp34.SubmitSm)
    assert (read.sequence_number, read.esm_class, read.data_coding) == (9, 0x40, 8)
    assert (read.source_addr_ton, read.source_addr_npi, read.source_addr) == (5, 0, "alertd")
    assert (read.dest_addr_ton, read.destination_addr) == (1, "8613800000001")
    assert (read.registered_delivery, read.validity_period) == (1, "000001020304000R")
    assert read.short_message == b"\0" * 140
    assert {t.tag: t.value for t in read.tlvs} == {0x1401: b"1.2.3.4", 0x0204: b"\0\0"}


def test_a_deliver_is_read_with_whatever_parameters_it_has() -> None:
    read = pdus.read_deliver(DELIVER)
    assert (read.source, read.source_ton, read.destination) == ("8613800000001", 1, "10657100")
    assert (read.esm_class, read.data_coding, read.data) == (4, 8, b"yo")
    assert read.extras == {5: b"\1", 0x0204: b"\1", 0x1401: b"1.1.1.1"}


def test_a_long_text_may_come_as_a_parameter() -> None:
    tlvs = [smpp34.Tlv(pdus.MESSAGE_PAYLOAD, b"x" * 4000)]
    octets = smpp34.DeliverSm("1", "2", b"", tlvs=tlvs).encode()
    assert pdus.read_deliver(octets).data == b"x" * 4000


@given(st.data())
def test_a_spoilt_deliver_is_malformed_or_sound_and_nothing_else(data: st.DataObject) -> None:
    octets = bytearray(DELIVER)
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(pdus.HEADER.size, len(octets) - 1))
        octets[place] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(pdus.HEADER.size, len(octets)))
    try:
        read = pdus.read_deliver(bytes(octets[:end]))
    except pdus.MalformedPduError:
        return
    assert len(read.source) <= pdus.LONGEST_ADDRESS
    if is_receipt(read):
        read_receipt(read, 0x1401)


@pytest.mark.parametrize(
    ("body", "message_id"),
    [
        (b"", ""),
        (b"\0", ""),
        (b"00A1\0", "00A1"),
        (b"00A1\0\x14\x01\x00\x02aa", "00A1"),  # with a parameter
        (b"x" * 64 + b"\0", "x" * 64),
        (b"no end", None),
        (b"\xff\0", None),
        (b"a\nb\0", None),
        (b"x" * 65 + b"\0", None),
    ],
)
def test_a_message_id(body: bytes, message_id: str | None) -> None:
    octets = struct.pack(">LLLL", 16 + len(body), pdus.SUBMIT_SM_RESP, 0, 1) + body
    if message_id is None:
        with pytest.raises(pdus.MalformedPduError):
            pdus.read_message_id(octets)
    else:
        assert pdus.read_message_id(octets) == message_id


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (0x01, Fault.REFUSED),
        (0x04, Fault.AWAY),
        (0x08, Fault.UNKNOWN),
        (0x0A, Fault.REFUSED),
        (0x0B, Fault.DEAD),
        (0x14, Fault.THROTTLED),
        (0x45, Fault.RETRY),
        (0x58, Fault.THROTTLED),
        (0x62, Fault.REFUSED),
        (0x64, Fault.RETRY),
        (0x65, Fault.REFUSED),
        (0xFF, Fault.UNKNOWN),
        (0x412, Fault.REFUSED),
        (0xFFFFFFFF, Fault.REFUSED),
    ],
)
def test_statuses(status: int, fault: Fault) -> None:
    refusal = codes.refusal(status)
    assert (refusal.fault, refusal.code) == (fault, f"smpp-0x{status:02x}")


def receipt(text: str, **tlvs: bytes) -> pdus.Delivered:
    tags = {"id_": 0x001E, "state": 0x0427, "ours": 0x1401, "reference": 0x0204}
    extras = {tags[name]: value for name, value in tlvs.items()}
    return pdus.Delivered("8613800000001", 1, "106", 4, 0, text.encode(), extras)


FULL = (
    "id:00A1 sub:001 dlvrd:001 submit date:2611261200 done date:2611261201 stat:{} err:{}"
    " text:id:FF stat:DELIVRD err:9"
)


@pytest.mark.parametrize(
    ("given", "message_id", "status", "code"),
    [
        (receipt(FULL.format("DELIVRD", "000")), "00A1", ReceiptStatus.DELIVERED, "smpp-delivrd"),
        (receipt(FULL.format("UNDELIV", "010")), "00A1", ReceiptStatus.FAILED, "smpp-undeliv-010"),
        (receipt(FULL.format("EXPIRED", "")), "00A1", ReceiptStatus.FAILED, "smpp-expired"),
        (receipt(FULL.format("DELETED", "0")), "00A1", ReceiptStatus.FAILED, "smpp-deleted"),
        (receipt(FULL.format("REJECTD", "1")), "00A1", ReceiptStatus.FAILED, "smpp-rejectd-1"),
        (receipt(FULL.format("ACCEPTD", "0")), "00A1", ReceiptStatus.ACCEPTED, "smpp-acceptd"),
        (receipt(FULL.format("ENROUTE", "0")), "00A1", ReceiptStatus.ACCEPTED, "smpp-enroute"),
        (receipt(FULL.format("UNKNOWN", "0")), "00A1", None, "smpp-unknown"),
        (receipt(FULL.format("MK:0001", "0")), "00A1", None, "smpp-mk:0001"),
        (receipt("ID:7 STAT:delivrd"), "7", ReceiptStatus.DELIVERED, "smpp-delivrd"),
        (receipt("", id_=b"9\0", state=b"\2"), "9", ReceiptStatus.DELIVERED, "smpp-delivrd"),
        (receipt("stat:DELIVRD", id_=b"9", state=b"\5"), "9", ReceiptStatus.FAILED, "smpp-undeliv"),
        (receipt("id:1", state=b"\x63"), "1", None, ""),
        (receipt("我收到了"), "", None, ""),
    ],
)
def test_receipts(
    given: pdus.Delivered, message_id: str, status: ReceiptStatus | None, code: str
) -> None:
    word = read_receipt(given, None)
    assert (word.message_id, word.status, word.code) == (message_id, status, code)


@pytest.mark.parametrize(
    ("esm_class", "is_one"), [(0, False), (4, True), (0x20, True), (0x44, True), (8, False)]
)
def test_what_is_a_receipt(esm_class: int, *, is_one: bool) -> None:
    message = pdus.Delivered("1", 0, "2", esm_class, 0, FULL.encode(), {})
    assert is_receipt(message) is is_one
