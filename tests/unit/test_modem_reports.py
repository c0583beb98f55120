"""Status reports name one octet, a number and a time: whose they are."""

import pytest

from channels.base import Fault, Receipt, ReceiptStatus
from channels.sms.modem_reports import Part, Reports, Try

T0 = 1_790_000_000_000
MINUTE = 60_000
DAY = 24 * 60 * MINUTE
PHONE, OTHER = "+8615400000001", "+8615400000002"


def sent(
    reports: Reports,
    delivery: int,
    reference: int | None,
    *,
    at: int = T0,
    number: str = PHONE,
    modem: str = "m1",
) -> Part:
    part = Part(modem, number, at, Try(delivery, 1, 1), 0, reference)
    reports.begin(part)
    return part


def heard(
    reports: Reports,
    reference: int,
    *,
    at: int | None = T0,
    number: str = PHONE,
    modem: str = "m1",
    status: int = 0,
) -> Receipt | None:
    return reports.heard(modem, number, reference, at, status, T0 + 1)


def delivery(receipt: Receipt | None) -> int | None:
    return None if receipt is None else receipt.delivery


def test_modem_number_and_reference_must_agree() -> None:
    reports = Reports(T0 - DAY)
    sent(reports, 1, 7)
    sent(reports, 2, 7, number=OTHER)
    sent(reports, 3, 7, modem="m2")
    sent(reports, 4, 8)
    assert delivery(heard(reports, 7)) == 1
    assert delivery(heard(reports, 7, number=OTHER)) == 2
    assert delivery(heard(reports, 7, modem="m2")) == 3
    assert delivery(heard(reports, 8)) == 4
    assert reports.unmatched == 0
    assert heard(reports, 9) is None
    assert heard(reports, 7, modem="m3") is None
    assert reports.unmatched == 2


def test_a_reference_that_comes_again_after_256_parts_is_told_by_its_time() -> None:
    """One phone is sent to on and on: 300 messages, each a minute after the other."""
    reports = Reports(T0 - DAY)
    for number in range(300):
        sent(reports, number + 1, number % 256, at=T0 + number * MINUTE)
    for number in reversed(range(300)):
        said = heard(reports, number % 256, at=T0 + number * MINUTE + 4_000)
        assert delivery(said) == number + 1


def test_a_report_on_what_went_before_we_started_isnt_taken_for_a_new_one() -> None:
    reports = Reports(T0 - DAY)
    sent(reports, 1, 7, at=T0)
    assert heard(reports, 7, at=T0 - 20 * MINUTE) is None
    assert delivery(heard(reports, 7, at=T0 - 10 * MINUTE)) == 1  # clocks differ
    assert delivery(heard(reports, 7, at=None)) == 1


def test_a_reference_that_a_modem_gives_anew_after_a_power_cut_is_no_older_messages() -> None:
    """The orange warning went before the cut; the red one, first again after it, has its number."""
    reports = Reports(T0)
    sent(reports, 2, 0, at=T0 + 2 * MINUTE)
    assert heard(reports, 0, at=T0 - 2 * MINUTE) is None
    assert delivery(heard(reports, 0, at=T0 + 2 * MINUTE)) == 2


def test_a_clock_that_was_set_back_leaves_its_reports() -> None:
    reports = Reports(T0 + DAY)
    sent(reports, 1, 7, at=T0)
    assert delivery(heard(reports, 7, at=T0)) == 1


def test_what_has_no_reference_is_found_by_its_time_alone() -> None:
    """Its answer never came: an older message's report isn't its own."""
    reports = Reports(T0 - DAY)
    sent(reports, 1, None, at=T0 + 3 * MINUTE)
    assert heard(reports, 7, at=T0) is None
    assert heard(reports, 7, at=None) is None
    assert delivery(heard(reports, 7, at=T0 + 3 * MINUTE)) == 1


def test_a_network_may_name_the_recipient_its_own_way() -> None:
    reports = Reports(T0 - DAY)
    sent(reports, 1, 7)
    assert delivery(heard(reports, 7, number="15400000001")) == 1
    assert delivery(heard(reports, 7, number="008615400000001")) == 1


def test_a_part_whose_answer_never_came_is_found_without_a_reference() -> None:
    reports = Reports(T0 - DAY)
    sent(reports, 1, None, at=T0)
    sent(reports, 2, 8, at=T0 + MINUTE)
    sent(reports, 3, None, at=T0 + 5 * MINUTE)
    assert delivery(heard(reports, 8, at=T0 + MINUTE)) == 2
    assert delivery(heard(reports, 7, at=T0 + 2_000)) == 1
    assert delivery(heard(reports, 9, at=T0 + 5 * MINUTE)) == 3


def test_what_the_modem_didnt_take_is_forgotten() -> None:
    reports = Reports(T0 - DAY)
    reports.forget(sent(reports, 1, None))
    assert heard(reports, 7) is None


def test_a_message_is_delivered_with_its_last_part_and_failed_with_its_first() -> None:
    reports = Reports(T0 - DAY)
    whole = Try(5, 2, 3)
    for place in range(3):
        reports.begin(Part("m1", PHONE, T0, whole, place, 40 + place))
    assert heard(reports, 41) is None
    assert heard(reports, 41) is None  # said twice
    assert heard(reports, 42, status=0x30) is None  # still trying
    failed = heard(reports, 42, status=0x46)
    assert failed is not None
    assert (failed.delivery, failed.attempt, failed.status) == (5, 2, ReceiptStatus.FAILED)
    assert (failed.fault, failed.code) == (Fault.RETRY, "tp-status-46")
    assert heard(reports, 42) is None
    delivered = heard(reports, 40)
    assert delivered is not None
    assert (delivered.status, delivered.occurred_at) == (ReceiptStatus.DELIVERED, T0 + 1)
    assert delivery(heard(reports, 40)) == 5  # said twice, it is the same twice


@pytest.mark.parametrize(
    ("status", "fault"),
    [(0x41, Fault.REFUSED), (0x43, Fault.REFUSED), (0x46, Fault.RETRY), (0x65, Fault.RETRY)],
)
def test_a_reports_status_says_what_the_next_try_may_do(status: int, fault: Fault) -> None:
    reports = Reports(T0 - DAY)
    sent(reports, 1, 7)
    receipt = heard(reports, 7, status=status)
    assert receipt is not None
    assert receipt.fault is fault


@pytest.mark.parametrize("status", [0x01, 0x02, 0x05, 0x10, 0x1F, 0x20, 0x30])
def test_what_a_centre_knows_no_more_of_is_neither_delivered_nor_failed(status: int) -> None:
    """0x01: it was sent on, and the centre can't say whether it arrived (3GPP 23.040, 9.2.3.15)."""
    reports = Reports(T0 - DAY)
    sent(reports, 1, 7)
    assert heard(reports, 7, status=status) is None
    received = heard(reports, 7, status=0)
    assert received is not None
    assert received.status is ReceiptStatus.DELIVERED


def test_memory_is_bounded() -> None:
    reports = Reports(T0 - DAY)
    for number in range(20_100):
        sent(reports, number + 1, number % 256, at=T0 + number)
    assert len(reports._order) == 20_000
    assert sum(len(parts) for parts in reports._parts.values()) == 20_000
