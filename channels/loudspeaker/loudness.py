"""How loud a command may be played: what it asks for, and what the hour allows; pure."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alertd.i18n import N_
from channels.loudspeaker.commands import Command

_RED = 1  # severity Extreme
_HOURS = re.compile(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)=(\d{1,3})")
_DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """From `from_min` to `to_min` of the day (minutes, local) nothing is above `at_most` (0–100).

    Where `to_min` isn't above `from_min` it is on the next day.
    """

    from_min: int
    to_min: int
    at_most: int

    def hold_at(self, minute: int) -> bool:
        """Whether it is such an hour."""
        if self.from_min < self.to_min:
            return self.from_min <= minute < self.to_min
        return minute >= self.from_min or minute < self.to_min


def read_hours(text: str) -> Hours:
    """`22:00-06:00=40` as hours.

    Raises:
        ValueError: It isn't written so.
    """
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise ValueError(N_("hours are written as 22:00-06:00=40"))
    from_hour, from_min, to_hour, to_min, at_most = map(int, match.groups())
    first, last = from_hour * 60 + from_min, to_hour * 60 + to_min
    if max(first, last) > _DAY_MIN or max(from_min, to_min) >= 60 or at_most > 100:  # noqa: PLR2004
        raise ValueError(N_("hours are from 0:00 to 24:00, and a volume from 0 to 100"))
    return Hours(first, last, at_most)


def zone_of(name: str) -> dt.tzinfo | None:
    """The zone `name`; China's also where the box has no time zones. None: the box's own."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return dt.timezone(dt.timedelta(hours=8)) if name == "Asia/Shanghai" else None


def volume(command: Command, now: int, limits: Sequence[Hours], zone: dt.tzinfo | None) -> int:
    """How loud `command` is played at `now` (ms), 0 to 100; red is as loud as it asks for.

    Args:
        command: What is played.
        now: When.
        limits: The hours that are quieter.
        zone: Of these hours; the machine's own where it is None.
    """
    if command.severity == _RED:
        return command.volume
    at = dt.datetime.fromtimestamp(now / 1000, dt.UTC).astimezone(zone)
    minute = at.hour * 60 + at.minute
    return min([command.volume, *(hours.at_most for hours in limits if hours.hold_at(minute))])
