"""The sample city: Yuyao's numbers, the same from the same seed, in bounded memory."""

import csv
import datetime as dt
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from alertd.errors import InvalidInputError
from rosters.model import Roster
from rosters.parse import RosterFiles, check, read
from rosters.phones import is_fictional
from rosters.sample import (
    GROUP_URL,
    sample_groups,
    sample_rows,
    sample_terminals,
    write_sample,
)
from rosters.sample_plan import MAX_SCALE, Plan, towns
from rosters.words import Level

TODAY = dt.date(2026, 5, 1)
OFFICIAL = Path(__file__).parents[3] / "shared" / "data" / "yuyao-subdistricts.csv"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> RosterFiles:
    return write_sample(tmp_path_factory.mktemp("sample"), seed=1, today=TODAY).files


@pytest.fixture(scope="module")
def city(files: RosterFiles) -> Roster:
    return read(files, today=TODAY)


def test_it_has_the_numbers_of_yuyao(city: Roster) -> None:
    assert Counter(unit.level for unit in city.units.values()) == {
        Level.CITY: 1,
        Level.SUBDISTRICT: 21,
        Level.COMMUNITY: 130,
        Level.GRID: 275,
        Level.BUILDING: 6_900,
    }
    assert len(city.people) == 20_000
    assert len(city.terminals) == 300
    assert len(city.groups) == 300
    assert sum(person.party_member for person in city.people.values()) == 9_700
    posts = Counter(holding.post for holding in city.holdings.values())
    assert posts["grid_leader"] + posts["grid_member"] == 1_634


def test_the_product_carries_the_real_towns() -> None:
    if not OFFICIAL.exists():
        pytest.skip("../shared/data/yuyao-subdistricts.csv isn't here")
    with OFFICIAL.open(encoding="utf-8", newline="") as file:
        assert towns() == [(row["code"], row["name"]) for row in csv.DictReader(file)]


def test_it_is_a_roster_without_an_error(files: RosterFiles) -> None:
    checked = check(files, today=TODAY)
    assert checked.ok
    assert set(checked.problems.by_code) == {"alternate-missing", "verified-long-ago"}
    assert checked.problems.by_code["alternate-missing"] == 69


def test_names_codes_and_numbers_are_plausible_and_nobodys(city: Roster) -> None:
    assert all(unit.code.startswith(unit.parent_code) for unit in city.units.values())
    lengths = {6: "city", 9: "subdistrict", 12: "community", 15: "grid", 18: "building"}
    assert all(lengths[len(unit.code)] == unit.level for unit in city.units.values())
    names = Counter((unit.parent_code, unit.name) for unit in city.units.values())
    assert max(names.values()) == 1
    phones = [phone for person in city.people.values() for phone in person.phones]
    assert len(set(phones)) == len(phones) > 21_000
    assert all(is_fictional(phone) for phone in phones)
    assert all(group.url.startswith("https://chat.invalid/") for group in city.groups.values())
    assert {"䶮", "㛃", "𬍛"} <= {char for person in city.people.values() for char in person.name}


def test_a_community_has_one_to_four_grids_and_every_grid_is_heard(city: Roster) -> None:
    levels = {code: unit.level for code, unit in city.units.items()}
    grids = Counter(u.parent_code for u in city.units.values() if u.level is Level.GRID)
    assert set(grids.values()) <= {1, 2, 3, 4}
    assert len(set(grids.values())) > 1
    by_grid = {code for code, level in levels.items() if level is Level.GRID}
    assert by_grid <= {terminal.unit_code for terminal in city.terminals.values()}
    assert by_grid <= {group.unit_code for group in city.groups.values()}


def test_every_unit_is_held_and_some_people_hold_two_duties(city: Roster) -> None:
    held = {holding.unit_code for holding in city.holdings.values()}
    assert held == set(city.units)
    duties = Counter(holding.person_id for holding in city.holdings.values())
    assert sum(count == 2 for count in duties.values()) > 250
    assert max(duties.values()) == 2


def written(directory: Path, seed: int) -> dict[str, bytes]:
    write_sample(directory, seed=seed, today=TODAY, scale=0.1)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    first = written(tmp_path / "a", 3)
    assert first == written(tmp_path / "b", 3)
    other = written(tmp_path / "c", 4)
    assert all(first[name] != other[name] for name in first)


def test_the_files_of_seed_1_are_pinned() -> None:
    """A change here is a change of everybody's sample city: say so in the changelog."""
    first = next(iter(sample_rows(Plan(1), TODAY)))
    assert first.person is not None
    assert (first.person.name, first.person.phones) == PINNED


PINNED = ("文国娥", ("+8615459141959",))


@pytest.mark.parametrize("scale", [0.05, 0.3, 2, 3.7])
def test_other_scales_have_as_many_times_as_much(scale: float) -> None:
    plan = Plan(5, scale)
    spots = Counter(spot.unit.level for spot in plan.walk())
    assert spots[Level.SUBDISTRICT] == 21
    assert spots[Level.GRID] == plan.grids
    assert spots[Level.BUILDING] == plan.stairwells >= round(6_900 * scale)
    people = {row.person.person_id for row in sample_rows(plan, TODAY) if row.person}
    assert len(people) == plan.people
    assert sum(1 for _ in sample_terminals(plan)) == plan.terminals
    groups = list(sample_groups(plan))
    assert len({group.group_id for group in groups}) == len(groups) == plan.groups


def test_at_the_largest_scale_codes_still_differ() -> None:
    plan = Plan(1, MAX_SCALE)
    codes = [spot.unit.code for spot in plan.walk(stairwells=False)]
    assert len(set(codes)) == len(codes)
    assert {len(code) for code in codes} == {6, 9, 12, 15}
    assert max(plan.stairwells_of(grid) for grid in range(plan.grids)) < 1000
    assert plan.people == 2_000_000


@pytest.mark.parametrize("scale", [0, -1, 0.01, 101, float("nan")])
def test_a_scale_out_of_bounds_is_refused(scale: float) -> None:
    with pytest.raises(InvalidInputError):
        Plan(1, scale)


def peak_kb(rows: Iterator[object], count: int) -> int:
    tracemalloc.start()
    for _ in islice(rows, count):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak >> 10


def test_memory_does_not_grow_with_the_scale() -> None:
    one = peak_kb(sample_rows(Plan(1, 1), TODAY), 40_000)
    five = peak_kb(sample_rows(Plan(1, 5), TODAY), 40_000)
    assert five < one + 200


def test_the_webhook_can_point_to_a_receiver_of_ones_own() -> None:
    assert "{group_id}" in GROUP_URL
    group = next(sample_groups(Plan(1, 0.1), "http://127.0.0.1:9/{group_id}"))
    assert group.url == f"http://127.0.0.1:9/{group.group_id}"
