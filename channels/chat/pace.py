"""How fast one bot may speak: what the platform counts, counted here first."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from channels.chat.answers import BotBusyError

_MOST_BOTS = 4_096  # beyond it, those that have been silent are forgotten


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` messages in any `per_s` seconds."""

    count: int
    per_s: float


@dataclass(slots=True)
class _Mark:
    """One message; `answered_at` by the loop's clock, None while it is under way."""

    answered_at: float | None = None

    def age_s(self, now: float) -> float:
        """Since its answer; one under way is as if answered now, the earliest that it can be."""
        return 0.0 if self.answered_at is None else now - self.answered_at


class Pace:
    """One bot's limits.

    Not a bucket that fills again drop by drop: one that holds twenty lets nearly forty go in its
    first minute, and DingTalk silences a bot for ten minutes at the twenty-first. A message
    counts until a whole window after its *answer*, since when the platform counted it before that
    nobody here can know.

    Args:
        windows: All of them hold at once; none means that the platform has no limit.
        code: What a message that must wait too long is told.
    """

    def __init__(self, windows: Sequence[Window], code: str) -> None:
        self._windows = windows
        self._code = code
        self._marks: list[_Mark] = []
        self._queued = 0
        self._promised: list[tuple[float, int]] = []  # until when, and how many messages
        self._turn = asyncio.Lock()  # first come, first served
        self._shut_until = 0.0

    @asynccontextmanager
    async def room_for(self, messages: int, patience_s: float) -> AsyncIterator[None]:
        """Hold the places of `messages` while they are handed over, waiting for them if need be.

        Raises:
            BotBusyError: They would have to wait for longer than `patience_s`, and are told so
                at once, so that they hold up nobody's place meanwhile.
        """
        marks = await self._take(messages, patience_s)
        try:
            yield
        finally:
            now = asyncio.get_running_loop().time()
            for mark in marks:
                mark.answered_at = now

    def shut(self, wait_s: float) -> None:
        """The platform itself wants nothing for so long."""
        until = asyncio.get_running_loop().time() + wait_s
        self._shut_until = max(self._shut_until, until)

    @property
    def silent(self) -> bool:
        """Whether nothing is remembered that matters any more."""
        return not self._queued and not self._marks and self._wait_s(0) <= 0

    async def _take(self, messages: int, patience_s: float) -> list[_Mark]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience_s
        if self._wait_s(messages + self._queued) > patience_s:
            raise self._later(messages)
        self._queued += messages
        try:
            async with self._turn:
                while (wait_s := self._wait_s(messages)) > 0:
                    if loop.time() + wait_s > deadline:
                        raise self._later(messages)
                    await asyncio.sleep(wait_s)
                marks = [_Mark() for _ in range(messages)] if self._windows else []
                self._marks += marks
                return marks
        finally:
            self._queued -= messages

    def _later(self, messages: int) -> BotBusyError:
        """Say when to come back: not all at once, or most of them would be sent away again."""
        now = asyncio.get_running_loop().time()
        self._promised = [(until, many) for until, many in self._promised if until > now]
        before = sum(many for _, many in self._promised)
        wait_s = float(math.ceil(self._wait_s(self._queued + before + messages)))
        self._promised.append((now + wait_s, messages))
        return BotBusyError(self._code, wait_s)

    def _wait_s(self, messages: int) -> float:
        """How long from now until there is room for so many; 0 or less: now."""
        now = asyncio.get_running_loop().time()
        longest = max((window.per_s for window in self._windows), default=0.0)
        self._marks = [mark for mark in self._marks if mark.age_s(now) < longest]
        waits = [self._shut_until - now]
        for window in self._windows:
            frees = sorted(
                wait for mark in self._marks if (wait := window.per_s - mark.age_s(now)) > 0
            )
            over = len(frees) + messages - window.count
            if over > 0:
                rounds, place = divmod(over - 1, max(len(frees), 1))
                waits.append((frees[place] if frees else window.per_s) + rounds * window.per_s)
        return max(waits)


class Paces:
    """Every bot's, by its address: one that must wait slows no other."""

    def __init__(self, windows: Sequence[Window], code: str) -> None:
        self._windows = windows
        self._code = code
        self._by_bot: dict[str, Pace] = {}

    def of(self, bot: str) -> Pace:
        """The bot's, kept for as long as it matters."""
        pace = self._by_bot.get(bot)
        if pace is None:
            if len(self._by_bot) >= _MOST_BOTS:
                self._by_bot = {b: p for b, p in self._by_bot.items() if not p.silent}
            pace = self._by_bot[bot] = Pace(self._windows, self._code)
        return pace
