"""Rights on the pages: users, sessions, the second factor, the record."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from alertd.web.throttle import FREE_FOR_NAME
from tests.unit.test_web_answers import told
from tests.unit.test_web_pages import browser, csrf_of, sign_in
from tests.unit.web_city import PASSWORD, TOWN, WebCity, web_city


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, passwords=("admin", "officer", "auditor")) as started:
        yield started


async def press(client: httpx.AsyncClient, page: str, path: str, **fields: Any) -> httpx.Response:
    """Send a form of a page, with the page's own token."""
    csrf = csrf_of(await client.get(page))
    return await client.post(path, data={"csrf": csrf, **fields})


async def factor_for(web: WebCity, client: httpx.AsyncClient) -> pyotp.TOTP:
    """Set a second factor up as its owner does."""
    begun = await press(client, "/account", "/account/factor", act="begin")
    found = re.search(r"<code>([A-Z2-7]{32})</code>", begun.text)
    assert found
    app = pyotp.TOTP(found[1])
    assert "data:image/svg+xml" in begun.text
    confirmed = await press(
        client, "/account", "/account/factor", act="confirm", code=app.at(web.clock() // 1000)
    )
    assert "It is asked for when you sign in." in confirmed.text
    return app


async def test_who_has_a_second_factor_is_asked_for_it(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        app = await factor_for(web, client)
        await press(client, "/account", "/sign-out")
        asked = await sign_in(client, "officer")
        assert asked.url.path == "/code"
        assert (await client.get("/alerts")).url.path == "/code"
        assert (await client.get("/password")).url.path == "/code"
        refused = await client.get("/api/v1/alerts")
        assert (refused.status_code, refused.json()["code"]) == (403, "second-factor")
        used = await press(client, "/code", "/code", code=app.at(web.clock() // 1000))
        assert used.status_code == 422, "a code is good once"
        web.clock.forward(minutes=1)
        asked = await client.get("/reports?status=Exercise")
        (to,) = re.findall(r'name="to" value="([^"]*)"', asked.text)
        inside = await press(client, "/code", "/code", to=to, code=app.at(web.clock() // 1000))
        assert inside.url.path == "/reports"
        assert inside.url.params["status"] == "Exercise"


async def test_codes_are_counted_like_passwords(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        app = await factor_for(web, client)
        await press(client, "/account", "/sign-out")
        await sign_in(client, "officer")
        web.clock.forward(minutes=1)
        for _ in range(FREE_FOR_NAME):
            assert (await press(client, "/code", "/code", code="000000")).status_code == 422
        right = app.at(web.clock() // 1000)
        assert (await press(client, "/code", "/code", code=right)).status_code == 429


async def test_a_lost_phone_is_helped_by_an_administrator(web: WebCity) -> None:
    async with browser(web) as client, browser(web) as admin:
        await sign_in(client, "officer")
        await factor_for(web, client)
        await sign_in(admin, "admin")
        listed = await press(admin, "/users", "/users/officer/remove-factor")
        assert listed.url.path == "/users"
        assert (await client.get("/alerts")).url.path == "/sign-in", "signed out everywhere"
        assert (await sign_in(client, "officer")).url.path == "/alerts"


async def test_a_factor_is_taken_away_by_the_password_alone(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        await factor_for(web, client)
        wrong = await press(client, "/account", "/account/factor", act="remove", password="no")
        assert wrong.status_code == 422
        gone = await press(client, "/account", "/account/factor", act="remove", password=PASSWORD)
        assert "Set one up" in gone.text


async def test_sessions_elsewhere_are_seen_and_ended(web: WebCity) -> None:
    async with browser(web) as here, browser(web) as there:
        await sign_in(here, "officer")
        await sign_in(there, "officer")
        listed = await here.get("/account")
        key = re.search(r"/account/sessions/([0-9a-f]{64})/end", listed.text)
        assert key
        assert listed.text.count("/account/sessions/") == 1, "one's own session is only named"
        await press(here, "/account", f"/account/sessions/{key[1]}/end")
        assert (await there.get("/alerts")).url.path == "/sign-in"
        assert (await here.get("/alerts")).url.path == "/alerts"


async def test_whose_password_is_new_has_their_tokens_ended_by_one_press_more(
    web: WebCity,
) -> None:
    async with browser(web) as admin, web.client("officer") as officer:
        await sign_in(admin, "admin")
        made = await press(admin, "/users", "/users/officer/password")
        assert "Their tokens still work (1)" in made.text
        assert (await officer.get("/api/v1/me")).status_code == 200
        await press(admin, "/users", "/users/officer/end-tokens")
        assert (await officer.get("/api/v1/me")).status_code == 401


async def test_users_are_let_in_changed_and_shut_out_on_record(web: WebCity) -> None:
    async with browser(web) as admin, browser(web) as auditor:
        await sign_in(admin, "admin")
        made = await press(admin, "/users", "/users", name="Lin", role="viewer", unit_code=TOWN)
        password = re.search(r"lin: <code>([a-z2-7-]{19})</code>", made.text, re.IGNORECASE)
        assert password
        async with browser(web) as lin:
            assert (await sign_in(lin, "lin", password[1])).url.path == "/password"
        await press(admin, "/users", "/users/lin/rights", role="auditor", unit_code="")
        shut = await press(admin, "/users", "/users/lin/disable")
        assert "shut out" in shut.text
        own = await press(admin, "/users", "/users/admin/rights", role="viewer")
        assert own.status_code == 403
        await sign_in(auditor, "auditor")
        record = (await auditor.get("/record")).text
        for kind in ("principal.created", "principal.changed", "signed-in"):
            assert kind in record
        assert "lin" in record
        assert (await auditor.get("/users")).status_code == 403


async def test_what_people_did_to_an_answer_is_theirs_on_the_record(web: WebCity) -> None:
    alert = await told(web)
    url = f"/api/v1/alerts/{alert}"
    async with web.client("officer") as officer:
        silent = (await officer.get(f"{url}/unanswered")).json()["items"]
        said = {"person_id": silent[0]["holders"][0]["person_id"], "kind": "help"}
        no = (await officer.post(f"{url}/acks", json=said)).json()["no"]
        await officer.post(f"/api/v1/help/{no}/take")
        await officer.post(f"/api/v1/help/{no}/close", json={"outcome": "out of the water"})
        await officer.request("DELETE", f"{url}/acks/{no}", json={"reason": "the wrong grid"})
        lines = (await officer.get(f"{url}/timeline?limit=500")).json()
    kinds = ("acked", "help.taken", "help.closed", "ack.withdrawn")
    assert [(e["kind"], e["source"]) for e in lines if e["kind"] in kinds] == [
        (kind, "officer") for kind in kinds
    ]
    async with browser(web) as auditor:
        await sign_in(auditor, "auditor")
        record = (await auditor.get("/record")).text
        assert all(f"<code>{kind}</code>" in record for kind in kinds)


async def test_the_record_turns_its_pages_without_a_gap(web: WebCity) -> None:
    async with web.client("officer") as officer:
        for n in range(120):
            await officer.post("/api/v1/tokens", json={"label": f"token {n}"})
    async with browser(web) as client:
        await sign_in(client, "auditor")
        seen, path = [], "/record?people=false"
        while path:
            page = await client.get(path)
            seen += re.findall(r"<small>(\w+:\d+:\d+)</small>", page.text)
            more = re.search(r'href="(/record\?[^"]+)"', page.text)
            path = more[1].replace("&amp;", "&") if more else ""
        numbers = [int(key.rsplit(":", 1)[1]) for key in seen]
        assert len(numbers) > 100
        assert numbers == sorted(numbers, reverse=True)
        assert len(set(numbers)) == len(numbers) == numbers[0]


async def test_a_token_is_shown_once_and_revoked(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        made = await press(
            client, "/account", "/account/tokens", label="board", scope="read", valid_days="7"
        )
        token = re.search(r"<code>([\w-]{43})</code>", made.text)
        assert token
        async with web.client(headers={"authorization": f"Bearer {token[1]}"}) as program:
            assert (await program.get("/api/v1/alerts")).status_code == 200
            assert token[1] not in (await client.get("/account")).text
            row = made.text.split('<th scope="row">board</th>')[1]
            key = re.search(r"/account/tokens/([0-9a-f]{64})/revoke", row)
            assert key
            await press(client, "/account", f"/account/tokens/{key[1]}/revoke")
            assert (await program.get("/api/v1/alerts")).status_code == 401
