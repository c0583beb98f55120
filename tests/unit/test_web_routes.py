"""The routes over the API: how they flow, a test message, and the forecast that a draft shows."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.cli.drafts import headcount
from alertd.cli.words import LANGUAGE
from alertd.model import Fact
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.reads import queue
from channels.base import Fault, SendError
from rosters.words import Level
from tests.unit.web_city import WebCity, short, web_city

PHONE = "+8613800009999"


async def test_a_route_is_tried_with_one_message_that_says_so(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        answer = await admin.post("/api/v1/routes/sms-1/test", json={"to": PHONE, "wait_s": 0})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "route": "sms-1",
            "result": "accepted",
            "code": "ref",
            "receipts": [],
        }
        (sent,) = web.loopback.sent
        assert (sent.address, sent.status) == (PHONE, "Test")
        assert sent.text.startswith("【测试】")
        tested = _tested(web)
        assert [fact.body["route"] for fact in tested] == ["sms-1"]
        assert PHONE not in str(tested)


async def test_a_group_is_tried_by_its_id_with_its_own_secret(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        with web.city.store.read() as connection:
            key = connection.execute(select(t.chat_group.c.group_key).limit(1)).scalar_one()
        answer = await admin.post("/api/v1/routes/sms-1/test", json={"to": key, "wait_s": 0})
        assert answer.status_code == 200, answer.text
        (sent,) = web.loopback.sent
        assert sent.address.startswith("http")
        assert sent.secret


async def test_how_it_failed_is_told(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        web.loopback.result = SendError(Fault.DEAD, "no-such-number")
        answer = await admin.post("/api/v1/routes/sms-1/test", json={"to": PHONE})
        found = answer.json()
        assert (found["result"], found["code"]) == ("dead", "no-such-number")


@pytest.mark.parametrize("who", ["officer", "viewer", "town"])
async def test_only_who_may_tries_a_route(tmp_path: Path, who: str) -> None:
    async with web_city(tmp_path) as web, web.client(who) as client:
        answer = await client.post("/api/v1/routes/sms-1/test", json={"to": PHONE})
        assert answer.status_code == 403
        assert web.loopback.sent == []
        assert _tested(web) == []


async def test_an_unknown_route_and_a_bad_body_are_refused(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("admin") as admin:
        assert (await admin.post("/api/v1/routes/x/test", json={"to": PHONE})).status_code == 404
        for body in ({}, {"to": ""}, {"to": PHONE, "wait_s": 1e9}, {"to": PHONE, "x": 1}):
            answer = await admin.post("/api/v1/routes/sms-1/test", json=body)
            assert answer.status_code == 422, body
        assert web.loopback.sent == []


async def test_the_routes_show_their_breaker_and_budget(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("officer") as officer:
        found = {each["name"]: each for each in (await officer.get("/api/v1/routes")).json()}
        assert found["sms-1"]["open"] is False
        assert found["sms-1"]["parts_left"] is None
        assert found["sms-1"]["rank"] == 1


async def test_a_draft_shows_when_they_will_have_it_and_the_report_compares(
    tmp_path: Path,
) -> None:
    async with web_city(tmp_path) as web, web.client("officer") as officer:
        answer = await officer.post("/api/v1/alerts", json=short())
        made = answer.json()
        sms = made["forecast"]["sms"]
        people = made["headcount"]["by_channel"]["sms"]
        assert sms["messages"] == people == sum(made["headcount"]["by_precedence"].values())
        assert sum(group["messages"] for group in sms["groups"].values()) == people
        assert made["budget"] == {
            "parts": people * made["sms_parts"],
            "cost": 0.0,
            "short": {},
            "repeats": {},
        }
        assert 0 <= sms["first_s"] <= sms["most_s"] <= sms["last_s"]
        with web.city.store.read() as connection:
            (fact,) = [
                r.fact for r in journal.stream(connection) if r.fact.kind == "alert.forecast"
            ]
        by_channel = {each["channel"]: each for each in fact.body["channels"]}
        assert by_channel["sms"]["messages"] == people
        times = {"messages", "late", "first_ms", "most_ms", "last_ms"}
        assert set(by_channel["sms"]) == {"channel", "ahead", "due_ms", "levels", *times}
        assert sum(level["messages"] for level in by_channel["sms"]["levels"]) == people
        assert set(by_channel["sms"]["levels"][0]) == {"level", *times}


async def test_the_command_line_shows_each_level(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with web_city(tmp_path) as web, web.client("officer") as officer:
        made = (await officer.post("/api/v1/alerts", json=short())).json()
    sms = made["forecast"]["sms"]
    made["forecast"]["sms"] = sms | {"late": 7, "ahead": 1_234}
    made["budget"]["repeats"] = {"sms-1": 56}
    headcount(made)
    shown = capsys.readouterr().out
    for level in sms["levels"]:
        assert Level(level).name_in(LANGUAGE) in shown
    for figure in ("7", "1234", "56"):
        assert re.search(rf"\b{figure}\b", shown.replace("条", " "))


async def test_a_draft_waits_behind_what_is_queued(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web, web.client("officer") as officer:
        web.loopback.result = SendError(Fault.AWAY, "away")
        first = await web.issue()
        queued = first["forecast"]["sms"]["messages"]
        # The first tries have come back: one at a time finds out whether the gateway does.
        await web.until(first["id"], lambda board: _waiting(board) >= queued - 1)
        assert first["forecast"]["sms"]["ahead"] == 0
        answer = await officer.post("/api/v1/alerts/preview", json=short(colour="orange"))
        later = answer.json()["forecast"]["sms"]
        assert later["ahead"] in {queued - 1, queued}
        with web.city.store.read() as connection:
            one_by_one, rolled = (queue.waiting(connection, counted=n) for n in (10**6, 0))
        assert sum(one_by_one.values()) == sum(rolled.values()) >= queued - 1
        assert {lane for lane, _ in one_by_one} == {lane for lane, _ in rolled}


def _waiting(board: dict[str, Any]) -> int:
    return sum(each["states"]["pending"] for each in board["channels"] if each["channel"] == "sms")


def _tested(web: WebCity) -> list[Fact]:
    with web.city.store.read() as connection:
        return [r.fact for r in journal.stream(connection) if r.fact.kind == "route.tested"]
