"""The lists that people work off, looked at often: read whole only when they may have grown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from alertd.model import Told
from alertd.store.reads import rehearsal

_SOME: Final = 16  # looked at together: as many as there are helpers in a place, or so


@dataclass(slots=True)
class WorkList:
    """One list of an alert.

    Args:
        alert_no: The alert.
        bit: Which list.
        place_of: Where a unit's part of it is worked off.
    """

    alert_no: int
    bit: Told
    place_of: Callable[[int], str]
    _by_place: dict[str, list[int]] = field(default_factory=dict)
    _seen: int = 0  # of the journal

    def look(self, connection: Connection) -> None:
        """Read it anew where anything may have come on it."""
        self._seen, grown = rehearsal.listed_since(connection, self._seen)
        if not grown:
            return
        self._by_place = {}
        for number, unit in rehearsal.listed(connection, self.alert_no, self.bit):
            self._by_place.setdefault(self.place_of(unit), []).append(number)

    def waiting(
        self, connection: Connection, place: str, is_over: Callable[[int], bool]
    ) -> Iterator[int]:
        """What is on it in a place, in its order.

        Args:
            connection: A reader.
            place: Of those that `place_of` gives.
            is_over: Whether something is of no interest any more, ever.
        """
        listed, at = self._by_place.get(place, []), 0
        while at < len(listed):
            some = slice(at, at + _SOME)
            still = rehearsal.still_listed(connection, listed[some], self.bit)
            kept = [no for no in listed[some] if no in still and not is_over(no)]
            listed[some] = kept
            at += len(kept)
            yield from kept
