"""The console's quieter rooms: texts, policies, loudspeakers, inbox, reports."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd.settings import load
from alertd.store import tables as t
from alertd.web.pages.health import shown_settings
from tests.unit.test_web_answers import told_at_one_telephone
from tests.unit.test_web_pages import browser, csrf_of, sign_in
from tests.unit.web_city import WebCity, web_city


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, passwords=("officer", "viewer")) as started:
        yield started


async def test_every_template_is_shown_with_its_example_or_its_source(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "viewer")
        listed = (await client.get("/templates")).text
        for template in web.deps.library.templates:
            assert f"/templates/{template.name}" in listed
            shown = await client.get(f"/templates/{template.name}")
            assert shown.status_code == 200
            assert "blockquote" in shown.text, template.name
        red = (await client.get("/templates/typhoon-red")).text
        assert "【余姚市防指】红色台风A1" in red
        assert "SMS parts: 1" in red


async def test_every_policy_is_shown_rung_by_rung(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "viewer")
        shown = (await client.get("/policies")).text
        for policy in web.deps.library.policies.values():
            for step in policy.steps:
                assert f"{step.after_min:g} min" in shown


async def test_whose_a_reply_is_is_ticked_where_it_is_read(web: WebCity) -> None:
    _, phone = await told_at_one_telephone(web)
    await web.reply(phone, "开会中稍后联系", "w1")
    async with browser(web) as client:
        await sign_in(client, "officer")
        for url in ("/alerts/A1", "/inbox"):
            page = await client.get(url)
            assert page.text.count('type="checkbox" name="writer') == 2
            assert "a stranger" not in page.text
        boxes = dict(re.findall(r'name="(writer[0-9])" value="([^"]+)"', page.text))
        action = page.text.split('action="/inbound/')[1].split("/")[0]
        ticked = {"csrf": csrf_of(page), "to": "/inbox", "kind": "received"} | boxes
        after = await client.post(f"/inbound/{action}/classify", data=ticked)
        assert "开会中" not in after.text
    acks = web.city.rows(select(t.ack.c.person_no))
    assert len({ack.person_no for ack in acks}) == 2


async def test_what_has_waited_for_long_is_put_aside_by_one_press(web: WebCity) -> None:
    await web.reply("+8610086", "您的话费余额不足", "spam")
    async with browser(web) as client:
        await sign_in(client, "officer")
        page = await client.get("/inbox")
        assert "/inbox/set-aside" not in page.text, "it may be answered still"
        await web.older(days=4)
        page = await client.get("/inbox")
        assert "Of these 1 have waited" in page.text
        after = await client.post("/inbox/set-aside", data={"csrf": csrf_of(page)})
        assert "Nothing waits." in after.text


async def test_the_inbox_has_what_no_machine_understood_until_somebody_says(web: WebCity) -> None:
    await web.issue()
    phone = web.city.phone_of(web.city.leaders()[0][1])
    await web.reply(phone, "在路上了稍等", "r-1")
    async with browser(web) as client:
        await sign_in(client, "officer")
        page = await client.get("/inbox")
        assert "在路上了稍等" in page.text
        assert phone not in page.text
        action = page.text.split('action="/inbound/')[1].split("/")[0]
        data = {"csrf": csrf_of(page), "to": "/inbox", "kind": "received", "alert": "A1"}
        after = await client.post(f"/inbound/{action}/classify", data=data)
        assert after.url.path == "/inbox"
        assert "在路上了稍等" not in after.text
    async with browser(web) as viewer:
        await sign_in(viewer, "viewer")
        assert (await viewer.get("/inbox")).status_code == 403
        assert 'href="/inbox"' not in (await viewer.get("/alerts")).text


async def test_reports_of_one_status_never_mix(web: WebCity) -> None:
    await web.issue()
    async with browser(web) as client:
        await sign_in(client, "officer")
        assert "/report?format=html" in (await client.get("/reports")).text
        assert "/report?format=html" not in (await client.get("/reports?status=Exercise")).text
        assert "/report?format=html" not in (await client.get("/drills")).text


async def test_loudspeakers_are_counted_and_tried_only_by_who_may(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "viewer")
        page = await client.get("/loudspeakers")
        assert page.status_code == 200
        assert "/loudspeakers/try" not in page.text
        sent = {"csrf": csrf_of(page), "terminal": "x"}
        assert (await client.post("/loudspeakers/try", data=sent)).status_code in {403, 409}


async def test_health_says_how_each_route_is_and_shows_no_secret(web: WebCity) -> None:
    web.loopback.well = False
    async with browser(web) as client:
        await sign_in(client, "viewer")
        page = await client.get("/health")
        assert "No route is reachable." in page.text
        assert "sms-1" in page.text
        assert "data_dir" not in page.text, "settings are the administrator's"
        sent = {"csrf": csrf_of(page), "to": "+8613800000000"}
        assert (await client.post("/health/routes/sms-1/try", data=sent)).status_code == 403
        assert not web.loopback.sent


def test_what_is_secret_is_no_shown_setting(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path, database_url="postgresql://u:hunter2@db/alertd")
    shown = dict(shown_settings(settings))
    assert shown["port"] == settings.port
    assert "database_url" not in shown
    assert "hunter2" not in str(shown)


async def test_whose_reply_it_is_stands_there_and_which_alert_is_asked(web: WebCity) -> None:
    """Two alerts are out: neither the writer nor the alert may be guessed by whoever reads it."""
    await web.issue(colour="orange")
    second = await web.issue(colour="red")
    await web.until(second["id"], lambda board: not board["funnel"]["waiting"])
    phones = [message.address for message in web.loopback.sent]
    own = next(phone for phone in phones if phones.count(phone) == 2)  # nobody else's
    await web.reply(own, "1", "bare")
    async with browser(web) as client:
        await sign_in(client, "officer")
        inbox = (await client.get("/inbox")).text
        assert "which alert?" in inbox
        assert "a stranger" not in inbox
        assert '<select name="alert" required><option value="">' in inbox
        board = (await client.get("/alerts/A1")).text
        assert "counts for A1" in board
    async with web.client("town") as town:
        (reply,) = (await town.get("/api/v1/inbound")).json()["items"]
        assert (reply["verdict"], reply["short_code"]) == ("ambiguous", None)
        assert reply["person_name"]
        said = await town.post(
            f"/api/v1/inbound/{reply['no']}/classify", json={"kind": "received", "alert": "A2"}
        )
        assert said.status_code == 200, said.text
    assert (await web.board("A2"))["board"]["funnel"]["answered"] >= 1
