"""How a value is shown: counts, shares, durations and times, in either language."""

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final

from alertd.errors import InvalidInputError
from alertd.i18n import N_
from alertd.model import Millis
from alertd.report.figures.values import Share
from alertd.report.words import Say

CITY_TIME: Final = timezone(timedelta(hours=8))  # where no settings say otherwise
NOTHING: Final = "–"
_MOST_BUT_ALL: Final = 0.999


def percent(share: Share) -> str:
    """A share as a percentage with one decimal; 100.0% only where all are there."""
    return NOTHING if share.rate is None else rate_text(share.n / share.of)


def rate_text(rate: float) -> str:
    """As `percent`, of a rate alone: 1,999 of 2,000 is 99.9%, for one is missing."""
    return f"{min(rate, _MOST_BUT_ALL) if rate < 1 else rate:.1%}"


def duration(say: Say, ms: int | None) -> str:
    """Hours, minutes and seconds; below ten seconds with one decimal."""
    if ms is None:
        return NOTHING
    if ms < 10_000:  # noqa: PLR2004 - ten seconds
        return say(N_("{n} s")).format(n=f"{ms / 1000:.1f}")
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return say(N_("{h} h {m} min")).format(h=hours, m=minutes)
    if minutes:
        return say(N_("{m} min {s} s")).format(m=minutes, s=seconds)
    return say(N_("{n} s")).format(n=seconds)


def moment(at: Millis | None, zone: tzinfo) -> str:
    """A time in the city's zone, to the second."""
    if at is None:
        return NOTHING
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def days(since: str, until: str, zone: tzinfo) -> tuple[Millis | None, Millis | None]:
    """From the beginning of one day, such as 2026-06-01, to the end of another; None for "".

    In the city's zone, whose days have 23 or 25 hours where its clocks are changed.

    Raises:
        InvalidInputError: One isn't a day.
    """
    return _midnight(since, 0, zone), _midnight(until, 1, zone)


def _midnight(day: str, after: int, zone: tzinfo) -> Millis | None:
    """The beginning of the day that is `after` days after one."""
    if not day:
        return None
    try:
        found = datetime.combine(date.fromisoformat(day) + timedelta(days=after), time(), zone)
        return round(found.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InvalidInputError(f"{day} isn't a day.", hint="Write it as 2026-06-01.") from None
