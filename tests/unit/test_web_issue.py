"""Writing an alert on the page, and putting a wrong one right."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from alertd.decide.typed import confirms, words_to_type
from alertd.model import Status
from alertd.store.reads.places import Place
from alertd.web.pages import plan
from tests.unit.test_web_pages import browser, csrf_of, sign_in
from tests.unit.web_city import PASSWORD, TOWN, WebCity, short, web_city

FORM = {"colour": "red", "status": "Exercise", "area": TOWN, "simulated": "yes"}


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, passwords=("officer", "second", "viewer")) as started:
        yield started


async def test_a_draft_is_written_in_three_steps_after_its_template(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        kinds = await client.get("/issue")
        assert kinds.text.index("/issue/typhoon?colour=red") < kinds.text.index("/issue/flood")
        form = await client.get("/issue/typhoon?colour=red")
        assert not re.search(r'name="status"[^>]*checked', form.text), "nothing is preselected"
        sent = {**FORM, "csrf": csrf_of(form)}
        seen = await client.post("/issue/typhoon", data=sent)
        assert "Whom it reaches" in seen.text
        assert "<td>grid</td>" in seen.text
        assert "after the first rung" in seen.text
        assert f'value="{TOWN}" checked' in seen.text
        made = await client.post("/issue/typhoon", data={**sent, "do": "draft"})
        assert made.url.path == "/alerts/A1"
        assert "The prepared correction" not in made.text
        assert "Approved with it: the prepared correction" in made.text


def fields_of(page: str) -> dict[str, str]:
    """What a form hides."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


async def test_a_form_that_is_pressed_twice_is_one_draft(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        form = await client.get("/issue/typhoon?colour=red")
        sent = {**FORM, **fields_of(form.text), "do": "draft"}
        pressed = [client.post("/issue/typhoon", data=sent) for _ in range(2)]
        assert {made.url.path for made in await asyncio.gather(*pressed)} == {"/alerts/A1"}
        changed = await client.post("/issue/typhoon", data={**sent, "status": "Test"})
        assert changed.url.path == "/alerts/A2"
        again = await client.post("/issue/typhoon", data={**sent, "do": "preview"})
        assert fields_of(again.text)["key"] == sent["key"], "what it asked may have been done"
        later = fields_of((await client.get("/issue/typhoon?colour=red")).text)
        assert later["key"] != sent["key"]
        another = await client.post("/issue/typhoon", data={**sent, "key": later["key"]})
        assert another.url.path == "/alerts/A3"
    out = await web.issue()
    async with browser(web) as client:
        await sign_in(client, "officer")
        url = f"/alerts/{out['short_code']}/follow/all-clear"
        sent = fields_of((await client.get(url)).text)
        ends = [(await client.post(url, data=sent)).url.path for _ in range(2)]
        assert ends == ["/alerts/A5"] * 2


async def test_the_form_says_that_the_citys_name_is_lost(web: WebCity) -> None:
    web.city.engine.nameless = ["signature"]
    async with browser(web) as client:
        await sign_in(client, "officer")
        form = await client.get("/issue/typhoon?colour=red")
        sent = {**FORM, **fields_of(form.text), "do": "draft"}
        said = await client.post("/issue/typhoon", data=sent)
        assert "Settings that say who sends are gone: signature." in said.text
        assert "write down there" in said.text
        web.city.engine.nameless = ()
        made = await client.post("/issue/typhoon", data=sent)
        assert made.url.path == "/alerts/A1"


async def test_orange_turns_red_on_the_board_and_a_bare_answer_counts(web: WebCity) -> None:
    orange = await web.issue(colour="orange", response_level="II", roles=["grid_leader"])
    async with browser(web) as client:
        await sign_in(client, "officer")
        board = await client.get("/alerts/A1")
        assert 'href="/issue?follows=A1"' in board.text
        kinds = await client.get("/issue?follows=A1")
        assert "/issue/typhoon?colour=red&amp;follows=A1" in kinds.text
        form = await client.get("/issue/typhoon?colour=red&follows=A1")
        for given in ("Actual", TOWN, "grid_leader"):
            assert f'value="{given}" checked' in form.text or re.search(
                rf'value="{given}"[^>]* checked', form.text
            ), given
        assert "It takes the place of A1" in form.text
        csrf = csrf_of(form)
        wanted = {"status": "Actual", "role": "grid_leader", "colour": "red"}
        sent = {**FORM, **wanted, "csrf": csrf}
        alone = await client.post("/issue/typhoon", data=sent)
        assert "A1: under way and asks some of the same people" in alone.text
        seen = await client.post("/issue/typhoon", data={**sent, "follows": "A1"})
        assert "under way and asks" not in seen.text
        made = await client.post("/issue/typhoon", data={**sent, "follows": "A1", "do": "draft"})
        assert made.url.path == "/alerts/A2", made.text
        assert "under way and asks" not in made.text
    async with web.client("second") as second:
        assert (await second.post("/api/v1/alerts/A2/approve")).json()["state"] == "issued"
        found = await web.until("A2", lambda board: not board["funnel"]["waiting"])
        assert (await second.get("/api/v1/alerts/A1")).json()["view"]["state"] == "updated"
    assert found["board"]["funnel"]["answered"] == 0
    await web.reply(web.loopback.sent[0].address, "1", "bare")
    assert (await web.board("A2"))["board"]["funnel"]["answered"] == 1
    assert orange["beside"] == []


async def test_a_red_form_is_red_behind_the_sign_in_and_in_the_other_language(web: WebCity) -> None:
    """What follows an alert stays its follower, too."""
    await web.issue(colour="orange")
    url = "/issue/typhoon?colour=red&follows=A1"
    async with browser(web) as client:
        door = await client.get(url)
        way_back = dict(re.findall(r'name="(to)" value="([^"]*)"', door.text))
        who = {"name": "officer", "password": PASSWORD}
        form = await client.post("/sign-in", data={**who, "to": unescape(way_back["to"])})
        sent = {**FORM, **fields_of(form.text), "status": "Actual"}
        seen = await client.post(action_of(form.text), data=sent)
        for page in (form, seen):
            (other,) = re.findall(r'href="(/language[^"]*)"', page.text)
            turned = await client.get(unescape(other))
            for shown in (page, turned):
                assert 'class="signal signal-red"' in shown.text
                asked = fields_of(shown.text)
                assert (asked["colour"], asked["follows"]) == ("red", "A1")


def action_of(page: str) -> str:
    """Where the form on which an alert is written goes."""
    (action,) = re.findall(r'action="(/issue/[^"]*)"', page)
    return unescape(action)


async def test_a_draft_names_the_alerts_that_ask_the_same_people(web: WebCity) -> None:
    await web.issue(colour="orange")
    async with web.client("officer") as officer:
        for changes, beside in (
            ({}, ["A1"]),
            ({"areas": ["330281002"]}, []),
            ({"roles": ["building_lead"]}, ["A1"]),
            ({"status": "Exercise"}, []),
        ):
            seen = await officer.post("/api/v1/alerts/preview", json=short(**changes))
            assert seen.json()["beside"] == beside, changes
        await officer.post("/api/v1/alerts/A1/halt/stop", json={"reason": "tried"})
        assert (await officer.post("/api/v1/alerts/preview", json=short())).json()["beside"] == []


async def test_what_was_filled_in_survives_a_refusal(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        csrf = csrf_of(await client.get("/issue/transfer"))
        sent = {**FORM, "csrf": csrf, "do": "draft", "param.extra.en": "bring a torch"}
        refused = await client.post("/issue/transfer", data=sent)
        assert refused.status_code == 422
        assert "deadline" in refused.text
        assert 'value="bring a torch"' in refused.text
        assert f'value="{TOWN}" checked' in refused.text
        unchosen = await client.post("/issue/transfer", data={**sent, "status": ""})
        assert unchosen.status_code == 422
        assert (await client.get("/alerts")).text.count('class="card alert') == 0


async def test_who_may_not_draft_finds_no_form(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "viewer")
        assert "/issue" not in (await client.get("/alerts")).text
        for path in ("/issue", "/issue/typhoon", f"/issue/areas?parent={TOWN}"):
            assert (await client.get(path)).status_code == 403


async def test_units_open_below_their_parent(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        part = await client.get(f"/issue/areas?parent={TOWN}")
        assert re.findall(rf'name="area" value="({TOWN}\d+)"', part.text)
        assert "<html" not in part.text


async def test_the_highest_response_level_asks_for_its_own_word(web: WebCity) -> None:
    async with web.client("officer") as officer:
        made = (await officer.post("/api/v1/alerts", json=short(response_level="I"))).json()
    async with browser(web) as other:
        await sign_in(other, "second")
        page = await other.get(f"/alerts/{made['short_code']}")
        assert "LEVEL ONE" in page.text
        send = f"/alerts/{made['short_code']}/approve"
        data = {"csrf": csrf_of(page)}
        code = await other.post(send, data={**data, "confirm": made["short_code"]})
        assert code.status_code == 422
        word = await other.post(send, data={**data, "confirm": " level  one"})
        assert word.status_code == 200
        assert "under way" in word.text


async def test_one_press_sends_the_prepared_correction_for_a_day(web: WebCity) -> None:
    made = await web.issue()
    code = made["short_code"]
    async with browser(web) as client:
        await sign_in(client, "second")
        board = await client.get(f"/alerts/{code}")
        assert f"/alerts/{code}/follow/correction" not in board.text, "an approver drafts nothing"
        sent = await client.post(f"/alerts/{code}/correct", data={"csrf": csrf_of(board)})
        assert sent.status_code == 200
        assert "under way" in sent.text
        assert "superseded" in (await client.get(f"/alerts/{code}")).text
    async with web.client("officer") as officer:
        shown = (await officer.get("/api/v1/alerts")).json()["items"][0]
        assert (shown["purpose"], shown["state"]) == ("correction", "issued")
        again = await officer.post(f"/api/v1/alerts/{shown['short_code']}/correct")
        assert again.status_code == 409
        late = await web.issue(incident="storm-2")
        web.clock.forward(minutes=24 * 60 + 1)
        refused = await officer.post(f"/api/v1/alerts/{late['short_code']}/correct")
        assert refused.status_code == 409
        assert "24 hours" in refused.json()["hint"]
    async with web.client("viewer") as viewer:
        assert (await viewer.post(f"/api/v1/alerts/{code}/correct")).status_code == 403


async def test_what_ends_an_alert_is_written_on_a_page_and_waits_for_the_second(
    web: WebCity,
) -> None:
    made = await web.issue()
    async with browser(web) as client:
        await sign_in(client, "officer")
        form = await client.get(f"/alerts/{made['short_code']}/follow/all-clear")
        drafted = await client.post(
            f"/alerts/{made['short_code']}/follow/all-clear", data={"csrf": csrf_of(form)}
        )
        assert "You wrote it: a second person must approve it." in drafted.text


@pytest.mark.parametrize(
    ("status", "level", "real", "words"),
    [
        (Status.ACTUAL, None, True, ("A7",)),
        (Status.ACTUAL, "II", True, ("A7",)),
        (Status.ACTUAL, "I", True, ("一级响应", "LEVEL ONE")),
        (Status.EXERCISE, "I", True, ("演练", "DRILL")),
        (Status.EXERCISE, None, False, ()),
        (Status.TEST, None, True, ()),
    ],
)
def test_a_drill_and_a_live_alert_share_no_word(
    status: Status, level: str | None, *, real: bool, words: tuple[str, ...]
) -> None:
    assert words_to_type(status, short_code="A7", level=level, real_routes=real) == words
    assert confirms(" ".join(words[:1]).lower(), words)
    assert confirms("anything", words) is (not words)


def test_a_polygon_on_the_plan_holds_what_lies_in_it() -> None:
    corners = [(121.1, 30.0), (121.2, 30.0), (121.2, 30.1), (121.1, 30.1)]
    sheet = plan.draw(
        [
            Place(code=str(n), name="", path=f"/{n}/", lon=lon, lat=lat)
            for n, (lon, lat) in enumerate(corners)
        ]
    )
    assert sheet is not None
    west = [mark for mark in sheet.marks if mark.x < sheet.width / 2]
    assert {mark.code for mark in west} == {"0", "3"}
    assert min(sheet.marks, key=lambda mark: mark.y).code in {"2", "3"}, "north is above"
    half = plan.inside(sheet, [(0, 0), (400, 0), (400, 2000), (0, 2000)])
    assert {mark.code for mark in half} == {"0", "3"}
    crossed = [(0.0, 0.0), (1000.0, 2000.0), (1000.0, 0.0), (0.0, 2000.0)]
    assert plan.inside(sheet, crossed)
    assert plan.draw([]) is None
