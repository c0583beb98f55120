"""Whether a route's gateway is to be trusted with messages now.

A breaker opens when a gateway isn't there, or when nothing but failures comes from it. While it is
open, one try at a time finds out whether it is back, and whatever another route can take goes
there. One good answer closes it.

A gateway that is there and answers nothing may still send: where it is the only way, it goes on
being used, as silence must not be the result of a cut.
"""

from dataclasses import dataclass, replace
from typing import Final

from alertd.model import Channel, Millis
from channels.base import Fault

FAILURES: Final = 5
"""So many in a row open it; a gateway that isn't there opens it at once."""

LONGEST_AWAY_S: Final = 10.0
"""Between two tries at a gateway that isn't there: a try costs nothing, as nothing leaves."""

LONGEST_SILENT_S: Final = 60.0
"""Between two tries at one that doesn't answer: each leaves a message unknown."""

# Behind these stands one gateway. Each chat group has one of its own, and each loudspeaker its
# own end: what one of them does says nothing of the others.
_ONE_GATEWAY: Final = frozenset({Channel.SMS, Channel.VOICE, Channel.MAIL})
_FAILURES: Final = frozenset({Fault.RETRY, Fault.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Breaker:
    """A value.

    Args:
        failures: In a row.
        trips: How often in a row it has opened; 0 is closed.
        until: While it is open: no try before.
        away: The gateway wasn't there: what it is given hasn't left.
    """

    failures: int = 0
    trips: int = 0
    until: Millis = 0
    away: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the gateway isn't to be trusted."""
        return self.trips > 0

    def allows(self, now: Millis, in_flight: int, most: int, *, only_way: bool = False) -> int:
        """How many of `most` tries may begin now; `only_way`: nothing else could take them."""
        if not self.is_open or (only_way and not self.away):
            return most
        return min(most, max(0, 1 - in_flight)) if now >= self.until else 0

    def moved(self, by: Millis) -> "Breaker":
        """The same at a clock that was set."""
        return replace(self, until=self.until + by)


CLOSED: Final = Breaker()


def after(breaker: Breaker, channel: Channel, fault: Fault | None, now: Millis) -> Breaker:
    """The breaker after a try that ended in `fault`; None: it was accepted."""
    if fault is Fault.AWAY:
        return _trip(replace(breaker, away=True), now, LONGEST_AWAY_S)
    if fault not in _FAILURES or channel not in _ONE_GATEWAY:
        return CLOSED  # it spoke, whatever it said
    failures = breaker.failures + 1
    if failures < FAILURES and not breaker.is_open:
        return replace(breaker, failures=failures)
    return _trip(replace(breaker, failures=failures, away=False), now, LONGEST_SILENT_S)


def _trip(breaker: Breaker, now: Millis, longest_s: float) -> Breaker:
    """Open it, for twice as long each time.

    What was in flight together comes back together, and counts once.
    """
    if breaker.is_open and now < breaker.until:
        return breaker
    wait_s = min(2.0 ** min(breaker.trips, 10), longest_s)
    return replace(breaker, trips=breaker.trips + 1, until=now + round(wait_s * 1000))
