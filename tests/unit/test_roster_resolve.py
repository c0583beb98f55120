"""Areas and roles → who is told, and the headcount that is shown before."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.errors import InvalidInputError
from rosters.model import ChatGroup, Holding, Person, Roster, Terminal, Unit
from rosters.resolve import headcount, resolve, select_units
from rosters.words import Level

UNITS = [
    Unit("330281", "", "余姚市", Level.CITY, ""),
    Unit("330281001", "", "梨洲街道", Level.SUBDISTRICT, "330281"),
    Unit("330281001001", "", "东江社区", Level.COMMUNITY, "330281001"),
    Unit("330281001001001", "", "一网格", Level.GRID, "330281001001"),
    Unit("330281002", "", "凤山街道", Level.SUBDISTRICT, "330281"),
    # a code of the city's own, below by its parent only
    Unit("FS-9", "", "凤山一网格", Level.GRID, "330281002"),
]


def held(person_id: str, unit: str, post: str, rank: int = 1, *roles: str) -> Holding:
    return Holding(person_id, unit, post, rank, tuple(sorted({post, *roles})))


HOLDINGS = [
    held("P1", "330281", "city_duty"),
    held("P2", "330281001", "subdistrict_lead"),
    held("P3", "330281001001001", "grid_leader", 2, "party_member"),
    held("P4", "330281001001001", "grid_leader", 1),
    held("P2", "330281001001001", "grid_member", 1, "巡防"),
    held("P5", "FS-9", "grid_leader"),
]
PEOPLE = [
    Person("P1", "a", phones=("+8613800000001",), channels=("sms", "voice")),
    Person("P2", "b", phones=("+8613800000002",), channels=("sms",)),
    Person("P3", "c", short_phone="612345", channels=("voice",)),
    Person("P4", "d", channels=("sms",)),
    Person("P5", "e", phones=("+8657462712345",), channels=("sms", "voice")),
]
ROSTER = Roster(
    units={unit.code: unit for unit in UNITS},
    people={person.person_id: person for person in PEOPLE},
    holdings={holding.key: holding for holding in HOLDINGS},
    terminals={
        "LS1": Terminal("LS1", "330281001001001", "x"),
        "LS2": Terminal("LS2", "FS-9", "y"),
    },
    groups={"g": ChatGroup("g", "330281001", "webhook", "https://a.test")},
)


def test_an_area_is_its_unit_and_all_below_by_code_or_by_parent() -> None:
    assert select_units(ROSTER.units, ["330281001"]) == {
        "330281001",
        "330281001001",
        "330281001001001",
    }
    assert select_units(ROSTER.units, ["330281002"]) == {"330281002", "FS-9"}
    assert select_units(ROSTER.units, ["3302"]) == set(ROSTER.units)
    assert select_units(ROSTER.units, ["FS-9", "330281001001"]) == {
        "FS-9",
        "330281001001",
        "330281001001001",
    }


def test_duties_come_from_above_with_their_holders_by_rank() -> None:
    selection = resolve(ROSTER, ["330281001"])
    assert [(duty.unit_code, duty.post) for duty in selection.duties] == [
        ("330281001", "subdistrict_lead"),
        ("330281001001001", "grid_leader"),
        ("330281001001001", "grid_member"),
    ]
    assert [holder.person_id for holder in selection.duties[1].holders] == ["P4", "P3"]
    assert list(selection.people) == ["P2", "P3", "P4"]
    assert [terminal.terminal_id for terminal in selection.terminals] == ["LS1"]
    assert [group.group_id for group in selection.groups] == ["g"]


def test_roles_pick_holdings_and_leave_loudspeakers_and_groups_alone() -> None:
    selection = resolve(ROSTER, ["330281"], ["party_member", "巡防"])
    assert [holder.person_id for duty in selection.duties for holder in duty.holders] == [
        "P3",
        "P2",
    ]
    assert len(selection.terminals) == 2


def test_the_headcount_says_how_many_by_level_role_and_channel() -> None:
    count = headcount(resolve(ROSTER, ["330281"]))
    assert (count.duties, count.person_duties, count.people) == (5, 6, 5)
    assert count.unreachable == 1
    assert count.by_level == {
        Level.CITY: 1,
        Level.SUBDISTRICT: 1,
        Level.COMMUNITY: 0,
        Level.GRID: 4,
        Level.BUILDING: 0,
    }
    assert count.by_role == {
        "city_duty": 1,
        "subdistrict_lead": 1,
        "grid_leader": 3,
        "grid_member": 1,
        "party_member": 1,
        "巡防": 1,
    }
    assert count.by_channel == {"sms": 2, "chat": 0, "voice": 3, "loudspeaker": 2, "group": 1}


def test_a_role_asked_for_that_nobody_has_counts_nobody() -> None:
    count = headcount(resolve(ROSTER, ["330281"], ["volunteer", "grid_leader"]))
    assert count.by_role == {"volunteer": 0, "grid_leader": 3}


@pytest.mark.parametrize(
    ("areas", "roles", "field", "named"),
    [
        (["330281", "330299", "x"], [], "areas", ["330299", "x"]),
        (["33028100"], [], "areas", ["33028100"]),  # cut within the subdistrict's digits
        ([""], [], "areas", []),
        ([], [], "areas", []),
        (["330281"], ["grid_leeder", "王"], "roles", ["grid_leeder", "王"]),
    ],
)
def test_what_the_roster_does_not_know_is_refused_by_name(
    areas: list[str], roles: list[str], field: str, named: list[str]
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        resolve(ROSTER, areas, roles)
    assert caught.value.field == field
    assert all(name in caught.value.message for name in named)


def test_a_phone_number_given_as_an_area_is_not_repeated() -> None:
    with pytest.raises(InvalidInputError) as caught:
        resolve(ROSTER, ["13800000001"])
    assert "13800000001" not in caught.value.message


@given(st.sets(st.sampled_from([unit.code for unit in UNITS]), min_size=1))
def test_areas_together_are_the_sum_of_each(areas: set[str]) -> None:
    each = [select_units(ROSTER.units, [area]) for area in areas]
    assert select_units(ROSTER.units, areas) == frozenset().union(*each)


@pytest.mark.parametrize(
    ("begin", "end", "hour", "on"),
    [
        ("", "", 3, True),
        ("08:00", "20:00", 8, True),
        ("08:00", "20:00", 20, False),
        ("20:00", "08:00", 23, True),
        ("20:00", "08:00", 7, True),
        ("20:00", "08:00", 8, False),
        ("16:00", "00:00", 23, True),
        ("16:00", "00:00", 0, False),
    ],
)
def test_a_shift_covers_its_hours(begin: str, end: str, hour: int, on: bool) -> None:
    holding = replace(HOLDINGS[0], on_duty_from=begin, on_duty_to=end)
    assert holding.on_duty(hour * 60) is on
