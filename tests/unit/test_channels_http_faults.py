"""What an HTTP status means for the next try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.base import Fault
from channels.http_faults import (
    BusyError,
    LostAnswerError,
    NotSentError,
    fault_of_exchange,
    fault_of_status,
    retry_after,
)

NOW = 1_790_000_000_000  # Mon, 21 Sep 2026 14:13:20 GMT


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (200, None),
        (202, None),
        (299, None),
        (301, Fault.REFUSED),
        (302, Fault.REFUSED),
        (400, Fault.REFUSED),
        (401, Fault.REFUSED),
        (404, Fault.REFUSED),
        (408, Fault.RETRY),
        (429, Fault.THROTTLED),
        (500, Fault.UNKNOWN),
        (502, Fault.UNKNOWN),
        (503, Fault.RETRY),
        (504, Fault.UNKNOWN),
        (599, Fault.UNKNOWN),
        (999, Fault.UNKNOWN),
        (199, Fault.UNKNOWN),
    ],
)
def test_status(status: int, fault: Fault | None) -> None:
    judged = fault_of_status(status)
    assert (judged and judged.fault) == fault
    assert judged is None or judged.code == f"http-{status}"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("Mon, 21 Sep 2026 14:14:20 GMT", 60.0),
        ("Mon, 21 Sep 2026 14:12:20 GMT", None),  # past
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e9", 3600.0),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text())
def test_no_header_is_too_strange(header: str) -> None:
    waited = retry_after(header, NOW)
    assert waited is None or 0 <= waited <= 3600


@pytest.mark.parametrize(
    ("error", "fault", "code"),
    [
        (NotSentError("refused"), Fault.AWAY, "no-connection"),
        (BusyError("all taken"), Fault.RETRY, "no-free-connection"),
        (LostAnswerError("cut-off"), Fault.UNKNOWN, "cut-off"),
    ],
)
def test_an_exchange_without_an_answer(
    error: NotSentError | LostAnswerError, fault: Fault, code: str
) -> None:
    judged = fault_of_exchange(error)
    assert (judged.fault, judged.code) == (fault, code)
