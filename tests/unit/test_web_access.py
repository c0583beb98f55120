"""Tokens, principals, idempotency keys: who is asking, and that a write happens once."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest

from alertd.web.app import create_app
from alertd.web.auth import COOKIE
from tests import databases
from tests.unit.web_city import TOWN, WebCity, short


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer short",
        "Bearer unknown-token-unknown-token-1",
        "Basic b2ZmaWNlcjp4",
        "Bearer " + "x" * 5_000,
        "Bearer \xe4\xb8\xad\xe6\x96\x87 words that are no token",
    ],
)
async def test_nobody_known_reads_nothing(web: WebCity, header: str) -> None:
    async with web.client() as client:
        headers = {"authorization": header.encode("latin-1")} if header else {}
        for path in ("alerts", "help", "inbound", "routes", "terminals", "roster/units", "me"):
            answer = await client.get(f"/api/v1/{path}", headers=headers)
            assert answer.status_code == 401, path
            assert answer.json()["code"] == "unauthenticated"
            assert answer.headers["www-authenticate"] == "Bearer"
        assert (await client.post("/api/v1/alerts", json=short(), headers=headers)).status_code


async def test_a_token_does_no_more_than_its_scopes_and_no_longer(web: WebCity) -> None:
    async with web.client("officer") as officer:
        made = await officer.post(
            "/api/v1/tokens", json={"label": "wall", "scopes": ["read"], "valid_days": 1}
        )
        assert made.status_code == 201, made.text
        token = made.json()["token"]
        listed = (await officer.get("/api/v1/tokens")).json()
        assert token not in str(listed)
        assert {each["label"] for each in listed} == {"test", "wall"}
    web.tokens["wall"] = token
    async with web.client("wall") as wall, web.client("officer") as officer:
        assert (await wall.get("/api/v1/me")).json()["scopes"] == ["read"]
        assert (await wall.get("/api/v1/alerts")).status_code == 200
        assert (await wall.post("/api/v1/alerts", json=short())).status_code == 403
        # A token can't make one that may do more.
        more = await wall.post("/api/v1/tokens", json={"label": "more", "scopes": ["draft"]})
        assert more.status_code == 403
        # Nor its like, which would outlive it.
        again = await wall.post("/api/v1/tokens", json={"label": "again", "scopes": ["read"]})
        assert again.status_code == 403
        revoked = await officer.delete("/api/v1/tokens/wall")
        assert revoked.json()["revoked_at"] is not None
        assert (await wall.get("/api/v1/alerts")).status_code == 401
        assert (await officer.delete("/api/v1/tokens/wall")).status_code == 404
        other = await officer.post("/api/v1/tokens", json={"label": "day", "valid_days": 1})
        web.tokens["day"] = other.json()["token"]
    async with web.client("day") as day:
        assert (await day.get("/api/v1/alerts")).status_code == 200
        web.clock.forward(minutes=24 * 60 + 1)
        assert (await day.get("/api/v1/alerts")).status_code == 401


async def test_somebody_is_let_in_and_shut_out_again(web: WebCity) -> None:
    new = {"name": "Night Shift", "role": "duty_officer"}
    async with web.client("admin") as admin, web.client("officer") as officer:
        assert (await officer.post("/api/v1/principals", json=new)).status_code == 403
        made = await admin.post("/api/v1/principals", json=new)
        assert made.status_code == 201, made.text
        assert made.json()["name"] == "night shift"
        assert len(made.json()["one_time_password"]) == 19
        assert (await admin.post("/api/v1/principals", json=new)).status_code == 409
        token = await admin.post(
            "/api/v1/tokens",
            json={"label": "n", "principal": "night shift", "scopes": ["read", "draft"]},
        )
        web.tokens["night"] = token.json()["token"]
        async with web.client("night") as night:
            assert (await night.post("/api/v1/alerts", json=short())).status_code == 201
            out = await admin.post("/api/v1/principals/night shift/disable")
            assert out.json()["disabled_at"] is not None
            assert (await night.get("/api/v1/alerts")).status_code == 401
            await admin.post("/api/v1/principals/night shift/enable")
            assert (await night.get("/api/v1/alerts")).status_code == 200
        assert (await admin.post("/api/v1/principals/admin/disable")).status_code == 403
        assert (await admin.post("/api/v1/principals/nobody/disable")).status_code == 404
        names = {each["name"] for each in (await admin.get("/api/v1/principals")).json()}
        assert {"night shift", "officer"} <= names
        for wrong in ({**new, "role": "king"}, {**new, "name": ""}, {"role": "viewer"}):
            assert (await admin.post("/api/v1/principals", json=wrong)).status_code == 422
        town = await admin.post(
            "/api/v1/principals", json={"name": "t2", "role": "viewer", "unit_code": TOWN}
        )
        assert town.json()["unit_code"] == TOWN


def slowly(web: WebCity, whole: bytes) -> AsyncIterator[bytes]:
    """A body whose sender is shut out before its last piece has come."""

    async def pieces() -> AsyncIterator[bytes]:
        yield whole[:5]
        async with web.client("admin") as admin:
            shut = await admin.post("/api/v1/principals/second/disable")
            assert shut.status_code == 200, shut.text
        yield whole[5:]

    return pieces()


@pytest.mark.parametrize("way", ["form", "json", "keyed", "draft"])
async def test_who_was_shut_out_does_nothing_by_what_was_begun_before(
    web: WebCity, way: str
) -> None:
    async with web.client("officer") as officer, web.client("second") as second:
        drafted = (await officer.post("/api/v1/alerts", json=short())).json()
        at = f"/alerts/{drafted['short_code']}/approve"
        kind, headers = "application/json", {}
        if way == "form":
            secret = await web.session("second")
            kind = "application/x-www-form-urlencoded"
            body = urlencode({"csrf": f"csrf-{secret}", "confirm": drafted["short_code"]})
            del second.headers["authorization"]
            second.cookies.set(COOKIE, secret)
        elif way == "draft":
            at, body = "/api/v1/alerts", json.dumps(short())
        else:
            at, body = f"/api/v1{at}", '{"break_glass": false}'
            headers = {"idempotency-key": "k"} if way == "keyed" else {}
        sent = slowly(web, body.encode())
        answer = await second.post(at, content=sent, headers={"content-type": kind, **headers})
        assert answer.status_code == 401, answer.text
        found = (await officer.get("/api/v1/alerts")).json()["items"]
        assert [(each["id"], each["state"]) for each in found] == [(drafted["id"], "draft")]


async def test_a_repeated_write_happens_once_and_is_answered_alike(web: WebCity) -> None:
    headers = {"idempotency-key": "9f2c-1"}
    async with web.client("officer") as officer, web.client("town") as town:
        first = await officer.post("/api/v1/alerts", json=short(), headers=headers)
        again = await officer.post("/api/v1/alerts", json=short(), headers=headers)
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        other = await officer.post("/api/v1/alerts", json=short(colour="blue"), headers=headers)
        assert other.status_code == 409
        assert other.json()["field"] == "Idempotency-Key"
        # A key is its principal's own.
        theirs = await town.post("/api/v1/alerts", json=short(), headers=headers)
        assert theirs.status_code == 201, theirs.text
        assert theirs.json()["id"] != first.json()["id"]
        assert len((await officer.get("/api/v1/alerts")).json()["items"]) == 2
        bad = await officer.post(
            "/api/v1/alerts", json=short(), headers={"idempotency-key": "x" * 200}
        )
        assert bad.status_code == 422


async def test_what_was_refused_may_be_sent_again_with_its_key(web: WebCity) -> None:
    headers = {"idempotency-key": "k"}
    async with web.client("officer") as officer, web.client("second") as second:
        made = (await officer.post("/api/v1/alerts", json=short())).json()
        url = f"/api/v1/alerts/{made['id']}/approve"
        assert (await officer.post(url, headers=headers)).status_code == 409
        assert (await second.post(url, headers=headers)).status_code == 200
        # The answer was lost on its way; the repetition is no second approval.
        assert (await second.post(url, headers=headers)).json()["state"] == "issued"


async def test_secrets_are_kept_nowhere(web: WebCity) -> None:
    async with web.client("officer") as officer:
        made = await officer.post("/api/v1/tokens", json={"label": "x"})
    secret = made.json()["token"].encode()
    content = databases.content(web.city.directory)
    assert secret not in content
    assert b"officer" in content  # so that the search would have found it


async def test_a_new_password_says_which_tokens_go_on_and_ends_them_on_request(
    web: WebCity,
) -> None:
    path = "/api/v1/principals/officer/password"
    async with web.client("admin") as admin, web.client("officer") as officer:
        for label in ("feed", "old"):
            assert (await officer.post("/api/v1/tokens", json={"label": label})).is_success
        await officer.delete("/api/v1/tokens/old")
        kept = await admin.post(path)
        assert kept.json()["tokens"] == 2  # the feed's, and the one that asks here
        assert (await officer.get("/api/v1/me")).status_code == 200
        ended = await admin.post(path, params={"revoke_tokens": "true"})
        assert ended.json()["tokens"] == 0
        assert (await officer.get("/api/v1/me")).status_code == 401


async def test_no_password_is_made_and_hashed_for_who_may_not_have_it_made(web: WebCity) -> None:
    """A hash costs half a second and much memory: it must not be had for a refusal."""
    asked: list[int] = []

    def token_bytes(count: int) -> bytes:
        asked.append(count)
        return bytes(count)

    transport = httpx.ASGITransport(create_app(replace(web.deps, token_bytes=token_bytes)))
    headers = {"authorization": f"Bearer {web.tokens['officer']}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://alertd.test", headers=headers
    ) as officer:
        new = {"name": "crony", "role": "administrator"}
        assert (await officer.post("/api/v1/principals", json=new)).status_code == 403
        assert (await officer.post("/api/v1/principals/admin/password")).status_code == 403
    assert not asked
