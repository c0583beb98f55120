"""Which of the messages that are handed over together leave as one command to an area; pure.

Where every loudspeaker that is enrolled in an area is told the same thing, one command to the area
says it, and names each of them. All others are asked singly: a command to an area must not reach
one that the alert doesn't select.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from channels.base import Outgoing
from channels.loudspeaker.accounts import Account
from channels.loudspeaker.commands import is_terminal_id

FEWEST = 2
# Each loudspeaker of the area hears all names: past so many they outweigh the text by far, and
# with the longest ids there is no room for them in one command.
MOST = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """Messages by area, and those that are asked singly."""

    areas: Sequence[tuple[str, Sequence[Outgoing]]]
    singles: Sequence[Outgoing]


def members(accounts: Iterable[Account]) -> dict[str, frozenset[str]]:
    """Who hears commands to an area: by their enrolment, which the broker's rights come from."""
    found: dict[str, set[str]] = {}
    for account in accounts:
        for area in account.areas if account.good else ():
            found.setdefault(area, set()).add(account.terminal)
    return {area: frozenset(names) for area, names in found.items()}


def plan(messages: Sequence[Outgoing], areas: Mapping[str, frozenset[str]]) -> Plan:
    """Divide messages; the largest areas first, and each message goes one way only.

    Args:
        messages: What is handed over together.
        areas: The loudspeakers that hear each area's commands, by its code.
    """
    fitting = sorted(
        ((code, names) for code, names in areas.items() if FEWEST <= len(names) <= MOST),
        key=lambda item: (-len(item[1]), item[0]),
    )
    grouped: list[tuple[str, Sequence[Outgoing]]] = []
    gone: set[tuple[int, int]] = set()
    for alike in _alike(messages) if fitting else ():
        for code, names in fitting:
            if names <= alike.keys():
                told = [alike.pop(name) for name in sorted(names)]
                grouped.append((code, told))
                gone |= {(message.delivery, message.attempt) for message in told}
    return Plan(grouped, [m for m in messages if (m.delivery, m.attempt) not in gone])


def _alike(messages: Sequence[Outgoing]) -> Iterable[dict[str, Outgoing]]:
    """Messages that differ in whom they are for alone, by that; of two for one only the first."""
    found: dict[object, dict[str, Outgoing]] = {}
    for m in messages:
        if is_terminal_id(m.address):
            same = (m.alert, m.stop, m.status, m.severity, m.expires_at, m.possible_duplicate)
            said = (*m.stops, m.language, m.text)
            found.setdefault((*same, *said), {}).setdefault(m.address, m)
    return found.values()
