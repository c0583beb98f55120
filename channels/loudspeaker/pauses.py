"""How long to wait before the next try to connect."""

import zlib
from typing import Final

_FIRST_S: Final = 0.2
_STEADY_S: Final = 5.0  # of a connection
_MOST_HASTY: Final = 6  # in a row: as many as it takes to find out which message ends us


class Pauses:
    """Short after a connection that held, longer and longer where none does.

    Two with one session throw each other out: a connection that ends as soon as it is up is no
    reason to come back at once, for ever.

    Args:
        longest_s: Of them.
        name: Whose; those who lost the same broker shouldn't all come back in the same instant.
    """

    def __init__(self, longest_s: float, name: str) -> None:
        self._longest_s = longest_s
        self._spread = 0.75 + zlib.crc32(name.encode()) % 1000 / 2000
        self._pause_s = _FIRST_S
        self._hasty = 0

    def after(self, up_s: float | None) -> float:
        """The pause after a connection that was up for so long; None: it never was."""
        self._hasty = 0 if up_s is None or up_s >= _STEADY_S else self._hasty + 1
        at_once = up_s is not None and self._hasty <= _MOST_HASTY
        self._pause_s = _FIRST_S if at_once else min(self._pause_s * 2, self._longest_s)
        return self._pause_s * self._spread
