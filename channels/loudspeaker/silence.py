"""Who has fallen silent: a broker may never notice that a loudspeaker died; pure."""

from collections import OrderedDict

_MOST_TERMINALS = 200_000


class Silence:
    """When each loudspeaker was last heard, by our own clock.

    Args:
        after_ms: One that says nothing for so long is silent; 0: nobody ever is.
    """

    def __init__(self, after_ms: int) -> None:
        self.after_ms = after_ms
        self._heard: OrderedDict[str, int] = OrderedDict()  # the longest silent first

    def heard(self, terminal: str, now: int, *, retained: bool) -> None:
        """It said something. What the broker kept proves nothing, but one must hear it then."""
        if retained and terminal in self._heard:
            return
        if terminal in self._heard or len(self._heard) < _MOST_TERMINALS:
            self._heard[terminal] = now
            self._heard.move_to_end(terminal)

    def start_over(self, now: int) -> None:
        """We were away, and could hear nobody."""
        for terminal in self._heard:
            self._heard[terminal] = now

    def overdue(self, now: int) -> list[str]:
        """Who has been silent for too long; each is named once, until it is heard again."""
        silent = []
        while self.after_ms and self._heard:
            terminal, at = next(iter(self._heard.items()))
            if now - at < self.after_ms:
                break
            del self._heard[terminal]
            silent.append(terminal)
        return silent
