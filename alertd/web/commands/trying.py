"""Try one route with one message to one address: does this gateway work, with these settings?

The message says that it is a test, belongs to no alert and counts for nothing. That it was sent,
by whom and by which route, is on record before it leaves; to whom isn't.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

from alertd.engine.authority import Actor, require
from alertd.engine.turn import Turn
from alertd.errors import ConflictError, NotFoundError
from alertd.i18n import N_, translator
from alertd.messages import mark_test, sign
from alertd.model import Millis
from alertd.store import addresses, journal
from alertd.store.reads.units import group_called
from alertd.web.deps import Deps
from alertd.web.writes import Writer
from channels.base import Accepted, Channel, Outcome, Outgoing

_TRIES = 1 << 62  # from here on numbers of deliveries belong to no alert
_HOLDS_MS = 10 * 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of it.

    Args:
        result: `accepted` (the gateway has it, and no more), `delivered`, or what kind of failure.
        code: The gateway's reason, or its reference for a message that it took.
        receipts: What it said later, in order, within the time that was waited.
    """

    route: str
    result: str
    code: str
    receipts: tuple[str, ...]


async def try_route(write: Writer, name: str, to: str, *, language: str, wait_s: float) -> Trial:
    """Send a test message; a repetition of the same write sends none.

    Raises:
        NotFoundError: There is no such route.
        ForbiddenError: The actor may not.
        ConflictError: The route carries no tests; or this one was sent, and nobody knows yet
            what came of it.
    """
    deps = write.deps
    require(write.actor, "routes", [""])
    channel = deps.channels.get(name)
    if channel is None:
        raise NotFoundError(f"There is no route {name}.", field="route")
    if "Test" not in channel.config.carries:
        raise ConflictError(
            f"The route {name} carries no tests.", hint='Add "Test" to its `carries`.'
        )
    address, secret = await asyncio.to_thread(_address, deps, to)
    message = _message(deps, channel, address, secret, language)
    before = await asyncio.to_thread(_heads, deps)
    known = await _begin(write, name, message.delivery)
    if known is not None:
        return known
    trial = await _sent(deps, channel, message, before, wait_s)
    await write.amend(asdict(trial))
    return trial


async def _begin(write: Writer, route: str, delivery: int) -> Trial | None:
    """Put it on record, once; returns what came of it where it was sent before."""
    begun = False

    def do(turn: Turn, actor: Actor) -> dict[str, Any]:
        nonlocal begun
        begun = True
        body = {"route": route, "delivery": delivery}
        turn.record("route.tested", body, source=actor.source)
        return {}

    known = await write.do(do)
    if begun:
        return None
    if not known:
        raise ConflictError(
            "This test was sent before, and what came of it isn't known.",
            hint="To send another, use a new key.",
        )
    return Trial(**{**known, "receipts": tuple(known["receipts"])})


async def _sent(
    deps: Deps,
    channel: Channel,
    message: Outgoing,
    before: dict[tuple[str, int], int],
    wait_s: float,
) -> Trial:
    outcome = await _only(channel.send_many([message]))
    name, result = channel.config.name, outcome.result
    if not isinstance(result, Accepted):
        return Trial(route=name, result=result.fault.value, code=result.code, receipts=())
    said = await _listen(deps, before, message.delivery, wait_s)
    return Trial(
        route=name,
        result="delivered" if result.delivered else "accepted",
        code=result.reference or "",
        receipts=said,
    )


def _address(deps: Deps, to: str) -> tuple[str, str | None]:
    """Address and secret of the group that the roster knows by that id; else what was given."""
    with deps.store.read() as connection:
        found = group_called(connection, to)
    if found is None:
        return to, None
    sealed, secret = found
    vault = deps.store.vault
    opened = vault.open(secret, context="chat-secret") if secret else None
    return vault.open(sealed, context=addresses.CONTEXT), opened


def _message(deps: Deps, channel: Channel, to: str, secret: str | None, language: str) -> Outgoing:
    now, settings = deps.now(), deps.settings
    words = translator(language)(N_("A test of this route. There is nothing to do."))
    signed = sign(words, settings.signatures.get(language, ""), language=language)
    return Outgoing(
        delivery=_TRIES + now,
        attempt=1,
        address=to,
        secret=secret,
        text=mark_test(signed),
        language=language,
        alert=f"{_TRIES + now:032x}",
        short_code="",
        kind="test",
        status="Test",
        severity=4,
        created_at=now,
        expires_at=now + max(_HOLDS_MS, round(channel.config.limits.timeout_s * 1000)),
    )


async def _only(outcomes: AsyncIterator[Outcome]) -> Outcome:
    async for outcome in outcomes:
        return outcome
    raise AssertionError("a route gives every message its outcome")


def _heads(deps: Deps) -> dict[tuple[str, int], int]:
    with deps.store.read() as connection:
        return {(head.node, head.writer): head.seq for head in journal.heads(connection)}


async def _listen(
    deps: Deps, cursor: dict[tuple[str, int], int], delivery: int, wait_s: float
) -> tuple[str, ...]:
    """What the gateway says within the time; no receipt of a test changes anything."""
    loop = asyncio.get_running_loop()
    until, said = loop.time() + wait_s, list[str]()
    while not said or said[-1] == "accepted":
        committed = asyncio.create_task(deps.runner.committed())
        try:
            said += await asyncio.to_thread(_receipts, deps, cursor, delivery)
            left_s = until - loop.time()
            if left_s <= 0:
                break
            await asyncio.wait({committed}, timeout=min(left_s, _OTHERS_S))
        finally:
            committed.cancel()
    return tuple(said)


_OTHERS_S = 1.0  # another process may have taken the receipt, and doesn't tell us


def _receipts(deps: Deps, cursor: dict[tuple[str, int], Millis], delivery: int) -> list[str]:
    said = []
    with deps.store.read() as connection:
        for row in journal.read(connection, cursor, limit=1_000):
            cursor[row.node, row.writer] = row.seq
            if row.fact.kind == "receipts.ignored":
                said += [word for no, _, word in row.fact.body["items"] if no == delivery]
    return said
