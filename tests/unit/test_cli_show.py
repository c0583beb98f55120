"""What commands show."""

import time

import pytest

from alertd.cli import show


def test_a_time_is_the_citys_whatever_the_machines_zone_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's clock is on UTC as a rule; the console and `--time` are in the city's time."""
    for name in ("ALERTD_TIMEZONE", "ALERTD_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        assert show.moment(0) == "1970-01-01 08:00:00"
    finally:
        monkeypatch.undo()
        time.tzset()
