"""How many words on one command are listened to.

A loudspeaker says two, and repeats them where an answer may have been lost. Each is on record, so
that one which says the same without end would fill the journal.
"""

from collections import Counter
from collections.abc import Iterable

_MOST_WORDS = 20
_MOST_COMMANDS = 50_000  # then it begins anew, as after a restart


class Patience:
    """One route's; nobody but a command's own loudspeaker can speak of it."""

    def __init__(self) -> None:
        self._words: Counter[str] = Counter()

    def has(self, cmd_id: str) -> bool:
        """Whether a further word on it is listened to."""
        return self._words[cmd_id] < _MOST_WORDS

    def heard(self, cmd_ids: Iterable[str]) -> None:
        """They are on record."""
        if len(self._words) > _MOST_COMMANDS:
            self._words.clear()
        self._words.update(cmd_ids)
