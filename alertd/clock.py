"""The clocks that bootstrap hands in; nothing below reads the time itself.

A node's clock takes the wall clock once and then counts by the monotonic one, so that a wall clock
that is set forward or back in mid-alert moves no deadline and skips no rung.
"""

import os
import time

from alertd.model import Millis


class SteadyClock:
    """Milliseconds since the epoch, never backwards.

    Args:
        speed: How many times faster than life; above 1 only in demonstrations.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._wall = time.time_ns() // 1_000_000
        self._started = time.monotonic()

    def __call__(self) -> Millis:
        """Now."""
        return self._wall + round((time.monotonic() - self._started) * 1000 * self.speed)

    def of_wall(self, wall: Millis) -> Millis:
        """What we read when the wall clock reads `wall`: for the words of peers that live by it."""
        return self._wall + round((wall - self._wall) * self.speed)

    def drift_ms(self) -> int:
        """How far the wall clock has gone from ours since the start; large: somebody set it."""
        return time.time_ns() // 1_000_000 - self() if self.speed == 1.0 else 0


class UuidV7:
    """UUIDv7s (RFC 9562) by the wall clock and the system's random source."""

    def uuid(self) -> bytes:
        """A fresh one, 16 bytes."""
        millis = time.time_ns() // 1_000_000
        random = int.from_bytes(os.urandom(10))
        value = millis << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64
        value |= 0b10 << 62 | random & ((1 << 62) - 1)
        return value.to_bytes(16)
