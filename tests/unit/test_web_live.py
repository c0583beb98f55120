"""The live stream, served for real: facts, heartbeats, going on behind a cursor, its end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from alertd.engine.turn import Turn
from alertd.errors import InvalidInputError
from alertd.store import access, credentials
from alertd.store.eras import Place
from alertd.web.live import HEARTBEAT_S, format_cursor, parse_cursor
from tests.unit.test_web_drills import BLIND
from tests.unit.web_city import TOWN, WebCity, served, short


@asynccontextmanager
async def listening(
    url: str, web: WebCity, who: str, **headers: str
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Listen; yields the events as {event, id, data}."""
    headers |= {"authorization": f"Bearer {web.tokens[who]}"}
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("GET", url, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer)


async def events(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    found: dict[str, Any] = {}
    async for line in answer.aiter_lines():
        if not line:
            if found:
                yield found
            found = {}
        name, _, value = line.partition(": ")
        if name in {"event", "id", "data"}:
            found[name] = json.loads(value) if name == "data" else value


async def until(stream: AsyncIterator[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Everything up to the first fact of a kind."""
    seen = []
    async with asyncio.timeout(20):
        async for event in stream:
            seen.append(event)
            if event["event"] == "fact" and event["data"]["kind"] == kind:
                return seen
    raise AssertionError(seen)


async def test_facts_come_as_they_are_committed_and_once(web: WebCity) -> None:
    async with served(web) as url, listening(f"{url}/api/v1/events", web, "officer") as stream:
        first = await anext(stream)
        assert first["event"] == "beat"
        await web.issue()
        seen = await until(stream, "alert.issued")
        kinds = [each["data"]["kind"] for each in seen if each["event"] == "fact"]
        assert kinds.index("alert.drafted") < kinds.index("alert.approved")
        assert "body" not in seen[-1]["data"]
        last = seen[-1]["id"]
    keys = [each["data"]["key"] for each in seen if each["event"] == "fact"]
    assert len(keys) == len(set(keys))
    assert parse_cursor(last)


async def test_a_listener_that_was_away_goes_on_where_it_was(web: WebCity) -> None:
    async with served(web) as url:
        stream_url = f"{url}/api/v1/events?bodies=true"
        async with listening(stream_url, web, "officer") as stream:
            cursor = (await anext(stream))["id"]
        async with web.client("officer") as officer:
            await officer.post("/api/v1/alerts", json=short())
        headers = {"last-event-id": cursor}
        async with listening(stream_url, web, "officer", **headers) as stream:
            seen = await until(stream, "alert.drafted")
            assert seen[-1]["data"]["body"]["colour"] == "red"


async def test_facts_of_other_parts_of_the_city_come_without_bodies(web: WebCity) -> None:
    async with (
        served(web) as url,
        listening(f"{url}/api/v1/events?bodies=true", web, "town") as stream,
    ):
        async with web.client("officer") as officer:
            await officer.post("/api/v1/alerts", json=short(areas=["330281002"]))
        seen = await until(stream, "alert.drafted")
        assert "body" not in seen[-1]["data"]
        assert "source" not in seen[-1]["data"]


async def test_a_listener_of_one_alert_hears_of_no_other(web: WebCity) -> None:
    async with web.client("officer") as officer:
        mine = (await officer.post("/api/v1/alerts", json=short())).json()
        other = (await officer.post("/api/v1/alerts", json=short())).json()
        async with (
            served(web) as url,
            listening(f"{url}/api/v1/events?alert={mine['short_code']}", web, "officer") as stream,
        ):
            await anext(stream)
            await officer.post(f"/api/v1/alerts/{other['id']}/discard")
            await officer.post(f"/api/v1/alerts/{mine['id']}/discard")
            seen = await until(stream, "alert.ended")
            assert seen[-1]["data"]["alert_no"] == mine["no"]


@pytest.mark.parametrize(("who", "may_know"), [("officer", True), ("viewer", False)])
async def test_who_takes_part_hears_of_no_drill_before_it_begins(
    web: WebCity, who: str, may_know: bool
) -> None:
    async with web.client("officer") as officer:
        await officer.post("/api/v1/drill-plans", json={"toml": BLIND})
        made = await officer.post("/api/v1/drills", json={"plan": "双盲演练"})
        assert made.status_code == 201, made.text
        await officer.post("/api/v1/alerts", json=short())
    async with (
        served(web) as url,
        listening(f"{url}/api/v1/events?bodies=true&after=a:1:0", web, who) as stream,
    ):
        seen = await until(stream, "alert.drafted")
        kinds = {each["data"]["kind"] for each in seen if each["event"] == "fact"}
        assert ("drill.scheduled" in kinds) == may_know
        assert ("drill.plan-saved" in kinds) == may_know


async def test_silence_is_broken_by_heartbeats(web: WebCity) -> None:
    async with served(web) as url, listening(f"{url}/api/v1/events", web, "viewer") as stream:
        async with asyncio.timeout(15):
            beats = [await anext(stream), await anext(stream)]
        assert [beat["event"] for beat in beats] == ["beat", "beat"]


async def test_a_listener_that_goes_while_much_waits_for_it_breaks_nothing(web: WebCity) -> None:
    """A slow reader behind a backlog, gone in the middle of an event: no error of ours."""
    async with web.client("officer") as officer:
        for _ in range(3):
            await officer.post("/api/v1/alerts", json=short())
    sent: list[bytes] = []
    full, going = asyncio.Event(), asyncio.Event()
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        for message in asked:
            return message
        await full.wait()
        for _ in range(50):  # turns of the loop: whoever can fill a buffer has filled it
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if len(sent) == 2:  # the beat, and a fact of those that were read with it
            full.set()
            await going.wait()  # the network takes no more
        if message["type"] == "http.response.body":
            sent.append(message["body"])

    async with asyncio.timeout(20):
        await web.app(_asked(web, "/api/v1/events", after="a:1:0"), receive, send)
    assert len(sent) == 2


def _asked(web: WebCity, path: str, **query: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": urlencode(query).encode(),
        "headers": [(b"authorization", f"Bearer {web.tokens['officer']}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


async def test_open_streams_end_when_the_server_stops(web: WebCity) -> None:
    async with served(web) as url, listening(f"{url}/api/v1/events", web, "viewer") as stream:
        await anext(stream)
        web.deps.stopping.set()
        async with asyncio.timeout(3):
            assert [event async for event in stream] == []


@pytest.mark.parametrize("how", ["token", "account", "rights"])
async def test_who_was_shut_out_hears_no_more(web: WebCity, how: str) -> None:
    async with (
        served(web) as url,
        listening(f"{url}/api/v1/events", web, "viewer") as stream,
        listening(f"{url}/api/v1/events", web, "auditor") as stays,
    ):
        await anext(stream)

        def do(turn: Turn) -> None:
            found = access.find_principal(turn.connection, "viewer")
            assert found is not None
            if how == "account":
                access.disable_principal(turn.tx, found.no, by="cli")
            elif how == "rights":
                access.change_principal(turn.tx, found.no, by="cli", unit_code=TOWN)
            else:
                (token,) = credentials.tokens(turn.connection, found.no)
                credentials.revoke_token(turn.tx, token.key, by="cli")

        await web.runner.submit(do)
        async with asyncio.timeout(3 * HEARTBEAT_S):
            told = [event async for event in stream]
        # It is asked before what comes is told: at most what came within the first seconds.
        assert [event["event"] for event in told] in ([], ["fact"])
        await web.issue()
        await until(stays, "alert.issued")


async def test_nobody_unknown_listens(web: WebCity) -> None:
    async with web.client() as client:
        assert (await client.get("/api/v1/events")).status_code == 401
    async with web.client("viewer") as viewer:
        for query in ("after=nonsense", "after=a:b:c", "alert=Z99"):
            answer = await viewer.get(f"/api/v1/events?{query}")
            assert answer.status_code in {404, 422}, query


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "a:1",
        "a:1:2:3",
        "a:-1:2",
        "a:1:" + "9" * 30,
        "a b:1:2",
        "~xyz~a:1:2",
        "~0a1b2c3d",
        ",".join(["a:1:2"] * 65),
    ],
)
def test_cursors_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_cursor(text)


def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = {("city", 1): 5, ("town", 2): 900}
    for eras in (None, (), ("0a1b2c3d",), ("0a1b2c3d", "ffffffff")):
        place = Place(cursor, eras)
        assert parse_cursor(format_cursor(place)) == place
    assert parse_cursor(None) == Place({})
