"""What alertd says became of a message, against the gateway's own log, whatever befalls the way.

A proxy between alertd and a real peer hangs, cuts, resets, lies and repeats by a seeded plan. Then
each delivery's state is compared with what the peer took and what was truly answered.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from alertd.model import Channel, DeliveryState
from alertd.store import tables as t
from channels.base import Limits, RouteConfig
from tests.contract.aliyun_stub import AliyunSmsStub
from tests.contract.case_clouds import AliyunSmsCase
from tests.contract.cloud_stub import CloudStub
from tests.contract.process_peer import ProcessPeer
from tests.contract.twilio_stub import ACCOUNT, OUR_NUMBER, TOKEN, Made, TwilioStub
from tests.faults.crooked import MANNERS, Crooked, Try
from tests.faults.gateway_world import Node, node, roster, settle_in
from tests.faults.secret import SECRET

LIMITS = Limits(in_flight=20, rate_per_s=1_000, burst=100, timeout_s=0.8)
GROUP_SECRET = "whsec_c2VjcmV0LW9mLXRoZS1ncm91cHM="
SHORT, WHOLE = 40, 500
MOST_GROWTH = 64 * 1024 * 1024  # bytes, of this process with peers and proxy in it
MOST_ENDLESS = 16 * 1024 * 1024  # bytes; the kernel's buffers hold some of it
LIKELY_S = 3.0  # a healthy route's deliveries are all handed over by then, on a loaded machine


@dataclass
class Copy:
    """A message that the peer took."""

    named: Try
    marked: bool


class Peer:
    """A real gateway, and what its own record says it took, in order."""

    channel: Channel
    port: int

    def copies(self) -> list[Copy]:
        raise NotImplementedError

    def looked_up(self) -> list[Copy]:
        """What it has told of when it was asked what it has."""
        return []

    def config(self, port: int) -> RouteConfig:
        raise NotImplementedError


class Process(Peer):
    """A shipped simulator."""

    def __init__(self, peer: ProcessPeer, channel: Channel) -> None:
        self.peer, self.channel, self.port = peer, channel, peer.port

    def copies(self) -> list[Copy]:
        return [
            Copy((line["delivery"], line["attempt"]), bool(line["possible_duplicate"]))
            for line in self.peer.lines()
            if line["what"] == "message" and line["taken"]
        ]

    def config(self, port: int) -> RouteConfig:
        if self.channel is Channel.CHAT:
            return RouteConfig(name="groups", type="webhook", simulated=True, limits=LIMITS)
        options = {"url": f"http://127.0.0.1:{port}", "secret": SECRET}
        return RouteConfig(
            name="sms-1", type="handsets", simulated=True, limits=LIMITS, options=options
        )


class Twilio(Peer):
    """The stub of Twilio's API; there the text itself carries the mark."""

    channel = Channel.SMS

    def __init__(self, stub: TwilioStub) -> None:
        self.stub, self.port = stub, stub.port

    def copies(self) -> list[Copy]:
        return self._copies(self.stub.made)

    def looked_up(self) -> list[Copy]:
        return self._copies(self.stub.listed)

    def _copies(self, made: list[Made]) -> list[Copy]:
        found = []
        for each in made:
            ours = parse_qs(urlsplit(each.form["StatusCallback"]).query)
            marked = each.form["Body"].endswith("(重发)")
            found.append(Copy((int(ours["d"][0]), int(ours["a"][0])), marked))
        return found

    def config(self, port: int) -> RouteConfig:
        options = {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "from": OUR_NUMBER,
            "base_url": f"http://127.0.0.1:{port}",
        }
        return RouteConfig(
            name="twilio", type="twilio", simulated=True, limits=LIMITS, options=options
        )


class Cloud(Peer):
    """The stub of a domestic cloud; the registered template's one variable is the whole text."""

    channel = Channel.SMS

    def __init__(self, stub: CloudStub) -> None:
        self.stub, self.port = stub, stub.port

    def copies(self) -> list[Copy]:
        found = []
        for each in self.stub.made:
            delivery, attempt = each.ours.split("-")
            marked = each.text.endswith("(重发)")
            found.append(Copy((int(delivery, 36), int(attempt, 36)), marked))
        return found

    def config(self, port: int) -> RouteConfig:
        options = {
            **AliyunSmsCase.options,
            **AliyunSmsCase.hook_options,
            "url": f"http://127.0.0.1:{port}",
        }
        return RouteConfig(
            name="clouds", type="http", simulated=True, limits=LIMITS, options=options
        )


@asynccontextmanager
async def handsets(folder: Path, name: str = "handsets") -> AsyncIterator[Process]:
    peer = ProcessPeer(
        "channels.sms.handset_sim",
        folder / f"{name}.jsonl",
        *("--secret", SECRET, "--mix", json.dumps({"off": 1})),
    )
    await peer.start()
    try:
        yield Process(peer, Channel.SMS)
    finally:
        await peer.stop()


@asynccontextmanager
async def receiver(folder: Path) -> AsyncIterator[Process]:
    peer = ProcessPeer(
        "channels.chat.receiver_sim", folder / "receiver.jsonl", "--secret", GROUP_SECRET
    )
    await peer.start()
    try:
        yield Process(peer, Channel.CHAT)
    finally:
        await peer.stop()


@asynccontextmanager
async def twilio(_: Path) -> AsyncIterator[Twilio]:
    stub = TwilioStub()
    await stub.start()
    try:
        yield Twilio(stub)
    finally:
        await stub.stop()


@asynccontextmanager
async def aliyun(_: Path) -> AsyncIterator[Cloud]:
    stub = AliyunSmsStub()
    await stub.start()
    try:
        yield Cloud(stub)
    finally:
        await stub.stop()


PEERS: dict[str, Any] = {
    "handsets": handsets,
    "twilio": twilio,
    "webhook": receiver,
    "aliyun-sms": aliyun,
}


@dataclass
class Campaign:
    """One alert by a crooked route, and by a straight one of another channel beside it."""

    proxy: Crooked
    peer: Peer
    beside: Peer
    alert: int
    node: Node

    def states(self, channel: Channel) -> dict[int, DeliveryState]:
        found = self.node.deliveries(self.alert, channel)
        return {number: DeliveryState(row.state) for number, row in found.items()}

    async def healthy_first(self) -> None:
        """The straight route isn't held up by the crooked one's trouble."""
        ends = {DeliveryState.ACCEPTED, DeliveryState.DELIVERED}

        def done() -> bool:
            return set(self.states(self.beside.channel).values()) <= ends

        await self.node.until(done, LIKELY_S)

    def check(self) -> None:
        """The truth, by the peer's own log, which may be a moment ahead."""
        states = self.states(self.peer.channel)
        taken: dict[int, list[Copy]] = defaultdict(list)
        for copy in self.peer.copies():
            taken[copy.named[0]].append(copy)
        answered = {delivery for delivery, _ in self.proxy.answered}
        answered |= {copy.named[0] for copy in self.peer.looked_up()}
        wrong: dict[str, list[int]] = defaultdict(list)
        for number, state in states.items():
            copies = taken.get(number, [])
            if state in {DeliveryState.ACCEPTED, DeliveryState.DELIVERED}:
                if number not in answered or not copies:
                    wrong[f"{state.word}, and the peer never said so"].append(number)
            elif state is DeliveryState.FAILED:
                if copies:
                    wrong["failed, and the peer has it"].append(number)
            elif state is not DeliveryState.UNKNOWN:
                wrong[f"rests in {state.word}"].append(number)
            if not all(copy.marked for copy in copies[1:]):
                wrong["a second copy without its mark"].append(number)
            if len(copies) > 2:
                wrong["a third copy"].append(number)
        assert not wrong, {what: (len(n), n[:5]) for what, n in wrong.items()}

    async def check_bounds(self) -> None:
        """Connections and memory."""
        assert self.proxy.most_endless < MOST_ENDLESS
        # One that we gave up is still being closed at the proxy while the next one comes.
        assert self.proxy.most_open <= 2 * LIMITS.in_flight
        assert self.node.most_memory - self.node.fewest_memory < MOST_GROWTH
        await self.node.until(lambda: self.proxy.open_now <= LIMITS.in_flight)


@asynccontextmanager
async def campaign(folder: Path, kind: str, seed: int, cases: int) -> AsyncIterator[Campaign]:
    other = "webhook" if kind != "webhook" else "handsets"
    async with PEERS[kind](folder) as peer, PEERS[other](folder) as beside:
        proxy = Crooked(seed, MANNERS[kind], peer.port)
        await proxy.open()
        try:
            groups_at = proxy.port if kind == "webhook" else beside.port
            n_groups, n_people = (cases, 10) if kind == "webhook" else (10, cases)
            urls = [f"http://127.0.0.1:{groups_at}/groups/g{n}" for n in range(n_groups)]
            city = settle_in(folder, roster(n_people, group_urls=urls))
            alert = city.issue(roles=("grid_leader",), status="Actual")
            routes = [peer.config(proxy.port), beside.config(beside.port)]
            async with node(city, routes) as running:
                yield Campaign(proxy, peer, beside, alert, running)
        finally:
            await proxy.close()


async def prove(folder: Path, kind: str, seed: int, cases: int) -> Crooked:
    async with campaign(folder, kind, seed, cases) as under:
        await under.healthy_first()
        await under.node.rest(60 + cases)
        assert len(under.states(under.peer.channel)) == cases
        under.check()
        await under.node.check_faces(under.alert)
        await under.check_bounds()
        defects = select(func.count()).where(t.journal.c.kind == "defect")
        assert under.node.rows(defects)[0][0] == 0
        return under.proxy


@pytest.mark.parametrize("kind", PEERS)
async def test_what_is_shown_is_what_the_gateway_has(tmp_path: Path, kind: str) -> None:
    proxy = await prove(tmp_path, kind, seed=3, cases=SHORT)
    assert len(proxy.met) > 15, "too few kinds of trouble to prove anything"


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", PEERS)
async def test_what_is_shown_is_what_the_gateway_has_500_times(
    tmp_path: Path, kind: str, seed: int
) -> None:
    proxy = await prove(tmp_path, kind, seed=1_000 + seed, cases=WHOLE)
    assert len(proxy.met) > 20
