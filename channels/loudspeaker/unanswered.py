"""Who was told by a command to an area and hasn't answered is asked singly, once answers cease.

A thousand that answer at once take a broker many seconds: while answers come, those that haven't
been heard yet are likelier in its queue than silent, and asking them, too, would only lengthen it.

With the same command id: one that obeyed and whose answer was slow or lost answers once more, and
plays nothing again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from channels.base import Outgoing

_LONGEST = 4  # graces: shorter than whoever waits for the answer does, as a rule


class Unanswered:
    """The commands of areas that wait for their loudspeakers' answers.

    What is forgotten with us is asked again by whoever waits for the answer, as a further try.

    Args:
        grace_s: How long it must have been quiet; four times as long at most.
        ask: Asks one of them by itself, by message and command id; never raises.
    """

    def __init__(self, grace_s: float, ask: Callable[[Outgoing, str], Awaitable[None]]) -> None:
        self._grace_s = grace_s
        self._ask = ask
        self._open: dict[str, Outgoing] = {}
        self._heard_at = 0.0
        self._timers: set[asyncio.TimerHandle] = set()
        self._asking: set[asyncio.Task[None]] = set()

    def expect(self, told: Mapping[str, Outgoing]) -> None:
        """They are about to be told; an answer may be here before the broker's word."""
        self._open.update(told)

    def begin(self, told: Mapping[str, Outgoing]) -> None:
        """The broker has it: the grace begins."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        timer: asyncio.TimerHandle

        def wait_until(at: float) -> None:
            nonlocal timer
            timer = loop.call_at(at, over)
            self._timers.add(timer)

        def over() -> None:
            self._timers.discard(timer)
            due = ask_at(began, self._heard_at, self._grace_s)
            if due > loop.time() and any(cmd_id in self._open for cmd_id in told):
                wait_until(due)
                return
            for cmd_id, message in told.items():
                if cmd_id in self._open:
                    task = asyncio.ensure_future(self._one(message, cmd_id))
                    self._asking.add(task)
                    task.add_done_callback(self._asking.discard)

        wait_until(began + self._grace_s)

    def answered(self, cmd_id: str) -> None:
        """Its loudspeaker has said something about it."""
        if self._open.pop(cmd_id, None) is not None:
            self._heard_at = asyncio.get_running_loop().time()

    def forget(self, cmd_ids: Collection[str]) -> None:
        """They needn't be asked: they weren't told by this way after all, or mustn't sound."""
        for cmd_id in cmd_ids:
            self._open.pop(cmd_id, None)

    def stop(self, alerts: Collection[str]) -> None:
        """Nobody is to be told any more to sound one of `alerts`."""
        self.forget([i for i, m in self._open.items() if m.alert in alerts and not m.stop])

    def waits(self, cmd_id: str) -> bool:
        """Whether it is still to be asked."""
        return cmd_id in self._open

    async def close(self) -> None:
        """Ask nobody any more."""
        self._open.clear()
        for timer in self._timers:
            timer.cancel()
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _one(self, message: Outgoing, cmd_id: str) -> None:
        try:
            await self._ask(message, cmd_id)
        finally:
            self._open.pop(cmd_id, None)


def ask_at(began: float, heard: float, grace_s: float) -> float:
    """When those that are silent are asked.

    Args:
        began: When the broker confirmed the command to the area.
        heard: When an answer to any such command came last.
        grace_s: How long it must have been quiet.
    """
    return min(max(began, heard) + grace_s, began + _LONGEST * grace_s)
