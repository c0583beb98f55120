"""Who has to mend what, and by when."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from alertd.model import Millis
from drills.score.tree import above
from drills.score.values import Defect, Kind, Place

SEASON_DAYS: Final = 150  # from its beginning; in it nothing may wait for the next one
AT_ONCE_DAYS: Final = 14

_PLANS_OWN: Final = frozenset({Kind.MARK, Kind.MESSAGES})


def owner(defect: Defect, places: Mapping[int, Place]) -> int:
    """The unit that has to mend it; 0: the plan's owner.

    Whoever answers for the unit above does: a silent duty, a dead number, a vacant post and a
    failed loudspeaker are mended by those who see that unit every day and can't be the silent one
    themselves. What no unit can mend (marks, too many messages, the top of the tree) is the
    plan's owner's.
    """
    if defect.kind in _PLANS_OWN or not defect.unit_no:
        return 0
    return above(places, defect.unit_no)


def due_at(now: Millis, begins: str, zone: tzinfo) -> Millis:
    """When it is to be mended: the day before the next season, in a season within two weeks.

    Args:
        now: When it was found.
        begins: The season's first day, MM-DD.
        zone: The city's time zone.
    """
    there = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone)
    soon = there + timedelta(days=AT_ONCE_DAYS)
    starts = [_start(there.year + years, begins, zone) for years in (-1, 0, 1)]
    upcoming = min(start for start in starts if start > there)
    running = any(start <= there < start + timedelta(days=SEASON_DAYS) for start in starts)
    end = soon if running else max(soon, upcoming - timedelta(seconds=1))
    return round(end.timestamp() * 1000)


def _start(year: int, begins: str, zone: tzinfo) -> datetime:
    month, day = map(int, begins.split("-"))
    return datetime(year, month, day, tzinfo=zone)
