"""Shifts: the hours in which somebody is on duty. Pure.

Times are minutes after local midnight, 0 to 1,439. A shift may pass midnight; its end isn't part of
it. Somebody without a shift is always on duty.
"""

from datetime import datetime, tzinfo
from typing import Final

DAY_MINUTES: Final = 24 * 60
_HOUR: Final = 60


def minutes_of(time: str) -> int | None:
    """HH:MM as minutes after midnight; None for ""."""
    return int(time[:2]) * _HOUR + int(time[3:]) if time else None


def clock(minute: int | None) -> str:
    """Minutes after midnight as HH:MM; "" for None."""
    return "" if minute is None else f"{minute // _HOUR:02d}:{minute % _HOUR:02d}"


def spelled(shift_from: int | None, shift_to: int | None) -> str:
    """A shift as it is read: 20:00–08:00; "" where somebody is always on duty."""
    return "" if shift_from is None else f"{clock(shift_from)}–{clock(shift_to)}"


def minute_of_day(at: int, zone: tzinfo) -> int:
    """The minute of the day on the city's clocks at a moment, ms since the epoch."""
    there = datetime.fromtimestamp(at // 1000, zone)
    return there.hour * _HOUR + there.minute


def covers(shift_from: int | None, shift_to: int | None, minute: int) -> bool:
    """Whether a shift covers a minute of the day."""
    if shift_from is None or shift_to is None:
        return True
    if shift_from < shift_to:
        return shift_from <= minute < shift_to
    return minute >= shift_from or minute < shift_to
