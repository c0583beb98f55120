"""Paper from the API and the console: who sees numbers on it, and what comes back counts once."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pypdf import PdfReader
from sqlalchemy import select, update

from alertd.engine.turn import Turn
from alertd.model import FOREVER
from alertd.report.paper.sheets import Part, door_lists, spaced
from alertd.report.paper.values import Head
from alertd.store import dialect, journal, people, rebuild, rows
from alertd.store import tables as t
from alertd.store.reads import alerts as reads_of_alerts
from alertd.store.reads import calling, paper
from alertd.web.app import create_app
from tests import databases
from tests.city import RED, ROUTES, START, ZONE, City, sms_route
from tests.unit.roster_moves import moved, put_in_charge, unit_of
from tests.unit.web_city import TOWN, WebCity, short, web_city

HTML = {"accept": "text/html"}
HEAD = Head(
    **dict.fromkeys(("status", "short_code", "headline", "colour", "by", "office"), ""),
    language="zh-CN",
    severity=1,
    issued_at=START,
    at=START,
    zone=ZONE,
)


@pytest.fixture(scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WebCity]:
    """One city for all: each test issues an alert of its own."""
    settings = {"ack_links": True}
    async with web_city(tmp_path_factory.mktemp("paper"), settings=settings) as started:
        yield started


async def told(web: WebCity, **changes: Any) -> dict[str, Any]:
    drafted = await web.issue(**changes)
    await web.until(drafted["id"], lambda board: board["funnel"]["asked"])
    return drafted


async def printed(web: WebCity, who: str, alert: str, kind: str, **body: Any) -> httpx.Response:
    async with web.client(who) as client:
        url = f"/api/v1/alerts/{alert}/paper/{kind}"
        return await client.post(url, json={"unit_code": TOWN, **body})


async def enter(web: WebCity, sheet: str, marks: str, who: str = "officer") -> dict[int, str]:
    async with web.client(who) as client:
        answer = await client.post(f"/api/v1/sheets/{sheet}/marks", json={"marks": marks})
        assert answer.status_code == 200, answer.text
        return {row["row"]: row["outcome"] for row in answer.json()["rows"]}


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def facts(web: WebCity, kind: str) -> list[dict[str, Any]]:
    with web.city.store.read() as connection:
        return [dict(row.fact.body) for row in journal.stream(connection) if row.fact.kind == kind]


async def test_whole_numbers_stand_on_a_call_sheet_for_those_who_may(web: WebCity) -> None:
    alert = await told(web)
    answer = await printed(web, "officer", alert["id"], "call-sheet")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    sheets = answer.headers["x-sheets"].split(",")
    text = text_of(answer.content)
    assert all(sheet in text for sheet in sheets)
    _, leader = web.city.leaders()[0]
    number = web.city.phone_of(leader)
    assert spaced(number) in text
    fact = facts(web, "paper.printed")[-1]
    assert leader in fact["people"]
    assert [sheet[0] for sheet in fact["sheets"]] == [s.replace("-", "") for s in sheets]
    assert number.removeprefix("+86") not in str(fact)

    masked = await printed(web, "viewer", alert["id"], "call-sheet")
    assert masked.status_code == 200
    shown = text_of(masked.content)
    assert spaced(number) not in shown
    assert f"…{number[-2:]}" in shown
    assert "masked" in shown
    assert facts(web, "paper.printed")[-1]["people"] == []

    # The auditor may see numbers, by another right.
    assert spaced(number) in text_of(
        (await printed(web, "auditor", alert["id"], "call-sheet")).content
    )


async def test_no_sheet_gets_a_number_that_is_out_already(web: WebCity) -> None:
    """Of several hundred sheets one may well hit one of the years before: nobody prints twice."""
    alert = await told(web)

    def app() -> FastAPI:
        drawn = count()
        return create_app(replace(web.deps, token_bytes=lambda n: next(drawn).to_bytes(n)))

    codes: list[str] = []
    for _ in range(2):  # the second draws the first one's numbers again
        again = replace(web, app=app())
        answer = await printed(again, "officer", alert["id"], "call-sheet", unit_code="330281")
        assert answer.status_code == 200, answer.text
        codes += answer.headers["x-sheets"].split(",")
    assert len(set(codes)) == len(codes) > 2


async def test_nobody_prints_outside_their_area_or_what_nobody_was_told_of(web: WebCity) -> None:
    alert = await told(web)
    assert (
        await printed(web, "town", alert["id"], "door-list", unit_code="330281")
    ).status_code == 404
    assert (await printed(web, "town", alert["id"], "door-list")).status_code == 200
    async with web.client("officer") as officer:
        draft = (await officer.post("/api/v1/alerts", json=short())).json()
    assert (await printed(web, "officer", draft["id"], "poster")).status_code == 409
    assert (
        await printed(web, "officer", alert["id"], "door-list", unit_code="330281002")
    ).status_code == 404


async def test_whoever_left_a_town_is_on_its_call_sheet_without_a_number(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web:
        alert = await told(web)
        duty, leader = web.city.leaders()[0]
        unit, number = unit_of(web.city, duty), spaced(web.city.phone_of(leader))

        async def shown(who: str) -> str:
            return text_of((await printed(web, who, alert["id"], "call-sheet")).content)

        assert number in await shown("town")
        u = t.unit.c
        other = select(u.no).where(u.path.startswith("330281/330281002/"), u.level == "community")
        parent = web.city.one(other.limit(1)).no
        # By the engine, whose connection it is.
        await web.runner.submit(lambda turn: moved(turn.connection, unit.no, parent))
        after = await shown("town")
        assert unit.name in "".join(after.split())
        assert number not in after
        assert number in await shown("officer")


async def test_a_sheet_that_comes_back_counts_once(web: WebCity) -> None:
    alert = await told(web)
    answer = await printed(web, "officer", alert["id"], "door-list")
    sheet = answer.headers["x-sheets"]
    before = (await web.board(alert["id"]))["board"]["funnel"]["answered"]
    outcomes = await enter(web, sheet.lower(), "1-2y 3n 4r")
    assert outcomes == dict.fromkeys((1, 2, 3, 4), "counts")
    assert (await web.board(alert["id"]))["board"]["funnel"]["answered"] == before + 2
    acks = len(facts(web, "acked"))
    again = await enter(web, sheet, "1y 2y 3n 4r")
    assert set(again.values()) == {"known"}
    assert len(facts(web, "acked")) == acks
    assert (await enter(web, sheet, "1n 3y"))[1] == "differs"
    async with web.client("officer") as officer:
        view = (await officer.get(f"/api/v1/sheets/{sheet}")).json()
        assert [row["result"] for row in view["rows"][:5]] == ["y", "y", "y", "r", ""]
        assert view["rows"][0]["entered_by"] == "officer"
        row_ack = (await officer.get(f"/api/v1/alerts/{alert['id']}/acks?limit=1")).json()
        assert row_ack["items"][0]["via"] == "paper"
        (line,) = (await officer.get(f"/api/v1/alerts/{alert['id']}/sheets")).json()
        assert line["entered"] == 4


async def test_a_wrong_row_is_taken_back_and_counts_anew(web: WebCity) -> None:
    alert = await told(web)
    sheet = (await printed(web, "officer", alert["id"], "door-list")).headers["x-sheets"]
    await enter(web, sheet, "1y")
    assert (await web.board(alert["id"]))["board"]["funnel"]["answered"] == 1
    assert await enter(web, sheet, "1x 2x") == {1: "taken-back", 2: "nothing-before"}
    assert (await web.board(alert["id"]))["board"]["funnel"]["answered"] == 0
    assert await enter(web, sheet, "1n") == {1: "counts"}
    assert await enter(web, sheet, "1y") == {1: "counts"}
    # Withdrawn on the list instead: the sheet counts anew, too.
    async with web.client("officer") as officer:
        url = f"/api/v1/alerts/{alert['id']}/acks"
        no = (await officer.get(f"{url}?limit=1")).json()["items"][0]["no"]
        gone = await officer.request("DELETE", f"{url}/{no}", json={"reason": "wrong"})
        assert gone.status_code == 200, gone.text
    assert await enter(web, sheet, "1y") == {1: "counts"}
    assert (await web.board(alert["id"]))["board"]["funnel"]["answered"] == 1


async def test_what_is_entered_of_an_alert_that_is_over_says_that_it_is_late(
    web: WebCity,
) -> None:
    alert = await told(web)
    url = f"/api/v1/alerts/{alert['id']}"
    sheet = (await printed(web, "officer", alert["id"], "door-list")).headers["x-sheets"]
    (duty, _), *_ = web.city.leaders()
    c = t.duty.c
    at = select(t.unit.c.code).join(t.duty, c.unit_no == t.unit.c.no).where(c.no == duty)
    code = web.city.rows(at)[0].code
    late = []
    async with web.client("officer") as officer:
        for over in (False, True):
            if over:
                stopped = await officer.post(f"{url}/halt/stop", json={"reason": "wrong"})
                assert stopped.is_success, stopped.text
            view = (await officer.get(f"/api/v1/sheets/{sheet}")).json()
            marks = {"marks": "2y" if over else "1y"}
            entered = (await officer.post(f"/api/v1/sheets/{sheet}/marks", json=marks)).json()
            acks = {"kind": "received", "duty": {"unit_code": code, "role": "grid_leader"}}
            made = (await officer.post(f"{url}/acks", json={**acks, "via": "phone"})).json()
            late.append((view["over"], entered["late"], made["late"]))
    assert late == [(False, False, False), (True, True, True)]
    async with web.client(headers=HTML, follow_redirects=True) as client:
        client.cookies.set("alertd_session", await web.session("officer"))
        assert "This alert is over" in (await client.get(f"/paper/{sheet}")).text


async def test_help_on_paper_is_help(web: WebCity) -> None:
    alert = await told(web)
    sheet = (await printed(web, "officer", alert["id"], "call-sheet")).headers["x-sheets"]
    first = sheet.split(",")[0]
    assert await enter(web, first, "1h") == {1: "counts"}
    assert await enter(web, first, "1h") == {1: "known"}
    async with web.client("officer") as officer:
        cases = (await officer.get(f"/api/v1/alerts/{alert['id']}/help")).json()
    assert len(cases) == 1


async def test_a_holder_who_changed_since_covers_nothing(web: WebCity) -> None:
    alert = await told(web)
    answer = await printed(web, "officer", alert["id"], "door-list")
    rows = facts(web, "paper.printed")[-1]["sheets"][0][2]
    duty, person = rows[4]

    def leave(turn: Turn) -> None:
        c = t.holding.c
        holds = (c.duty_no == duty, c.person_no == person, c.to_version == FOREVER)
        turn.connection.execute(t.holding.update().where(*holds).values(to_version=1))

    await web.runner.submit(leave)
    outcomes = await enter(web, answer.headers["x-sheets"], "5y 6y")
    assert outcomes == {5: "holder-changed", 6: "counts"}


async def test_a_town_enters_its_own_sheets_only(web: WebCity) -> None:
    alert = await told(web, areas=["330281"], roles=["subdistrict_lead"])
    answer = await printed(web, "officer", alert["id"], "call-sheet", unit_code="330281")
    async with web.client("town") as town, web.client("viewer") as viewer:
        url = f"/api/v1/sheets/{answer.headers['x-sheets']}"
        assert (await town.get(url)).status_code == 404
        body = {"marks": "1y"}
        assert (await town.post(f"{url}/marks", json=body)).status_code == 404
        assert (await viewer.get(url)).status_code == 200
        assert (await viewer.post(f"{url}/marks", json=body)).status_code == 403


def test_nobody_is_to_call_themselves(tmp_path: Path) -> None:
    city = City(tmp_path)
    (duty, person), *_ = city.leaders()
    grid = unit_of(city, duty)
    with city.store.read() as connection:
        parent, above, *_ = people.leads_above(connection, [grid.no], RED.ladder_roles)[grid.no]
    assert parent
    put_in_charge(city, person, parent)
    city.issue()
    with city.store.read() as connection:
        full = reads_of_alerts.alert(connection, city.one(select(t.alert.c.id)).id)
        rows = paper.asked(connection, full, grid.path, limit=100)
        tree = calling.tree(connection, rows, RED.ladder_roles)
    (called,) = (row for row in rows if row.duty_no == duty)
    assert tree.caller(called) == above
    city.store.close()


def test_a_door_list_says_who_was_never_told(tmp_path: Path) -> None:
    """Whoever knocks there isn't to blame them: by a modem the first message takes an hour."""
    slow = sms_route(in_flight=1, burst=1, rate_per_s=0.01)
    city = City(tmp_path, routes=(slow, *ROUTES[1:]))
    city.issue(areas=[TOWN], roles=("building_lead",))
    city.forward(minutes=16)
    asked = {city.phone_of(no): duty for duty, no in city.leaders("building_lead")}
    told = {asked[m.address] for m in city.sent if m.address in asked}
    with city.store.read() as connection:
        full = reads_of_alerts.alert(connection, city.one(select(t.alert.c.id)).id)
        rows = paper.asked(connection, full, "330281/", limit=1_000)
        heads = paper.unit_heads(connection, full, "330281/")
    city.store.close()
    silent = {row.duty_no: row for row in rows if row.state == "silent"}
    assert {no for no, row in silent.items() if row.told} == told & silent.keys()
    sheets, _ = door_lists([("1", Part(head=heads[0], rows=tuple(silent.values())))], HEAD)
    assert {row["state"] for row in sheets["sheets"][0]["rows"]} == {"无人应答", "尚未通知"}


def test_where_nobody_is_answerable_the_sheet_names_the_village_that_it_is_in(
    tmp_path: Path,
) -> None:
    city = City(tmp_path)
    with city.store.read() as connection:
        grids = {duty: unit_of(city, duty) for duty, _ in city.leaders()}
        above = people.leads_above(connection, [g.no for g in grids.values()], RED.ladder_roles)
    villages = {above[grid.no][0]: duty for duty, grid in grids.items()}
    empty = list(villages.values())[:2]
    with city.store.transaction(city.now) as tx:
        for table, key in ((t.holding, t.holding.c.duty_no), (t.duty, t.duty.c.no)):
            gone = update(table).where(key.in_(empty), table.c.to_version == FOREVER)
            tx.connection.execute(gone.values(to_version=1))
    city.issue(roles=("grid_leader",))
    with city.store.read() as connection:
        full = reads_of_alerts.alert(connection, city.one(select(t.alert.c.id)).id)
        rows = paper.asked(connection, full, "", limit=1_000)
        tree = calling.tree(connection, rows, RED.ladder_roles)
    vacant = {row.unit_no: tree.caller(row) for row in rows if row.state == "vacant"}
    for duty in empty:
        assert vacant[grids[duty].no] == above[grids[duty].no][0]
    city.store.close()


async def test_a_drill_says_so_and_a_simulated_one_shows_no_number(tmp_path: Path) -> None:
    async with web_city(tmp_path / "city") as web:  # no drill begins beside live alerts
        drill = await told(web, status="Exercise", simulated=True)
        _, leader = web.city.leaders()[0]
        sheet = text_of((await printed(web, "officer", drill["id"], "call-sheet")).content)
        assert "DRILL" in sheet
        assert spaced(web.city.phone_of(leader)) not in sheet
    assert "simulated" in sheet


async def test_a_poster_says_what_the_alert_says_with_a_link_for_whoever_may_answer(
    web: WebCity,
) -> None:
    alert = await told(web)
    made = await printed(web, "officer", alert["id"], "poster")
    assert made.status_code == 200, made.text
    assert made.headers["x-sheets"] == ""
    assert facts(web, "paper.printed")[-1]["links"] >= 1
    assert f"{alert['short_code']} 1" in text_of(made.content)  # 2 would say: people moved
    elsewhere = await printed(web, "officer", alert["id"], "poster", unit_code="330281002")
    assert elsewhere.status_code == 404
    # A viewer would answer in the leader's place.
    await printed(web, "viewer", alert["id"], "poster")
    assert facts(web, "paper.printed")[-1]["links"] == 0


async def test_a_sheet_is_entered_on_the_page_by_keyboard(web: WebCity) -> None:
    alert = await told(web)
    sheet = (await printed(web, "officer", alert["id"], "door-list")).headers["x-sheets"]
    async with web.client(headers=HTML, follow_redirects=True) as client:
        client.cookies.set("alertd_session", await web.session("officer"))
        with web.city.store.read() as connection:
            query = select(t.session.c.csrf).order_by(t.session.c.created_at.desc()).limit(1)
            csrf = connection.execute(query).scalar_one()
        asked = await client.get("/paper", params={"sheet": sheet.lower().replace("-", "")})
        assert asked.url.path == f"/paper/{sheet}"
        wrong = await client.get("/paper", params={"sheet": "K7M-4Q0"})
        assert wrong.status_code == 422
        assert "never holds 0, O, 1, I or L" in wrong.text
        form = {"csrf": csrf, "marks": "1y 2n", "row-3": "r"}
        done = await client.post(f"/paper/{sheet}", data=form)
        assert done.status_code == 200, done.text
        assert "Entered: 3 rows." in done.text
        bad = await client.post(f"/paper/{sheet}", data={"csrf": csrf, "marks": "4q 5y"})
        assert bad.status_code == 422
        assert "4Q: a row" in bad.text
        listed = await client.get(f"/alerts/{alert['short_code']}/paper?unit={TOWN}")
        assert f"/paper/{sheet}" in listed.text


async def test_sheets_and_their_marks_follow_from_the_facts(web: WebCity, tmp_path: Path) -> None:
    alert = await told(web)
    sheet = (await printed(web, "officer", alert["id"], "door-list")).headers["x-sheets"]
    await enter(web, sheet, "1y 2n")
    await enter(web, sheet, "1x 2y")
    engine = dialect.writer(databases.url_of(tmp_path / "again"), synchronous="OFF")
    with web.city.store.read() as live, engine.begin() as again:
        rebuild.rebuild(live, again)
        for table in (t.sheet, t.sheet_mark):
            assert list(rows.differences(table, live, again)) == []
    engine.dispose()
