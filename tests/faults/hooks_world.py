"""Two gateways, a city, and the hooks between: what `test_hooks_under_fire` fires at."""

import hashlib
import hmac
import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from alertd.model import Channel, DeliveryState, RequirementState, Stage, StageRule
from alertd.store import tables as t
from channels.base import Limits, RouteConfig
from channels.sim_http import Exchange, bound_port, serve
from tests.faults import words_model as model
from tests.faults.gateway_world import Node, node, phone, policy, roster, settle_in
from tests.unit.web_city import Clock

SECRETS = {"sms-1": "secret-of-the-first", "sms-2": "secret-of-the-second"}
OTHER = {"sms-1": "sms-2", "sms-2": "sms-1"}
LIMITS = Limits(in_flight=50, rate_per_s=5_000, burst=500, timeout_s=5.0)
UNDER = policy(
    unknown_grace_s=1e6,  # what is unknown stays so, unless a word resolves it
    retry_backoff_s=(0.0,),
    stages=(StageRule(stage=Stage.RECEIVED, due_min=1e5),),
)


class Gateways:
    """Two handset gateways in one: they take what comes, and of first tries lose or refuse some."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.ids = itertools.count(1)
        self.tries: dict[tuple[int, int], str] = {}  # which gateway was given which try

    def handle(self, exchange: Exchange) -> None:
        if exchange.method == "GET":
            exchange.answer_json(200, {"ok": True})
            return
        message = json.loads(exchange.body)
        delivery, attempt = message["delivery"], message["attempt"]
        name = {secret: name for name, secret in SECRETS.items()}[
            exchange.headers["authorization"].removeprefix("Bearer ")
        ]
        self.tries[delivery, attempt] = name
        fate = random.Random(f"{self.seed}-{delivery}").random() if attempt == 1 else 1.0
        if fate < 0.15:
            exchange.drop()
        elif fate < 0.25:
            exchange.answer_json(404, {"error": "no-such-number"})
        else:
            exchange.answer_json(202, {"id": f"m-{next(self.ids)}"})


def signature(secret: str, hook: str, body: bytes) -> str:
    """Written from the wire's description, not by its own function."""
    mac = hmac.new(secret.encode(), hook.encode() + b"\n" + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"


def nothing() -> None:
    pass


@dataclass
class Post:
    """One call of a hook, and what must come of it."""

    route: str
    hook: str
    items: Any
    tell: Callable[[], None] = nothing  # the model hears it
    signer: str = ""  # whose secret signs it; the route's own where it is empty
    signed_as: str = ""  # the hook that the signature is for; its own where it is empty
    forged: str = ""  # the body that was signed, where it is another
    statuses: tuple[int, ...] = (200,)


@dataclass
class Fire:
    """One city under fire."""

    node: Node
    clock: Clock
    dice: random.Random
    alert: int
    deliveries: dict[int, model.Delivery]
    inbox: model.Inbox
    keys: Any = field(default_factory=lambda: itertools.count(1))
    over: bool = False
    wrong: Counter[str] = field(default_factory=Counter)

    async def post(self, gateway: httpx.AsyncClient, call: Post) -> None:
        body = json.dumps(call.items, ensure_ascii=False).encode()
        secret = SECRETS.get(call.signer or call.route, call.signer)
        signed = call.forged.encode() if call.forged else body
        headers = {"x-handsets-signature": signature(secret, call.signed_as or call.hook, signed)}
        answer = await gateway.post(
            f"/hooks/{call.route}/{call.hook}", content=body, headers=headers
        )
        if answer.status_code not in call.statuses:
            self.wrong[f"answered {answer.status_code} to {call.hook}"] += 1
        if answer.status_code == 200:
            call.tell()

    async def fire(self, calls: Sequence[Post]) -> None:
        """Post them one after another; what they set in motion comes to rest between."""
        async with self.node.client() as gateway:
            for call in calls:
                await self.post(gateway, call)
                if call.hook == "receipts" and not self.over:
                    await self.node.until(lambda: not self.waiting())
        await self.node.until(lambda: not self.waiting())

    def waiting(self) -> int:
        c = t.delivery.c
        open_ = (int(DeliveryState.PENDING), int(DeliveryState.SENDING))
        return len(self.node.rows(select(c.id).where(c.state.in_(open_)).limit(1)))

    def compare(self) -> None:
        """Every delivery and every person against the model; nothing may differ."""
        found = self.node.deliveries(self.alert, Channel.SMS)
        for number, expected in self.deliveries.items():
            row = found[number]
            shown = (DeliveryState(row.state).word, row.attempt, row.route)
            if shown != (expected.state, expected.attempt, expected.route):
                self.wrong[f"{shown} is {expected}"] += 1
        acks = self._acks()
        covered = self._covered()
        for number, person in self.inbox.people.items():
            if sorted(acks.get(number, []), key=repr) != sorted(person.answers, key=repr):
                self.wrong[f"acks {acks.get(number, [])} are {person.answers}"] += 1
            if (number in covered) != person.covered:
                self.wrong[f"covered is {person.covered} by {person.answers}"] += 1
        assert not self.wrong, self.wrong.most_common(5)

    def _numbers(self) -> dict[int, str]:
        rows = self.node.rows(select(t.person.c.no, t.person.c.person_id))
        return {row.no: phone(int(row.person_id[1:])) for row in rows}

    def _acks(self) -> dict[str, list[tuple[str, int | None, bool]]]:
        numbers, found = self._numbers(), {}
        for row in self.node.rows(select(t.ack)):
            found.setdefault(numbers[row.person_no], []).append(
                (row.kind, row.count, bool(row.late))
            )
        return found

    def _covered(self) -> set[str]:
        numbers, r, h = self._numbers(), t.requirement.c, t.holding.c
        holders = self.node.rows(select(h.duty_no, h.person_no))
        holder = {row.duty_no: numbers[row.person_no] for row in holders}
        return {
            holder[row.no & 0xFFFFFFF]
            for row in self.node.rows(select(r.no, r.state))
            if row.no >> 32 == self.alert and row.state == RequirementState.COVERED
        }

    # What gateways say.

    def receipt(self, number: int, status: str, **changes: Any) -> Post:
        delivery = self.deliveries[number]
        reason = self.dice.choice(model.FINAL + model.PASSING) if status == "failed" else ""
        route, attempt = changes.pop("route", delivery.route), changes.pop("try_", delivery.attempt)
        item = {
            "delivery": number,
            "attempt": attempt,
            "status": status,
            "reason": reason,
            "id": f"m-{number}",
            "at": changes.pop("at", self.clock()),
        }
        tell = lambda: delivery.hear(route, attempt, status, reason, over=self.over)  # noqa: E731
        return Post(route, "receipts", item, tell, **changes)

    def reply(self, sender: str, text: str, **changes: Any) -> Post:
        key = changes.pop("key", f"r-{next(self.keys)}")
        route = changes.pop("route", self.dice.choice(list(SECRETS)))
        at = changes.pop("at", self.clock())
        item = {"id": key, "from": sender, "text": text, "at": at}
        tell = lambda: self.inbox.hear(route, key, sender, text, at=at, now=self.clock())  # noqa: E731
        return Post(route, "replies", item, tell, **changes)

    def any_receipt(self, **changes: Any) -> Post:
        status = self.dice.choice(("accepted", "delivered", "failed"))
        return self.receipt(self.dice.choice(list(self.deliveries)), status, **changes)

    def any_reply(self, **changes: Any) -> Post:
        text = self.dice.choice(list(model.SAID))
        if self.dice.random() < 0.2:
            text = f"{self.inbox.code} {text}"
        return self.reply(self.dice.choice(list(self.inbox.people)), text, **changes)

    async def end(self) -> None:
        """Its time runs out. (Where another alert ends it, a bare reply answers that one.)"""
        expires_at = self.node.rows(select(t.alert.c.expires_at))[0].expires_at
        self.clock.forward(minutes=(expires_at - self.clock()) / 60_000 + 1)
        self.node.runner.wake()
        await self.node.until(lambda: self._ended_at() is not None)
        self.over = True
        self.inbox.ended_at = self._ended_at()

    def _ended_at(self) -> int | None:
        found = self.node.rows(select(t.alert.c.ended_at).where(t.alert.c.no == self.alert))
        return found[0].ended_at or None


@asynccontextmanager
async def under_fire(folder: Path, seed: int, people: int) -> AsyncIterator[Fire]:
    gateways, clock = Gateways(seed), Clock()
    server = await serve(gateways.handle)
    url = f"http://127.0.0.1:{bound_port(server)}"
    routes = [
        RouteConfig(
            name=name,
            type="handsets",
            simulated=True,
            limits=LIMITS,
            options={"url": url, "secret": secret},
        )
        for name, secret in SECRETS.items()
    ]
    try:
        city = settle_in(folder, roster(people), under=UNDER, now=clock)
        drafted = city.draft(roles=("grid_leader",))
        city.approve(drafted)
        alert = int(drafted["no"])
        async with node(city, routes, now=clock) as running:
            fire = Fire(
                running,
                clock,
                random.Random(seed),
                alert,
                {},
                model.Inbox({}, drafted["short_code"]),
            )
            await running.until(lambda: not fire.waiting())
            _learn(fire, gateways, people)
            clock.forward(minutes=2)  # a gateway that lost five in a row is tried again
            yield fire
    finally:
        server.close()


def _learn(fire: Fire, gateways: Gateways, people: int) -> None:
    """The model begins with what the gateways did with each first try."""
    told_at = fire.clock()
    for (number, _), name in gateways.tries.items():
        fate = random.Random(f"{gateways.seed}-{number}").random()
        state = "unknown" if fate < 0.15 else "failed" if fate < 0.25 else "accepted"
        fire.deliveries[number] = model.Delivery(name, state)
    fire.inbox.people = {phone(n): model.Person(told_at) for n in range(1, people + 1)}
    assert len(fire.deliveries) == people
    fire.compare()
