"""The roster in the console: browsed, searched, edited with the difference first, undone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from rosters.edits import ALLOWED, Do
from tests.unit.test_web_pages import browser, csrf_of, sign_in
from tests.unit.test_web_roster_changes import NEW_PHONE, act, edit, leader
from tests.unit.web_city import TOWN, WebCity, web_city


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, passwords=("admin", "town", "viewer")) as started:
        yield started


async def press(client: httpx.AsyncClient, page: httpx.Response, **fields: str) -> httpx.Response:
    """Send an edit's form, look at the difference."""
    return await client.post("/roster/edit", data={"csrf": csrf_of(page), **fields})


async def confirm(client: httpx.AsyncClient, shown: httpx.Response, why: str) -> httpx.Response:
    change = re.search(r'name="change" value="([^"]+)"', shown.text)
    assert change, shown.text
    fields = {"csrf": csrf_of(shown), "change": change[1], "why": why}
    return await client.post("/roster/confirm", data=fields)


async def test_files_are_taken_away_from_the_page_by_those_who_may(web: WebCity) -> None:
    masked, whole = (
        "/api/v1/roster/export?file={}",
        "/api/v1/roster/export?file={}&amp;unmasked=true",
    )
    found = {}
    for who in ("admin", "viewer", "town"):
        async with browser(web) as client:
            await sign_in(client, who)
            page = (await client.get("/roster")).text
        files = ("people", "terminals", "groups")
        found[who] = [
            (f'href="{masked.format(file)}"' in page, f'href="{whole.format(file)}"' in page)
            for file in files
        ]
    assert found == {
        "admin": [(True, True)] * 3,
        "viewer": [(True, False)] * 3,
        "town": [(False, False)] * 3,
    }


async def test_the_roster_is_browsed_and_searched_within_ones_area(web: WebCity) -> None:
    person, unit = leader(web)
    outside, other = leader(web, inside=False)
    async with browser(web) as client:
        await sign_in(client, "town")
        tree = await client.get("/roster")
        assert f"/roster/units/{TOWN}" in tree.text
        below = await client.get(f"/roster/branches?parent={TOWN}")
        assert "/roster/units/" in below.text
        assert "<html" not in below.text
        shown = await client.get(f"/roster/units/{unit}")
        assert person in shown.text
        assert re.search(r"\*\*\*\d\d", shown.text)
        assert person in (await client.get(f"/roster?q={person}")).text
        assert f"id={outside}" not in (await client.get(f"/roster?q={outside}")).text
        assert (await client.get(f"/roster/units/{other}")).status_code == 404
        assert (await client.get(f"/roster/person?id={outside}")).status_code == 404
        assert (await client.get("/roster/history")).status_code == 403
        for name in ("no-alternate", "vacant", "failed", "unverified", "opted-out"):
            assert (await client.get(f"/roster/lists/{name}")).status_code == 200


async def test_an_edit_shows_the_difference_asks_why_and_is_undone(web: WebCity) -> None:
    person, _ = leader(web)
    async with browser(web) as client:
        await sign_in(client, "admin")
        page = await client.get(f"/roster/person?id={person}")
        wish = {"person_id": person, "do": "person", "to": f"/roster/person?id={person}"}
        bad = await press(client, page, **wish, phone="12")
        assert bad.status_code == 422
        assert f"{person}, phone" in bad.text
        shown = await press(client, page, **wish, name="王新", phone=NEW_PHONE)
        assert shown.status_code == 200, shown.text
        assert "***34" in shown.text
        assert NEW_PHONE not in shown.text
        silent = await confirm(client, shown, " ")
        assert silent.status_code == 422
        done = await confirm(client, silent, "a new leader")
        assert done.url.path == "/roster/person", done.text
        assert "王新" in done.text
        assert "***34" in done.text
        assert f"id={person}" in (await client.get(f"/roster?q={NEW_PHONE}")).text
        stale = await confirm(client, shown, "again")
        assert stale.status_code == 409
        version = await client.get("/roster/history/2")
        assert "<dt>Phone</dt><dd>***34</dd>" in done.text
        assert "a new leader" in version.text
        back = await press(client, version, restore="1", to="/roster/history")
        after = await confirm(client, back, "a slip")
        assert after.text.count("/roster/history/") == 3


async def test_the_lists_are_counted_again_when_something_has_changed(web: WebCity) -> None:
    def totals(page: httpx.Response) -> dict[str, int]:
        found = re.findall(r"/roster/lists/([a-z-]+)\">[^<]+</a>: <b>(\d+)</b>", page.text)
        return {name: int(count) for name, count in found}

    person, unit = leader(web)
    async with browser(web) as client, web.client("admin") as api:
        await sign_in(client, "admin")

        async def as_listed() -> dict[str, int]:
            names = ("no-alternate", "vacant", "failed", "unverified", "opted-out")
            answers = {name: await api.get(f"/api/v1/roster/lists/{name}") for name in names}
            return {name: answer.json()["total"] for name, answer in answers.items()}

        first = totals(await client.get("/roster"))
        assert first == await as_listed()
        assert first["unverified"] > 0
        released = await edit(api, act("release", person, unit_code=unit, post="grid_leader"))
        assert released.status_code == 200, released.text
        second = totals(await client.get("/roster"))
        assert second["vacant"] == first["vacant"] + 1
        assert second == await as_listed()
        web.clock.forward(minutes=60 * 24 * 30)  # the session is long over
        await sign_in(client, "admin")
        third = totals(await client.get("/roster"))
        assert third["unverified"] > second["unverified"]
        assert third == await as_listed()


async def test_who_may_not_finds_no_form_and_is_refused(web: WebCity) -> None:
    person, unit = leader(web)
    async with browser(web) as client:
        await sign_in(client, "viewer")
        for path in (f"/roster/units/{unit}", f"/roster/person?id={person}"):
            page = await client.get(path)
            assert page.status_code == 200
            assert "/roster/edit" not in page.text
        refused = await press(client, page, person_id=person, do="remove", to="/roster")
        assert refused.status_code == 403
        forged = {"csrf": csrf_of(page), "change": "AAAA", "why": "x"}
        assert (await client.post("/roster/confirm", data=forged)).status_code == 403


async def test_every_cell_of_the_people_file_has_its_field(web: WebCity) -> None:
    person, unit = leader(web)
    back = f"/roster/person?id={person}"
    async with browser(web) as client:
        await sign_in(client, "town")
        page = await client.get(back)
        assert ALLOWED[Do.PERSON] | ALLOWED[Do.ASSIGN] <= set(
            re.findall(r'name="([a-z_0-9]+)"', page.text)
        )
        duty = {"person_id": person, "do": "assign", "unit_code": unit, "post": "grid_leader"}
        times = {"on_duty_from": "08:00", "on_duty_to": "20:00", "verified_at": "2025-10-08"}
        said = {"roles": "志愿者", "note": "call 15400001234 at night"}
        shown = await press(client, page, **duty, **times, **said, to=back)
        for words in ("shift ends", "20:00", "2025-10-08", "call *** at night"):
            assert words in shown.text, words
        after = await confirm(client, shown, "shifts")
        for words in ("08:00–20:00", "Volunteer", "2025-10-08", "call *** at night"):
            assert words in after.text, words
        wish = {"person_id": person, "do": "person", "to": back, "channels": "sms;voice"}
        ways = await press(client, after, **wish, short_phone="66001", chat_id="wang")
        after = await confirm(client, ways, "ways")
        assert "<dd>SMS → calls</dd>" in after.text
        assert "wang" not in after.text
        gone = await press(
            client, after, **duty, on_duty_from="-", on_duty_to="-", note="-", to=back
        )
        after = await confirm(client, gone, "no shifts")
        assert "08:00–20:00" not in after.text
        assert "at night" not in after.text
