"""Drills by the API and in the console: who sees and does what, and mistakes by their line."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from alertd.store import tables as t
from tests.unit.console_pages import PLAN
from tests.unit.web_city import TOWN, WebCity, short, web_city

BLIND = (
    PLAN.replace("汛前演练", "双盲演练")
    .replace("Before the season", "Without notice")
    .replace(
        "at = 2027-05-12T09:30:00+08:00",
        'window = ["2027-05-10T08:00:00Z", "2027-05-14T08:00:00Z"]',
    )
)
COOKIE = "alertd_session"


@pytest.fixture(scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path_factory.mktemp("city")) as city:
        async with city.client("officer") as officer:
            for text in (PLAN, BLIND):
                saved = await officer.post("/api/v1/drill-plans", json={"toml": text})
                assert saved.status_code == 201, saved.text
        yield city


async def ask(web: WebCity, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
    async with web.client(who) as client:
        return await client.request(method, f"/api/v1{path}", json=body)


async def browser(web: WebCity, who: str) -> httpx.AsyncClient:
    client = web.client(headers={"accept": "text/html", "accept-language": "en"})
    client.cookies.set(COOKIE, await web.session(who))
    return client


def csrf_of(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found
    return found[1]


async def test_every_mistake_of_a_plan_is_answered_and_nothing_is_saved(web: WebCity) -> None:
    wrong = PLAN.replace("汛前演练", "坏方案").replace("typhoon-red", "no-such").replace(TOWN, "99")
    for path in ("/drill-plans", "/drill-plans/check"):
        answer = await ask(web, "officer", "POST", path, {"toml": wrong})
        assert answer.status_code == 422
        problem = answer.json()
        assert problem["code"] == "problems"
        assert len(problem["problems"]) >= 2
        assert all(re.match(r"line \d+: ", line) for line in problem["problems"])
    plans = (await ask(web, "officer", "GET", "/drill-plans")).json()
    assert "坏方案" not in {plan["name"] for plan in plans}


async def test_a_plan_comes_back_as_its_toml(web: WebCity) -> None:
    shown = (await ask(web, "officer", "GET", "/drill-plans/汛前演练")).json()
    assert (shown["owner"], shown["saved_by"], shown["shipped"]) == ("officer", "officer", False)
    again = await ask(web, "officer", "POST", "/drill-plans/check", {"toml": shown["toml"]})
    assert again.json() == {"name": "汛前演练", "wakes_people": False, "toml": shown["toml"]}


@pytest.mark.parametrize(
    ("who", "method", "path", "body"),
    [
        ("viewer", "POST", "/drill-plans", {"toml": PLAN}),
        ("second", "POST", "/drills", {"plan": "汛前演练"}),
        ("viewer", "POST", "/drill-plans/汛前演练/remove", None),
    ],
)
async def test_who_may_not_is_refused(
    web: WebCity, who: str, method: str, path: str, body: Any
) -> None:
    assert (await ask(web, who, method, path, body)).status_code == 403


async def test_outside_ones_own_area_nothing_is_there(web: WebCity) -> None:
    whole = PLAN.replace("汛前演练", "全市演练").replace(
        f'areas = ["{TOWN}"]', 'areas = ["330281"]'
    )
    assert (await ask(web, "town", "POST", "/drill-plans", {"toml": whole})).status_code == 403
    assert (await ask(web, "officer", "POST", "/drill-plans", {"toml": whole})).status_code == 201
    seen = {plan["name"] for plan in (await ask(web, "town", "GET", "/drill-plans")).json()}
    assert "汛前演练" in seen
    assert "全市演练" not in seen
    assert (await ask(web, "town", "GET", "/drill-plans/全市演练")).status_code == 404
    began = await ask(web, "town", "POST", "/drills", {"plan": "全市演练"})
    assert began.status_code == 404


async def test_a_drill_without_notice_is_hidden_from_those_who_take_part(web: WebCity) -> None:
    made = (await ask(web, "officer", "POST", "/drills", {"plan": "双盲演练"})).json()
    assert made["blind"]
    with web.city.store.read() as connection:
        row = connection.execute(select(t.drill).where(t.drill.c.no == made["no"])).one()
    assert row.due_at == row.opens_at - 72 * 3_600_000
    for who, seen in (("officer", True), ("second", True), ("viewer", False), ("auditor", False)):
        listed = (await ask(web, who, "GET", "/drills")).json()["items"]
        calendar = (await ask(web, who, "GET", "/drills/calendar")).json()
        one = await ask(web, who, "GET", f"/drills/{made['no']}")
        plan = await ask(web, who, "GET", "/drill-plans/双盲演练")
        assert (made["no"] in {each["no"] for each in listed}) == seen
        assert (made["no"] in {each["no"] for each in calendar}) == seen
        assert (one.status_code, plan.status_code) == ((200, 200) if seen else (404, 404))
        async with await browser(web, who) as client:
            assert ("Without notice" in (await client.get("/drills")).text) == seen
    off = await ask(web, "officer", "POST", f"/drills/{made['no']}/call-off", {"reason": "x"})
    assert off.json()["state"] == "called-off"


async def test_a_drill_runs_and_is_stopped(web: WebCity) -> None:
    body = {"plan": "汛前演练", "when": "now"}
    began = await ask(web, "officer", "POST", "/drills", body)
    assert began.status_code == 201, began.text
    made = began.json()
    assert (made["state"], made["started_at"] is not None) == ("running", True)
    assert began.headers["location"] == f"/api/v1/drills/{made['no']}"
    another = await ask(web, "officer", "POST", "/drills", body)
    assert another.status_code == 409
    async with await browser(web, "officer") as client:
        page = await client.get(f"/drills/{made['no']}")
        assert "姚江水位超警" in page.text
        form = {"csrf": csrf_of(page), "reason": ""}
        assert (await client.post(f"/drills/{made['no']}/stop", data=form)).status_code == 422
        stopped = await client.post(f"/drills/{made['no']}/stop", data={**form, "reason": "enough"})
        assert stopped.status_code == 303
        assert "enough" in (await client.get(f"/drills/{made['no']}")).text
    after = (await ask(web, "officer", "GET", f"/drills/{made['no']}")).json()
    assert after["state"] == "ended"


async def test_the_page_names_mistakes_with_their_lines_and_keeps_what_was_typed(
    web: WebCity,
) -> None:
    async with await browser(web, "officer") as client:
        form = {"csrf": csrf_of(await client.get("/drills/plan")), "act": "save"}
        wrong = PLAN.replace("typhoon-red", "no-such") + "<script>"
        answer = await client.post("/drills/plan", data={**form, "toml": wrong})
        assert answer.status_code == 422
        assert "<script>" not in answer.text
        assert "&lt;script&gt;" in answer.text
        answer = await client.post("/drills/plan", data={**form, "toml": 'name = "x"\nnme = 3'})
        assert "line 2: nme is unknown" in answer.text
        assert "<code>nme = 3</code>" in answer.text
        good = await client.post("/drills/plan", data={**form, "toml": PLAN, "act": "check"})
        assert "The plan holds." in good.text


async def test_to_agree_one_types_the_drills_word(web: WebCity) -> None:
    made = (await ask(web, "officer", "POST", "/drills", {"plan": "汛前演练"})).json()
    async with await browser(web, "second") as client:
        csrf = csrf_of(await client.get("/drills"))
        path = f"/drills/{made['no']}/agree"
        slip = await client.post(path, data={"csrf": csrf, "confirm": "A7"})
        assert slip.status_code == 422
        typed = await client.post(path, data={"csrf": csrf, "confirm": "drill"})
        assert typed.status_code == 303
    after = (await ask(web, "officer", "GET", f"/drills/{made['no']}")).json()
    assert after["agreed_by"] == "second"


async def test_a_drill_from_the_issue_page_gives_way_to_a_live_alert(tmp_path: Path) -> None:
    async with web_city(tmp_path / "city") as web:
        drill = await web.issue(status="Exercise")
        await web.until(drill["id"], lambda board: not board["funnel"]["waiting"])
        waits = (await ask(web, "officer", "POST", "/alerts", short(status="Exercise"))).json()
        told = {message.address for message in web.loopback.sent}
        live = await web.issue()
        gone = (await ask(web, "officer", "GET", f"/alerts/{drill['id']}")).json()["view"]
        assert gone["state"] == "cancelled"
        facts = (await ask(web, "auditor", "GET", f"/alerts/{drill['id']}/facts")).json()["items"]
        (gave_way,) = [fact["body"] for fact in facts if fact["kind"] == "drill.gave-way"]
        assert gave_way["actual_no"] == live["no"]
        await web.until(live["id"], lambda board: not board["funnel"]["waiting"])
        heard = [m.address for m in web.loopback.sent if "演练中止,以实际预警为准" in m.text]
        assert sorted(heard) == sorted(told), "each of them once"
        refused = await ask(web, "second", "POST", f"/alerts/{waits['id']}/approve")
        assert refused.status_code == 409
        assert "no drill begins now" in refused.json()["detail"]
        async with await browser(web, "auditor") as client:
            page = (await client.get(f"/alerts/{drill['short_code']}/timeline")).text
        assert "gave way to a live alert" in page


async def test_what_tells_of_a_drill_without_notice_waits_until_it_has_begun(
    tmp_path: Path,
) -> None:
    async with web_city(tmp_path) as web:
        bundle = f"/alerts/{(await web.issue())['id']}/report?format=bundle"
        seen = [(who, await ask(web, who, "GET", bundle)) for who in ("viewer", "officer")]
        assert [answer.status_code for _, answer in seen] == [200, 200]
        saved = await ask(web, "officer", "POST", "/drill-plans", {"toml": BLIND})
        assert saved.status_code == 201
        made = await ask(web, "officer", "POST", "/drills", {"plan": "双盲演练"})
        assert made.status_code == 201, made.text
        for who, status in (("viewer", 403), ("auditor", 403), ("officer", 200)):
            assert (await ask(web, who, "GET", bundle)).status_code == status, who
        for who, told in (("auditor", False), ("admin", True)):
            async with await browser(web, who) as client:
                record = await client.get("/record")
                assert record.status_code == 200
                assert ("drill.scheduled" in record.text) == told, who
