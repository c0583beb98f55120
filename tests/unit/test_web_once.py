"""Every kind of write happens once under one Idempotency-Key, and answers the repetition alike."""

from typing import Any

import httpx
from sqlalchemy import select

from alertd.store import tables as t
from alertd.web.writes import KEPT_MS, forget
from tests import databases
from tests.unit.web_city import WebCity

PHONE = "+8613800009999"


async def twice(
    client: httpx.AsyncClient, path: str, *, key: str = "k-1", method: str = "POST", **more: Any
) -> dict[str, Any]:
    """The answer to a write that is sent twice; both are the same."""
    headers = {"idempotency-key": key}
    answers = [
        await client.request(method, f"/api/v1/{path}", headers=headers, **more) for _ in "12"
    ]
    assert answers[0].is_success, answers[0].text
    assert [answer.status_code for answer in answers] == [answers[0].status_code] * 2
    first, again = (answer.json() for answer in answers)
    assert first == again
    return dict(first)


async def test_who_is_let_in_gets_one_password_and_one_token(web: WebCity) -> None:
    async with web.client("admin") as admin:
        new = {"name": "night", "role": "duty_officer"}
        made = await twice(admin, "principals", key="a", json=new)
        fresh = await twice(admin, "principals/night/password", key="b")
        assert fresh["one_time_password"] != made["one_time_password"]
        token = await twice(admin, "tokens", key="c", json={"label": "wall"})
        listed = (await admin.get("/api/v1/tokens")).json()
        assert [each["label"] for each in listed].count("wall") == 1
        await twice(admin, "principals/night/disable", key="d")
        await twice(admin, "principals/night/enable", key="e")
        gone = await twice(admin, "tokens/wall", key="f", method="DELETE")
        assert gone["revoked_at"] is not None
    content = databases.content(web.city.directory)
    for secret in (made["one_time_password"], fresh["one_time_password"], token["token"]):
        assert secret.encode() not in content
    assert b'"label": "wall"' in content  # so that the search would have found them


async def test_a_roster_is_imported_edited_and_brought_back_once(web: WebCity) -> None:
    people = (web.city.directory / "roster" / "people.csv").read_bytes()
    fewer = b"".join(people.splitlines(keepends=True)[:-1])
    files = {
        path.stem: (path.name, path.read_bytes() if path.stem != "people" else fewer, "text/csv")
        for path in (web.city.directory / "roster").glob("*.csv")
    }
    async with web.client("admin") as admin:
        done = await twice(admin, "roster", key="a", files=files, data={"why": "one has left"})
        assert done["version"] == 2
        other = await admin.post(
            "/api/v1/roster",
            files=files | {"people": ("people.csv", people, "text/csv")},
            headers={"idempotency-key": "a"},
        )
        assert (other.status_code, other.json()["field"]) == (409, "Idempotency-Key")
        person = people.splitlines()[1].split(b",")[0].decode()
        act = {"do": "person", "person_id": person, "cells": {"phone2": "15400001234"}}
        edit = {"acts": [act], "why": "a second number"}
        assert (await twice(admin, "roster/edits", key="b", json=edit))["version"] == 3
        back = {"why": "as it was"}
        assert (await twice(admin, "roster/versions/2/restore", key="c", json=back))["version"] == 4
        assert len((await admin.get("/api/v1/roster/versions")).json()) == 4
    assert b"15400001234" not in databases.content(web.city.directory)


async def test_a_route_is_tried_once(web: WebCity) -> None:
    async with web.client("admin") as admin:
        given = {"to": PHONE, "wait_s": 0}
        tried = await twice(admin, "routes/sms-1/test", json=given)
        assert tried["result"] == "accepted"
        assert len(web.loopback.sent) == 1
        assert (await admin.post("/api/v1/routes/sms-1/test", json=given)).is_success
        assert len(web.loopback.sent) == 2  # without a key it is another


async def test_every_write_takes_a_key_but_those_that_the_docs_name(web: WebCity) -> None:
    keyless = set()
    for path, operations in web.app.openapi()["paths"].items():
        for method, operation in operations.items():
            names = {each["name"] for each in operation.get("parameters", ())}
            if method != "get" and path.startswith("/api/") and "Idempotency-Key" not in names:
                keyless.add(path.removeprefix("/api/v1"))
    assert keyless == {
        "/alerts/preview",  # writes nothing
        "/alerts/{alert}/paper/{kind}",
        "/alerts/{alert}/people/{person}/call",
        "/clock",
    }


async def test_answers_are_kept_for_a_week(web: WebCity) -> None:
    async with web.client("admin") as admin:
        await twice(admin, "principals", json={"name": "night", "role": "viewer"})
    kept = select(t.idempotency.c.key)
    await web.runner.submit(forget)
    assert len(web.city.rows(kept)) == 1
    web.clock.forward(minutes=KEPT_MS / 60_000 + 1)
    await web.runner.submit(forget)
    assert not web.city.rows(kept)
