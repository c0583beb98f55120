"""Where new identities come from: injected, so that a run can be repeated."""

import hashlib
from typing import Protocol

from alertd.model import Millis

_COUNTER_BITS = 40
_NODE_BITS = 22  # with the counter, the 62 free bits behind a UUID's variant


class Ids(Protocol):
    """Gives identities that no other node and no other call gives."""

    def uuid(self) -> bytes:
        """A UUIDv7 (RFC 9562), 16 bytes."""


class SequentialIds:
    """UUIDv7s that count: for tests and for simulated worlds, which must run the same twice.

    Args:
        node: Whose ids these are; two nodes' never meet.
        at: The time that all of them carry, ms.
    """

    def __init__(self, node: str = "", at: Millis = 0) -> None:
        digest = hashlib.sha256(node.encode()).digest()
        node_bits = int.from_bytes(digest[:4]) >> (32 - _NODE_BITS)
        self._base = at << 80 | 0x7 << 76 | 0b10 << 62 | node_bits << _COUNTER_BITS
        self._count = 0

    def uuid(self) -> bytes:
        """The next one; they sort in the order they were given."""
        self._count += 1
        return (self._base | self._count).to_bytes(16)
