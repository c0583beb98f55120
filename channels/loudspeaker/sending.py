"""Hands messages over to the broker: one command to an area where that will do, else one to each.

A command to an area holds each loudspeaker's own command id, so that everything after it, an answer
or a further try, is as if each had been told by itself.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from channels.base import Accepted, Fault, Outgoing, Send, SendError
from channels.loudspeaker.announcing import Announcer
from channels.loudspeaker.commands import (
    Command,
    Numbering,
    SigningKey,
    Try,
    command_id,
    command_topic,
    is_terminal_id,
    sign,
)
from channels.loudspeaker.grouping import plan
from channels.loudspeaker.link import Link
from channels.loudspeaker.orders import Manner, expiry, hush, order, order_to_area
from channels.loudspeaker.unanswered import Unanswered
from channels.loudspeaker.unsent import (
    LostWordError,
    NobodyListensError,
    NotAllowedError,
    NotHandedOverError,
)

_MS = 1000


class Sender:
    """One route's.

    Args:
        link: To the broker.
        key: Signs.
        manner: How texts are played.
        announcer: Makes their sounds, or None.
        now: ms.
        areas: The loudspeakers that hear each area's commands, as they are at the moment.
        grace_s: How long no loudspeaker told by area must have answered, before the rest are asked.
        absent: Told of a message whose loudspeaker isn't there, and was thought to have been told.
    """

    def __init__(
        self,
        link: Link,
        key: SigningKey,
        manner: Manner,
        announcer: Announcer | None,
        *,
        now: Callable[[], int],
        areas: Callable[[], Mapping[str, frozenset[str]]],
        grace_s: float,
        absent: Callable[[Outgoing], None],
    ) -> None:
        self._link = link
        self._key = key
        self._manner = manner
        self._announcer = announcer
        self._now = now
        self._areas = areas
        self._absent = absent
        self._numbering = Numbering()
        self._unanswered = Unanswered(grace_s, self._ask_again)

    def together(self, messages: Sequence[Outgoing]) -> Send:
        """What sends each of the messages that were handed over together, or raises SendError."""
        shared: dict[tuple[int, int], _ToArea] = {}
        for area, told in plan(messages, self._areas()).areas:
            to_area = _ToArea(area, told, self)
            shared |= {(message.delivery, message.attempt): to_area for message in told}

        async def send(message: Outgoing) -> Accepted:
            return await self._send(message, shared.get((message.delivery, message.attempt)))

        return send

    def answered(self, cmd_id: str) -> None:
        """Its loudspeaker has said something about it."""
        self._unanswered.answered(cmd_id)

    async def close(self) -> None:
        """Ask nobody any more."""
        await self._unanswered.close()

    async def _send(self, message: Outgoing, to_area: "_ToArea | None") -> Accepted:
        if not is_terminal_id(message.address):
            raise SendError(Fault.DEAD, "bad-terminal-id")
        self._unanswered.stop((message.alert, *message.stops) if message.stop else message.stops)
        cmd_id = self._cmd_id(message)
        try:
            if to_area is None or not await to_area.tell(message):
                await self._singly(message, cmd_id, await self._sound(message))
        except NobodyListensError as error:
            self._absent(message)
            raise SendError(Fault.BUSY, error.code) from None
        except NotAllowedError as error:
            raise SendError(Fault.REFUSED, error.code) from None
        except NotHandedOverError as error:
            fault = Fault.AWAY if error.away else Fault.RETRY
            raise SendError(fault, error.code) from None
        except LostWordError as error:
            raise SendError(Fault.UNKNOWN, error.code) from None
        except ValueError:
            raise SendError(Fault.REFUSED, "text-too-long-or-not-unicode") from None
        return Accepted(reference=cmd_id)

    def _cmd_id(self, message: Outgoing) -> str:
        return command_id(
            self._key, message.address, message.alert, message.delivery, message.attempt
        )

    async def _sound(self, message: Outgoing) -> tuple[str, str]:
        if self._announcer is None or message.stop:
            return "", ""
        return await self._announcer.sound(message.text, message.language)

    async def _singly(
        self,
        message: Outgoing,
        cmd_id: str,
        sound: tuple[str, str],
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        topic = command_topic(f"terminal/{message.address}")

        def silence(old: Outgoing, number: int, now: int) -> Command:
            if not wanted():
                raise NotHandedOverError("not-wanted-any-more")
            return order(old, self._hush_id(message), number, now, self._manner)

        def payload() -> bytes:
            if not wanted():
                raise NotHandedOverError("not-wanted-any-more")
            now = self._in_time(message)
            number = self._numbering.next(topic, now)
            return sign(order(message, cmd_id, number, now, self._manner, sound), self._key)

        await self._hush(topic, message, silence)
        tag = (Try(message.delivery, message.attempt),)
        await self._link.publish(topic, payload, tag, lasts_s=self._lasts(message))

    async def to_area(self, wanted: "_ToArea") -> bool:
        """Publish one command for those who still wait when its turn has come.

        Returns:
            False where it can't be, and each has to be asked singly.
        """
        topic = command_topic(f"area/{wanted.area}")
        first, told = wanted.first, wanted.told
        sound = await self._sound(first)
        tries: list[Try] = []

        def named(id_of: Callable[[Outgoing], str]) -> dict[str, str]:
            if not wanted.waiting:
                raise NotHandedOverError("not-wanted-any-more")
            return {m.address: id_of(m) for m in wanted.waiting.values()}

        def silence(old: Outgoing, number: int, now: int) -> Command:
            names = named(self._hush_id)
            return order_to_area(wanted.area, names, old, number, now, self._manner)

        def payload() -> bytes:
            now = self._in_time(first)
            names = named(self._cmd_id)
            number = self._numbering.next(topic, now)
            made = order_to_area(wanted.area, names, first, number, now, self._manner, sound)
            data = sign(made, self._key)
            told.update({names[m.address]: m for m in wanted.waiting.values()})
            tries.extend(Try(m.delivery, m.attempt) for m in told.values())
            self._unanswered.expect(told)
            return data

        try:
            await self._hush(topic, first, silence)
            await self._link.publish(topic, payload, tries, lasts_s=self._lasts(first))
        except (NobodyListensError, NotAllowedError, ValueError):
            self._unanswered.forget(told)
            return False
        except (NotHandedOverError, LostWordError):
            self._unanswered.forget(told)
            raise
        self._unanswered.begin(told)
        return True

    async def _hush(
        self,
        topic: str,
        message: Outgoing,
        silence: Callable[[Outgoing, int, int], Command],
    ) -> None:
        """Before a text, stop what it takes the place of: both may have waited in the broker.

        Where the broker's word on that is lost, its word on the text decides.
        """
        if message.stop or not message.stops:
            return
        old = hush(message)

        def payload() -> bytes:
            now = self._now()
            return sign(silence(old, self._numbering.next(topic, now), now), self._key)

        with contextlib.suppress(LostWordError):
            await self._link.publish(topic, payload, lasts_s=self._lasts(old))

    def _hush_id(self, message: Outgoing) -> str:
        """Of no try's: that it was obeyed says nothing of the text that follows."""
        name = f"hush {message.address}"
        return command_id(self._key, name, message.alert, message.delivery, message.attempt)

    async def _ask_again(self, message: Outgoing, cmd_id: str) -> None:
        """Where it fails, the delivery stays open, and whoever waits for its answer tries again."""
        try:
            sound = await self._sound(message)
            await self._singly(message, cmd_id, sound, lambda: self._unanswered.waits(cmd_id))
        except NobodyListensError:
            self._absent(message)
        except (NotHandedOverError, LostWordError, SendError, ValueError):
            return

    def _in_time(self, message: Outgoing) -> int:
        now = self._now()
        if not message.stop and message.expires_at <= now:
            raise SendError(Fault.REFUSED, "expired")
        return now

    def _lasts(self, message: Outgoing) -> Callable[[], int]:
        """In how many whole seconds the broker may forget it, asked for when its turn has come."""

        def lasts() -> int:
            now = self._now()
            return max(1, -(-(expiry(message, now) - now) // _MS))

        return lasts


class _ToArea:
    """One command for several messages, each of which waits for it by itself.

    Whoever gives up before its turn has come isn't named in it, and so nothing has left for it.
    """

    def __init__(self, area: str, messages: Sequence[Outgoing], sender: Sender) -> None:
        self.area = area
        self.first = messages[0]
        self.waiting = {message.delivery: message for message in messages}
        self.told: dict[str, Outgoing] = {}  # once its turn has come, by command id
        self._sender = sender
        self._task: asyncio.Task[bool] | None = None

    async def tell(self, message: Outgoing) -> bool:
        """Whether it was told; raises as `Link.publish` does."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._sender.to_area(self))
            self._task.add_done_callback(_seen)
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            if self.told:
                raise
            self.waiting.pop(message.delivery, None)
            raise NotHandedOverError("window-full") from None


def _seen(task: asyncio.Task[bool]) -> None:
    """Its error is told to those who wait; where all gave up, to nobody."""
    if not task.cancelled():
        task.exception()
