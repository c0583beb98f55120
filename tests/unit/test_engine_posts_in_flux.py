"""Posts and grids change in mid-alert: whatever was asked is answered by its own, or on a list."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.model import RequirementState, duty_of
from alertd.store import tables as t
from alertd.store.reads import unanswered
from tests.city import City
from tests.unit.roster_moves import asked, id_of, import_anew, unit_of
from tests.unit.test_engine_help_answers import acks, last_reply
from tests.unit.test_engine_newcomers import LEADERS, kinds

Row = dict[str, str]
WHERE = ("unit_code", "unit_name", "parent_code", "rank")


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def leaders_become(city: City, become: Mapping[int, Callable[[Row], Row | None]]) -> None:
    """A newer roster in which people's rows as grid leaders are others; None: without them."""
    those = {id_of(city, person): change for person, change in become.items()}

    def change(row: Row) -> Row | None:
        leads = row["post"] == "grid_leader" and row["person_id"] in those
        return those[row["person_id"]](row) if leads else row

    import_anew(city, change)


def rows_of(city: City, *persons: int) -> dict[int, Row]:
    found: dict[int, Row] = {}
    for person in persons:

        def keep(row: Row, person: int = person) -> Row:
            found[person] = {name: row[name] for name in WHERE}
            return row

        leaders_become(city, {person: keep})
    return found


def state(city: City, duty_no: int) -> RequirementState:
    return RequirementState(city.requirement(duty_no).state)


def on_list(city: City) -> set[int]:
    """The duties where somebody is to go and knock."""
    with city.store.read() as connection:
        page = unanswered.unanswered(connection, 1, state="exhausted", limit=1_000)
    return {duty_of(item.no) for item in page.items}


def alternate_of(city: City, duty_no: int) -> int:
    (found,) = [person for duty, person in city.leaders(rank=2) if duty == duty_no]
    return found


@pytest.mark.parametrize("answers", ["before", "after", "never"])
def test_two_leaders_who_change_places(city: City, answers: str) -> None:
    """An answer is for what its sender held when it came, and for nothing else of theirs."""
    city.issue(roles=LEADERS)
    (one, here), (other, there), *_ = asked(city)
    rows = rows_of(city, here, there)
    if answers == "before":
        city.reply(city.phone_of(here), "1")
    city.forward(minutes=4)
    swap = {here: lambda row: row | rows[there], there: lambda row: row | rows[here]}
    leaders_become(city, swap)
    city.forward(minutes=1, seconds=5)
    if answers == "after":
        city.reply(city.phone_of(here), "1")
    city.forward(minutes=20)
    covered = {"before": {one}, "after": {other}, "never": set()}[answers]
    assert {
        duty for duty in (one, other) if state(city, duty) is RequirementState.COVERED
    } == covered
    assert {one, other} & on_list(city) == {one, other} - covered


@pytest.mark.parametrize("answers", ["before", "after", "never"])
@pytest.mark.parametrize("half", [True, False], ids=["split", "dissolved"])
def test_a_grid_that_is_split_or_dissolved(city: City, answers: str, *, half: bool) -> None:
    """Nobody answers for the whole of it any more: who hadn't before leaves it on the list."""
    city.issue(roles=LEADERS)
    (duty, person), *_ = asked(city)
    phone, second = city.phone_of(person), city.phone_of(alternate_of(city, duty))
    first, code = id_of(city, person), unit_of(city, duty).code
    if answers == "before":
        city.reply(phone, "1")
    city.forward(minutes=1)

    def change(row: Row) -> Row | None:
        if not half:
            return None if row["unit_code"].startswith(code) else row
        if row["parent_code"] == code:
            return row | {"parent_code": f"{code[:-3]}901"}
        if row["unit_code"] != code:
            return row
        led = f"{code[:-3]}{901 if row['person_id'] == first else 902}"
        return row | {"unit_code": led, "unit_name": led, "rank": "1"}

    import_anew(city, change)
    city.forward(minutes=1, seconds=5)
    if answers == "after":
        city.reply(phone, "1")
    city.forward(minutes=20)
    assert (state(city, duty) is RequirementState.COVERED) == (answers == "before")
    assert (duty in on_list(city)) == (answers != "before")
    assert kinds(city, second) == (["shift"] if half else [])


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize(("said", "covers"), [("1", True), ("2 30", True), ("0", False)])
def test_an_alternate_who_answered_becomes_the_principal(
    city: City, said: str, covers: bool, *, stays: bool
) -> None:
    city.issue(roles=LEADERS)
    (duty, person), *_ = asked(city)
    alternate = alternate_of(city, duty)
    city.forward(minutes=5, seconds=5)
    city.reply(city.phone_of(alternate), said)
    leaders_become(
        city,
        {
            alternate: lambda row: row | {"rank": "1"},
            person: lambda row: row | {"rank": "2"} if stays else None,
        },
    )
    city.forward(minutes=20)
    assert (state(city, duty) is RequirementState.COVERED) == covers
    assert (duty in on_list(city)) != covers
    assert kinds(city, city.phone_of(alternate)) == ["takeover", "confirmation"]


def test_who_leaves_for_a_grid_that_isnt_asked_answers_for_none(city: City) -> None:
    city.issue(roles=LEADERS, areas=["330281001"])
    (duty, person), *_ = asked(city)
    grids = [unit_of(city, each) for each, _ in city.leaders()]
    other = next(grid for grid in grids if "/330281001/" not in grid.path)
    there = {"unit_code": other.code, "unit_name": other.name, "rank": "2"}
    parent = {"parent_code": other.path.split("/")[-3]}
    city.forward(minutes=1)
    leaders_become(city, {person: lambda row: row | there | parent})
    city.reply(city.phone_of(person), "1")
    assert acks(city, person) == ["received"]
    city.forward(minutes=20)
    assert state(city, duty) is RequirementState.EXHAUSTED
    assert duty in on_list(city)


def test_a_bare_1_to_two_alerts_that_overlap_covers_neither(city: City) -> None:
    wide = city.issue(roles=LEADERS)
    narrow = city.issue("rainstorm", "red", roles=LEADERS, areas=["330281001"])
    (duty, person), *_ = asked(city, narrow)
    phone = city.phone_of(person)
    code = city.one(select(t.alert.c.short_code).where(t.alert.c.no == narrow)).short_code

    def covered() -> list[int]:
        found = (wide, narrow)
        done = RequirementState.COVERED
        return [no for no in found if city.requirement(duty, no).state == done]

    city.reply(phone, "1")
    assert last_reply(city) == ("ambiguous", "several-open")
    assert not covered()
    city.reply(phone, f"{code} 1")
    assert covered() == [narrow]
    city.reply(phone, "1")
    assert last_reply(city)[0] == "ambiguous", "they may have said it once more"
    city.forward(minutes=20)
    assert covered() == [narrow]
    assert duty in on_list(city)
