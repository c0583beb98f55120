"""One loudspeaker's login that says so much that nobody else is heard is shut out.

A broker hands on whatever it is told as fast as it can: one box that has gone mad, or whose login
was stolen, keeps alertd reading for minutes what it said in seconds, and meanwhile the answers of
all others wait.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

import structlog

from alertd.errors import AlertdError
from channels.base import Event
from channels.loudspeaker.accounts import Accounts
from channels.loudspeaker.attendance import Attendance
from channels.loudspeaker.link import Link
from channels.loudspeaker.link_messages import Received
from channels.loudspeaker.reports import split_topic

_log = structlog.get_logger(__name__)

FLOODS = "floods"
_WINDOW_MS = 1000
# One says a word a second at most by its heartbeat, and two for each command that waited for it.
_MOST_IN_WINDOW = 1000  # words, or kilobytes
# In a row: what a broker kept of one while we were away is through by then.
_WINDOWS = 10
_DEAF_MS = 60_000  # to what it said before it was shut out
_BROKER_PATIENCE_S = 3.0  # until the broker has read who is shut out, and hung up on it


class Flood:
    """Who floods; pure."""

    def __init__(self) -> None:
        self._began = 0
        self._said: Counter[str] = Counter()
        self._in_a_row: dict[str, int] = {}

    def heard(self, terminal: str, size: int, now: int) -> bool:
        """Whether it has flooded for long enough, with this word of so many bytes."""
        if now - self._began >= _WINDOW_MS:
            loud = [name for name, much in self._said.items() if much > _MOST_IN_WINDOW]
            self._in_a_row = {name: self._in_a_row.get(name, 0) + 1 for name in loud}
            self._began, self._said = now, Counter()
        self._said[terminal] += 1 + size // 1024
        return self._in_a_row.get(terminal, 0) >= _WINDOWS


class Guard:
    """One route's.

    Args:
        accounts: Where it is shut out; None: its broker is another's, which must do it.
        attendance: Who is there.
        link: What is left of a flood is left behind by connecting anew.
        now: ms.
        tell: Takes what is found.
    """

    def __init__(
        self,
        accounts: Accounts | None,
        attendance: Attendance,
        link: Link,
        now: Callable[[], int],
        tell: Callable[[Event], None],
    ) -> None:
        self._accounts = accounts
        self._attendance = attendance
        self._link = link
        self._now = now
        self._tell = tell
        self._flood = Flood()
        self._deaf: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def refuses(self, message: Received) -> bool:
        """Whether nothing more is to be heard of whoever says it."""
        terminal, now = split_topic(message.topic)[0], self._now()
        if self._deaf and self._deaf.get(terminal, 0) > now:
            return True
        if not terminal or not self._flood.heard(terminal, len(message.payload), now):
            return False
        self._deaf[terminal] = now + _DEAF_MS
        _log.error("loudspeaker-floods", terminal=terminal)
        changes = self._attendance.flooding(terminal, FLOODS, now)
        self._attendance.adopt(changes)
        for event in changes.events:
            self._tell(event)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._shut_out(terminal))
        return True

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _shut_out(self, terminal: str) -> None:
        if self._accounts is not None:
            try:
                await asyncio.to_thread(self._accounts.shut_out, terminal, self._now(), FLOODS)
            except (AlertdError, OSError) as error:
                _log.warning("loudspeaker-not-shut-out", error=type(error).__name__)
        await asyncio.sleep(_BROKER_PATIENCE_S)
        self._link.hang_up()
