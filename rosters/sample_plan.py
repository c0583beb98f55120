"""The hierarchy of a sample city: how many of everything, and every unit in its order."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

from alertd.errors import InvalidInputError
from rosters.model import Unit
from rosters.sample_words import PLACE_FIRST, PLACE_SECOND
from rosters.words import Level

CITY_CODE, CITY_NAME = "330281", "余姚市"
CITY_PEOPLE = 8  # two commanders, and two at the duty desk for each of three shifts
LEADERS = 2  # of a subdistrict and of a community: a principal and an alternate
MAX_SCALE = 100  # past it a town would need more communities than three digits can number
MIN_SCALE = 0.05
_UNREPLACED = 100  # of so many stairwells one has no alternate, as real rosters have

# DESIGN §1; communities and the number of people are our own choice.
_COMMUNITIES, _GRIDS, _STAIRWELLS = 130, 275, 6_900
_STAFF, _PEOPLE, _PARTY_MEMBERS = 1_634, 20_000, 9_700
_TERMINALS, _GROUPS = 300, 300

_WEIGHTS = {"街道": 9, "镇": 6, "乡": 3}  # communities of a town, against another's
_URBAN = {"街道": 0.6, "镇": 0.2, "乡": 0.1}  # the part of them that are 社区, the rest being 村
_MAX_URBAN = 199  # the state's own codes number 社区 from 001 and 村 from 200
_FIRST_VILLAGE = 200
_NAMES = len(PLACE_FIRST) * len(PLACE_SECOND)
_NAME_STRIDE = 389  # prime, and no divisor of the number of names: all differ within a town
_ENTRANCES = 3
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Spot:
    """A unit on the walk through the city.

    Args:
        unit: The unit.
        index: Its number among the units of its level, from 0.
        within: Its number within its parent, from 0.
        town: Code of the town it lies in; the city's own code for the city.
    """

    unit: Unit
    index: int
    within: int
    town: str


def share(total: int, parts: int, index: int) -> int:
    """The size of one of so many parts of a total, as even as whole numbers allow."""
    return total * (index + 1) // parts - total * index // parts


def scatter(seed: int, salt: int, index: int) -> int:
    """A 64-bit number that looks random and depends on nothing else (splitmix64)."""
    mixed = (seed * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03 + index) & _MASK
    mixed = (mixed + 0x9E3779B97F4A7C15) & _MASK
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
    return mixed ^ mixed >> 31


def towns() -> list[tuple[str, str]]:
    """Yuyao's subdistricts and towns, (code, name), as the product carries them."""
    source = resources.files("config") / "areas" / "yuyao-subdistricts.csv"
    lines = source.read_text(encoding="utf-8").splitlines()
    return [(row["code"], row["name"]) for row in csv.DictReader(lines)]


class Plan:
    """How many of everything a sample has, all from its seed and scale.

    Args:
        seed: Any integer.
        scale: 1 for Yuyao; 0.05 to 100.

    Raises:
        InvalidInputError: The scale is out of bounds.
    """

    def __init__(self, seed: int, scale: float = 1) -> None:
        if not MIN_SCALE <= scale <= MAX_SCALE:
            raise InvalidInputError(
                f"the scale must be from {MIN_SCALE} to {MAX_SCALE}", field="scale"
            )
        self.seed = seed
        self.towns = towns()
        self.communities = max(len(self.towns), round(_COMMUNITIES * scale))
        self.grids = max(self.communities, round(_GRIDS * scale))
        self.stairwells = max(self.grids, round(_STAIRWELLS * scale))
        self.staff = max(LEADERS * self.grids, round(_STAFF * scale))
        self.terminals = round(_TERMINALS * scale)
        self.groups = round(_GROUPS * scale)
        self.people = max(round(_PEOPLE * scale), self._needed)
        self.party_members = self.people * _PARTY_MEMBERS // _PEOPLE

    @cached_property
    def _needed(self) -> int:
        """How many people the duties need; the rest are volunteers."""
        leaders = LEADERS * (len(self.towns) + self.communities)
        alone = self.stairwells // _UNREPLACED
        doubled = sum(not is_alone(first) for first in self._first_stairwells())
        return CITY_PEOPLE + leaders + self.staff + 2 * self.stairwells - alone - doubled

    @property
    def volunteers(self) -> int:
        """Members of the grids' volunteer teams."""
        return self.people - self._needed

    def stairwells_of(self, grid: int) -> int:
        """How many stairwells a grid has."""
        return self._uneven(self.stairwells, self.grids, grid, salt=1)

    def grids_of(self, community: int) -> int:
        """How many grids a community has."""
        return self._uneven(self.grids, self.communities, community, salt=2)

    def _uneven(self, total: int, parts: int, index: int, *, salt: int) -> int:
        """As `share`, with something taken from one neighbour and given to the other."""
        own = share(total, parts, index)
        if index ^ 1 >= parts:
            return own
        room = min(own, share(total, parts, index ^ 1)) - 1
        moved = scatter(self.seed, salt, index >> 1) % (room // 2 + 2) if room > 0 else 0
        return own - moved if index & 1 else own + moved

    def _first_stairwells(self) -> Iterator[int]:
        """The number of each grid's first stairwell among all."""
        first = 0
        for grid in range(self.grids):
            yield first
            first += self.stairwells_of(grid)

    def walk(self, *, stairwells: bool = True) -> Iterator[Spot]:
        """Every unit, a parent right before its children."""
        yield Spot(Unit(CITY_CODE, "", CITY_NAME, Level.CITY, ""), 0, 0, CITY_CODE)
        community = grid = stairwell = 0
        for index, (code, name) in enumerate(self.towns):
            town = Unit(code, "", name, Level.SUBDISTRICT, CITY_CODE)
            yield Spot(town, index, index, code)
            for place, unit in enumerate(self._communities(index)):
                yield Spot(unit, community, place, code)
                entrance = 0
                for within in range(self.grids_of(community)):
                    grid_unit = _grid(unit, within)
                    yield Spot(grid_unit, grid, within, code)
                    count = self.stairwells_of(grid)
                    for number in range(count) if stairwells else ():
                        below = _stairwell(grid_unit, unit.name, number, entrance + number)
                        yield Spot(below, stairwell + number, number, code)
                    entrance += count
                    stairwell += count
                    grid += 1
                community += 1

    def _communities(self, town: int) -> Iterator[Unit]:
        code, name = self.towns[town]
        kind = next(kind for kind in _WEIGHTS if name.endswith(kind))
        count = self._communities_of(town)
        urban = min(_MAX_URBAN, math.ceil(count * _URBAN[kind]))
        first = scatter(self.seed, 3, town)
        for place in range(count):
            name_index = (first + place * _NAME_STRIDE) % _NAMES
            name = PLACE_FIRST[name_index % len(PLACE_FIRST)]
            name += PLACE_SECOND[name_index // len(PLACE_FIRST)]
            if place < urban:
                own, name = f"{place + 1:03d}", f"{name}社区"
            else:
                own, name = f"{place - urban + _FIRST_VILLAGE:03d}", f"{name}村"
            yield Unit(f"{code}{own}", "", name, Level.COMMUNITY, code)

    def _communities_of(self, town: int) -> int:
        """One each, and the rest by weight."""
        weights = [
            next(weight for kind, weight in _WEIGHTS.items() if name.endswith(kind))
            for _, name in self.towns
        ]
        spare, total = self.communities - len(self.towns), sum(weights)
        before = sum(weights[:town])
        return 1 + spare * (before + weights[town]) // total - spare * before // total


def is_alone(stairwell: int) -> bool:
    """Whether a stairwell's leader has no alternate."""
    return stairwell % _UNREPLACED == _UNREPLACED - 1


def _grid(community: Unit, within: int) -> Unit:
    code = f"{community.code}{within + 1:03d}"
    return Unit(code, "", f"{community.name}第{within + 1}网格", Level.GRID, community.code)


def _stairwell(grid: Unit, community: str, within: int, entrance: int) -> Unit:
    building, door = divmod(entrance, _ENTRANCES)
    name = f"{community}{building + 1}幢{door + 1}单元"
    return Unit(f"{grid.code}{within + 1:03d}", "", name, Level.BUILDING, grid.code)
