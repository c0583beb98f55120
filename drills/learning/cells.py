"""What is learned apart: a role, a part of the day, and the way somebody was told. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from drills.simulate.people import fits
from drills.simulate.scenario import People
from rosters.words import ROLES

PARTS: Final[tuple[tuple[int, int], ...]] = ((6, 22), (22, 6))
"""The day and the night, in local hours from and up to; as in the shipped behaviour."""

CHANNELS: Final = ("sms", "voice")
"""A text to a phone, and a call; a rule for anything else would fit nothing in a night."""

_ORDER: Final = {role: place for place, role in enumerate(ROLES)}


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """People of a role, told in a part of the day by a channel."""

    role: str
    hours: tuple[int, int]
    channel: str


def foremost(roles: Iterable[str]) -> str:
    """The one that somebody of several roles counts for: the first in the hierarchy's order.

    Rules are written in the same order, so that the first that fits a person is that role's.
    """
    return min(roles, key=lambda role: (_ORDER.get(role, len(_ORDER)), role))


def in_order(cells: Collection[Cell]) -> list[Cell]:
    """As rules are written: by role, the day before the night, texts before calls."""
    return sorted(
        cells,
        key=lambda each: (
            _ORDER.get(each.role, len(_ORDER)),
            each.role,
            PARTS.index(each.hours),
            CHANNELS.index(each.channel),
        ),
    )


def part_of(hour: int) -> tuple[int, int]:
    """The part of the day that an hour lies in."""
    day, night = PARTS
    return day if day[0] <= hour < day[1] else night


def usual(cell: Cell, rules: Sequence[People]) -> People:
    """The rule that stands for a cell as long as nothing is known of it; any rank's."""
    hour = cell.hours[0]
    found = (r for r in rules if fits(r, frozenset({cell.role}), 0, cell.channel, hour))
    return next(found, People())
