"""Whether a drill was cut short, and what of it can be said all the same."""

from collections.abc import Iterable
from dataclasses import dataclass

from alertd.model import Millis, Stage
from drills.score.values import Asked, Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """How much time a drill gave people.

    Args:
        ran_ms: How long it ran, where it was ended; None: as long as it was to.
        due_ms: When an answer is due at the first stage, after a duty is asked.
    """

    ran_ms: Millis | None = None
    due_ms: Millis | None = None

    def had(self, wanted: Millis | None) -> bool:
        """Whether so much time was over when it ended; None: nobody has said how much."""
        return self.ran_ms is None or (wanted is not None and self.ran_ms >= wanted)

    def was_due(self, each: Asked) -> bool:
        """Whether a duty had all the time that it was given."""
        return self.had(None if self.due_ms is None else each.asked_ms + self.due_ms)


def time_of(seen: Seen, first: Stage) -> Time:
    """How much time there was; `first` is the stage that is asked first."""
    dues = {each.stage: each.due_ms for each in seen.figures.stages}
    ended = seen.over and not seen.expired
    return Time(ran_ms=seen.ran_ms if ended else None, due_ms=dues.get(first.word))


def cut_short(seen: Seen, first: Iterable[Asked], time: Time) -> bool:
    """Whether a drill ended before it had come to what it was to show.

    That is so where a live alert ended it; and where it ended by anything but its own time while
    something of its script was still to come, or while a duty could still be answered in time.
    """
    if not seen.over or seen.expired:
        return False
    waiting = any(each.covered_ms is None and not time.was_due(each) for each in first)
    return seen.interrupted or bool(seen.script_left) or waiting
