"""What every paper about an alert says of itself: which alert, as of when, whether a drill."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from alertd.i18n import N_, translator
from alertd.model import Millis
from alertd.report.words import Say


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """An alert, and who prints when.

    Args:
        status: CAP's: Actual, Exercise, Test.
        at: When what stands on it was read.
        by: Who printed it; "" for alertd itself.
        office: Whose paper it is.
    """

    language: str
    status: str
    short_code: str
    headline: str
    colour: str
    severity: int
    issued_at: Millis | None
    at: Millis
    by: str
    office: str
    zone: tzinfo

    @property
    def say(self) -> Say:
        """To the reader's language."""
        return translator(self.language)

    def clock(self, at: Millis | None) -> str:
        """A time of the day, with the date where it is another day than the paper's."""
        if at is None:
            return ""
        there, here = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (at, self.at))
        there, here = there.astimezone(self.zone), here.astimezone(self.zone)
        return f"{there:%H:%M}" if there.date() == here.date() else f"{there:%m-%d %H:%M}"

    def moment(self, at: Millis | None) -> str:
        """Date and time, to the minute."""
        if at is None:
            return ""
        return f"{datetime.fromtimestamp(at / 1000, UTC).astimezone(self.zone):%Y-%m-%d %H:%M}"


_BANDS: Final[Mapping[str, str]] = {
    "Exercise": N_("DRILL – this is practice"),
    "Test": N_("TEST – a trial of the equipment"),
}


def common(head: Head, title: str) -> dict[str, Any]:
    """What every template's data hold."""
    say = head.say
    by = say(N_("as of {time}, {name}")).format(time=head.moment(head.at), name=head.by or "alertd")
    return {
        "language": head.language,
        "title": title,
        "status": head.status,
        "drill": say(_BANDS[head.status]) if head.status in _BANDS else "",
        "alert": head.short_code,
        "headline": head.headline,
        "colour": head.colour,
        "office": head.office,
        "as_of": by,
        "running": f"{head.short_code} · {title} · {by}",
        "page": say(N_("page {n} of {of}")),
    }
