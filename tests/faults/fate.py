"""Where a victim dies: at the nth passing of a labelled step, by SIGKILL from its own hand.

A label is `before:KIND` or `after:KIND`, the commit of a transaction that records such a fact, or
`send` and `sent`, the moment before a message leaves and after its gateway has answered.
"""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alertd.model import Millis
from alertd.store.database import Store, Transaction
from channels.base import Channel, Outcome, Outgoing


@dataclass
class Fate:
    """Counts down to the victim's last moment; an empty label: it lives."""

    label: str = ""
    left: int = 1

    def reached(self, *labels: str) -> None:
        """Die here, if this is it."""
        if self.label in labels:
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class MortalStore(Store):
    """A store that may die just before or just after a commit."""

    fate = Fate()

    @contextmanager
    def transaction(self, now: Millis, *, deciding: bool = True) -> Iterator[Transaction]:
        kinds: list[str] = []
        with super().transaction(now, deciding=deciding) as tx:
            yield tx
            kinds = sorted({fact.kind for fact in tx.facts})
            self.fate.reached(*(f"before:{kind}" for kind in kinds))
        self.fate.reached(*(f"after:{kind}" for kind in kinds))


class MortalChannel:
    """A channel that may die with a message on its lips."""

    def __init__(self, channel: Channel, fate: Fate, say: Callable[[Any], None]) -> None:
        self.channel = channel
        self.fate = fate
        self.say: Callable[[Any], None] | None = say  # until it has said that it sends

    def __getattr__(self, name: str) -> Any:
        return getattr(self.channel, name)

    async def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        if self.say is not None:
            self.say({"sends": True})
            self.say = None
        self.fate.reached("send")
        async for outcome in self.channel.send_many(messages):
            self.fate.reached("sent")
            yield outcome
