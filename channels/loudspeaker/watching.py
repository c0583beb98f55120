"""Looks who has fallen silent, for as long as a route lives."""

import asyncio
from collections.abc import Callable, Sequence

from channels.base import Event
from channels.loudspeaker.attendance import Attendance, Changes
from channels.loudspeaker.link import Link
from channels.loudspeaker.link_messages import Received
from channels.loudspeaker.reports import split_topic
from channels.loudspeaker.silence import Silence

_LOOK_S = 5.0


class Watch:
    """Tells that a loudspeaker is offline when it wasn't heard for too long.

    Args:
        after_ms: Too long; 0: never.
        attendance: Who is there, by their own word and their last will.
        link: While it is down nobody can be heard.
        now: ms.
        tell: Takes what is found.
        look_s: How often it looks.
    """

    def __init__(
        self,
        after_ms: int,
        attendance: Attendance,
        link: Link,
        now: Callable[[], int],
        tell: Callable[[Event], None],
        look_s: float = _LOOK_S,
    ) -> None:
        self._silence = Silence(after_ms)
        self._attendance = attendance
        self._link = link
        self._now = now
        self._tell = tell
        self._look_s = min(look_s, after_ms / 3000) if after_ms else look_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._look())

    async def close(self) -> None:
        """End."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def back(self) -> None:
        """The link is up again: from now on they can be heard."""
        self._silence.start_over(self._now())

    def heard(self, message: Received) -> None:
        """A loudspeaker said something."""
        if terminal := split_topic(message.topic)[0]:
            self._silence.heard(terminal, self._now(), retained=message.retained)

    def absent(self, terminal: str) -> None:
        """The broker says that nobody listens where it would."""
        self._gone([terminal])

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            if self._link.up:
                self._gone(self._silence.overdue(self._now()))
                self._tell_of(self._attendance.calm(self._now()))

    def _gone(self, terminals: Sequence[str]) -> None:
        self._tell_of(self._attendance.silent(terminals, self._now()))

    def _tell_of(self, changes: Changes) -> None:
        self._attendance.adopt(changes)
        for event in changes.events:
            self._tell(event)
