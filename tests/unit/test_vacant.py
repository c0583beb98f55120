"""A grid in which nobody is answerable: nobody is asked there, so it must be shown by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, delete, select

from alertd.report.make import Order, Report, gather, write
from alertd.report.paper.sheets import Part, door_lists, parts
from alertd.report.paper.values import Head
from alertd.report.situation import data
from alertd.store import tables as t
from alertd.store.fold.scope import below
from alertd.store.reads import alerts, board, paper
from alertd.store.reads.situation import situation
from alertd.store.reads.vacant import vacancies
from tests.city import START, City
from tests.unit.test_web_pages import browser, sign_in
from tests.unit.web_city import web_city

AREA = "330281001"
WORDS = {"en": "Nobody is answerable", "zh-CN": "无人负责"}


def _grid(city: City, at: int = 0) -> Any:
    u = t.unit.c
    grids = city.rows(
        select(u.no, u.code, u.name, u.path)
        .where(u.level == "grid", u.path.contains(f"/{AREA}/"))
        .order_by(u.path)
    )
    return grids[at]


def _leave(connection: Connection, grid: Any) -> None:
    u = t.unit.c
    inside = select(u.no).where(below(u.path, [grid.path]))
    connection.execute(delete(t.holding).where(t.holding.c.unit_no.in_(inside)))
    connection.execute(delete(t.duty).where(t.duty.c.unit_no.in_(inside)))


def _emptied(city: City, at: int = 0) -> Any:
    """A grid of the area, of which no duty and no holder is left, nor in its stairwells."""
    grid = _grid(city, at)
    with city.store.transaction(city.now) as tx:
        _leave(tx.connection, grid)
    return grid


@dataclass
class Told:
    city: City
    grid: Any
    no: int

    def full(self, connection: Any) -> alerts.FullAlert:
        return alerts.alert(connection, alerts.find(connection, f"A{self.no}", path=""), path="")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    city = City(tmp_path_factory.mktemp("empty"))
    grid = _emptied(city)
    no = city.issue(areas=[AREA], roles=["grid_leader", "community_lead"])
    city.forward(minutes=1)
    yield Told(city, grid, no)
    city.store.close()


def test_the_board_counts_it_and_its_cell_is_no_white_spot(told: Told) -> None:
    with told.city.store.read() as connection:
        found = board.board(connection, told.no)
        cells = {cell.code: cell for cell in board.cells(connection, told.no)}
        towns = board.cells(connection, told.no, level="subdistrict")
        (where,) = vacancies(connection, told.no)
        elsewhere = board.board(connection, told.no, path="/330281/330281002/")
    assert (found.vacant, elsewhere.vacant) == (1, 0)
    assert (where.unit_code, where.role) == (told.grid.code, "grid_leader")
    mine = cells.pop(told.grid.code)
    assert (mine.state, mine.needed) == (board.CellState.VACANT, 0)
    assert len(towns) == 1
    assert found.funnel.asked == 1, "the community's lead"


def test_of_other_roles_nobody_is_missed(told: Told) -> None:
    other = told.city.issue(areas=[AREA], roles=["party_member"])
    with told.city.store.read() as connection:
        assert vacancies(connection, other) == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("form", ["html", "csv"])
def test_the_report_names_it_from_the_journal_alone(
    told: Told, tmp_path: Path, language: str, form: Any
) -> None:
    with told.city.store.read() as connection:
        report: Report = gather(connection, told.no)
        file = tmp_path / f"report.{form}"
        write(connection, report, form, file, Order(language=language))
    assert report.figures.escalations.unanswerable == ((told.grid.no, "grid_leader"),)
    text = file.read_text("utf-8-sig")
    assert WORDS[language] in text
    assert text[text.rindex(WORDS[language]) :].count(told.grid.code) == 1


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_door_list_sends_somebody_there(told: Told, language: str) -> None:
    head = _head(language)
    with told.city.store.read() as connection:
        rows = paper.asked(connection, told.full(connection), told.grid.path, limit=10)
        heads = paper.unit_heads(connection, told.full(connection), told.grid.path)
    (part,) = parts(heads, rows)
    assert isinstance(part, Part)
    shown, numbered = door_lists([("S" * 9, part)], head)
    (line,) = shown["sheets"][0]["rows"]
    assert line["state"] == WORDS[language].replace("Nobody", "nobody")
    assert numbered == [[]], "nothing to enter back: nobody holds it"


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_situation_report_says_it(told: Told, language: str) -> None:
    with told.city.store.read() as connection:
        view = told.full(connection).view
        found = situation(connection, view, "", told.city.now)
    said = data(_head(language), found, (), ())
    words = {"en": "Go where nobody is answerable", "zh-CN": "前往无人负责之处"}
    assert [line for line in said["next"] if line.startswith(words[language]) and "1" in line]


def _head(language: str) -> Head:
    return Head(
        language=language,
        status="Actual",
        short_code="A1",
        headline="",
        colour="red",
        severity=1,
        issued_at=START,
        at=START,
        by="",
        office="",
        zone=UTC,
    )


def test_a_town_without_anybody_is_on_the_map_though_nothing_was_asked(tmp_path: Path) -> None:
    city = City(tmp_path)
    u = t.unit.c
    grids = len(city.rows(select(u.no).where(u.level == "grid", u.path.contains(f"/{AREA}/"))))
    for at in range(grids):
        _emptied(city, at)
    no = city.issue(areas=[AREA], roles=["grid_leader", "community_lead"])
    with city.store.read() as connection:
        towns = board.cells(connection, no, level="subdistrict")
        cells = board.cells(connection, no)
        report = gather(connection, no)
    assert [town.code for town in towns] == [AREA]
    assert [cell.state for cell in cells] == [board.CellState.VACANT] * grids
    assert len(report.figures.escalations.unanswerable) == grids
    city.store.close()


async def test_console_and_api_say_where_in_both_languages(tmp_path: Path) -> None:
    async with web_city(tmp_path, passwords=("officer",)) as web:
        grid = _grid(web.city)
        await web.runner.submit(lambda turn: _leave(turn.connection, grid))
        drafted = await web.issue(roles=["grid_leader", "community_lead"])
        shown = await web.until(drafted["id"], lambda board: board["funnel"]["asked"])
        assert shown["board"]["vacant"] == 1
        code = drafted["short_code"]
        async with web.client("officer") as officer:
            (where,) = (await officer.get(f"/api/v1/alerts/{code}/vacant")).json()
            assert where["unit_code"] == grid.code
        async with browser(web) as officer:
            await sign_in(officer, "officer")
            unit = f"/units/{grid.code}"
            for page in ("", "/wall", "/unanswered", "/unanswered?state=exhausted&sheet=1", unit):
                for language, word in WORDS.items():
                    text = await _page(officer, f"/alerts/{code}{page}", language)
                    assert word in text, (page, language)
                    assert grid.name in text[text.index('id="nobody"') :], page
            for page in ("/unanswered?state=open", "/unanswered?state=call"):
                text = await _page(officer, f"/alerts/{code}{page}", "en")
                assert grid.name not in text[text.index('id="nobody"') :], page


async def _page(client: httpx.AsyncClient, url: str, language: str) -> str:
    answer = await client.get(url, headers={"accept-language": language})
    assert answer.status_code == 200, answer.text
    return answer.text
