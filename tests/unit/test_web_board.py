"""The board's pages and what is pressed on them, by forms that work without a script."""

import asyncio
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from alertd.model import DeliveryState
from alertd.store import tables as t
from tests.unit.test_web_answers import everybody_has_it
from tests.unit.test_web_pages import browser, csrf_of, sign_in
from tests.unit.web_city import WebCity, web_city


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, passwords=("officer", "viewer", "town")) as started:
        yield started


async def told(web: WebCity, **changes: Any) -> str:
    """The code of an alert that everybody has been told of."""
    drafted = await web.issue(**changes)
    await web.until(drafted["id"], lambda board: everybody_has_it(board["channels"]))
    return str(drafted["short_code"])


async def silent(web: WebCity, code: str, **asked: Any) -> list[dict[str, Any]]:
    async with web.client("officer") as officer:
        found = await officer.get(f"/api/v1/alerts/{code}/unanswered", params=asked)
        rows: list[dict[str, Any]] = found.json()["items"]
        return rows


async def facts(web: WebCity, code: str, kind: str) -> list[dict[str, Any]]:
    async with web.client("officer") as officer:
        found = await officer.get(f"/api/v1/alerts/{code}/facts?limit=500")
        return [fact for fact in found.json()["items"] if fact["kind"] == kind]


async def press(client: httpx.AsyncClient, page: httpx.Response, to: str, **form: str) -> str:
    answer = await client.post(to, data={"csrf": csrf_of(page), **form})
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


async def test_every_page_of_an_alert_says_what_it_should(web: WebCity) -> None:
    code = await told(web)
    row = (await silent(web, code))[0]
    person, unit = row["holders"][0], row["unit_code"]
    phone = web.loopback.sent[0].address
    assert (await web.reply(phone, "1", "k1")).status_code == 200
    url = f"/alerts/{code}"
    async with browser(web) as officer:
        await sign_in(officer, "officer")
        board = (await officer.get(url)).text
        for words in ("Messages", "Duties", "People", "What carries it", "Being asked"):
            assert words in board
        assert re.search(r'<a class="cell" href="/alerts/A1/units/\w+" data-state="waiting"', board)
        assert re.search(r'<time class="countdown" data-until="\d+">', board)
        assert "reminder" in board  # the next step
        strip = (await officer.get("/channels")).text
        assert "✓ sms-1" in strip
        wall = (await officer.get(f"{url}/wall")).text
        assert "<button" not in wall.replace('<button id="sound-on">', "")
        assert "<form" not in wall
        asked = (await web.board(code))["board"]["stages"]
        waits = " · ".join(f"{each['stage']} {each['needed'] - each['covered']}" for each in asked)
        assert f"Not answered yet · {waits}" in board.replace("\n", "")
        assert f"Not answered yet · {waits}" in wall.replace("\n", "")
        assert 'id="wall-silent"' in (await officer.get(f"{url}/wall/lists")).text
        assert f'href="{url}"' in (await officer.get("/board")).text
        grid = (await officer.get(f"{url}/units/{unit}")).text
        assert person["name"] in grid
        assert "not answered yet" in grid
        timeline = (await officer.get(f"{url}/timeline")).text
        assert "issued" in timeline
        lives = (await officer.get(f"{url}/timeline?about=life")).text
        assert "further messages" not in lives
        assert "approved" in lives
        course = (await officer.get(f"{url}/people/{person['person_id']}")).text
        assert "taken by the gateway" in course
        chinese = await officer.get(f"{url}/timeline", headers={"accept-language": "zh-CN"})
        assert "发送" in chinese.text
        web.loopback.well = False
        async with asyncio.timeout(5):  # gateways are asked once a second for all who look
            while "✕ sms-1" not in (await officer.get("/channels")).text:
                pass


async def test_a_units_page_says_what_its_ladders_did_and_who_was_never_told(web: WebCity) -> None:
    code = await told(web)
    row = (await silent(web, code, limit=1))[0]
    by_unit = {"unit_code": row["unit_code"], "role": row["role"]}
    async with web.client("officer") as officer:
        climb = f"/api/v1/alerts/{code}/urge/climb"
        for rungs in (1, 2):  # the reminder's, and the one that passes it on
            pressed = await officer.post(climb, json={"duty": by_unit})
            assert pressed.status_code == 200, pressed.text
            async with asyncio.timeout(20):  # a step of the engine climbs it
                while len(await facts(web, code, "climbed")) < rungs:
                    pass
    nothing_left = t.delivery.update().values(state=int(DeliveryState.EXPIRED))
    async with web.client() as officer:
        officer.cookies.set("alertd_session", await web.session("officer"))
        url = f"/alerts/{code}/units/{row['unit_code']}"
        page = await officer.get(url)
        assert page.status_code == 200
        assert "passed on to the alternate" in page.text
        assert "never told" not in page.text
        await web.runner.submit(lambda turn: turn.connection.execute(nothing_left).rowcount)
        assert "never told: " in (await officer.get(url)).text


async def test_the_list_is_by_waiting_time_filtered_paged_and_printed(web: WebCity) -> None:
    code = await told(web)
    rows = await silent(web, code, limit=500)
    assert [row["since_at"] for row in rows] == sorted(row["since_at"] for row in rows)
    assert {tuple(row["next_acts"]) for row in rows} == {("remind",)}
    paged: list[int] = []
    after: dict[str, int] = {}
    async with web.client("officer") as officer:
        while True:
            page = await officer.get(f"/api/v1/alerts/{code}/unanswered?limit=3", params=after)
            paged += [row["no"] for row in page.json()["items"]]
            if page.json()["next"] is None:
                break
            after = {"after": page.json()["next"]}
    assert paged == [row["no"] for row in rows]
    async with browser(web) as officer:
        await sign_in(officer, "officer")
        whole = await officer.get(f"/alerts/{code}/unanswered?unit=330281001&state=open")
        assert rows[0]["unit_name"] in whole.text
        assert "Remind all" in whole.text
        assert (await officer.get(f"/alerts/{code}/unanswered?unit=nowhere")).status_code == 404
        sheet = (await officer.get(f"/alerts/{code}/unanswered?sheet=1")).text
        assert sheet.count('class="write"') == len(rows)
        assert not re.search(r"\d{11}", sheet)


async def test_the_silent_are_counted_by_stage_as_those_who_are_still_asked(web: WebCity) -> None:
    code = await told(web)
    silent_for_good = t.coverage.update().values(exhausted=1)
    await web.runner.submit(lambda turn: turn.connection.execute(silent_for_good).rowcount)
    async with browser(web) as officer:
        await sign_in(officer, "officer")
        for url in (f"/alerts/{code}", f"/alerts/{code}/wall"):
            board = unescape((await officer.get(url)).text)
            assert "Nobody answers: somebody must go there · received 1" in board


async def test_who_hadnt_answered_at_the_end_is_named_and_not_waited_for(web: WebCity) -> None:
    code = await told(web)
    waited = await silent(web, code, limit=500)
    async with web.client("officer") as officer, web.client("second") as second:
        clear = await officer.post(f"/api/v1/alerts/{code}/all-clear", json={})
        await second.post(f"/api/v1/alerts/{clear.json()['id']}/approve")
        before = (await officer.get(f"/api/v1/alerts/{code}")).json()
        assert before["view"]["state"] == "all-clear"
    assert await silent(web, code) == []
    ended = await silent(web, code, state="closed", limit=500)
    assert {row["no"] for row in ended} == {row["no"] for row in waited}
    assert {(row["closed"], row["next_at"], *row["next_acts"]) for row in ended} == {(True, None)}
    async with browser(web) as officer:
        await sign_in(officer, "officer")
        for url in (f"/alerts/{code}", f"/alerts/{code}/wall"):
            board = unescape((await officer.get(url)).text)
            assert "Hadn't answered when the alert ended · received" in board
            assert "Not answered yet" not in board
        listed = (await officer.get(f"/alerts/{code}/unanswered?state=closed")).text
        assert ended[0]["unit_name"] in listed
        assert "closed" in listed
        assert "countdown" not in listed


async def test_a_number_is_shown_to_whoever_calls_and_to_nobody_else(web: WebCity) -> None:
    code = await told(web)
    person = (await silent(web, code))[0]["holders"][0]
    url = f"/alerts/{code}"
    async with browser(web) as officer, browser(web) as viewer:
        await sign_in(officer, "officer")
        board = await officer.get(url)
        assert not any(message.address[3:] in board.text for message in web.loopback.sent)
        shown = await press(officer, board, f"{url}/call", person_id=person["person_id"])
        number = re.search(r'href="tel:(\+86\d{11})"', shown)
        assert number, shown
        assert number[1].endswith(person["phone_tail"])
        assert number[1] in {message.address for message in web.loopback.sent}
        (fact,) = await facts(web, code, "number.shown")
        assert number[1][3:] not in str(fact)
        await sign_in(viewer, "viewer")
        page = await viewer.get(url)
        assert "/call" not in page.text
        asked = {"csrf": csrf_of(page), "person_id": person["person_id"]}
        assert (await viewer.post(f"{url}/call", data=asked)).status_code == 403
    async with web.client("officer") as officer:
        again = await officer.post(f"/api/v1/alerts/{code}/people/{person['person_id']}/call")
        assert again.json()["number"] == number[1]
        unknown = await officer.post(f"/api/v1/alerts/{code}/people/nobody/call")
        assert unknown.status_code == 404


async def test_in_a_simulated_drill_nobody_real_is_called(web: WebCity) -> None:
    code = await told(web, status="Exercise", simulated=True)
    person = (await silent(web, code))[0]["holders"][0]
    async with web.client("officer") as officer:
        call = await officer.post(f"/api/v1/alerts/{code}/people/{person['person_id']}/call")
        assert call.status_code == 409
    assert await facts(web, code, "number.shown") == []


async def test_reminding_and_escalating_wait_for_no_ladder(web: WebCity) -> None:
    code = await told(web)
    url, rows = f"/alerts/{code}", await silent(web, code, limit=500)
    one = {"unit_code": rows[0]["unit_code"], "role": rows[0]["role"]}
    api = f"/api/v1/alerts/{code}/urge"
    async with browser(web) as officer:
        await sign_in(officer, "officer")
        board = await officer.get(url)
        await press(officer, board, f"{url}/urge/remind", **one)
    async with web.client("officer") as officer, web.client("viewer") as viewer:
        reminders = [fact for fact in await facts(web, code, "told") if "reminder" in str(fact)]
        assert len(reminders) == 1
        # Once a minute at most, whoever presses, and whatever they press.
        assert (await officer.post(f"{api}/remind", json={"duty": one})).status_code == 409
        rest = (await officer.post(f"{api}/remind")).json()
        assert rest["requirements"] == len(rows)
        assert 0 < rest["messages"] < len(rows)
        web.clock.forward(minutes=1.1)
        assert (await officer.post(f"{api}/remind", json={"duty": one})).status_code == 200
        climbed = await officer.post(f"{api}/climb", json={"unit_code": rows[0]["unit_code"]})
        assert climbed.json()["requirements"] >= 1
        assert (await viewer.post(f"{api}/climb")).status_code == 403
        by = {fact["source"].partition(":")[0] for fact in await facts(web, code, "urged")}
        assert by == {"principal"}
    async with asyncio.timeout(20):
        while True:  # until the ladder's next rung is taken
            committed = asyncio.create_task(web.runner.committed())
            known = {row["no"]: row for row in await silent(web, code, limit=500)}
            if set(known[rows[0]["no"]]["told"]) & {"alternates", "parent"}:
                committed.cancel()
                break
            await committed
    # Outside one's own area nobody is pressed.
    async with web.client("town") as town:
        outside = await town.post(f"{api}/remind", json={"unit_code": "330281"})
        assert outside.status_code == 403


async def test_a_pause_is_loud_and_a_stop_offers_the_correction(web: WebCity) -> None:
    code = await told(web)
    url = f"/alerts/{code}"
    async with browser(web) as officer, browser(web) as viewer:
        await sign_in(viewer, "viewer")
        await sign_in(officer, "officer")
        board = await officer.get(url)
        no_reason = await officer.post(f"{url}/halt/pause", data={"csrf": csrf_of(board)})
        assert no_reason.status_code == 422
        await press(officer, board, f"{url}/halt/pause", reason="the wrong street")
        for path in (url, "/alerts", "/wall", f"{url}/wall", f"{url}/unanswered"):
            page = (await viewer.get(path)).text
            assert "PAUSED: nothing of this alert is being sent" in page
            assert "the wrong street" in page
            assert "halt/resume" not in page
        refused = await officer.post(
            f"{url}/urge/remind", data={"csrf": csrf_of(board), "unit_code": "330281001"}
        )
        assert refused.status_code == 409
        web.clock.forward(minutes=11)
        assert "resume or stop it" in (await viewer.get(url)).text
        async with web.client() as anybody:
            warnings = (await anybody.get("/readyz")).json()["warnings"]
        assert any("paused for more than ten minutes" in warning for warning in warnings)
        await press(officer, board, f"{url}/halt/resume", reason="it was right")
        assert "PAUSED" not in (await viewer.get(url)).text
        stopped = await press(officer, board, f"{url}/halt/stop", reason="a test went out")
        assert "Those who have it don't know yet: tell them." in stopped
        assert "Send the prepared correction now" in stopped
        assert "Escalate now" not in stopped
        viewers = (await viewer.get(url)).text
        assert "STOPPED" in viewers
        assert "Send the prepared correction now" not in viewers
        corrected = await press(officer, board, f"{url}/correct")
        assert "STOPPED" not in corrected
        assert "STOPPED" not in (await viewer.get(url)).text


async def test_whose_area_an_alert_exceeds_sees_no_timeline(web: WebCity) -> None:
    code = await told(web, areas=["330281"])
    async with browser(web) as town:
        await sign_in(town, "town")
        assert (await town.get(f"/alerts/{code}")).status_code == 200
        assert "halt/pause" not in (await town.get(f"/alerts/{code}")).text
        assert (await town.get(f"/alerts/{code}/timeline")).status_code == 403
        page = (await town.get(f"/alerts/{code}")).text
        assert f"/alerts/{code}/follow/" not in page
        assert "Here you act for your own part" in page  # and is told why, and what instead
        assert "urge/remind" in page
        assert (await town.get(f"/alerts/{code}/units/330281")).status_code == 404
