"""The console's pages in a browser without scripts: sign in, approve, answer by hand."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import httpx
import pytest

from alertd.web.throttle import FREE_FOR_NAME
from tests.unit.web_city import PASSWORD, TOWN, WebCity, served, short, web_city

HTML = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, passwords=("officer", "second", "viewer")) as started:
        yield started


def browser(web: WebCity, **more: Any) -> httpx.AsyncClient:
    return web.client(headers=HTML, follow_redirects=True, **more)


async def sign_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/sign-in", data={"name": name, "password": password})


def csrf_of(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


async def test_whoever_is_not_signed_in_is_led_to_where_one_does(web: WebCity) -> None:
    async with browser(web) as client:
        page = await client.get("/alerts")
        assert page.url.path == "/sign-in"
        assert page.url.params["to"] == "/alerts"
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "<script" not in page.text
        assert "style=" not in page.text
        after = await client.post(
            "/sign-in", data={"name": "Officer", "password": PASSWORD, "to": "/alerts"}
        )
        assert after.url.path == "/alerts"
        cookie = after.history[0].headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()


@pytest.mark.parametrize(("proto", "secure"), [("https", True), ("http", False), ("", False)])
async def test_behind_a_proxy_that_speaks_tls_a_session_never_goes_in_the_clear(
    web: WebCity, proto: str, secure: bool
) -> None:
    """Also where `public_base_url` doesn't say so: it may be another host, or not set."""
    async with served(web) as url, httpx.AsyncClient(trust_env=False) as client:
        headers = {"x-forwarded-proto": proto} if proto else {}
        form = {"name": "officer", "password": PASSWORD}
        answer = await client.post(f"{url}/sign-in", data=form, headers=headers)
    assert answer.status_code == 303
    assert ("; secure" in answer.headers["set-cookie"].lower()) is secure


async def test_a_way_back_never_leads_elsewhere(web: WebCity) -> None:
    async with web.client(headers=HTML) as client:
        for to in ("https://elsewhere.test/", "//elsewhere.test", "/\\elsewhere.test"):
            answer = await client.post(
                "/sign-in", data={"name": "officer", "password": PASSWORD, "to": to}
            )
            assert answer.status_code == 303
            assert answer.headers["location"] == "/"


async def test_wrong_passwords_are_counted_and_locked_for_a_while(web: WebCity) -> None:
    async with browser(web) as client:
        for _ in range(FREE_FOR_NAME):
            assert (await sign_in(client, "officer", "wrong")).status_code == 401
        locked = await sign_in(client, "officer")
        assert locked.status_code == 429
        assert int(locked.headers["retry-after"]) > 60
        assert "Too many wrong passwords" in locked.text
        # Somebody else at the same address is not shut out for it.
        assert (await sign_in(client, "second")).status_code == 200
        web.clock.forward(minutes=16)
        assert (await sign_in(client, "officer")).status_code == 200


async def test_a_stranger_and_a_wrong_password_are_answered_alike(web: WebCity) -> None:
    async with browser(web) as client:
        nobody = await sign_in(client, "nobody", "wrong")
        wrong = await sign_in(client, "officer", "wrong")
        assert nobody.status_code == wrong.status_code == 401
        assert nobody.text.replace("nobody", "officer") == wrong.text


async def test_a_one_time_password_opens_nothing_but_its_change(tmp_path: Path) -> None:
    async with web_city(tmp_path, one_time=["officer"]) as web, browser(web) as client:
        page = await sign_in(client, "officer")
        assert page.url.path == "/password"
        assert (await client.get("/alerts")).url.path == "/password"
        refused = await client.get("/api/v1/alerts")
        assert refused.status_code == 403
        assert refused.json()["code"] == "must-change-password"
        form = {"csrf": csrf_of(page), "old_password": PASSWORD}
        differs = {**form, "new_password": "a new password", "again": "another one"}
        assert (await client.post("/password", data=differs)).status_code == 422
        short_one = {**form, "new_password": "short", "again": "short"}
        assert (await client.post("/password", data=short_one)).status_code == 422
        new = {**form, "new_password": "a new password", "again": "a new password"}
        after = await client.post("/password", data=new)
        assert after.url.path == "/sign-in"
        assert (await sign_in(client, "officer")).status_code == 401
        assert (await sign_in(client, "officer", "a new password")).url.path == "/alerts"


async def test_a_draft_is_approved_on_the_page_by_a_second_person(web: WebCity) -> None:
    async with web.client("officer") as officer:
        made = (await officer.post("/api/v1/alerts", json=short())).json()
    async with browser(web) as own, browser(web) as other:
        await sign_in(own, "officer")
        page = await own.get(f"/alerts/{made['short_code']}")
        assert "You wrote it: a second person must approve it." in page.text
        assert "Send the live alert" not in page.text
        assert "Break the glass" in page.text
        await sign_in(other, "second")
        page = await other.get(f"/alerts/{made['short_code']}")
        assert "Send the live alert" in page.text
        form = {"csrf": csrf_of(page)}
        unsure = await other.post(f"/alerts/{made['id']}/approve", data=form)
        assert unsure.status_code == 422
        assert "Type one of these: A1." in unsure.text
        sure = await other.post(f"/alerts/{made['id']}/approve", data={**form, "confirm": "a1"})
        assert sure.status_code == 200
        assert "Grids by state" in sure.text
        assert 'data-state="waiting"' in sure.text


async def test_a_drill_and_a_live_alert_cannot_be_confused(web: WebCity) -> None:
    async with web.client("officer") as officer:
        live = (await officer.post("/api/v1/alerts", json=short())).json()
        drill = (await officer.post("/api/v1/alerts", json=short(status="Exercise"))).json()
    async with browser(web) as client:
        await sign_in(client, "officer")
        live_page = (await client.get(f"/alerts/{live['id']}")).text
        drill_page = (await client.get(f"/alerts/{drill['id']}")).text
        assert "frame-actual" in live_page
        assert "watermark" not in live_page
        assert "DRILL" not in live_page
        assert "frame-exercise" in drill_page
        assert 'class="watermark"' in drill_page
        assert "LIVE" not in drill_page
        listed = (await client.get("/alerts")).text
        assert "Approve and issue the drill" in listed


async def test_the_prepared_drill_is_issued_by_one_press(web: WebCity) -> None:
    async with web.client("officer") as officer:
        made = (await officer.post("/api/v1/alerts", json=short(status="Exercise"))).json()
    async with browser(web) as client:
        page = await sign_in(client, "officer")
        after = await client.post(f"/alerts/{made['id']}/approve", data={"csrf": csrf_of(page)})
        assert after.status_code == 200, after.text
        assert after.url.path == f"/alerts/{made['short_code']}"


async def test_a_form_from_elsewhere_is_refused(web: WebCity) -> None:
    async with web.client("officer") as officer:
        made = (await officer.post("/api/v1/alerts", json=short(status="Exercise"))).json()
    url = f"/alerts/{made['id']}/approve"
    async with browser(web) as client:
        page = await sign_in(client, "officer")
        assert (await client.post(url, data={"confirm": "A1"})).status_code == 403
        assert (await client.post(url, data={"csrf": "wrong"})).status_code == 403
        form = {"csrf": csrf_of(page)}
        for headers in (
            {"origin": "https://elsewhere.test"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
        ):
            assert (await client.post(url, data=form, headers=headers)).status_code == 403
        # The API takes a browser's cookie with the page's token only.
        api = f"/api/v1/alerts/{made['id']}/approve"
        assert (await client.post(api)).status_code == 403
        sent = await client.post(api, headers={"x-csrf-token": form["csrf"]})
        assert sent.status_code == 200, sent.text


async def test_an_answer_by_hand_on_the_page_covers_the_grid(web: WebCity) -> None:
    drafted = await web.issue()
    await web.until(drafted["id"], lambda board: board["funnel"]["asked"])
    async with browser(web) as client:
        page = await sign_in(client, "officer")
        page = await client.get(f"/alerts/{drafted['short_code']}")
        row = re.search(
            r'name="unit_code" value="([^"]+)"><input type="hidden" name="role" value="([^"]+)"',
            page.text,
        )
        assert row, page.text
        form = {"csrf": csrf_of(page), "unit_code": row[1], "role": row[2], "via": "radio"}
        url = f"/alerts/{drafted['short_code']}/acks"
        after = await client.post(url, data={**form, "kind": "received"})
        assert after.status_code == 200, after.text
        assert (await web.board(drafted["id"]))["board"]["funnel"]["answered"] >= 1
        fragment = await client.get(f"/alerts/{drafted['short_code']}/lists")
        assert "<html" not in fragment.text
        assert f'value="{row[1]}"' not in fragment.text


async def test_help_is_taken_and_closed_by_a_person(web: WebCity) -> None:
    drafted = await web.issue()
    _, person = web.city.leaders()[0]
    phone = web.city.phone_of(person)
    await web.until(drafted["id"], lambda board: board["funnel"]["accepted"])
    await web.reply(phone, "3", "h1")
    async with browser(web) as client:
        page = await sign_in(client, "officer")
        assert "nobody has taken it" in page.text
        page = await client.get(f"/alerts/{drafted['short_code']}")
        number = re.search(r'action="/help/(\d+)/take"', page.text)
        assert number
        form = {"csrf": csrf_of(page), "to": f"/alerts/{drafted['short_code']}"}
        taken = await client.post(f"/help/{number[1]}/take", data=form)
        assert "taken by officer" in taken.text
        wordless = await client.post(f"/help/{number[1]}/close", data=form)
        assert wordless.status_code == 409
        closed = await client.post(
            f"/help/{number[1]}/close", data={**form, "outcome": "boat sent, all safe"}
        )
        assert "Nobody calls for help." in closed.text


async def test_an_old_machines_gbk_form_is_read(web: WebCity) -> None:
    async with web.client(headers=HTML) as client:
        body = "name=" + quote_from_bytes("值班员".encode("gbk")) + "&password=wrong"
        answer = await client.post(
            "/sign-in",
            content=body,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code == 401
        assert 'value="值班员"' in answer.text


async def test_the_pages_speak_chinese_first_and_english_beside_it(web: WebCity) -> None:
    async with web.client(headers={"accept-language": "fr", "accept": "text/html"}) as client:
        first = await client.get("/sign-in")
        assert first.headers["content-language"] == "zh-CN"
        chosen = await client.get("/language?set=en&to=/sign-in")
        assert chosen.status_code == 303
        again = await client.get("/sign-in")
        assert again.headers["content-language"] == "en"


async def test_a_refusal_is_a_page_for_people_and_a_problem_for_machines(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        page = await client.get("/alerts/Z99")
        assert page.status_code == 404
        assert "There is no such alert." in page.text
        assert "<html" in page.text
        problem = await client.get("/api/v1/alerts/Z99")
        assert problem.headers["content-type"] == "application/problem+json"


async def test_what_a_stranger_writes_is_shown_and_never_run(web: WebCity) -> None:
    drafted = await web.issue()
    await web.reply("+8613800009999", "<script>alert(1)</script>", "evil")
    async with browser(web) as client:
        await sign_in(client, "officer")
        page = await client.get(f"/alerts/{drafted['short_code']}")
        assert "&lt;script&gt;alert(1)" in page.text
        assert "<script>alert" not in page.text
        assert "13800009999" not in page.text
        assert "…99" in page.text


async def test_signing_out_ends_the_session(web: WebCity) -> None:
    async with browser(web) as client:
        page = await sign_in(client, "viewer")
        cookies = dict(client.cookies)
        out = await client.post("/sign-out", data={"csrf": csrf_of(page)})
        assert out.url.path == "/sign-in"
        for name, value in cookies.items():
            client.cookies.set(name, value)
        assert (await client.get("/alerts")).url.path == "/sign-in"


async def test_the_board_shows_a_part_of_the_city_to_its_administrator(tmp_path: Path) -> None:
    async with web_city(tmp_path, passwords=["town"]) as web, browser(web) as client:
        drafted = await web.issue(areas=["330281"])
        await web.until(drafted["id"], lambda board: board["funnel"]["asked"])
        await sign_in(client, "town")
        page = await client.get(f"/alerts/{drafted['short_code']}")
        assert page.status_code == 200, page.text
        assert page.text.count("data-town=") == 1
        assert f'data-town="{TOWN}"' in page.text
        assert "The alert reaches beyond your area" in page.text
