"""The live stream: facts as they are committed, for as long as somebody listens.

A listener's cursor names a place in every chain, so that a reader that was away goes on where it
was: `~eras~node:writer:seq,node:writer:seq` (see `alertd.store.eras`). A heartbeat tells a page
that silence is calm, not a stall.
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
from alertd.store.eras import MOST, Place, go_on
from alertd.store.reads.timeline import heads, key_of
from alertd.web.deps import Deps
from alertd.web.tail import Ear, Found, Tail, page, places

HEARTBEAT_S: Final = 5.0
LONGEST_S: Final = 600.0  # then the client comes back, and whether it may is asked anew
_MOST_CHAINS: Final = 64
_PLACE = re.compile(r"([A-Za-z0-9._-]{1,40}):([0-9]{1,9}):([0-9]{1,18})")
_ERAS = re.compile(rf"~((?:[0-9a-f]{{8}}\.){{0,{MOST - 1}}}(?:[0-9a-f]{{8}})?)~", re.ASCII)


def parse_cursor(text: str | None) -> Place:
    """Read `~era.era~node:writer:seq,…`; nothing is the beginning, and without eras it is of now.

    Raises:
        InvalidInputError: It isn't one.
    """
    place = Place({})
    told = _ERAS.match(text or "")
    places = [place for place in (text or "")[told.end() if told else 0 :].split(",") if place]
    for each in places:
        match = _PLACE.fullmatch(each.strip())
        if match is None or len(places) > _MOST_CHAINS:
            raise InvalidInputError("A cursor is node:writer:seq,…", field="after")
        place.cursor[match[1], int(match[2])] = int(match[3])
    place.eras = tuple(filter(None, told[1].split("."))) if told else None
    return place


def format_cursor(place: Place) -> str:
    """What `parse_cursor` reads."""
    cursor = sorted(place.cursor.items())
    eras = "" if place.eras is None else f"~{'.'.join(place.eras)}~"
    return eras + ",".join(f"{node}:{writer}:{seq}" for (node, writer), seq in cursor)


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

    cursor: Place | None
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
    place = await asyncio.to_thread(_begin, deps, listener)
    loop = asyncio.get_running_loop()
    yield _beat(deps, place)
    ends_at_s = loop.time() + LONGEST_S
    asked_at_s = loop.time()
    while not deps.stopping.is_set() and loop.time() < ends_at_s:
        async with aclosing(_told_next(tail, place, listener)) as heard:
            async for told in heard:
                if loop.time() - asked_at_s >= HEARTBEAT_S:
                    if listener.still is not None and not await listener.still():
                        return
                    asked_at_s = loop.time()
                yield told
                if loop.time() >= ends_at_s:
                    break


async def _told_next(tail: Tail, place: Place, listener: Listener) -> AsyncGenerator[bytes, None]:
    """What has come since, and then what comes, until the ear loses its place."""
    with tail.ear() as ear:
        await tail.begun()
        while rows := await asyncio.to_thread(page, tail.deps, place):
            if told := _told(places(rows, place.copy()), place, listener):
                yield told
        async with aclosing(_heard(tail.deps, ear, place, listener)) as heard:
            async for told in heard:
                yield told


async def _heard(
    deps: Deps, ear: Ear, place: Place, listener: Listener
) -> AsyncGenerator[bytes, None]:
    """What comes to an ear that has caught up, and heartbeats, until it loses its place."""
    loop = asyncio.get_running_loop()
    told_at_s = loop.time()
    while not deps.stopping.is_set():
        found = await ear.hear(told_at_s + HEARTBEAT_S - loop.time())
        if not found and ear.lost:
            return
        told = _told(found, place, listener)
        if not told and loop.time() - told_at_s >= HEARTBEAT_S:
            told = _beat(deps, place)
        if told:
            told_at_s = loop.time()
            yield told


def _begin(deps: Deps, listener: Listener) -> Place:
    with deps.store.read() as connection:
        place = Place(heads(connection)) if listener.cursor is None else listener.cursor.copy()
        go_on(connection, place)
        return place


def _told(found: Iterable[Found], place: Place, listener: Listener) -> bytes:
    """What is new to a listener, for the wire; moves `place` behind it."""
    told = []
    for each in found:
        row = each.row
        if row.seq <= place.cursor.get((row.node, row.writer), 0):
            continue  # it has read that by itself
        place.cursor[row.node, row.writer] = row.seq
        if listener.hears(row):
            told.append(_event(each, place, bodies=listener.bodies))
    return b"".join(told)


def _event(found: Found, place: Place, *, bodies: bool) -> bytes:
    """In words of its own only for one whose place isn't that of all the others."""
    if place != found.place:
        return _rendered("fact", place, fact_of(found.row, bodies=bodies))
    text = found.wire.get(bodies)
    if text is None:
        text = found.wire[bodies] = _rendered("fact", place, fact_of(found.row, bodies=bodies))
    return text


def _beat(deps: Deps, place: Place) -> bytes:
    return _rendered("beat", place, {"now": deps.now()})


def _rendered(event: str, place: Place, data: dict[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return format_sse_event(event=event, id=format_cursor(place), data_str=text)
