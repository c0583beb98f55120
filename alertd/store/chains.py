"""Whether the journal's chains hold, whatever somebody has written into its rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from alertd.model import Recorded
from alertd.store import journal

_FROM_THE_START = -(2**63)  # somebody may have written rows before the first
_PAGE = 100  # facts at once: a batch of 1,000 settlements is some 60 KB of JSON


@dataclass(frozen=True, slots=True)
class Chains:
    """What a check came to: how many facts held, where it broke, and what can't be read."""

    held: int
    broken: tuple[journal.Broken, ...]
    unreadable: bool  # a body isn't JSON any more; nothing behind it was looked at

    @property
    def good(self) -> bool:
        """Whether all of it holds."""
        return not (self.broken or self.unreadable)


def check(connection: Connection) -> Chains:
    """Check every link of every chain, and that each reaches as far as its head says."""
    rows = _Readable(connection)
    held, broken = journal.verify(rows, journal.heads(connection))
    return Chains(held, tuple(broken), rows.unreadable)


class _Readable:
    """The journal's rows in bounded memory, up to one whose body isn't JSON any more."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.unreadable = False

    def __iter__(self) -> Iterator[Recorded]:
        try:
            for node, writer in journal.chains(self.connection):
                yield from journal.chain(
                    self.connection, node, writer, after=_FROM_THE_START, page=_PAGE
                )
        except ValueError:
            self.unreadable = True
