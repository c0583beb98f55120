"""A machine's clock that isn't trusted: said by probes, API and pages, and put right by a word."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select

from alertd.engine.timekeeping import Timekeeper
from alertd.store import credentials
from alertd.store import tables as t
from alertd.web.writes import forget
from channels.base import Reply
from tests.unit.test_web_pages import browser, sign_in
from tests.unit.test_web_users import press
from tests.unit.web_city import WebCity, web_city

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, passwords=["officer"]) as started:
        yield started


async def wrong_by(web: WebCity, ms: int) -> None:
    """Somebody sets the machine's clock, and the node sees it."""
    keeper = web.runner.keeper
    assert isinstance(keeper, Timekeeper)
    web.clock.wrong_by_ms = ms
    async with asyncio.timeout(20):
        while abs(keeper.standing.ahead_ms - ms) > 1_000:
            web.runner.wake()
            await asyncio.sleep(0.02)


async def test_it_is_said_everywhere(web: WebCity) -> None:
    await wrong_by(web, -400 * DAY_MS)
    warning = "The machine's clock isn't trusted: it is behind the time that alertd goes by."
    async with web.client("viewer") as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["warnings"]) == (200, [warning])
        assert ready.json()["clock_trusted"] is False
        assert ready.json()["clock_ahead_s"] == pytest.approx(-400 * 86_400, abs=1)
        metrics = (await client.get("/metrics")).text
        assert "alertd_clock_trusted 0.0" in metrics
        (ahead,) = re.findall(r"^alertd_clock_ahead_seconds (.+)$", metrics, re.MULTILINE)
        assert float(ahead) == pytest.approx(-400 * 86_400, abs=1)
        found = (await client.get("/api/v1/clock")).json()
        assert (found["trusted"], found["reason"], found["warning"]) == (
            False,
            "wall-behind",
            warning,
        )
        assert found["now"] - found["wall"] == pytest.approx(400 * DAY_MS, abs=1_000)
    async with browser(web) as client:
        assert 'id="clock"' not in (await client.get("/sign-in")).text
        await sign_in(client, "officer")
        page = await client.get("/alerts", headers={"Accept-Language": "zh-CN"})
        assert "本机时钟不可信" in page.text
        assert "保留各自的剩余时间" in page.text
        page = await client.get("/alerts", headers={"Accept-Language": "en"})
        assert "clock isn&#39;t trusted" in page.text


async def test_nothing_is_said_of_a_clock_that_agrees(web: WebCity) -> None:
    async with web.client("viewer") as client:
        ready = (await client.get("/readyz")).json()
        assert (ready["warnings"], ready["clock_trusted"]) == ([], True)
        assert "alertd_clock_trusted 1.0" in (await client.get("/metrics")).text
        assert (await client.get("/api/v1/clock")).json()["warning"] == ""


async def test_an_operators_word_puts_it_right(web: WebCity) -> None:
    await wrong_by(web, -400 * DAY_MS)
    true = web.clock.wall()
    async with web.client("viewer") as client:
        assert (await client.post("/api/v1/clock", json={"time": true})).status_code == 403
    async with web.client("officer") as client:
        wrong = await client.post("/api/v1/clock", json={"time": true + HOUR_MS})
        assert wrong.status_code == 422
        assert wrong.json()["detail"] == "That isn't what this machine's clock says."
        done = await client.post("/api/v1/clock", json={"time": web.clock.wall()})
        assert done.status_code == 200, done.text
        assert abs(done.json()["now"] - web.clock()) < HOUR_MS
        assert (await client.get("/readyz")).json()["clock_trusted"] is True


async def test_a_session_of_a_time_that_was_set_back_is_over(web: WebCity) -> None:
    async with browser(web) as client:
        await sign_in(client, "officer")
        assert (await client.get("/alerts")).url.path == "/alerts"
        await wrong_by(web, -DAY_MS)
        async with web.client("officer") as api:
            done = await api.post("/api/v1/clock", json={"time": web.clock.wall()})
            assert done.status_code == 200, done.text
        assert (await client.get("/alerts")).url.path == "/sign-in"
        # And nobody is locked out.
        assert (await sign_in(client, "officer")).url.path == "/alerts"


async def test_a_token_of_a_time_that_was_set_back_lasts_as_long_as_it_was_given(
    web: WebCity,
) -> None:
    await wrong_by(web, -400 * DAY_MS)
    async with web.client("admin") as admin:
        made = await admin.post("/api/v1/tokens", json={"label": "wall", "valid_days": 90})
        assert made.json()["expires_at"] - web.clock.wall() > 480 * DAY_MS
        done = await admin.post("/api/v1/clock", json={"time": web.clock.wall()})
        assert done.status_code == 200, done.text
        (token,) = (
            each for each in (await admin.get("/api/v1/tokens")).json() if each["label"] == "wall"
        )
    assert abs(token["expires_at"] - web.clock() - 90 * DAY_MS) < HOUR_MS


async def test_a_leap_forgets_no_write_that_may_be_repeated(web: WebCity) -> None:
    async with web.client("admin") as admin:
        post = partial(
            admin.post,
            "/api/v1/tokens",
            json={"label": "wall"},
            headers={"idempotency-key": "once"},
        )
        first = await post()
        await leap(web, 400 * DAY_MS)
        await web.runner.submit(forget)
        assert (await post()).json() == first.json()


async def leap(web: WebCity, ms: int) -> None:
    """The machine's clock leaps ahead, and the idle node with it."""
    web.clock.wrong_by_ms = ms
    async with asyncio.timeout(20):
        while web.clock.wrong_by_ms > HOUR_MS:
            web.runner.wake()
            await asyncio.sleep(0.02)


async def test_an_idle_node_that_leaps_locks_nobody_out(web: WebCity) -> None:
    await leap(web, 400 * DAY_MS)
    async with browser(web) as client:
        assert (await sign_in(client, "officer")).url.path == "/alerts"
    with web.city.store.read() as connection:
        found = partial(credentials.holder_of, connection, web.tokens["officer"])
        assert found(web.clock()) is not None


async def test_an_answer_of_a_gateway_with_the_true_time_counts_while_ours_is_ahead(
    web: WebCity,
) -> None:
    await web.issue()
    await wrong_by(web, -HOUR_MS)
    _, person = web.city.leaders()[0]
    said = Reply(
        gateway_id="1",
        sender=web.city.phone_of(person),
        text="1",
        occurred_at=web.clock.wall(),
    )
    await web.runner.sink("sms-1", [said])
    (came,) = web.city.rows(select(t.inbound.c.verdict, t.inbound.c.reason))
    assert came == ("counted", "only-open")
    (ack,) = web.city.rows(select(t.ack.c.occurred_at))
    assert 0 <= web.clock() - ack.occurred_at < 60_000


async def test_a_phone_s_code_is_good_by_either_clock(web: WebCity) -> None:
    """The second person must get in while the node's is wrong and the phone has the true time."""
    async with browser(web) as client:
        await sign_in(client, "officer")
        await wrong_by(web, -HOUR_MS // 2)
        begun = await press(client, "/account", "/account/factor", act="begin")
        (secret,) = re.findall(r"<code>([A-Z2-7]{32})</code>", begun.text)
        app = pyotp.TOTP(secret)
        now = app.at(web.clock.wall() // 1000)
        await press(client, "/account", "/account/factor", act="confirm", code=now)
        for clock in (web.clock.wall, web.clock):
            await press(client, "/account", "/sign-out")
            web.clock.forward(minutes=1)
            assert (await sign_in(client, "officer")).url.path == "/code"
            inside = await press(client, "/code", "/code", code=app.at(clock() // 1000))
            assert inside.url.path == "/alerts"
