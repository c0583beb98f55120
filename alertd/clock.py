"""The clocks that bootstrap hands in; nothing below reads the time itself.

A node's clock takes the wall clock once and then counts by the monotonic one, so that a wall clock
that is set forward or back in mid-alert moves no deadline and skips no rung. Whether it begins at
the wall clock's time, or takes it later, is decided by `decide/timekeeping.py`.
"""

import os
import time
from collections.abc import Callable

from alertd.model import Millis


def machine_ms() -> Millis:
    """What this machine's clock says."""
    return time.time_ns() // 1_000_000


POSTGRESQLS = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
"""Asks for what the clock of a PostgreSQL server's machine says, in the same unit."""


class SteadyClock:
    """Milliseconds since the epoch; backwards only where `move` is told so.

    Args:
        speed: How many times faster than life; above 1 only in demonstrations.
        asked: What says the wall clock's time; of processes that share a database it is one for
            all of them (`Node.open`).
    """

    def __init__(self, speed: float = 1.0, asked: Callable[[], Millis] = machine_ms) -> None:
        self.speed = speed
        self.asked = asked
        wall = asked()
        # In one value: other threads read while `move` writes.
        self._from = (wall, wall, time.monotonic())

    def __call__(self) -> Millis:
        """Now."""
        at, _, since = self._from
        return at + round((time.monotonic() - since) * 1000 * self.speed)

    def move(self, to: Millis) -> None:
        """Count on from `to`."""
        self._from = (to, machine_ms(), time.monotonic())

    def wall(self) -> Millis:
        """What the wall clock says; a clock that is faster than life has none beside it."""
        return self.asked() if self.speed == 1.0 else self()

    def of_wall(self, wall: Millis) -> Millis:
        """What we read when the wall clock reads `wall`: for the words of peers that live by it."""
        at, then, _ = self._from
        return at + round((wall - then) * self.speed)


class UuidV7:
    """UUIDv7s (RFC 9562) by the wall clock and the system's random source."""

    def uuid(self) -> bytes:
        """A fresh one, 16 bytes."""
        millis = time.time_ns() // 1_000_000
        random = int.from_bytes(os.urandom(10))
        value = millis << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64
        value |= 0b10 << 62 | random & ((1 << 62) - 1)
        return value.to_bytes(16)
