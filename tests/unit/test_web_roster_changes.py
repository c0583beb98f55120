"""The roster changed by hand, by the API: edits, versions, undo, lists."""

from typing import Any

import httpx
from sqlalchemy import select

from alertd.model import FOREVER
from alertd.store import tables as t
from channels.base import Fault, SendError
from tests.unit.web_city import TOWN, WebCity

NEW_PHONE = "15400001234"


def leader(web: WebCity, *, inside: bool = True) -> tuple[str, str]:
    """(person id, unit's code) of a grid leader inside or outside of the town."""
    h, d, u, p = (x.c for x in (t.holding, t.duty, t.unit, t.person))
    query = (
        select(p.person_id, u.code, u.path)
        .join_from(t.holding, t.duty, d.no == h.duty_no)
        .join(t.unit, u.no == d.unit_no)
        .join(t.person, p.no == h.person_no)
        .where(d.role == "grid_leader", h.rank == 1, h.to_version == FOREVER)
        .order_by(p.no)
    )
    rows = web.city.rows(query)
    return next((r.person_id, r.code) for r in rows if (f"/{TOWN}/" in r.path) is inside)


async def edit(
    client: httpx.AsyncClient, *acts: dict[str, Any], dry_run: bool = False, **more: Any
) -> httpx.Response:
    body = {"acts": list(acts), "why": "a new leader", **more}
    return await client.post(f"/api/v1/roster/edits?dry_run={dry_run}".lower(), json=body)


def act(do: str, person_id: str, **cells: str) -> dict[str, Any]:
    return {"do": do, "person_id": person_id, "cells": cells}


async def test_an_edit_shows_first_then_makes_a_version_on_record(web: WebCity) -> None:
    person, _ = leader(web)
    change = act("person", person, name="王新", phone=NEW_PHONE)
    async with web.client("admin") as admin:
        shown = await edit(admin, change, dry_run=True)
        assert shown.status_code == 200, shown.text
        (listed,) = [each for each in shown.json()["listed"] if each["kind"] == "person"]
        fields = {each["field"]: each["after"] for each in listed["fields"]}
        assert fields["name"] == "王新"
        assert fields["phones"].startswith("***34")
        assert NEW_PHONE not in shown.text
        assert len((await admin.get("/api/v1/roster/versions")).json()) == 1
        done = await edit(admin, change, base=1)
        assert (done.json()["version"], done.json()["changes"]) == (2, shown.json()["changes"])
        newest = (await admin.get("/api/v1/roster/versions")).json()[0]
        assert (newest["version"], newest["why"]) == (2, "a new leader")
        assert newest["by"].startswith("principal:")
        again = await edit(admin, change)
        assert (again.status_code, again.json()["code"]) == (409, "conflict")
        stale = await edit(admin, act("person", person, name="王旧"), base=1)
        assert stale.status_code == 409


async def test_somebody_new_takes_a_duty_over(web: WebCity) -> None:
    old, unit = leader(web)
    duty = {"unit_code": unit, "post": "grid_leader"}
    async with web.client("town") as town:
        made = await edit(
            town,
            act("release", old, **duty),
            act("person", "N-1", name="李四", phone=NEW_PHONE),
            act("assign", "N-1", **duty, rank="1", verified_at="2025-10-09"),
        )
        assert made.status_code == 200, made.text
        assert made.json()["changes"]["holding"]["added"] == 1
        gone = await edit(town, act("remove", "N-1"))
        assert gone.json()["changes"]["person"]["left"] == 1
        assert any(unit in line for line in gone.json()["warnings"])


async def test_all_that_is_wrong_is_told_at_once_and_nothing_changes(web: WebCity) -> None:
    person, unit = leader(web)
    async with web.client("admin") as admin:
        answer = await edit(
            admin,
            act("person", person, phone="12", language="latin"),
            act("person", "N-1", name="李四"),
            act("assign", "N-1", unit_code=unit, post="grid_leader", rank="1"),
            act("person", "N-2", name="idle"),
            act("assign", person, unit_code="999", post="grid_leader"),
        )
        assert answer.status_code == 422
        problems = "\n".join(answer.json()["problems"])
        for word in ("phone", "language", "two principals", "N-2", "999"):
            assert word in problems, problems
        assert (await edit(admin, act("person", person, unit_code=unit))).status_code == 422
        assert (await edit(admin, act("remove", person), why=" ")).status_code == 422
        assert len((await admin.get("/api/v1/roster/versions")).json()) == 1


async def test_an_area_administrator_edits_only_inside_their_own(web: WebCity) -> None:
    outside, unit = leader(web, inside=False)
    own, own_unit = leader(web)
    tries = (
        act("person", outside, name="x"),
        act("remove", outside),
        act("release", outside, unit_code=unit, post="grid_leader"),
        act("assign", own, unit_code=unit, post="grid_leader", rank="2"),
    )
    async with web.client("town") as town, web.client("officer") as officer:
        for change in tries:
            assert (await edit(town, change)).status_code == 403, change
        assert (await edit(officer, act("person", own, name="x"))).status_code == 403
        elsewhere = act("assign", own, unit_code=unit, post="grid_leader", rank="2")
        async with web.client("admin") as admin:
            assert (await edit(admin, elsewhere)).status_code == 200
        # Who serves outside as well is no longer theirs alone.
        assert (await edit(town, act("person", own, name="x"))).status_code == 403
        inside = act("assign", own, unit_code=own_unit, post="grid_leader", note="at night")
        assert (await edit(town, inside)).status_code == 200


async def test_a_version_is_compared_with_the_one_before_and_brought_back(web: WebCity) -> None:
    person, _ = leader(web)
    async with web.client("admin") as admin, web.client("town") as town:
        made = (await edit(admin, act("person", person, phone=NEW_PHONE))).json()
        shown = await admin.get("/api/v1/roster/versions/2")
        assert shown.status_code == 200, shown.text
        assert shown.json()["changes"] == made["changes"]
        assert shown.json()["listed"] == made["listed"]
        assert NEW_PHONE not in shown.text
        first = (await admin.get("/api/v1/roster/versions/1")).json()
        assert first["changes"]["person"]["added"] == first["counts"]["people"]
        assert (await town.get("/api/v1/roster/versions/2")).status_code == 403
        url = "/api/v1/roster/versions/1/restore"
        assert (await town.post(url, json={"why": "x"})).status_code == 403
        assert (await admin.post(url, json={})).status_code == 422
        back = await admin.post(url, json={"why": "a slip"})
        assert back.status_code == 200, back.text
        assert back.json()["changes"] == made["changes"]
        versions = (await admin.get("/api/v1/roster/versions")).json()
        assert [each["version"] for each in versions] == [3, 2, 1]
        assert versions[0]["digest"] == versions[2]["digest"]
        bodies = web.city.rows(
            select(t.journal.c.body).where(t.journal.c.kind == "roster.imported")
        )
        assert '"restores":1' in bodies[-1].body
        assert (await admin.post(url, json={"why": "again"})).status_code == 409


async def test_the_lists_show_what_should_be_looked_at(web: WebCity) -> None:
    async def listed(client: httpx.AsyncClient, name: str) -> Any:
        answer = await client.get(f"/api/v1/roster/lists/{name}")
        assert answer.status_code == 200, (name, answer.text)
        return answer.json()

    person, unit = leader(web)
    async with web.client("admin") as admin, web.client("town") as town:
        before = await listed(town, "vacant")
        await edit(admin, act("release", person, unit_code=unit, post="grid_leader"))
        after = await listed(town, "vacant")
        assert after["total"] == before["total"] + 1
        assert (unit, "grid_leader") in {(x["unit_code"], x["post"]) for x in after["lines"]}
        assert (await listed(town, "no-alternate"))["total"] > 0
        assert (await listed(town, "no-alternate"))["total"] < (
            await listed(admin, "no-alternate")
        )["total"]
        fresh = (await listed(admin, "unverified"))["total"]
        web.clock.forward(minutes=91 * 24 * 60)
        assert (await listed(admin, "unverified"))["total"] > fresh
        assert (await listed(admin, "opted-out"))["total"] == 0
        assert (await admin.get("/api/v1/roster/lists/x")).status_code == 422


async def test_numbers_that_failed_are_listed_until_they_are_corrected(web: WebCity) -> None:
    web.loopback.result = SendError(Fault.DEAD, "no-such-number")
    drafted = await web.issue(areas=[TOWN], roles=["grid_leader"])
    await web.until(drafted["id"], lambda board: not board["funnel"]["waiting"])
    async with web.client("town") as town:
        failed = (await town.get("/api/v1/roster/lists/failed")).json()
        assert failed["total"] == len(failed["lines"]) > 0
        line = failed["lines"][0]
        assert (line["reason"], line["alert"]) == ("no-such-number", drafted["short_code"])
        done = await edit(town, act("person", line["person_id"], phone=NEW_PHONE, phone2=""))
        assert done.status_code == 200, done.text
        later = (await town.get("/api/v1/roster/lists/failed")).json()
        assert line["person_id"] not in {each["person_id"] for each in later["lines"]}
        await web.reply(f"+86{NEW_PHONE}", "退订", "r-1")
        wishes = (await town.get("/api/v1/roster/lists/opted-out")).json()
        assert [each["person_id"] for each in wishes["lines"]] == [line["person_id"]]
