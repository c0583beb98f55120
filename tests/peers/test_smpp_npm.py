"""npm's smpp reads what we submit, and we what it brings: a third library's idea of SMPP."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from channels.base import Accepted, ReceiptStatus, Reply
from channels.sms.smpp import SmppRoute
from tests.contract.case_smpp import context, route_config
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, PATIENCE_S, Recorder

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "build" / "peers" / "node_modules" / "smpp"
NODE = shutil.which("node")
LONG = "【余姚市防指】红色台风A7:" + "立即转移𬍛危房🌀低洼户" * 12
SEPTETS = "[Yuyao] Typhoon A7: move {now}^~|€\\ @£$¥ΔΦ " + "é" * 150

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(
        NODE is None or not MODULE.is_dir(), reason="needs npm's smpp: make test-peers installs it"
    ),
]


@asynccontextmanager
async def gateway() -> AsyncIterator[tuple[int, list[dict[str, Any]]]]:
    """Its port, and what it says."""
    assert NODE is not None
    pipe = asyncio.subprocess.PIPE
    program = Path(__file__).with_name("smpp_npm.js")
    process = await asyncio.create_subprocess_exec(NODE, program, MODULE, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    said: list[dict[str, Any]] = []

    async def read(lines: asyncio.StreamReader) -> None:
        said.extend([json.loads(line) async for line in lines])

    async with asyncio.timeout(PATIENCE_S):
        port = json.loads(await process.stdout.readline())["port"]
    reading = asyncio.create_task(read(process.stdout))
    try:
        yield port, said
    finally:
        assert process.stdin is not None
        process.stdin.close()  # it ends with it
        await reading
        await process.wait()


async def test_submits_receipts_and_a_reply_in_parts() -> None:
    texts = [AWKWARD_TEXT, LONG, SEPTETS]
    sink = Recorder()
    async with gateway() as (port, said):
        route = SmppRoute(route_config(port), context(sink))
        await route.start()
        messages = [
            outgoing(number, f"+86138{number:08}", text=text)
            for number, text in enumerate(texts, start=1)
        ]
        async with asyncio.timeout(PATIENCE_S):
            ended = [outcome async for outcome in route.send_many(messages)]
        assert all(isinstance(outcome.result, Accepted) for outcome in ended)
        await sink.until(
            lambda events: len([event for event in events if isinstance(event, Reply)]) == 1
        )
        for message in messages:
            await sink.until(
                lambda _, message=message: bool(sink.receipts(message, ReceiptStatus.DELIVERED))
            )
        assert (await route.health()).ok
        await route.close()
    submits = [line for line in said if "id" in line]
    read = {
        number: "".join(s["message"] for s in submits if s["to"] == f"86138{number:08}")
        for number in (1, 2, 3)
    }
    assert read == dict(enumerate(texts, start=1))
    assert {line.get("answered") for line in said if "answered" in line} == {0}
    assert not [line for line in said if "error" in line]
    (reply,) = [event for event in sink.events if isinstance(event, Reply)]
    assert (reply.sender, reply.text) == ("+8613800000009", "已转移35人𬍛🌀请求支援")
