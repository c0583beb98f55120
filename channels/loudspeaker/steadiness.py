"""How often a loudspeaker may change before it is called unsteady; pure.

One with a weak line, or two boxes with one identity, comes and goes every few seconds: each change
told would be a fact, a hundred thousand a day.
"""

from dataclasses import dataclass

UNSTEADY = "comes-and-goes"
"""The fault that is told in place of further changes."""

_AT_ONCE = 8  # changes: a power cut that comes back in fits is told as it is
_EACH_MS = 100_000  # brings back one more
_CALM = 3  # so many are there again after five minutes without a change


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What is left of one loudspeaker's changes.

    Attributes:
        left: Changes that may still be told.
        at: When that was so, ms.
        held: It was unsteady, and hasn't been calm for long enough since.
    """

    left: float = _AT_ONCE
    at: int = 0
    held: bool = False

    def stirred(self, times: int, now: int) -> "Steadiness":
        """After it changed so many times, or 0 to look whether it is calm again."""
        left = min(_AT_ONCE, self.left + max(0, now - self.at) / _EACH_MS) - times
        return Steadiness(max(0.0, left), now, left < (_CALM if self.held else 0))
