"""The shipped simulator keeps its promises: tests of others count on its log."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from channels.base import (
    Accepted,
    Limits,
    Outgoing,
    Receipt,
    ReceiptStatus,
    Reply,
    RouteConfig,
    RouteContext,
)
from channels.sms.handsets import HandsetsRoute
from tests.contract.hook_host import HookHost, hook_host
from tests.contract.messages import outgoing
from tests.contract.peer import PATIENCE_S, Recorder, until
from tests.contract.process_peer import ROOT, ProcessPeer

SECRET = "s3"


class City:
    """A route, its simulator and what came back."""

    def __init__(self, route: HandsetsRoute, peer: ProcessPeer, sink: Recorder) -> None:
        self.route = route
        self.peer = peer
        self.sink = sink

    async def send(self, *messages: Outgoing) -> int:
        """How many were accepted."""
        async with asyncio.timeout(PATIENCE_S):
            results = [outcome.result async for outcome in self.route.send_many(messages)]
        return sum(isinstance(result, Accepted) for result in results)

    def replies(self) -> list[Reply]:
        return [event for event in self.sink.events if isinstance(event, Reply)]

    def receipts(self) -> list[Receipt]:
        return [event for event in self.sink.events if isinstance(event, Receipt)]

    def lines(self, what: str) -> list[dict[str, Any]]:
        return [line for line in self.peer.lines() if line["what"] == what]


@asynccontextmanager
async def city(
    folder: Path, mix: dict[str, float], *arguments: str, mounted: bool = True
) -> AsyncIterator[tuple[City, HookHost]]:
    sink = Recorder()
    async with hook_host(sink) as host:
        peer = ProcessPeer(
            "channels.sms.handset_sim",
            folder / "handsets.jsonl",
            *("--secret", SECRET, "--mix", json.dumps(mix), "--speed", "1000"),
            *(("--hook-base", f"{host.base_url}/hooks/r1") if mounted else ()),
            *arguments,
        )
        await peer.start()
        options = {"url": peer.url, "secret": SECRET}
        config = RouteConfig(
            name="r1", type="handsets", options=options, limits=Limits(timeout_s=10)
        )
        route = HandsetsRoute(
            config, RouteContext(now=lambda: 0, sink=sink, public_base_url=host.base_url)
        )
        host.mount(route)
        await route.start()
        try:
            yield City(route, peer, sink), host
        finally:
            await route.close()
            await peer.stop()


def alert(number: int, *, attempt: int = 1) -> Outgoing:
    return outgoing(number, f"+86138{number:08}", attempt=attempt, text="请回1收到")


async def test_everybody_answers_once_and_the_log_knows(tmp_path: Path) -> None:
    async with city(tmp_path, {"ack": 1}) as (town, _):
        assert await town.send(*map(alert, range(1, 51))) == 50
        await town.sink.until(lambda events: len(events) == 100)
        assert Counter(reply.sender for reply in town.replies()) == {
            alert(number).address: 1 for number in range(1, 51)
        }
        assert {receipt.status for receipt in town.receipts()} == {ReceiptStatus.DELIVERED}
        logged = {line["id"]: line["text"] for line in town.lines("reply")}
        assert logged == {reply.gateway_id: reply.text for reply in town.replies()}

        async def all_taken() -> bool:
            return {i for line in town.lines("taken") for i in line["ids"]} == set(logged)

        await until(all_taken)
        messages = town.lines("message")
        assert [line["taken"] for line in messages] == [True] * 50
        assert {line["possible_duplicate"] for line in messages} == {False}


async def test_a_repeated_try_is_marked_in_the_log(tmp_path: Path) -> None:
    async with city(tmp_path, {"silent": 1}) as (town, _):
        await town.send(alert(1), alert(1, attempt=2))
        marks = {line["attempt"]: line["possible_duplicate"] for line in town.lines("message")}
        assert marks == {1: False, 2: True}


async def test_duplicates_carry_the_same_id(tmp_path: Path) -> None:
    async with city(tmp_path, {"duplicate": 1}) as (town, _):
        await town.send(alert(1))
        await town.sink.until(lambda events: len(events) == 4)
        assert len(set(town.replies())) == 1
        assert len(set(town.receipts())) == 1


async def test_single_posts_where_no_batch_is_wanted(tmp_path: Path) -> None:
    async with city(tmp_path, {"ack": 1}, "--batch", "1") as (town, _):
        await town.send(*map(alert, range(1, 6)))
        await town.sink.until(lambda events: len(events) == 10)


async def test_what_comes_back_waits_for_alertd_and_is_not_lost(tmp_path: Path) -> None:
    async with city(tmp_path, {"ack": 1}, mounted=False) as (town, host):
        await town.send(alert(1), alert(2))

        async def answered() -> bool:
            return len(town.lines("reply")) == 2

        await until(answered)
        # Nobody listens on port 1; then alertd is there, at another address.
        await town.peer.post("/control/hooks", {"base": "http://127.0.0.1:1/hooks/r1"})
        await town.peer.post("/control/hooks", {"base": f"{host.base_url}/hooks/r1"})
        await town.sink.until(lambda events: len(events) == 4)


async def test_a_gateway_may_report_before_it_answers(tmp_path: Path) -> None:
    async with city(tmp_path, {"off": 1}) as (town, _):
        await town.peer.post("/control/gateway", {"mode": "early"})
        assert await town.send(alert(1)) == 1
        (receipt,) = town.receipts()  # no waiting: it was stored before the answer came
        assert (receipt.delivery, receipt.status) == (1, ReceiptStatus.ACCEPTED)


async def test_a_gateway_may_take_its_time(tmp_path: Path) -> None:
    async with city(tmp_path, {"off": 1}) as (town, _):
        await town.peer.post("/control/gateway", {"latency_ms": 50})
        began = asyncio.get_running_loop().time()
        assert await town.send(alert(1), alert(2)) == 2
        assert asyncio.get_running_loop().time() - began >= 0.05


async def test_a_reply_by_hand(tmp_path: Path) -> None:
    async with city(tmp_path, {"silent": 1}) as (town, _):
        fields = {"text": "求助 3楼", "extension": "07", "times": 2}
        answer = await town.peer.post("/phones/%2B8613800000009/replies", fields)
        await town.sink.until(lambda events: len(events) == 2)
        first, second = town.replies()
        assert first == second
        assert (first.sender, first.text, first.extension, first.gateway_id) == (
            "+8613800000009",
            "求助 3楼",
            "07",
            answer["id"],
        )


async def test_a_phone_does_as_it_is_told(tmp_path: Path) -> None:
    async with city(tmp_path, {"silent": 1}) as (town, _):
        told = {"phone": alert(1).address, "behaviour": "done", "text": "2 35", "answer_s": 1}
        await town.peer.post("/control/phones", told)
        await town.send(alert(1), alert(2))
        await town.sink.until(lambda _: len(town.replies()) == 1)
        assert town.replies()[0].text == "2 35"


async def test_the_inbox_is_bounded(tmp_path: Path) -> None:
    async with city(tmp_path, {"silent": 1}, "--inbox", "3") as (town, _):
        for number in (1, 1, 2, 2, 2):
            await town.send(alert(number))
        shown = {n: await get(town.peer, f"/phones/%2B86138{n:08}") for n in (1, 2)}
        assert [len(shown[n]["messages"]) for n in (1, 2)] == [0, 3]
        assert shown[2]["messages"][0]["text"] == "请回1收到"
        assert (await get(town.peer, "/stats"))["messages"] == {"ok": 5}


async def get(peer: ProcessPeer, path: str) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", peer.port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: sim\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()
    return json.loads(body)


async def test_whoever_has_not_the_secret_sends_nothing(tmp_path: Path) -> None:
    async with city(tmp_path, {"ack": 1}) as (town, _):
        with pytest.raises(AssertionError, match="401"):
            await town.peer.post("/messages", {"to": "+861", "delivery": 1, "attempt": 1})
        assert town.lines("message") == []


async def test_a_malformed_message_is_refused(tmp_path: Path) -> None:
    async with city(tmp_path, {"ack": 1}) as (town, _):
        hostiles: list[Any] = [{"mode": "pigeon"}, {"share": "x"}, [], None]
        for hostile in hostiles:
            with pytest.raises(AssertionError, match="400"):
                await town.peer.post("/control/gateway", hostile)


async def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    async with city(tmp_path, {"ack": 1}) as (town, _):
        process = town.peer.process
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "ALERTD_HANDSETS_SECRET"),
        (["--secret", "s", "--mix", "{"], "--mix"),
        (["--secret", "s", "--mix", '{"pigeon": 1}'], "pigeon"),
        (["--secret", "s", "--mix", "[1]"], "--mix"),
        (["--secret", "s", "--speed", "0"], "--speed"),
    ],
)
def test_bad_arguments_are_told(arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "channels.sms.handset_sim", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
