"""A plausible city, made from a seed: Yuyao's real towns, and everybody else made up.

At scale 1 it has the numbers of DESIGN §1: 21 subdistricts and towns, 275 grids with 1,634 grid
staff, 6,900 stairwells, 9,700 party members; 20,000 people in all, 300 loudspeakers and 300 chat
groups. Other scales have that many times as much in the same towns. Everything is made on its way
out, so that memory doesn't grow with the scale, and the same seed, scale and day make the same
bytes.
"""

import base64
import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rosters.export import Style, roster_files, write_groups, write_people, write_terminals
from rosters.model import NO_FACTS, ChatGroup, Person, RosterRow, Terminal, UnitFacts
from rosters.parse import RosterFiles
from rosters.sample_people import Crowd, stairwell_facts
from rosters.sample_plan import LEADERS, Plan, Spot, is_alone, scatter, share
from rosters.sample_words import CITY_PLACE, TOWN_PLACES
from rosters.words import LEAD_ROLES, Level

_SHIFTS = (("00:00", "08:00"), ("08:00", "16:00"), ("16:00", "00:00"))
_SPREAD = 0.03  # degrees around a town's middle
# The name that RFC 2606 keeps from ever existing.
GROUP_URL = "https://chat.invalid/groups/{group_id}"


def sample_rows(plan: Plan, today: dt.date) -> Iterator[RosterRow]:
    """The rows of the people file, a unit's parent always before it."""
    crowd = Crowd(plan, today)
    grid_deputy: Person | None = None
    shelter = ""
    for spot in plan.walk():
        level = spot.unit.level
        if level is Level.CITY:
            yield from _city(crowd, spot)
        elif level is Level.GRID:
            rows = list(_grid(crowd, plan, spot))
            grid_deputy = rows[1].person
            yield from rows
        elif level is Level.BUILDING:
            facts = stairwell_facts(plan.seed, spot.index, shelter)
            yield from _stairwell(crowd, spot, facts, grid_deputy)
        else:
            shelter = f"{spot.unit.name}避灾安置点"
            yield from _team(crowd, spot, LEAD_ROLES[level], LEADERS)


def _row(
    crowd: Crowd,
    spot: Spot,
    person: Person,
    post: str,
    rank: int,
    shift: tuple[str, str] = ("", ""),
    facts: UnitFacts = NO_FACTS,
) -> RosterRow:
    holding = crowd.holding(person, spot.unit, post, rank, shift)
    return RosterRow(spot.unit, facts, person, holding)


def _team(
    crowd: Crowd, spot: Spot, post: str, size: int, *, staff: bool = False
) -> Iterator[RosterRow]:
    for rank in range(1, size + 1):
        yield _row(crowd, spot, crowd.person(staff=staff), post, rank)


def _city(crowd: Crowd, spot: Spot) -> Iterator[RosterRow]:
    yield from _team(crowd, spot, "city_lead", LEADERS)
    for shift in _SHIFTS:
        for rank in range(1, LEADERS + 1):
            yield _row(crowd, spot, crowd.person(staff=True), "city_duty", rank, shift)


def _grid(crowd: Crowd, plan: Plan, spot: Spot) -> Iterator[RosterRow]:
    staff = share(plan.staff, plan.grids, spot.index)
    yield from _team(crowd, spot, "grid_leader", LEADERS, staff=True)
    yield from _team(crowd, spot, "grid_member", staff - LEADERS, staff=True)
    yield from _team(crowd, spot, "volunteer", share(plan.volunteers, plan.grids, spot.index))


def _stairwell(
    crowd: Crowd, spot: Spot, facts: UnitFacts, grid_deputy: Person | None
) -> Iterator[RosterRow]:
    """A leader and an alternate; a grid's first stairwell has the grid's deputy for the latter."""
    yield _row(crowd, spot, crowd.person(), "building_lead", 1, facts=facts)
    if not is_alone(spot.index):
        deputy = grid_deputy if spot.within == 0 and grid_deputy else crowd.person()
        yield _row(crowd, spot, deputy, "building_lead", 2, facts=facts)


def sample_terminals(plan: Plan) -> Iterator[Terminal]:
    """Loudspeakers: one a grid, the rest over the towns."""
    made = 0
    for spot in plan.walk(stairwells=False):
        for number in range(_of_spot(plan, spot, plan.terminals)):
            made += 1
            lon, lat = _place(plan.seed, spot.town, made)
            yield Terminal(
                terminal_id=f"LS{made:06d}",
                unit_code=spot.unit.code,
                name=f"{spot.unit.name}{number + 1}号大喇叭",
                lon=lon,
                lat=lat,
                volume=60 + 10 * (made % 4),
            )


def sample_groups(plan: Plan, url: str = GROUP_URL) -> Iterator[ChatGroup]:
    """Chat groups: one a grid, the rest over the towns; `url` has `{group_id}` in it."""
    for spot in plan.walk(stairwells=False):
        for number in range(_of_spot(plan, spot, plan.groups)):
            group_id = f"{spot.unit.code}-{number + 1}"
            seeded = hashlib.blake2b(f"{plan.seed}/{group_id}".encode(), digest_size=24).digest()
            yield ChatGroup(
                group_id=group_id,
                unit_code=spot.unit.code,
                kind="webhook",
                url=url.format(group_id=group_id),
                secret=f"whsec_{base64.b64encode(seeded).decode()}",
            )


def _of_spot(plan: Plan, spot: Spot, total: int) -> int:
    """How many of a total belong to a unit: grids first, one each, then towns."""
    in_grids = min(total, plan.grids)
    if spot.unit.level is Level.GRID:
        return share(in_grids, plan.grids, spot.index)
    if spot.unit.level is Level.SUBDISTRICT:
        return share(total - in_grids, len(plan.towns), spot.index)
    return 0


def _place(seed: int, town: str, number: int) -> tuple[float, float]:
    lon, lat = TOWN_PLACES.get(town, CITY_PLACE)
    dice = scatter(seed, 20, number)
    east, north = dice % 2001 / 1000 - 1, (dice >> 20) % 2001 / 1000 - 1
    return round(lon + east * _SPREAD, 6), round(lat + north * _SPREAD, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A sample that was written.

    Args:
        files: The three files.
        rows: Rows of the people file.
        people: People, each once.
        terminals: Loudspeakers.
        groups: Chat groups.
    """

    files: RosterFiles
    rows: int
    people: int
    terminals: int
    groups: int


def write_sample(
    directory: Path,
    *,
    seed: int,
    today: dt.date,
    scale: float = 1,
    language: str = "en",
    group_url: str = GROUP_URL,
) -> Sampled:
    """Write a sample city's people.csv, terminals.csv and groups.csv into a folder.

    Args:
        directory: Made if need be; files of these names are replaced.
        seed: Any integer; the same one makes the same city.
        today: The day it is made for: its people were verified in the weeks before.
        scale: 1 for Yuyao; 0.05 to 100.
        language: Of headers and known words.
        group_url: The chat groups' webhook, with `{group_id}` in it.

    Raises:
        InvalidInputError: The scale is out of bounds.
    """
    plan = Plan(seed, scale)
    style = Style(language=language, unmasked=True)
    directory.mkdir(parents=True, exist_ok=True)
    files = roster_files(directory)
    return Sampled(
        files=files,
        rows=write_people(sample_rows(plan, today), files.people, style),
        people=plan.people,
        terminals=write_terminals(sample_terminals(plan), directory / "terminals.csv", style),
        groups=write_groups(sample_groups(plan, group_url), directory / "groups.csv", style),
    )
