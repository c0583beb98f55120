"""Twilio's own OpenAPI document reads along: Prism stands between our routes and the stub.

Any request or answer that isn't as the document has it is answered by an error of Prism's, and
written to its log. So this holds both: what we ask, and that the stub answers as Twilio does.
"""

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels import registry
from channels.base import (
    Accepted,
    Channel,
    Event,
    Limits,
    ReceiptStatus,
    RouteConfig,
    RouteContext,
    Traceable,
)
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, until
from tests.contract.twilio_stub import ACCOUNT, OUR_NUMBER, TOKEN, TwilioStub

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

PEERS = Path(__file__).parents[2] / "build" / "peers"
PRISM = PEERS / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
OPENAPI = PEERS / "twilio_api_v2010.json"
NODE = shutil.which("node")
MISSING = NODE is None or not PRISM.is_file() or not OPENAPI.is_file()
START_S = 100.0  # it reads two megabytes of OpenAPI


class Prism:
    """The proxy: its URL, and what it wrote."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.url = ""
        self.process = process
        self.lines: list[str] = []
        self.listens = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode("utf-8", "replace").rstrip())
            if found := re.search(r"Prism is listening on (http://\S+)", self.lines[-1]):
                self.url = found[1]
                self.listens.set()
        self.listens.set()  # it has ended: nobody need wait for it

    def violations(self) -> list[str]:
        return [line for line in self.lines if "violation" in line.lower()]

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading


def relative(schemas: Any) -> Any:
    return json.loads(json.dumps(schemas).replace('"format": "uri"', '"format": "uri-reference"'))


def explicit(folder: Path) -> Path:
    """The document in a form that Prism can hold us to.

    OpenAPI's own defaults for arrays in forms are written down, since Prism knows none; and where
    an answer's address has the format `uri`, a relative one will do, as in the document's own
    examples.
    """
    document = json.loads(OPENAPI.read_text("utf-8"))
    document["components"] = relative(document["components"])
    for path in document["paths"].values():
        for operation in path.values():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            operation["responses"] = relative(operation["responses"])
            for form in operation.get("requestBody", {}).get("content", {}).values():
                arrays = {
                    name: {"style": "form", "explode": True}
                    for name, schema in form["schema"].get("properties", {}).items()
                    if schema.get("type") == "array"
                }
                form["encoding"] = arrays | form.get("encoding", {})
    written = folder / OPENAPI.name
    written.write_text(json.dumps(document), "utf-8")
    return written


@asynccontextmanager
async def prism(upstream: str, folder: Path) -> AsyncIterator[Prism]:
    pipe = asyncio.subprocess.PIPE
    command = [str(NODE), str(PRISM), "proxy", str(explicit(folder)), upstream, "--errors"]
    process = await asyncio.create_subprocess_exec(
        *command, "--port", "0", stdout=pipe, stderr=asyncio.subprocess.STDOUT, cwd=PEERS
    )
    proxy = Prism(process)
    try:
        async with asyncio.timeout(START_S):
            await proxy.listens.wait()
        assert proxy.url, proxy.lines[-3:]
        yield proxy
    finally:
        await proxy.end()


@asynccontextmanager
async def behind(folder: Path) -> AsyncIterator[tuple[Prism, TwilioStub]]:
    if MISSING:
        pytest.skip("Prism and Twilio's OpenAPI aren't here: run scripts/peers-npm.sh")
    stub = TwilioStub()
    await stub.start()
    try:
        async with prism(f"http://127.0.0.1:{stub.port}", folder) as proxy:
            yield proxy, stub
    finally:
        await stub.stop()


async def nowhere(route: str, events: Sequence[Event]) -> None:
    raise AssertionError(route, events)


def made(kind: str, base_url: str, **options: Any) -> Channel:
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": OUR_NUMBER, "base_url": base_url}
    return registry.build(
        RouteConfig(
            name="tw", type=kind, options=given | options, limits=Limits(in_flight=10, timeout_s=30)
        ),
        RouteContext(
            now=lambda: time.time_ns() // 1_000_000,
            sink=nowhere,
            public_base_url="https://alerts.example",
        ),
    )


async def is_well(route: Channel) -> bool:
    return (await route.health()).ok


async def test_nothing_that_we_ask_or_the_stub_answers_is_unknown_to_twilio(tmp_path: Path) -> None:
    async with behind(tmp_path) as (proxy, stub):
        for kind, options in (
            ("twilio", {}),
            ("twilio", {"messaging_service_sid": "MG" + "0" * 32}),
            ("twilio-voice", {"repeat": 3, "voice": "Polly.Zhiyu"}),
        ):
            route = made(kind, proxy.url, **options)
            await route.start()
            try:
                since = time.time_ns() // 1_000_000
                messages = [
                    outgoing(number, f"+8613800000{number:03}", text=AWKWARD_TEXT)
                    for number in range(1, 11)
                ]
                outcomes = [outcome async for outcome in route.send_many(messages)]
                refused = [o.result for o in outcomes if not isinstance(o.result, Accepted)]
                assert (refused, proxy.violations()) == ([], [])
                await until(partial(is_well, route))  # Prism is slow at what it sees first
                if isinstance(route, Traceable):
                    stub.made[-1].status, stub.made[-1].error_code = "undelivered", 30003
                    found = [await route.look_up(message, since) for message in messages]
                    assert all(found)
                    states = {receipt.status for receipt in found if receipt is not None}
                    assert states == {ReceiptStatus.ACCEPTED, ReceiptStatus.FAILED}
            finally:
                await route.close()
        assert len(stub.made) == 30
        assert proxy.violations() == []


async def test_prism_bites(tmp_path: Path) -> None:
    async with behind(tmp_path) as (proxy, stub), httpx.AsyncClient(trust_env=False) as client:
        url = f"{proxy.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        answer = await client.post(url, auth=(ACCOUNT, TOKEN), data={"Body": "to nobody"})
        assert answer.status_code == 422
        assert stub.made == []
        assert "To" in answer.text
