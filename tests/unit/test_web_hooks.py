"""Inbound hooks: committed before they are answered, bounded, and never a 5xx for hostile bytes."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from alertd.store import tables as t
from alertd.web.app import create_app
from channels.base import Event, Hook, HookAnswer, HookRequest
from tests.unit.web_city import SECRET, WebCity, served, web_city

GATEWAY = {"authorization": f"Bearer {SECRET}"}
URL = "/hooks/sms-1/replies"


def inbound(web: WebCity) -> int:
    return int(web.city.one(select(func.count()).select_from(t.inbound))[0])


async def test_a_reply_is_on_disk_when_the_gateway_is_answered(web: WebCity) -> None:
    answer = await web.reply("+8613800001234", "收到", "k1")
    assert answer.status_code == 200
    assert inbound(web) == 1
    await web.reply("+8613800001234", "收到", "k1")
    assert inbound(web) == 1


async def test_only_the_gateway_is_heard(web: WebCity) -> None:
    async with web.client() as client:
        assert (await client.post(URL, json=[])).status_code == 401
        assert (await client.get(URL, headers=GATEWAY)).status_code == 405
        assert (await client.post("/hooks/sms-1/other", headers=GATEWAY)).status_code == 404
        assert (await client.post("/hooks/nobody/replies", headers=GATEWAY)).status_code == 404
    assert inbound(web) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe\x00", 400),
        (b"NaN", 400),
        (b"[" * 2_000, 400),
        (b"1e999", 200),
        (b'{"id": 1}', 200),
        (b'[{"id": "a", "from": "\\ud800", "text": "\\ud800"}]', 200),
        (b"x" * 5_000, 413),
        (b'[{"id": "' + b"9" * 4_000 + b'"}]', 200),
    ],
)
async def test_hostile_bodies_are_refused_or_passed_over(
    web: WebCity, body: bytes, status: int
) -> None:
    async with web.client() as client:
        answer = await client.post(URL, content=body, headers=GATEWAY)
        assert (
            answer.status_code in {status, 400, 413} if status != 200 else answer.status_code < 500
        )
    good = await web.reply("+8613800001234", "收到", "good")
    assert good.status_code == 200
    assert inbound(web) >= 1


async def test_a_body_is_bounded_while_it_streams_in(web: WebCity) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000

    async with served(web) as url, httpx.AsyncClient() as gateway:
        streamed = await gateway.post(url + URL, content=endless(), headers=GATEWAY)
        assert streamed.status_code == 413
        announced = await gateway.post(url + URL, content=b"x" * 10_000, headers=GATEWAY)
        assert announced.status_code == 413


async def test_what_cannot_be_stored_now_is_asked_for_again(tmp_path: Path) -> None:
    async with web_city(tmp_path) as web:
        await web.runner.stop()
        async with web.client() as client:
            item = {"id": "k", "from": "+8613800001234", "text": "1"}
            answer = await client.post(URL, content=json.dumps([item]), headers=GATEWAY)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
        assert inbound(web) == 0


def _fails(request: HookRequest) -> tuple[list[Event], HookAnswer]:
    raise LookupError(f"nothing is known of {request.body.decode()}")


class Defective:
    """A channel whose hook has a defect."""

    def hooks(self) -> list[Hook]:
        return [Hook("replies", _fails)]


async def test_what_a_defect_of_ours_cannot_read_is_asked_for_again(web: WebCity) -> None:
    broken: Any = {"sms-1": Defective()}
    transport = httpx.ASGITransport(create_app(replace(web.deps, channels=broken)))
    async with httpx.AsyncClient(transport=transport, base_url="http://city") as gateway:
        with capture_logs() as logs:
            answer = await gateway.post(URL, content=b"+8613800001234")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert [entry["error"] for entry in logs] == ["LookupError"]
    assert "8613800001234" not in f"{logs} {answer.text}"
