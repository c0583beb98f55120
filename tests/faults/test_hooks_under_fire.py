"""Late, repeated, reordered and forged receipts and replies, through the application's own hooks.

Each batch of words is also told to the model of `words_model`, which knows the documents and not
our code; then every delivery, every person and every answer to a post is compared. None may be
wrong.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.store import tables as t
from tests.faults import words_model as model
from tests.faults.hooks_world import OTHER, Fire, Post, nothing, under_fire

SHORT, WHOLE = 40, 1_000

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
    before = dice.choice((told_at - 3_600_000, told_at - model.SKEW_MS - 60_000))
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
            replace(fire.reply(someone, "Z9 1"), tell=nothing),
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
    return replace(good, items={**good.items, **changes}, tell=nothing, statuses=(200, 400))


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
