"""A reader's place in the journal, over restores: what was lost has the places of what came since.

A backup was restored, or a standby took over that lacked the last moments; and what is recorded
then is numbered on from where that ended. Whoever had read further would take the new for what they
know. So a place says which of these ends its reader knows of, and from the first of the others they
begin anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import Connection, select

from alertd.store import given, journal
from alertd.store import tables as t

_NAME_BYTES: Final = 4
MOST: Final = 16  # of the last eras that a place names: a cursor has to stay short


@dataclass(frozen=True, slots=True)
class Era:
    """The journal since it last went on from an earlier end; `turn` is that of its first facts."""

    name: str
    turn: int


@dataclass(slots=True)
class Place:
    """Behind which facts a reader is.

    Args:
        cursor: By the chain.
        eras: The names of the eras they know of, the oldest first; None: those of now.
    """

    cursor: journal.Cursor
    eras: tuple[str, ...] | None = None

    def copy(self) -> Self:
        """The same, for somebody who goes on by themselves."""
        return type(self)(dict(self.cursor), self.eras)


def eras(connection: Connection) -> list[Era]:
    """Every era but the first, the oldest first."""
    rows = given.left_out(connection, t.journal.c.hash, t.journal.c.turn)
    named = [Era(row.hash[:_NAME_BYTES].hex(), row.turn) for row in rows]
    return sorted(named, key=lambda era: era.turn)


def unknown(known: Sequence[str], there: Sequence[Era]) -> Era | None:
    """The first era that whoever knows of these hasn't heard of; None: there is none.

    Who knows of one that isn't there was in a journal which another end was gone on from, too:
    behind the last that both have.
    """
    names = [era.name for era in there]
    both = [names.index(name) for name in known if name in names]
    later = there[max(both, default=-1) + 1 :]
    return later[0] if later else None


def go_on(connection: Connection, place: Place) -> None:
    """Bring a place into the journal as it is, back to where an era began that it didn't know."""
    there = eras(connection)
    first = None if place.eras is None else unknown(place.eras, there)
    if first is not None:
        for chain, seq in list(place.cursor.items()):
            place.cursor[chain] = _before(connection, chain, seq, first.turn)
    place.eras = tuple(era.name for era in there[-MOST:])


def _before(connection: Connection, chain: tuple[str, int], last: int, turn: int) -> int:
    """The last fact of a chain, at most `last`, from before that turn; turns grow with facts."""
    c = t.journal.c
    query = select(c.turn).where(c.node == chain[0], c.writer == chain[1])
    least, most = 0, last
    while least < most:
        middle = (least + most + 1) // 2
        found = connection.execute(query.where(c.seq == middle)).scalar()
        if found is not None and found < turn:
            least = middle
        else:
            most = middle - 1
    return least
