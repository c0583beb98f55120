"""The live stream: facts as they are committed, for as long as somebody listens.

A listener's cursor names a place in every chain, so that a reader that was away goes on where it
was: `node:writer:seq,node:writer:seq`. A heartbeat tells a page that silence is calm, not a stall.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from fastapi.sse import format_sse_event

from alertd.errors import InvalidInputError
from alertd.model import Recorded
from alertd.store import journal
from alertd.store.reads.timeline import heads, key_of
from alertd.web.deps import Deps
from alertd.web.tail import Ear, Found, Tail, page, places

HEARTBEAT_S: Final = 5.0
LONGEST_S: Final = 600.0  # then the client comes back, and whether it may is asked anew
_MOST_CHAINS: Final = 64
_PLACE = re.compile(r"([A-Za-z0-9._-]{1,40}):([0-9]{1,9}):([0-9]{1,18})")


def parse_cursor(text: str | None) -> journal.Cursor:
    """Read `node:writer:seq,…`; nothing is the beginning.

    Raises:
        InvalidInputError: It isn't one.
    """
    cursor: journal.Cursor = {}
    places = [place for place in (text or "").split(",") if place]
    for place in places:
        match = _PLACE.fullmatch(place.strip())
        if match is None or len(places) > _MOST_CHAINS:
            raise InvalidInputError("A cursor is node:writer:seq,…", field="after")
        cursor[match[1], int(match[2])] = int(match[3])
    return cursor


def format_cursor(cursor: journal.Cursor) -> str:
    """What `parse_cursor` reads."""
    return ",".join(f"{node}:{writer}:{seq}" for (node, writer), seq in sorted(cursor.items()))


def fact_of(row: Recorded, *, bodies: bool) -> dict[str, Any]:
    """A fact as the API shows it; without its body it says only that something changed."""
    fact = row.fact
    shown: dict[str, Any] = {
        "key": key_of(row),
        "kind": fact.kind,
        "alert_no": fact.alert_no,
        "occurred_at": fact.occurred_at,
        "recorded_at": row.recorded_at,
    }
    if bodies:
        shown |= {"source": fact.source, "body": dict(fact.body), "hash": row.hash.hex()}
    return shown


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens, and to what.

    Args:
        cursor: What was seen already; None for what comes from now on.
        alert_no: Only this alert's facts, and those about none (deliveries are settled in batches).
        bodies: Whether facts come with their bodies.
        calendar: Whether they may know of drills that haven't begun, some of them without notice.
        still: Whether they may go on listening, asked about as often as a heartbeat comes: whoever
            was shut out, or has other rights now, hears no more.
    """

    cursor: journal.Cursor | None
    alert_no: int | None = None
    bodies: bool = False
    calendar: bool = False
    still: Callable[[], Awaitable[bool]] | None = None

    def hears(self, row: Recorded) -> bool:
        """Whether a fact is for them."""
        number = row.fact.alert_no
        if not number and row.fact.kind.startswith("drill.") and not self.calendar:
            return False
        return self.alert_no is None or number in {0, self.alert_no}


async def follow(tail: Tail, listener: Listener) -> AsyncIterator[bytes]:
    """Yield facts and heartbeats until the server stops, the listener goes or `LONGEST_S`.

    Each as it goes over the wire. FastAPI would render them itself, and fails where a listener
    goes while an event waits for it.
    """
    deps = tail.deps
    if deps.stopping.is_set():
        return
    cursor = dict(await asyncio.to_thread(_begin, deps, listener))
    loop = asyncio.get_running_loop()
    yield _beat(deps, cursor)
    ends_at_s = loop.time() + LONGEST_S
    asked_at_s = loop.time()
    while not deps.stopping.is_set() and loop.time() < ends_at_s:
        async with aclosing(_told_next(tail, cursor, listener)) as heard:
            async for told in heard:
                if loop.time() - asked_at_s >= HEARTBEAT_S:
                    if listener.still is not None and not await listener.still():
                        return
                    asked_at_s = loop.time()
                yield told
                if loop.time() >= ends_at_s:
                    break


async def _told_next(
    tail: Tail, cursor: journal.Cursor, listener: Listener
) -> AsyncGenerator[bytes, None]:
    """What has come since, and then what comes, until the ear loses its place."""
    with tail.ear() as ear:
        await tail.begun()
        while rows := await asyncio.to_thread(page, tail.deps, cursor):
            if told := _told(places(rows, dict(cursor)), cursor, listener):
                yield told
        async with aclosing(_heard(tail.deps, ear, cursor, listener)) as heard:
            async for told in heard:
                yield told


async def _heard(
    deps: Deps, ear: Ear, cursor: journal.Cursor, listener: Listener
) -> AsyncGenerator[bytes, None]:
    """What comes to an ear that has caught up, and heartbeats, until it loses its place."""
    loop = asyncio.get_running_loop()
    told_at_s = loop.time()
    while not deps.stopping.is_set():
        found = await ear.hear(told_at_s + HEARTBEAT_S - loop.time())
        if not found and ear.lost:
            return
        told = _told(found, cursor, listener)
        if not told and loop.time() - told_at_s >= HEARTBEAT_S:
            told = _beat(deps, cursor)
        if told:
            told_at_s = loop.time()
            yield told


def _begin(deps: Deps, listener: Listener) -> journal.Cursor:
    if listener.cursor is not None:
        return listener.cursor
    with deps.store.read() as connection:
        return heads(connection)


def _told(found: Iterable[Found], cursor: journal.Cursor, listener: Listener) -> bytes:
    """What is new to a listener, for the wire; moves `cursor` behind it."""
    told = []
    for each in found:
        row = each.row
        if row.seq <= cursor.get((row.node, row.writer), 0):
            continue  # it has read that by itself
        cursor[row.node, row.writer] = row.seq
        if listener.hears(row):
            told.append(_event(each, cursor, bodies=listener.bodies))
    return b"".join(told)


def _event(found: Found, cursor: journal.Cursor, *, bodies: bool) -> bytes:
    """In words of its own only for one whose cursor isn't that of all the others."""
    if cursor != found.cursor:
        return _rendered("fact", cursor, fact_of(found.row, bodies=bodies))
    text = found.wire.get(bodies)
    if text is None:
        text = found.wire[bodies] = _rendered("fact", cursor, fact_of(found.row, bodies=bodies))
    return text


def _beat(deps: Deps, cursor: journal.Cursor) -> bytes:
    return _rendered("beat", cursor, {"now": deps.now()})


def _rendered(event: str, cursor: journal.Cursor, data: dict[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return format_sse_event(event=event, id=format_cursor(cursor), data_str=text)
