"""A roster small enough to know by heart."""

from rosters.model import ChatGroup, Holding, Person, Roster, Terminal, Unit, UnitFacts
from rosters.words import Level


def unit(code: str, level: Level, parent: str) -> Unit:
    return Unit(code, "", f"name of {code}", level, parent)


def person(person_id: str, *phones: str, channels: tuple[str, ...] = ("sms",)) -> Person:
    return Person(person_id=person_id, name=f"Li {person_id}", phones=phones, channels=channels)


def held(person_id: str, code: str, post: str, rank: int = 1, *roles: str) -> Holding:
    return Holding(person_id, code, post, rank, tuple(sorted({post, *roles})))


def small(**changes: object) -> Roster:
    """A city, a town, a community, two grids and a stairwell, with six people."""
    units = [
        unit("330281", Level.CITY, ""),
        unit("330281001", Level.SUBDISTRICT, "330281"),
        unit("330281001001", Level.COMMUNITY, "330281001"),
        unit("330281001001G1", Level.GRID, "330281001001"),
        unit("330281001001G2", Level.GRID, "330281001001"),
        unit("330281001001G1B1", Level.BUILDING, "330281001001G1"),
    ]
    who = [person(f"P{n}", f"+861540000000{n}") for n in range(1, 7)]
    holdings = [
        held("P1", "330281", "city_duty"),
        held("P2", "330281001", "subdistrict_lead"),
        held("P3", "330281001001G1", "grid_leader"),
        held("P4", "330281001001G1", "grid_leader", 2, "party_member"),
        held("P4", "330281001001G2", "grid_leader"),
        held("P5", "330281001001G1B1", "building_lead"),
        held("P6", "330281001001G1B1", "书记", 1, "party_member"),
    ]
    values: dict[str, object] = {
        "units": {each.code: each for each in units},
        "facts": {"330281001001G1": UnitFacts(households=300, shelter="School")},
        "people": {each.person_id: each for each in who},
        "holdings": {each.key: each for each in holdings},
        "terminals": {"T1": Terminal("T1", "330281001001G1", "Gate", 121.1, 30.0)},
        "groups": {
            "G1": ChatGroup("G1", "330281001", "webhook", "https://chat.invalid/1", "secret")
        },
    }
    return Roster(**{**values, **changes})  # type: ignore[arg-type]
