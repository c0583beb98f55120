"""The desk's pages in the course of a night: what is under way or cries is never out of sight."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from channels.base import Fault, SendError
from tests.unit.test_web_board import told
from tests.unit.test_web_issue import FORM, action_of, fields_of
from tests.unit.test_web_pages import browser
from tests.unit.web_city import WebCity, short, web_city


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path) as started:
        yield started


async def at_the_desk(web: WebCity) -> httpx.AsyncClient:
    return browser(web, cookies={"alertd_session": await web.session("officer")})


async def follows(web: WebCity, code: str, kind: str, **said: object) -> str:
    """The code of what follows an alert, approved by the second person."""
    async with web.client("officer") as officer, web.client("second") as second:
        made = await officer.post(f"/api/v1/alerts/{code}/{kind}", json=said)
        assert made.status_code == 201, made.text
        sent = await second.post(f"/api/v1/alerts/{made.json()['id']}/approve")
        assert sent.status_code == 200, sent.text
    return str(made.json()["short_code"])


async def test_whoever_cries_is_still_heard_once_the_alert_is_over(web: WebCity) -> None:
    """Orange turns red, and everybody looks at the red board from then on."""
    orange = await told(web, colour="orange")
    await web.reply(web.loopback.sent[0].address, "3", "help")
    red = await follows(web, orange, "update", **short())
    cries = f"{orange} *(</a>)? *<b>"
    async with await at_the_desk(web) as desk:
        for path in (f"/alerts/{red}", f"/alerts/{red}/lists", f"/alerts/{red}/wall", "/wall"):
            page = (await desk.get(path)).text
            assert "data-untaken" in page, path
            assert re.search(cries, page), path
        board = (await desk.get(f"/alerts/{red}")).text
        take = re.search(r'action="(/help/\d+)/take"', board)
        assert take
        csrf = re.search(r'name="csrf" value="([^"]+)"', board)
        assert csrf
        for act in ("take", "close"):
            form = {"csrf": csrf[1], "outcome": "the boat was there"}
            assert (await desk.post(f"{take[1]}/{act}", data=form)).status_code == 200
        await follows(web, red, "all-clear")
        assert "data-untaken" not in (await desk.get("/wall")).text
        await web.reply(web.loopback.sent[0].address, "救命", "after it all")
        overview = (await desk.get("/wall")).text
        assert "data-untaken" in overview
        assert f'href="/alerts/{red}"' in overview


async def test_a_live_alert_is_under_way_however_much_is_newer(web: WebCity) -> None:
    live = await told(web)
    async with web.client("officer") as officer:
        for _ in range(51):
            made = await officer.post("/api/v1/alerts", json=short(status="Test", issue=True))
            assert made.status_code == 201, made.text
            code = made.json()["short_code"]
            await officer.post(f"/api/v1/alerts/{code}/cancel", json={"issue": True})
        draft = (await officer.post("/api/v1/alerts", json=short(incident="next"))).json()
    async with await at_the_desk(web) as desk:
        page = await desk.get("/alerts")
        waiting, under_way, over = re.split("Under way|<h1>Over", page.text)
        assert f'href="/alerts/{draft["short_code"]}"' in waiting
        assert f'href="/alerts/{live}"' in under_way
        assert f'href="/alerts/{live}"' not in over
        assert f'href="/alerts/{live}"' in (await desk.get("/wall")).text
        older = re.search(r'href="(/alerts\?after=\d+)"', page.text)
        assert older
        rest = (await desk.get(older[1])).text
        assert "Nothing is under way." not in rest
        assert "Nothing waits." not in rest
        assert rest.count("<tr>") == 2


async def test_whoever_works_through_an_alert_is_told_that_it_is_over(web: WebCity) -> None:
    code = await told(web)
    async with await at_the_desk(web) as desk:
        listed = await desk.get(f"/alerts/{code}/unanswered")
        person = re.search(rf'href="(/alerts/{code}/people/[^"]+)"', listed.text)
        unit = re.search(rf'href="(/alerts/{code}/units/[^"]+)"', listed.text)
        assert person
        assert unit
        url = f"/alerts/{code}"
        pages = [url, f"{url}/unanswered", f"{url}/unanswered?sheet=1", f"{url}/wall"]
        pages += [f"{url}/timeline", f"{url}/lists", person[1], unit[1]]
        over = "This alert is over"
        for path in pages:
            assert over not in (await desk.get(path)).text, path
        await follows(web, code, "cancel")
        for path in pages:
            assert f"{over}: withdrawn" in unescape((await desk.get(path)).text), path
        listed = await desk.get(f"/alerts/{code}/unanswered")
        assert unit[1] in listed.text, "nobody may take for answered what wasn't"


def written_in(page: str) -> dict[str, str]:
    """The fields that a page keeps for the form that was sent."""
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in hidden}


async def test_what_was_being_written_when_the_session_ended_is_kept(web: WebCity) -> None:
    """A session lasts a shift; the shift that goes has just written an alert."""
    async with await at_the_desk(web) as desk:
        form = (await desk.get("/issue/typhoon?colour=red")).text
        said = "第三排涝站停电，请立即转移"
        sent = {**fields_of(form), **FORM, "status": "Actual", "param.extra.zh-CN": said}
        url, sent["do"] = action_of(form), "draft"
        web.clock.forward(minutes=12 * 60 + 1)
        out = await desk.post(url, data=sent)
        assert out.status_code == 401
        assert "You are signed out, and nothing was done." in out.text
        assert 'href="/sign-in" target="_blank"' in out.text
        kept = written_in(out.text)
        assert kept.pop("csrf") == ""
        del sent["csrf"]
        assert kept == sent
        quick = await desk.post(url, data=sent, headers={"accept": "application/problem+json"})
        assert quick.json()["code"] == "unauthenticated"
        desk.cookies.clear()
        desk.cookies.set("alertd_session", await web.session("officer"))
        older = await desk.post(url, data=kept)
        assert older.status_code == 403
        assert "The page is older than your session" in older.text
        made = await desk.post(url, data=written_in(older.text))
        assert made.url.path == "/alerts/A1"
        assert said in made.text
    async with web.client("officer") as officer:
        assert len((await officer.get("/api/v1/alerts")).json()["items"]) == 1


async def test_another_sites_page_is_offered_nothing_to_go_on_with(web: WebCity) -> None:
    async with await at_the_desk(web) as desk:
        for headers in ({"origin": "https://elsewhere.test"}, {"sec-fetch-site": "cross-site"}):
            answer = await desk.post("/issue/typhoon?colour=red", data=FORM, headers=headers)
            assert answer.status_code == 403
            assert "Go on" not in answer.text


async def test_what_was_ticked_on_a_sheet_outlives_a_mistake(web: WebCity) -> None:
    code = await told(web)
    async with web.client("officer") as officer:
        url = f"/api/v1/alerts/{code}/paper/door-list"
        town = {"unit_code": "330281001"}
        sheet = (await officer.post(url, json=town)).headers["x-sheets"].split(",")[0]
    async with await at_the_desk(web) as desk:
        form = written_in((await desk.get(f"/paper/{sheet}")).text)
        wrong = await desk.post(f"/paper/{sheet}", data={**form, "marks": "1?", "row-2": "y"})
        assert wrong.status_code == 422
        assert re.search(r'name="marks"[^>]* value="1\? 2y"', wrong.text)


async def test_why_a_message_failed_is_said_in_words(web: WebCity) -> None:
    web.loopback.result = SendError(Fault.DEAD, "no-such-number")
    made = await web.issue()
    await web.until(
        made["id"], lambda board: board["funnel"]["failed"] and not board["funnel"]["waiting"]
    )
    code = made["short_code"]
    async with await at_the_desk(web) as desk:
        desk.headers["accept-language"] = "zh-CN"
        listed = (await desk.get(f"/alerts/{code}/unanswered")).text
        unit = re.search(rf'href="(/alerts/{code}/units/[^"]+)"', listed)
        person = re.search(rf'href="(/alerts/{code}/people/[^"]+)"', listed)
        assert unit
        assert person
        for path in (f"/alerts/{code}", f"/alerts/{code}/unanswered", unit[1], person[1]):
            page = (await desk.get(path)).text
            assert "<small>空号</small>" in page, path
            assert "no-such-number" not in page, path
