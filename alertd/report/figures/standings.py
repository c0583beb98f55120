"""The shapes of who was told, who is silent, and who was never told."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """Everybody by how they stand; `of` is the sum of the rest.

    `otherwise`: who called for help, or can't come, and said no more. `silent`: something had left
    for them. `perhaps`: nobody can tell whether anything has. `never`: those for whom nothing
    left, by why (`decide.told.Standing`).
    """

    of: int
    answered: int
    otherwise: int
    silent: int
    perhaps: int
    never: Mapping[str, int]

    @property
    def untold(self) -> int:
        """Those for whom nothing has left."""
        return sum(self.never.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who was told: people that the alert was for, and person-duties asked at the first stage.

    A duty is told where anybody is who holds it. `never`: (requirement, why) of those without an
    answer for which nothing left: all of them whose every rung was taken, and of the rest so many
    that there are 20,000.
    """

    people: Standings
    duties: Standings
    never: tuple[tuple[int, str], ...]
