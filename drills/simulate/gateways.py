"""What a gateway does with one message: how the try ends, whether it went, and what it says later.

Pure: the moments are computed, and `world` sees to them.
"""

from dataclasses import dataclass, field
from typing import Final

from alertd.decide.plan import Route
from alertd.model import Millis
from channels.base import Accepted, Fault, Outgoing, SendError
from drills.simulate.dice import Dice
from drills.simulate.scenario import Quality

_AWAY: Final = SendError(Fault.AWAY, "connection-refused")
_ENDINGS: Final = {
    "fails": SendError(Fault.RETRY, "http-503"),
    "refuses": SendError(Fault.REFUSED, "content-refused"),
}
_SILENT: Final = SendError(Fault.UNKNOWN, "timeout")
_DEAD: Final = SendError(Fault.DEAD, "no-such-number")
_AFTER_DEADLINE_S: Final = 7.0  # more than the engine waits past a route's own time-out


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one try.

    Args:
        result: What the route says of it.
        ends_at: When.
        went_at: When the gateway passed it on; None: it never left.
    """

    result: Accepted | SendError
    ends_at: Millis
    went_at: Millis | None


@dataclass(slots=True)
class Gateway:
    """One route's gateway."""

    route: Route
    quality: Quality
    dice: Dice
    _shares: dict[str, float] = field(init=False)  # of tries that it doesn't simply take

    def __post_init__(self) -> None:
        words = ("fails", "throttles", "refuses", "hangs", "stalls", "late")
        shares = {word: getattr(self.quality, word) for word in words}
        self._shares = {word: share for word, share in shares.items() if share > 0}

    def try_(self, message: Outgoing, at: Millis, *, away: bool, dead: bool) -> Fate:
        """One try.

        Args:
            message: What it is given.
            at: When.
            away: Whether the gateway can't be reached at all.
            dead: Whether it knows that the number doesn't exist.
        """
        name, quality = self._name(message), self.quality
        delay = self.dice.after_s(quality.answer_s, quality.answer_spread, "answer", name)
        answers_at = at + round(min(delay, self.route.timeout_s) * 1000)
        if away:
            return Fate(_AWAY, answers_at, None)
        what = self.dice.pick(self._shares, "try", name)
        if what in {"hangs", "stalls"}:
            went = self.dice.happens(quality.went, "went", name)
            ends_s = self.route.timeout_s + (_AFTER_DEADLINE_S if what == "stalls" else 0)
            return Fate(_SILENT, at + round(ends_s * 1000), answers_at if went else None)
        refused = self._refused(what, dead=dead)
        if refused is not None:
            return Fate(refused, answers_at, None)
        late_s = self.route.timeout_s + _AFTER_DEADLINE_S
        ends_at = at + round(late_s * 1000) if what == "late" else answers_at
        return Fate(Accepted(f"{message.delivery:x}-{message.attempt}"), ends_at, answers_at)

    def _name(self, message: Outgoing) -> str:
        """What chance calls a try."""
        return f"{self.route.name}/{message.delivery}/{message.attempt}"

    def _refused(self, what: str, *, dead: bool) -> SendError | None:
        if what == "throttles":
            wait_s = self.quality.throttle_s
            return SendError(Fault.THROTTLED, "http-429", retry_after_s=wait_s)
        return _ENDINGS.get(what) or (_DEAD if dead else None)

    def receipt_at(self, message: Outgoing, at: Millis) -> Millis | None:
        """When a receipt for what arrived comes; None: it never does."""
        name, quality = self._name(message), self.quality
        if not self.dice.happens(quality.receipts, "receipt", name):
            return None
        delay = self.dice.after_s(quality.receipt_s, quality.receipt_spread, "receipt-s", name)
        return at + round(delay * 1000)

    def is_doubled(self, message: Outgoing) -> bool:
        """Whether its receipt comes twice."""
        return self.dice.happens(self.quality.doubled, "doubled", self._name(message))

    def is_undelivered(self, message: Outgoing) -> bool:
        """Whether the gateway took it and then couldn't."""
        return self.dice.happens(self.quality.undelivered, "undelivered", self._name(message))
