"""A part of a stored roster, as a source: people and duties of some units; all else stays."""

from collections.abc import Iterable, Iterator

from alertd.store.roster.known import Scope
from alertd.store.roster.values import Stored
from rosters.model import ChatGroup, RosterRow, Terminal, Unit, UnitFacts


class Part:
    """A part of a stored roster, as a source.

    Args:
        stored: A version of it, unmasked.
        scope: Whose units are the same in that version and in the one in force.
    """

    def __init__(self, stored: Stored, scope: Scope) -> None:
        self._stored = stored
        self._units = stored.units_of(scope.codes)
        self._scope = scope

    def units(self) -> Iterable[tuple[Unit, UnitFacts]]:
        """The part's units and those above."""
        return self._units.values()

    def rows(self) -> Iterator[RosterRow]:
        """Every holding in the part."""
        return self._stored.rows_in({no: self._units[no] for no in self._scope.unit_nos})

    def terminals(self) -> Iterable[Terminal]:
        """None: they stay as they are."""
        return ()

    def groups(self) -> Iterable[ChatGroup]:
        """None: they stay as they are."""
        return ()
