"""An alert that is over is shown as it ended, whoever has come to the posts since."""

from functools import partial
from pathlib import Path

import pytest

from alertd.engine.turn import Turn
from alertd.model import FOREVER
from alertd.store import tables as t
from alertd.store.reads import board, course, unanswered
from tests.city import City
from tests.unit.roster_moves import asked, id_of, import_anew, moved, unit_of
from tests.unit.test_web_answers import everybody_has_it
from tests.unit.web_city import web_city

NEW = "+8613900000001"


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def silent(city: City, duty_no: int, state: str) -> unanswered.Unanswered:
    with city.store.read() as connection:
        rows = unanswered.unanswered(connection, 1, state=state, limit=500).items
    (row,) = (row for row in rows if row.no & (1 << 28) - 1 == duty_no)
    return row


def somebody_else(city: City, person_no: int) -> None:
    """The roster of the year after: the post is another's."""
    before = id_of(city, person_no)
    successor = {"person_id": "NEW-1", "name": "新网格长", "phone": NEW, "phone2": ""}
    import_anew(city, lambda row: row | successor if row["person_id"] == before else row)


def test_who_was_silent_in_an_alert_that_is_over_isnt_whoever_came_later(city: City) -> None:
    city.issue(roles=("grid_leader",), valid_min=60)
    city.forward(minutes=20)
    duty, person = city.leaders()[0]
    name = id_of(city, person)
    running = silent(city, duty, "any")
    assert [each.person_id for each in running.holders if each.rank == 1] == [name]
    city.forward(minutes=60)  # it has run out
    somebody_else(city, person)
    with city.store.read() as connection:
        figures = board.board(connection, 1)
        path = unit_of(city, duty).path
        standings = course.standings(connection, 1, path=path).items
    over = silent(city, duty, "any")
    (standing,) = (each for each in standings if each.no == over.no)
    for row in (over, standing):
        assert [each.person_id for each in row.holders if each.rank == 1] == [name]
        assert row.untold == ""
    assert figures.untold == 0


def test_while_it_is_under_way_whoever_came_to_the_post_is_asked(city: City) -> None:
    city.issue(roles=("grid_leader",), valid_min=60)
    city.forward(minutes=20)
    duty, person = city.leaders()[0]
    somebody_else(city, person)
    shown = silent(city, duty, "any")
    assert [each.person_id for each in shown.holders if each.rank == 1] == ["NEW-1"]


def gone(turn: Turn, person_no: int, unit_no: int) -> None:
    """The next version of the roster has neither them nor the unit."""
    for table, number in ((t.person, "no"), (t.holding, "person_no"), (t.contact, "person_no")):
        left = table.update().where(table.c[number] == person_no, table.c.to_version == FOREVER)
        turn.connection.execute(left.values(to_version=2))
    moved(turn.connection, unit_no, None)


async def test_who_and_what_has_left_the_roster_has_its_pages_in_the_alert(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web:
        drafted = await web.issue()
        await web.until(drafted["id"], lambda board: everybody_has_it(board["channels"]))
        grid = unit_of(web.city, asked(web.city)[0][0])
        person = asked(web.city)[0][1]
        url, name = f"/alerts/{drafted['short_code']}", id_of(web.city, person)
        await web.runner.submit(partial(gone, person_no=person, unit_no=grid.no))
        async with web.client() as officer, web.client() as town:
            officer.cookies.set("alertd_session", await web.session("officer"))
            town.cookies.set("alertd_session", await web.session("town"))
            for client in (officer, town):
                of_grid = await client.get(f"{url}/units/{grid.code}")
                assert of_grid.status_code == 200
                assert "not answered yet" in of_grid.text
                of_person = await client.get(f"{url}/people/{name}")
                assert of_person.status_code == 200
                assert "taken by the gateway" in of_person.text
            assert (await officer.get(f"{url}/units/nowhere")).status_code == 404
            assert (await officer.get(f"{url}/people/NOBODY")).status_code == 404
