"""Bounds how many sessions one loudspeaker has in the embedded broker.

nats-server keeps each session for ever, with a tenth of a megabyte of memory, and an enrolled
loudspeaker may open any number: one whose login was stolen, or that takes another name at each
start. Past a few the oldest are forgotten. One that opens hundreds at a time is shut out.
"""

import asyncio
import base64
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import structlog

from alertd.errors import AlertdError
from channels.loudspeaker.accounts import Accounts
from channels.loudspeaker.flooding import FLOODS
from channels.loudspeaker.nats_api import MESSAGES, SESSIONS, NatsApi, NatsError

_log = structlog.get_logger(__name__)

EVERY_S = 30.0
_PATIENCE_S = 300.0
_MOST = 5  # of one loudspeaker: it was enrolled anew, or got other firmware
_MOST_NOBODYS = 1000  # that hear no loudspeaker's own commands, as yet where many come at once
_CROWD = 300  # opened or entered between two looks
_AT_ONCE = 200  # each waits for the disk: meanwhile others may crowd
_GROWTH = 50  # sessions more than there were, before all are read again
_OWN_COMMANDS = re.compile(r"alertd\.v1\.terminal\.([^.*>]+)\.cmd")
_ALERTDS = "alertd.v1.terminal.*."


@dataclass(frozen=True, slots=True)
class Session:
    """One of the broker's.

    Args:
        number: Grows whenever any is entered or left, or listens to something else.
        owner: The loudspeaker whose own commands it hears; "": none's.
        consumers: What brings it its messages.
    """

    number: int
    owner: str
    consumers: frozenset[str] = frozenset()


def surplus(sessions: Iterable[Session], since: int) -> list[Session]:
    """Those that are too many: each owner's oldest, and nobody's from before `since`; pure."""
    seen: Counter[str] = Counter()
    found = []
    for session in sorted(sessions, key=lambda each: -each.number):
        if not session.owner and session.number > since:
            continue  # it may still say what it wants to hear
        seen[session.owner] += 1
        if seen[session.owner] > (_MOST if session.owner else _MOST_NOBODYS):
            found.append(session)
    return found


def crowds(sessions: Iterable[Session], since: int) -> list[str]:
    """Loudspeakers that have entered too many since a session's number; pure."""
    entered = Counter(each.owner for each in sessions if each.owner and each.number > since)
    return [owner for owner, count in entered.items() if count > _CROWD]


class Tidier:
    """One broker's.

    Args:
        api: Asks it, for so many seconds.
        accounts: Where a loudspeaker is shut out.
        every_s: How often it looks.
    """

    def __init__(
        self,
        api: Callable[[float], AbstractAsyncContextManager[NatsApi]],
        accounts: Accounts,
        every_s: float = EVERY_S,
    ) -> None:
        self._api = api
        self._accounts = accounts
        self._every_s = every_s
        self._growth = _GROWTH
        self._settled = 0  # sessions that there were at the last look
        self._last: int | None = None  # the last number of those

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                async with self._api(_PATIENCE_S) as api:
                    await self._look(api)
            except (AlertdError, NatsError, OSError, EOFError, ValueError, LookupError) as error:
                _log.warning("broker-sessions-not-looked-at", error=type(error).__name__)

    async def _look(self, api: NatsApi) -> None:
        told = (await api.ask("STREAM.INFO", SESSIONS, {}))["state"]
        since, self._last = self._last, told["last_seq"]
        if since is None or told["messages"] <= self._settled + self._growth:
            return
        sessions = await _all(api)
        for owner in crowds(sessions, since):
            _log.error("loudspeaker-crowds", terminal=owner)
            now = time.time_ns() // 1_000_000
            await asyncio.to_thread(self._accounts.shut_out, owner, now, FLOODS)
        gone = surplus(sessions, since)[:_AT_ONCE]
        await _forget(api, gone)
        if gone:
            _log.warning("broker-sessions-forgotten", sessions=len(gone))
        self._settled = 0 if gone else len(sessions)


async def _all(api: NatsApi) -> list[Session]:
    """But for alertd's own."""
    told = await api.ask("STREAM.INFO", SESSIONS, {"subjects_filter": ">"})
    found = []
    for subject in told["state"].get("subjects") or {}:
        try:
            kept = (await api.ask("STREAM.MSG.GET", SESSIONS, {"last_by_subj": subject}))["message"]
        except NatsError:
            continue  # it has ended meanwhile
        document = json.loads(base64.b64decode(kept["data"]))
        heard: Collection[str] = document.get("subs") or ()
        if not any(topic.startswith(_ALERTDS) for topic in heard):
            owners = [own[1] for topic in heard if (own := _OWN_COMMANDS.fullmatch(topic))]
            consumers = (document.get("cons") or {}).values()
            names = frozenset(each["durable_name"] for each in consumers)
            found.append(Session(kept["seq"], owners[0] if owners else "", names))
    return found


async def _forget(api: NatsApi, sessions: Iterable[Session]) -> None:
    """The session first: one without what brings it its messages would be deaf."""
    for session in sessions:
        try:
            await api.ask("STREAM.MSG.DELETE", SESSIONS, {"seq": session.number, "no_erase": True})
            for name in session.consumers:
                await api.ask(f"CONSUMER.DELETE.{MESSAGES}", name, {})
        except NatsError:
            continue  # it was entered just now, or has ended
