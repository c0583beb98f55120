"""Readiness behind the web: what is refused, what lies outside one's area, what files hold."""

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.unit.console_pages import scored
from tests.unit.web_city import TOWN, WebCity, short, web_city

OTHER, THIRD = "330281002", "330281003"
PLAN = f"""
name = "汛前演练"
[alert]
headline = "演练"
areas = ["{TOWN}"]
[marks]
answer_rate = 0.5
"""


@dataclass
class Ready:
    """A city with a drill that nobody answered, on record; its code."""

    web: WebCity
    code: str


@pytest.fixture(scope="module")
async def ready(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    async with web_city(tmp_path_factory.mktemp("city")) as web:
        yield Ready(web, await scored(web))


async def test_a_score_is_looked_at_by_any_plans_marks(ready: Ready) -> None:
    async with ready.web.client("viewer") as viewer:
        path = f"/api/v1/alerts/{ready.code}/score"
        seen = (await viewer.get(path)).json()
        assert (seen["marks"], seen["result"], seen["on_record"]) == ([], "not-measured", True)
        asked = await viewer.post(path, json={"plan": PLAN, "record": False})
        assert [mark["verdict"] for mark in asked.json()["marks"]] == ["missed"]
        assert asked.json()["plan"] == "汛前演练"
        refused = await viewer.post(path, json={"plan": PLAN})
        assert refused.status_code == 403
        wrong = await viewer.post(path, json={"plan": "name = 1", "record": False})
        assert wrong.status_code == 422
        assert (await viewer.get(path)).json() == seen  # nothing of it was kept


async def test_only_drills_are_scored(ready: Ready) -> None:
    live = await ready.web.issue(areas=[OTHER], roles=["city_lead"])
    async with ready.web.client("officer") as officer:
        draft = (await officer.post("/api/v1/alerts", json=short(status="Exercise"))).json()
        for alert in (live, draft):
            answer = await officer.get(f"/api/v1/alerts/{alert['id']}/score")
            assert answer.status_code == 409
        await officer.post(f"/api/v1/alerts/{draft['id']}/discard")


async def test_a_drill_beyond_ones_area_isnt_scored_for_one(ready: Ready) -> None:
    both = await ready.web.issue(status="Exercise", areas=[TOWN, THIRD], roles=["grid_leader"])
    async with ready.web.client("town") as town:
        assert (await town.get(f"/api/v1/alerts/{ready.code}/score")).status_code == 200
        refused = await town.get(f"/api/v1/alerts/{both['id']}/score")
        assert refused.status_code == 403
        against = f"/api/v1/alerts/{ready.code}/score?against={both['short_code']}"
        assert (await town.get(against)).status_code == 403


async def test_everything_is_of_ones_own_area(ready: Ready) -> None:
    async with ready.web.client("town") as town, ready.web.client("viewer") as viewer:
        for path in ("ledger?limit=500", "dark-grids"):
            mine = (await town.get(f"/api/v1/readiness/{path}")).json()
            whole = (await viewer.get(f"/api/v1/readiness/{path}")).json()
            rows = [each["items"] if isinstance(each, dict) else each for each in (mine, whole)]
            assert rows[0]
            assert len(rows[0]) < len(rows[1])
            assert {row["unit_code"][:9] for row in rows[0]} == {TOWN}
        for path in ("ledger", "dark-grids"):
            file = await town.get(f"/api/v1/readiness/{path}?format=csv&unit={OTHER}")
            assert file.status_code == 404, f"{path}: refused before its first byte"
            assert file.headers["content-type"] == "application/problem+json"
        outside = await town.get(f"/api/v1/readiness/ledger?unit={OTHER}")
        assert outside.status_code == 404


async def test_the_ledger_comes_a_page_at_a_time(ready: Ready) -> None:
    async with ready.web.client("viewer") as viewer:
        path = f"/api/v1/readiness/ledger?unit={TOWN}"
        whole = (await viewer.get(f"{path}&limit=500")).json()
        found, after = [], ""
        while True:
            part = (await viewer.get(f"{path}&limit=7{after}")).json()
            found += part["items"]
            if part["next"] is None:
                break
            after = f"&after={part['next']}"
    assert found == whole["items"]
    assert whole["next"] is None


@pytest.mark.parametrize("path", ["ledger", "dark-grids"])
async def test_the_files_hold_no_name_and_no_number(ready: Ready, path: str) -> None:
    async with ready.web.client("viewer") as viewer:
        answer = await viewer.get(f"/api/v1/readiness/{path}?format=csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="{path}.csv"'
    # Whole before its first byte: who reads slowly keeps nobody else from the database.
    assert int(answer.headers["content-length"]) == len(answer.content)
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) > 10
    assert {len(row) for row in rows} == {len(rows[0])}
    city = ready.web.city
    phones = {city.phone_of(person)[-8:] for _, person in city.leaders()}
    assert not re.search("|".join(phones), answer.text)


async def test_what_is_mended_is_closed_once(ready: Ready) -> None:
    async with ready.web.client("officer") as officer, ready.web.client("viewer") as viewer:
        (item,) = (await officer.get("/api/v1/readiness/todo?limit=1")).json()["items"]
        path = f"/api/v1/readiness/todo/{item['no']}/close"
        assert (await viewer.post(path, json={})).status_code == 403
        key = {"Idempotency-Key": "once"}
        first = await officer.post(path, json={"note": "asked at the door"}, headers=key)
        again = await officer.post(path, json={"note": "asked at the door"}, headers=key)
        assert first.json() == again.json()
        assert (first.json()["closed_by"], first.json()["reason"]) == ("officer", "done")
        assert (await officer.post(path, json={})).status_code == 409
        left = (await officer.get("/api/v1/readiness/todo?limit=500")).json()["items"]
    assert item["no"] not in {each["no"] for each in left}
