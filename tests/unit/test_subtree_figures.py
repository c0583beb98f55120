"""Whoever sees a part of the city sees what came back from it, and nothing of another part."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from alertd.engine import answering
from alertd.engine.counting import Answered
from alertd.model import AckKind, Grade, Via
from alertd.report.paper.sheets import parts
from alertd.store import people
from alertd.store import tables as t
from alertd.store.reads import (
    alerts,
    answers,
    board,
    course,
    helping,
    inbox,
    own_grid,
    paper,
    sheets,
    todo,
)
from tests.city import City
from tests.unit.roster_moves import asked, move_unit, put_in_charge, unit_of

HERE, THERE = "330281/330281001/", "330281/330281002/"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    found = City(tmp_path)
    yield found
    found.store.close()


def seen(city: City, path: str) -> dict[str, Any]:
    with city.store.read() as connection:
        figures = board.board(connection, 1, path=path, whole=False)
        return {
            "people": answers.people_by_answer(connection, 1, path=path),
            "acks": len(answers.acks(connection, 1, path=path).items),
            "help": len(helping.help_cases(connection, alert_no=1, path=path)),
            "open": figures.help_open,
            "helping": figures.stages[0].helping,
            "sheets": len(sheets.sheets(connection, 1, path=path)),
            "replies": len(inbox.inbound(connection, city.store.vault, path=path).items),
            "todos": len(todo.todos(connection, path=path).items),
        }


NOTHING = {
    "people": {},
    "acks": 0,
    "help": 0,
    "open": 0,
    "helping": 0,
    "sheets": 0,
    "replies": 0,
    "todos": 0,
}


def nothing(**changes: Any) -> dict[str, Any]:
    return NOTHING | changes


def test_a_unit_that_left_before_the_alert_is_seen_where_it_is_now(city: City) -> None:
    duty, person = next(pair for pair in city.leaders() if unit_of(city, pair[0]).path > HERE)
    unit, c = unit_of(city, duty), t.unit.c
    assert unit.path.startswith(HERE)
    new = select(c.no).where(c.path.startswith(THERE), c.level == "community").limit(1)
    with city.store.transaction(city.now) as tx:
        version = {"version": 2, "created_at": city.now, "by": "", "why": ""}
        tx.connection.execute(insert(t.roster_version), version | {"digest": "", "counts": "{}"})
    move_unit(city, unit.no, city.one(new).no)
    city.issue(areas=["330281001", "330281002"], roles=("subdistrict_lead", "grid_leader"))
    city.reply(city.phone_of(person), "3")
    city.reply(city.phone_of(person), "今天天气不错")
    with city.store.transaction(city.now) as tx:
        row = {
            "code": "X",
            "alert_no": 1,
            "kind": "doors",
            "unit_no": unit.no,
            "by": b"",
            "asked": "[]",
        }
        tx.connection.execute(insert(t.sheet), row | {"printed_at": city.now, "numbers": 0})
        tx.connection.execute(insert(t.todo), to_do(unit.no, duty, city.now))
    came = {"help": 1, "open": 1, "helping": 1, "sheets": 1, "replies": 1, "todos": 1}
    all_of_it = nothing(people={"help": 1}, acks=1, **came)
    assert (seen(city, HERE), seen(city, THERE)) == (nothing(), all_of_it)


def to_do(unit_no: int, duty_no: int, now: int) -> dict[str, Any]:
    where = {"unit_no": unit_no, "owner_no": unit_no, "subject_no": duty_no}
    seen_in = {"alert_no": 1, "last_no": 1, "times": 1, "found_at": now, "due_at": now}
    words = dict.fromkeys(("what", "plan", "cause", "reason", "note"), "")
    return {"no": 1, "kind": "silent", "closed_no": 0, **where, **seen_in, **words}


@pytest.mark.parametrize("stays", [True, False])
def test_whoever_moves_or_leaves_in_mid_alert_is_on_a_door_list_still(
    city: City, stays: bool
) -> None:
    city.issue(areas=["330281001", "330281002"], roles=("grid_leader", "building_lead"))
    duty = next(duty for duty, _ in asked(city))
    unit, c = unit_of(city, duty), t.unit.c
    there = select(c.no).where(c.path.startswith(THERE), c.level == "community").limit(1)
    doors = on_lists(city, HERE)
    assert doors
    now = move_unit(city, unit.no, city.one(there).no if stays else None)
    assert on_lists(city, HERE) == doors
    if stays:
        assert on_lists(city, now) <= doors
        with city.store.read() as connection:
            page = course.standings(connection, 1, path=now).items
            full = alerts.alert(connection, alerts.find(connection, "A1"))
            leader = people.holders(connection, [duty])[duty][0].person_no
            own = own_grid.grid(connection, full, leader)
        assert {row.no & 0xFFFFFFF for row in page} == on_lists(city, now) != set()
        assert {row.duty_no for row in own.rows} == on_lists(city, now) - {duty}


def on_lists(city: City, path: str) -> set[int]:
    """The duties on the sheets that are printed for a part of the city."""
    with city.store.read() as connection:
        full = alerts.alert(connection, alerts.find(connection, "A1"))
        rows = paper.asked(connection, full, path, limit=1_000)
        made = parts(paper.unit_heads(connection, full, path), rows)
    return {row.duty_no for part in made for row in part.rows}


def test_an_answer_that_named_one_town_isnt_one_of_the_other(city: City) -> None:
    city.issue(areas=["330281001", "330281002"])
    (here, person), (there, _) = asked(city)
    put_in_charge(city, person, there)
    said = Answered(
        alert_no=1,
        person_no=person,
        kind=AckKind.RECEIVED,
        via=Via.PHONE,
        grade=Grade.PROXY,
        occurred_at=city.now,
        duties=(there,),
    )
    city.take(partial(answering.acknowledge, answered=said, confirm=False))
    answered = nothing(people={"received": 1}, acks=1)
    assert (seen(city, HERE), seen(city, THERE)) == (nothing(), answered)
    city.reply(city.phone_of(person), "1")  # for all that they hold
    assert seen(city, HERE) == answered
    assert city.requirement(here).have == 1
