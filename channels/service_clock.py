"""Whether our clock is right, by the Date header of a platform's answers."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime

from alertd.i18n import N_

_BEHIND = N_("Our clock is {length} behind {service}'s.")
_AHEAD = N_("Our clock is {length} ahead of {service}'s.")
_OFF_MS = 5 * 60_000  # networks and queues explain less; an hour is what the platforms bear


class ServiceClock:
    """The platform's time, as its last answer told it.

    A machine that was without power may come back with a clock that is hours off. The platforms
    then refuse every signature, in the hour in which it matters most: so messages are signed with
    *their* time, and health says what is wrong.

    Args:
        now: Ours, ms since the epoch.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._ours = now
        self._ahead_ms = 0

    def learn(self, date: str | None) -> None:
        """Take a Date header in; what is none changes nothing."""
        if date is None:
            return
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except (ValueError, OverflowError, OSError):
            return
        self._ahead_ms = round(theirs * 1000) - self._ours()

    @property
    def off(self) -> bool:
        """Whether ours is wrong by more than the way takes."""
        return abs(self._ahead_ms) >= _OFF_MS

    def now(self) -> int:
        """The platform's time where ours is off, else ours; ms since the epoch."""
        return self._ours() + (self._ahead_ms if self.off else 0)

    def contradicts(self, signed_at: int) -> bool:
        """Whether a time of a moment ago that we signed with is another than theirs."""
        return abs(self.now() - signed_at) >= _OFF_MS

    def words(self, service: str) -> str:
        """By how much ours is off, for a person: "Our clock is 3 h 5 min behind WeCom's."."""
        hours, minutes = divmod(abs(self._ahead_ms) // 60_000, 60)
        days, hours = divmod(hours, 24)
        parts = [(days, "d"), (hours, "h"), (minutes, "min")]
        length = " ".join(f"{number} {unit}" for number, unit in parts if number)
        words = _BEHIND if self._ahead_ms > 0 else _AHEAD
        return words.format(length=length, service=service)
