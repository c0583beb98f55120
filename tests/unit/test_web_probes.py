"""Probes, metrics, OpenAPI and the routes' state."""

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import make_url

from alertd.engine.turn import Turn
from alertd.store.backup.word import Word, leave
from alertd.web.ready import readiness
from channels.base import Fault, SendError
from tests import databases
from tests.unit.web_city import Loopback, WebCity, short


async def test_a_node_that_works_is_ready(web: WebCity) -> None:
    async with web.client() as client:
        assert (await client.get("/healthz")).json() == {"status": "ok", "space": "enough"}
        ready = await client.get("/readyz")
        assert ready.status_code == 200, ready.text
        assert ready.json()["reasons"] == []
        assert ready.json()["cycle_age_s"] < 10
        assert ready.json()["routes"] == [
            {"name": "sms-1", "ok": True, "detail": "in this process"}
        ]


async def test_a_node_that_does_not_says_why(web: WebCity) -> None:
    async with web.client() as client:
        web.loopback.well = False
        away = await client.get("/readyz")
        assert away.status_code == 503
        assert away.json()["reasons"] == ["No route is reachable."]
        assert away.json()["warnings"] == ["sms-1: away"]
        web.loopback.well = True
        await web.runner.stop()
        web.clock.forward(minutes=1)
        still = await client.get("/readyz")
        assert still.status_code == 503
        assert "The engine hasn't moved for too long." in still.json()["reasons"]
        assert (await client.get("/healthz")).status_code == 200
        web.deps.stopping.set()
        assert "It is being stopped." in (await client.get("/readyz")).json()["reasons"]


@pytest.mark.skipif(databases.on_postgresql(), reason="PostgreSQL has many writers")
async def test_who_else_writes_to_the_file_is_not_taken_for_a_full_disk(web: WebCity) -> None:
    await web.runner.submit(lambda turn: turn.connection.exec_driver_sql("PRAGMA busy_timeout=1"))
    file = make_url(web.city.url).database or ""
    with closing(sqlite3.connect(file, isolation_level=None)) as prompt:
        prompt.execute("BEGIN IMMEDIATE")
        async with web.client("officer") as officer:
            refused = await officer.post("/api/v1/alerts", json=short())
            assert refused.status_code == 503
            assert refused.json()["detail"] == "Another program holds the database's write lock."
            assert "sqlite3 prompt" in refused.json()["hint"]
            ready = await officer.get("/readyz")
            assert ready.json()["reasons"] == [refused.json()["detail"]]
            prompt.execute("ROLLBACK")
            assert (await officer.post("/api/v1/alerts", json=short())).status_code == 201
            assert (await officer.get("/readyz")).status_code == 200


async def test_a_database_that_hangs_is_said_and_not_waited_for(web: WebCity) -> None:
    hangs = threading.Event()
    readers = ThreadPoolExecutor(1)  # ended with the loop
    asyncio.get_running_loop().set_default_executor(readers)
    readers.submit(hangs.wait, 30)
    async with asyncio.timeout(10):
        found = await readiness(web.deps, patience_s=0.1)
    hangs.set()
    assert found.reasons == ("The store can't be read.",)
    assert (await readiness(web.deps)).ready


async def test_a_part_that_fails_while_the_rest_goes_on_is_said_aloud(web: WebCity) -> None:
    failing = True

    def calendar(_turn: Turn, *, tick: bool) -> None:
        if failing:
            raise RuntimeError(str(tick))

    web.runner.engine.agenda = calendar
    async with web.client() as client:
        async with asyncio.timeout(10):
            while (found := await client.get("/readyz")).status_code == 200:
                web.runner.wake()
        assert found.json()["reasons"] == ["A part of the engine's work fails again and again."]
        assert "alertd_engine_parts_failing 1.0" in (await client.get("/metrics")).text
        failing = False
        web.clock.forward(minutes=1)
        async with asyncio.timeout(10):
            while (await client.get("/readyz")).status_code != 200:
                web.runner.wake()


async def test_a_node_that_can_tell_nobody_is_not_ready(web: WebCity) -> None:
    drills = Loopback("sms-1")
    drills.config = replace(drills.config, carries=frozenset({"Exercise"}))
    async with web.client() as client:
        web.deps.channels.update({"sms-1": drills})  # type: ignore[attr-defined]
        found = (await client.get("/readyz")).json()
        assert found["warnings"] == ["No route carries Actual alerts."]
        web.deps.channels.clear()  # type: ignore[attr-defined]
        none = await client.get("/readyz")
        assert none.status_code == 503
        assert none.json()["reasons"] == ["There is no route: nothing can go out."]


async def test_a_channel_that_hangs_or_fails_is_told_and_hangs_nobody(web: WebCity) -> None:
    class Hanging(type(web.loopback)):  # type: ignore[misc]
        async def health(self) -> object:
            await asyncio.Event().wait()
            return None

    class Failing(type(web.loopback)):  # type: ignore[misc]
        async def health(self) -> object:
            raise OSError("+8613800001234 said no")

    web.deps.channels.update(  # type: ignore[attr-defined]
        {"hanging": Hanging("hanging"), "failing": Failing("failing")}
    )
    async with web.client() as client, asyncio.timeout(5):
        found = (await client.get("/readyz")).json()
    by_name = {route["name"]: route for route in found["routes"]}
    assert by_name["hanging"] == {"name": "hanging", "ok": False, "detail": "It doesn't answer."}
    assert by_name["failing"]["detail"] == "OSError"


async def test_metrics_say_how_it_stands_and_name_nobody(web: WebCity) -> None:
    drafted = await web.issue()
    await web.until(drafted["id"], lambda board: board["funnel"]["accepted"])
    _, person = web.city.leaders()[0]
    phone = web.city.phone_of(person)
    await web.reply(phone, "3", "h1")
    async with web.client() as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert 'alertd_alerts{state="issued",status="Actual"} 1.0' in answer.text
    assert 'alertd_deliveries{channel="sms",state="accepted",status="Actual"}' in answer.text
    assert "alertd_help_untaken 1.0" in answer.text
    assert 'alertd_route_in_flight{route="sms-1"}' in answer.text
    assert phone[3:] not in answer.text


async def test_routes_and_loudspeakers_are_shown(web: WebCity) -> None:
    drafted = await web.issue(areas=["330281"])
    async with web.client("viewer") as viewer, web.client("town") as town:
        (route,) = (await viewer.get("/api/v1/routes")).json()
        assert (route["name"], route["channel"], route["ok"]) == ("sms-1", "sms", True)
        assert route["simulated"] is True
        shown = (await viewer.get(f"/api/v1/terminals?alert={drafted['id']}")).json()
        counts = shown["counts"]
        assert counts["total"] == counts["silent"] > 0
        assert {each["online"] for each in shown["page"]["items"]} == {None}
        own = (await town.get("/api/v1/terminals?limit=500")).json()
        assert own["counts"]["total"] == len(own["page"]["items"]) < counts["total"]


async def test_the_api_describes_itself(web: WebCity) -> None:
    async with web.client() as client:
        spec = (await client.get("/api/v1/openapi.json")).json()
    paths = {path.removeprefix("/api/v1") for path in spec["paths"]}
    assert {"/alerts", "/alerts/{alert}/board", "/roster", "/events", "/tokens"} <= paths
    assert not any(path.startswith("/hooks") for path in paths)
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description") or operation.get("summary"), (method, path)
    assert "HTTPBearer" in spec["components"]["securitySchemes"]
    draft = spec["paths"]["/api/v1/alerts"]["post"]["requestBody"]["content"]
    assert set(draft) == {"application/json", "application/cap+json", "application/cap+xml"}


async def test_a_backup_that_failed_at_night_is_told_in_the_morning(web: WebCity) -> None:
    data_dir = web.deps.settings.data_dir
    leave(data_dir, Word(tried_at=web.deps.now(), why="The disk of /mnt/disk is full."))
    async with web.client() as client:
        found = await client.get("/readyz")
        assert found.status_code == 200, "alerts go out all the same"
        told = "The last backup wasn't made; alertd doctor says more."
        assert (told in found.json()["warnings"]) != web.deps.store.shared
        leave(data_dir, Word())
        assert (await client.get("/readyz")).json()["warnings"] == []


async def nobody_told(web: WebCity) -> None:
    """Wait until nothing about the call is under way any more."""
    async with asyncio.timeout(20), web.client("officer") as officer:
        while True:
            committed = asyncio.create_task(web.runner.committed())
            (case,) = (await officer.get("/api/v1/help")).json()
            if case["reach"] == "nobody":
                committed.cancel()
                return
            await committed


async def test_a_call_for_help_that_no_message_of_has_left_is_told_everywhere(
    web: WebCity,
) -> None:
    drafted = await web.issue()
    await web.until(drafted["id"], lambda board: board["funnel"]["accepted"])
    web.loopback.result = SendError(Fault.DEAD, "no-such-number")
    _, person = web.city.leaders()[0]
    await web.reply(web.city.phone_of(person), "3", "h1")
    await web.until(drafted["id"], lambda board: board["help_unheard"] == 1)
    await nobody_told(web)
    cookies = {"alertd_session": await web.session("officer")}
    async with web.client("officer") as officer, web.client(cookies=cookies) as page:
        told = "Somebody calls for help, and no message about it has left: telephone, and take it."
        assert (await officer.get("/readyz")).json()["warnings"] == [told]
        assert "alertd_help_unheard 1.0" in (await officer.get("/metrics")).text
        (case,) = (await officer.get("/api/v1/help")).json()
        assert case["reach"] == "nobody"
        at = f"/alerts/{drafted['short_code']}"
        for path in ("/alerts", at, f"{at}/wall"):
            shown = await page.get(path, headers={"accept": "text/html"})
            assert "every message about it has failed: telephone them yourself" in shown.text, path
