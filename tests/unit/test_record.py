"""The record as an auditor reads it: in words, with the names of those it is about."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from alertd.engine.authority import ACTIONS
from alertd.store.fold import _FOLDS, RECORD_ONLY
from alertd.store.reads.record import _SHOWN, SUBJECTS
from alertd.web.api.record import Subject
from alertd.words import TABLES
from tests.city import ZONE
from tests.unit.test_web_answers import told
from tests.unit.test_web_pages import browser, sign_in
from tests.unit.test_web_users import press
from tests.unit.web_city import TOWN, WebCity, web_city

KINDS = set(_FOLDS) | RECORD_ONLY


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    async with web_city(tmp_path, passwords=("admin", "auditor")) as started:
        yield started


async def record(web: WebCity, **asked: Any) -> list[dict[str, Any]]:
    async with web.client("auditor") as auditor:
        answer = await auditor.get("/api/v1/record", params=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_every_kind_of_fact_and_every_figure_has_its_word() -> None:
    assert KINDS - TABLES["fact"].keys() == set()
    figures = {name for shown in _SHOWN.values() for name in shown}
    assert figures - TABLES["figure"].keys() == set()
    assert set(ACTIONS) - TABLES["right"].keys() == set()


def test_every_subject_is_of_kinds_that_there_are_each_in_one_of_them() -> None:
    listed = [kind for kinds in SUBJECTS.values() for kind in kinds]
    assert len(listed) == len(set(listed))
    assert set(listed) <= KINDS
    assert {"all", *SUBJECTS} == TABLES["record"].keys() == set(get_args(Subject))


async def test_an_account_and_a_person_are_there_by_name_and_in_no_fact(web: WebCity) -> None:
    alert = await told(web)
    async with web.client("admin") as admin, web.client("officer") as officer:
        lin = {"name": "lin", "role": "viewer", "unit_code": TOWN}
        assert (await admin.post("/api/v1/principals", json=lin)).status_code == 201
        silent = (await officer.get(f"/api/v1/alerts/{alert}/unanswered")).json()["items"]
        holder = silent[0]["holders"][0]
        called = f"/api/v1/alerts/{alert}/people/{holder['person_id']}/call"
        shown = await officer.post(called)
        assert shown.status_code == 200, shown.text
    made = next(line for line in await record(web, about="rights") if "lin" in str(line))
    assert (made["by"], made["kind"]) == ("admin", "principal.created")
    assert made["figures"] == {"principal": "lin", "role": "viewer", "unit_code": TOWN}
    assert "lin" not in str(made["body"])
    [number] = await record(web, about="handed-out")
    assert (number["by"], number["kind"]) == ("officer", "number.shown")
    assert number["figures"] == {"person_no": holder["name"]}
    assert number["alert"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("an account was made", "area administrator", "sign-ins and rights")),
        ("zh-CN", ("新建账户", "片区管理员", "登录与权限")),
    ],
)
async def test_its_page_is_in_the_reader_s_words(
    web: WebCity, language: str, words: tuple[str, ...]
) -> None:
    async with browser(web) as admin, browser(web) as auditor:
        await sign_in(admin, "admin")
        given = {"name": "lin", "role": "area_administrator", "unit_code": TOWN}
        await press(admin, "/users", "/users", **given)
        await sign_in(auditor, "auditor")
        page = await auditor.get("/record?about=rights", headers={"Accept-Language": language})
    for word in (*words, "lin", "<code>principal.created</code>"):
        assert word in page.text


async def test_it_is_asked_by_person_and_by_day(web: WebCity) -> None:
    today = datetime.fromtimestamp(web.clock() / 1000, ZONE).date()
    async with web.client("officer") as officer:
        await officer.post("/api/v1/tokens", json={"label": "mine"})
    web.clock.forward(minutes=24 * 60)
    async with web.client("admin") as admin:
        await admin.post("/api/v1/tokens", json={"label": "theirs"})
    for asked, who in (
        ("by=officer", {"officer"}),
        (f"until={today}", {"officer"}),
        (f"since={today + timedelta(days=1)}", {"admin"}),
        ("", {"officer", "admin"}),
    ):
        async with browser(web) as auditor:
            await sign_in(auditor, "auditor")
            page = await auditor.get(f"/record?{asked}")
        lines = re.findall(r"<tr><td>[^<]*</td><td>(\w+)</td><td>a token was made", page.text)
        assert set(lines) == who, asked


@pytest.mark.parametrize(
    ("asked", "status"),
    [("by=nobody", 404), ("since=2026-13-01", 422), ("about=weather", 422), ("before=1", 422)],
)
async def test_a_wrong_question_is_told(web: WebCity, asked: str, status: int) -> None:
    async with browser(web) as auditor:
        await sign_in(auditor, "auditor")
        assert (await auditor.get(f"/record?{asked}")).status_code == status


async def test_its_pages_by_the_api_leave_no_gap(web: WebCity) -> None:
    async with web.client("officer") as officer:
        for n in range(12):
            await officer.post("/api/v1/tokens", json={"label": f"token {n}"})
    seen: list[str] = []
    async with web.client("auditor") as auditor:
        asked: dict[str, Any] = {"people": False, "limit": 5}
        while True:
            page = (await auditor.get("/api/v1/record", params=asked)).json()
            seen += [line["key"] for line in page["items"]]
            if page["next"] is None:
                break
            asked["before"] = page["next"]
    numbers = [int(key.rsplit(":", 1)[1]) for key in seen]
    assert numbers == list(range(numbers[0], 0, -1))
