"""Days of a city whose clocks are changed, and dates of a roster wherever the city is."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from alertd.errors import InvalidInputError
from alertd.report.values import days
from alertd.web.pages.rendering import day
from rosters.model import CHINA

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        ("Asia/Shanghai", "2026-03-29", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Santiago", "2026-09-06", 23),  # begins at one o'clock
        ("America/Santiago", "2026-04-04", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
    ],
)
def test_a_day_ends_where_the_next_begins(zone: str, date: str, hours: float) -> None:
    """The record's last hour of a day of 25 was missing, and one of 23 had an hour of the next."""
    since, until = days(date, date, ZoneInfo(zone))
    assert since is not None
    assert until is not None
    assert until - since == hours * HOUR_MS
    assert datetime.fromtimestamp(since / 1000, ZoneInfo(zone)).date().isoformat() == date
    assert datetime.fromtimestamp((until - 1) / 1000, ZoneInfo(zone)).date().isoformat() == date


def test_what_is_no_day_is_said() -> None:
    assert days("", "", UTC) == (None, None)
    for wrong in ("2026-02-30", "yesterday", "9999-12-31"):
        with pytest.raises(InvalidInputError):
            days("", wrong, UTC)


def test_a_rosters_date_is_shown_as_it_was_written() -> None:
    at = round(datetime(2026, 6, 1, tzinfo=CHINA).timestamp() * 1000)
    assert (day(at), day(None)) == ("2026-06-01", "")
