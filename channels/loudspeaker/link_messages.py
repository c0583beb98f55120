"""What goes over a link, and what comes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker."""

    topic: str  # "" where it wasn't UTF-8
    payload: bytes = field(repr=False)
    retained: bool
    qos: int
    mid: int
    connection: int  # which of our connections it came by: only there can it be acknowledged
    number: int = 0  # grows with each that comes


@dataclass(slots=True)
class Request:
    """One that is to be published, until the broker has confirmed it."""

    topic: str
    payload: Callable[[], bytes]
    tag: Any
    confirmed: asyncio.Future[None]
    lasts_s: Callable[[], int] | None
    sent: bool = False
    in_window: bool = False
    ended: int = 0  # connections that ended before it was confirmed
