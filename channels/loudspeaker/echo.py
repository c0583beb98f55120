"""Whether what is said to alertd arrives: brokers grant subscriptions that their ACL denies.

Mosquitto answers such a SUBSCRIBE with success and then delivers nothing, so that every answer of a
loudspeaker is lost in silence. After each connect, and each minute, a word is published that the
subscriptions themselves bring back: rights are changed while we are connected, too, and set right.
A broker that doesn't let us publish it hangs up, as some do, or drops it.
"""

import asyncio
import secrets
from collections.abc import Callable
from enum import StrEnum

import structlog

from channels.loudspeaker.commands import ROOT
from channels.loudspeaker.link import Link
from channels.loudspeaker.link_messages import Received
from channels.loudspeaker.unsent import LostWordError, NobodyListensError, NotHandedOverError

_log = structlog.get_logger(__name__)

PATIENCE_S = 10.0
_CONFIRM_PATIENCE_S = 30.0  # a disk's stall isn't silence
_PAUSE_S = 60.0
_MOST_LOST = 3  # connections that ended in its answer's place, one after the other


class Hearing(StrEnum):
    """What is known."""

    UNKNOWN = "unknown"
    HEARS = "hears"
    DEAF = "deaf"  # confirmed by the broker, and never brought back
    SILENT = "silent"  # not even confirmed
    UNTRIED = "untried"  # the broker hung up on it: it isn't said again


class Echo:
    """Tries it after each connect, and now and then.

    Args:
        link: Subscribed to what loudspeakers say.
        name: Of our session; it stands where a loudspeaker's id would.
        patience_s: How long the word may take to come back.
        confirm_patience_s: And how long to be confirmed.
        pause_s: Between two words.
    """

    def __init__(
        self,
        link: Link,
        name: str,
        patience_s: float = PATIENCE_S,
        *,
        confirm_patience_s: float = _CONFIRM_PATIENCE_S,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self.hearing = Hearing.UNKNOWN
        self._link = link
        self._topic = f"{ROOT}/terminal/{name}/ack"
        self._patience_s = patience_s
        self._confirm_patience_s = confirm_patience_s
        self._pause_s = pause_s
        self._word = b""
        self._lost = 0
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def connected(self) -> None:
        """The link is up: try."""
        if self.hearing is not Hearing.UNTRIED:
            self._cancel()
            self._task = asyncio.get_running_loop().create_task(self._try())

    def took(self, message: Received) -> bool:
        """Whether it is the word, and so nobody else's."""
        if message.topic != self._topic:
            if message.topic.endswith("/ack") and not message.retained:
                self._came.set()  # a thousand that answer at once may come before the word
            return False
        if message.payload == self._word:
            self._came.set()
        self._link.acknowledge(message)
        return True

    async def close(self) -> None:
        """End."""
        self._cancel()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _try(self) -> None:
        while (found := await self._once()) is not None:
            self._found(found)
            if found is Hearing.UNTRIED:
                return
            await asyncio.sleep(self._pause_s)

    async def _once(self) -> Hearing | None:
        """What was found; None where the connection has ended, and the next one tries again."""
        self._word = secrets.token_hex(8).encode()
        self._came.clear()
        try:
            async with asyncio.timeout(self._confirm_patience_s):
                await self._link.publish(self._topic, self._saying(self._word))
        except TimeoutError:
            return Hearing.SILENT
        except NobodyListensError:
            return Hearing.DEAF  # not even we, who have just subscribed
        except NotHandedOverError as error:
            return None if error.away else self.hearing  # its turn didn't come
        except LostWordError:
            self._lost += 1
            return Hearing.UNTRIED if self._lost >= _MOST_LOST else None
        self._lost = 0
        try:
            async with asyncio.timeout(self._patience_s):
                await self._came.wait()
        except TimeoutError:
            return Hearing.DEAF
        return Hearing.HEARS

    @staticmethod
    def _saying(word: bytes) -> Callable[[], bytes]:
        return lambda: word

    def _found(self, hearing: Hearing) -> None:
        if hearing is not self.hearing:
            (_log.info if hearing is Hearing.HEARS else _log.warning)("mqtt-echo", hearing=hearing)
        self.hearing = hearing
