"""Late, repeated, reordered and forged receipts and replies, through the application's own hooks.

Each batch of words is also told to the model of `words_model`, which knows the documents and not
our code; then every delivery, every person and every answer to a post is compared. None may be
wrong.
"""

import hashlib
import hmac
import itertools
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
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
SHORT, WHOLE = 40, 1_000
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


def _nothing() -> None:
    pass


@dataclass
class Post:
    """One call of a hook, and what must come of it."""

    route: str
    hook: str
    items: Any
    tell: Callable[[], None] = _nothing  # the model hears it
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
        tell = lambda: self.inbox.hear(route, key, sender, text, at=min(at, self.clock()))  # noqa: E731
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


# Four kinds of fire, each of receipts and of replies.


def repeated(fire: Fire, count: int) -> tuple[list[Post], list[Post]]:
    """Each comes two to four times, alone or within one post, at once or after others."""
    receipts, replies = [], []
    while len(receipts) < count:
        receipts += [fire.any_receipt()] * fire.dice.randint(2, 4)
    while len(replies) < count:
        replies += [fire.any_reply()] * fire.dice.randint(2, 4)
    late = fire.dice.sample(replies, len(replies))  # the gateway's own repetitions, minutes later
    return receipts[:count], late[:count]


def reordered(fire: Fire, count: int) -> tuple[list[Post], list[Post]]:
    """What was said in order comes in none, and says when it was said."""
    receipts, replies = [], []
    for step in range(count):
        said_at = fire.clock() - step * 100
        receipts.append(fire.any_receipt(at=said_at))
        replies.append(fire.any_reply(at=said_at))
    fire.dice.shuffle(receipts)
    fire.dice.shuffle(replies)
    return receipts, replies


HUGE = (0, -1, 2**63 - 1, 2**63, 2**200, True, 1.5, "1", None, [], {})


def forged(fire: Fire, count: int) -> tuple[list[Post], list[Post]]:
    """None of it may change anything, but what a gateway that signs is believed in."""
    return (
        [forged_receipt(fire) for _ in range(count)],
        [forged_reply(fire) for _ in range(count)],
    )


def forged_receipt(fire: Fire) -> Post:
    """A receipt that no gateway of ours may be believed in."""
    dice, good = fire.dice, fire.any_receipt()
    delivery = good.items["delivery"]
    # The other gateway, with its own secret, of what it was never given.
    of_anothers = fire.receipt(
        delivery,
        good.items["status"],
        route=OTHER[good.route],
        try_=fire.deliveries[delivery].attempt,
    )
    elsewhere = dice.choice(
        (
            (fire.alert << 32) + dice.randrange(10**6, 2**31),
            (fire.alert + dice.randint(1, 9) << 32) + (delivery & 0xFFFFFFFF),
            *HUGE,
        )
    )
    future = dice.choice((6, 99, 2**31 - 1, 2**31, *HUGE))
    return dice.choice(
        (
            *_badly_signed(good, "replies"),
            of_anothers,
            _for_nothing(good, delivery=elsewhere),
            _for_nothing(good, attempt=future),
            replace(good, items={**good.items, "status": "played-golf"}, statuses=(400,)),
        )
    )


def forged_reply(fire: Fire) -> Post:
    """A reply that nobody sent, or that can't be an answer."""
    dice, good = fire.dice, fire.any_reply()
    someone = dice.choice(list(fire.inbox.people))
    captured = json.dumps(good.items, ensure_ascii=False)
    told_at = fire.inbox.people[someone].told_at
    before = dice.choice((0, 1, told_at - 3_600_000, told_at - model.SKEW_MS - 60_000))
    odd = {"id": dice.choice(HUGE), "from": dice.choice(HUGE), "text": dice.choice(HUGE)}
    another_number = {**good.items, "from": someone, "text": good.items["text"] + " "}
    return dice.choice(
        (
            *_badly_signed(good, "receipts"),
            # A captured body with another id, and with another person's number.
            replace(good, items={**good.items, "id": "r-new"}, forged=captured, statuses=(401,)),
            replace(good, items=another_number, forged=captured, statuses=(401,)),
            fire.reply(f"+86139{dice.randrange(10**8):08}", "1"),
            # An answer from before there was a question.
            fire.reply(someone, dice.choice(("1", "2 35", "0", "4")), at=before),
            # It names an alert that nobody was told of.
            replace(fire.reply(someone, "Z9 1"), tell=_nothing),
            replace(good, items=odd, statuses=(400,)),
        )
    )


def _badly_signed(good: Post, other_hook: str) -> tuple[Post, Post, Post]:
    return (
        replace(good, signer="a-guess", statuses=(401,)),
        replace(good, signer=OTHER[good.route], statuses=(401,)),
        replace(good, signed_as=other_hook, statuses=(401,)),
    )


def _for_nothing(good: Post, **changes: Any) -> Post:
    return replace(good, items={**good.items, **changes}, tell=_nothing, statuses=(200, 400))


async def late(fire: Fire, count: int) -> tuple[list[Post], list[Post]]:
    """After the alert has ended: hours later, and a few days."""
    await fire.end()
    fire.clock.forward(minutes=fire.dice.choice((1, 600, 72 * 60 - 1, 72 * 60 + 60)))
    moments = (fire.clock(), fire.clock() - 60_000, fire.inbox.ended_at or 0)
    return (
        [fire.any_receipt(at=fire.dice.choice(moments)) for _ in range(count)],
        [fire.any_reply(at=fire.dice.choice(moments)) for _ in range(count)],
    )


async def prove(folder: Path, seed: int, count: int) -> None:
    async with under_fire(folder, seed, people=max(20, count // 4)) as fire:
        for kind in (repeated, reordered, forged):
            for calls in kind(fire, count):
                await fire.fire(calls)
                fire.compare()
        for calls in await late(fire, count):
            await fire.fire(calls)
            fire.compare()
        await fire.node.check_faces(fire.alert)
        defects = fire.node.rows(select(t.journal.c.seq).where(t.journal.c.kind == "defect"))
        assert not defects


async def test_late_repeated_reordered_and_forged_words_change_nothing_wrongly(
    tmp_path: Path,
) -> None:
    await prove(tmp_path, seed=1, count=SHORT)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(2, 6))
async def test_a_thousand_of_each_change_nothing_wrongly(tmp_path: Path, seed: int) -> None:
    await prove(tmp_path, seed, WHOLE)
