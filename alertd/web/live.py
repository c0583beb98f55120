"""The live stream: facts as they are committed, for as long as somebody listens.

A listener's cursor names a place in every chain, so that a reader that was away goes on where it
was: `node:writer:seq,node:writer:seq`. A heartbeat tells a page that silence is calm, not a stall.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from fastapi.sse import format_sse_event

from alertd.errors import InvalidInputError
from alertd.model import Recorded
from alertd.store import journal
from alertd.store.reads.timeline import heads, key_of
from alertd.web.deps import Deps

HEARTBEAT_S: Final = 5.0
LONGEST_S: Final = 600.0  # then the client comes back, and whether it may is asked anew
_OTHERS_S: Final = 1.0  # how long what another process has committed may go unseen
COALESCE_S: Final = 0.25  # commits that come faster are told together
_PAGE: Final = 500
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
    """

    cursor: journal.Cursor | None
    alert_no: int | None = None
    bodies: bool = False


async def follow(deps: Deps, listener: Listener) -> AsyncIterator[bytes]:
    """Yield facts and heartbeats until the server stops, the listener goes or `LONGEST_S`.

    Each as it goes over the wire. FastAPI would render them itself, and fails where a listener
    goes while an event waits for it.
    """
    if deps.stopping.is_set():
        return
    cursor = dict(await asyncio.to_thread(_begin, deps, listener))
    loop = asyncio.get_running_loop()
    yield _beat(deps, cursor)
    told_at_s = began_at_s = loop.time()
    while not deps.stopping.is_set() and loop.time() - began_at_s < LONGEST_S:
        # Asked for before reading, so that a commit in between isn't slept through.
        committed = asyncio.create_task(deps.runner.committed())
        try:
            rows = await asyncio.to_thread(_page, deps, cursor)
            for row in rows:
                cursor[row.node, row.writer] = row.seq
                if _concerns(row, listener):
                    told_at_s = loop.time()
                    yield _event(row, cursor, listener)
            if not rows:
                patience_s = told_at_s + HEARTBEAT_S - loop.time()
                if deps.store.shared:  # others write, too, and don't tell us
                    patience_s = min(patience_s, _OTHERS_S)
                await _wait(deps, committed, patience_s)
        finally:
            committed.cancel()
        if loop.time() - told_at_s >= HEARTBEAT_S:
            told_at_s = loop.time()
            yield _beat(deps, cursor)
        await _pause(deps)


def _begin(deps: Deps, listener: Listener) -> journal.Cursor:
    if listener.cursor is not None:
        return listener.cursor
    with deps.store.read() as connection:
        return heads(connection)


def _page(deps: Deps, cursor: journal.Cursor) -> list[Recorded]:
    with deps.store.read() as connection:
        return journal.read(connection, cursor, limit=_PAGE)


def _concerns(row: Recorded, listener: Listener) -> bool:
    return listener.alert_no is None or row.fact.alert_no in {0, listener.alert_no}


def _event(row: Recorded, cursor: journal.Cursor, listener: Listener) -> bytes:
    return _rendered("fact", cursor, fact_of(row, bodies=listener.bodies))


def _beat(deps: Deps, cursor: journal.Cursor) -> bytes:
    return _rendered("beat", cursor, {"now": deps.now()})


def _rendered(event: str, cursor: journal.Cursor, data: dict[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return format_sse_event(event=event, id=format_cursor(cursor), data_str=text)


async def _wait(deps: Deps, committed: asyncio.Task[None], timeout_s: float) -> None:
    """Wait for a commit, the stop or the next heartbeat."""
    stopping = asyncio.create_task(deps.stopping.wait())
    try:
        await asyncio.wait(
            {committed, stopping}, timeout=max(0.0, timeout_s), return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        stopping.cancel()


async def _pause(deps: Deps) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(deps.stopping.wait(), COALESCE_S)
