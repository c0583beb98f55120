"""What a roster is read from: checked files, a roster in memory, or this store itself."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from alertd.model import SHORT_RANK, Channel
from alertd.store.addresses import CHAT_ID, PHONE, SHORT_PHONE
from rosters.model import NO_FACTS, ChatGroup, Person, Roster, RosterRow, Terminal, Unit, UnitFacts
from rosters.phones import takes_sms

# A contact's channel where a human dials: model.Channel has only ways that a machine sends by.
VOICE = 4


class Source(Protocol):
    """A whole roster, streamed; `rosters.parse.Checked` is one."""

    def units(self) -> Iterable[tuple[Unit, UnitFacts]]:
        """Every unit once, with what is known of it."""

    def rows(self) -> Iterable[RosterRow]:
        """Every holding with its person; rows without a person don't matter here."""

    def terminals(self) -> Iterable[Terminal]:
        """Every loudspeaker."""

    def groups(self) -> Iterable[ChatGroup]:
        """Every chat group."""


class InMemory:
    """A roster in memory as a source.

    Args:
        roster: Small: a test's or a sample city's.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def units(self) -> Iterator[tuple[Unit, UnitFacts]]:
        """Every unit, with what is known of it."""
        for code, unit in self._roster.units.items():
            yield unit, self._roster.facts.get(code, NO_FACTS)

    def rows(self) -> Iterator[RosterRow]:
        """Every holding; somebody without one isn't selected by anything and is left out."""
        for holding in self._roster.holdings.values():
            unit = self._roster.units[holding.unit_code]
            yield RosterRow(unit, NO_FACTS, self._roster.people[holding.person_id], holding)

    def terminals(self) -> Iterable[Terminal]:
        """Every loudspeaker."""
        return self._roster.terminals.values()

    def groups(self) -> Iterable[ChatGroup]:
        """Every chat group."""
        return self._roster.groups.values()


def contacts_of(person: Person) -> list[tuple[int, int, str, str]]:
    """A person's contacts as (channel, rank, kind, address).

    A phone that takes no SMS (a fixed line, or any by the channels that the roster names) is kept
    for whoever dials by hand, and is no SMS contact: a message to it would only look sent.
    """
    by_sms = "sms" in person.channels or not person.channels
    written = [phone for phone in person.phones if by_sms and takes_sms(phone)]
    dialled = [phone for phone in person.phones if phone not in written]
    found = [(int(Channel.SMS), rank, PHONE, phone) for rank, phone in enumerate(written, start=1)]
    found += [(VOICE, rank, PHONE, phone) for rank, phone in enumerate(dialled, start=1)]
    if person.short_phone:
        found.append((VOICE, SHORT_RANK, SHORT_PHONE, person.short_phone))
    if person.chat_id:
        found.append((int(Channel.CHAT), 1, CHAT_ID, person.chat_id))
    return found
