"""Who has read a work notification: asked for, since DingTalk doesn't tell by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from channels.base import Event, Fault, Outgoing, Receipt, ReceiptStatus, SendError
from channels.chat.dingwork_wire import Fate, fate_of
from channels.http_web import WebAnswer

_ASKED_FOR_MS = 24 * 3_600_000  # DingTalk knows a task for so long
_LONGEST_WAIT_S = 600.0
_MOST = 20_000  # messages remembered
_TICK_S = 0.5
_FAILED = {
    Fate.INVALID: Fault.DEAD,
    Fate.FORBIDDEN: Fault.REFUSED,
    Fate.FAILED: Fault.RETRY,
}
_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Unread:
    """A message whose reading is waited for."""

    delivery: int
    attempt: int
    user: str = field(repr=False)
    task: int
    sent_at: int  # ms
    wait_s: float
    due: float  # by the loop's clock


class Reading:
    """Asks for each message until it was read, failed, or a day is over.

    After a restart nothing is known of what was sent before: it stays accepted.

    Args:
        ask: What DingTalk says of a task.
        told: Returns when a receipt is committed.
        now: ms since the epoch.
        poll_s: The first question's time after the sending; each further one waits twice as long.
    """

    def __init__(
        self,
        ask: Callable[[int], Awaitable[WebAnswer]],
        told: Callable[[Sequence[Event]], Awaitable[None]],
        now: Callable[[], int],
        poll_s: float,
    ) -> None:
        self._ask = ask
        self._told = told
        self._now = now
        self._poll_s = poll_s
        self._unread: list[_Unread] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Ask no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def wait_for(self, message: Outgoing, task: int) -> None:
        """Ask for this one; the oldest is forgotten where there are too many."""
        due = asyncio.get_running_loop().time() + self._poll_s
        names = (message.delivery, message.attempt, message.address)
        unread = _Unread(*names, task, self._now(), self._poll_s, due)
        self._unread = [*self._unread[-_MOST + 1 :], unread]

    async def _go_on(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TICK_S)
            for unread in [each for each in self._unread if each.due <= loop.time()]:
                unread.wait_s = min(unread.wait_s * 2, _LONGEST_WAIT_S)
                unread.due = loop.time() + unread.wait_s
                if self._now() - unread.sent_at > _ASKED_FOR_MS or await self._is_over(unread):
                    self._unread = [each for each in self._unread if each is not unread]

    async def _is_over(self, unread: _Unread) -> bool:
        """Whether its end is known, and committed; if not it is asked for again."""
        try:
            fate = fate_of(await self._ask(unread.task), unread.user, self._now())
            if fate is Fate.OPEN:
                return False
            await self._told((_receipt(unread, fate),))
        except SendError as error:
            _log.warning("dingwork-not-told", code=error.code)
            return False
        except Exception as error:  # noqa: BLE001 - a store that is full must not end the asking
            _log.warning("dingwork-not-stored", error=type(error).__name__)
            return False
        return True


def _receipt(unread: _Unread, fate: Fate) -> Receipt:
    fault = _FAILED.get(fate)
    return Receipt(
        delivery=unread.delivery,
        attempt=unread.attempt,
        status=ReceiptStatus.FAILED if fault else ReceiptStatus.DELIVERED,
        fault=fault,
        code=f"dingwork-{fate.value}" if fault else "",
        detail="" if fault else fate.value,
        reference=str(unread.task),
    )
