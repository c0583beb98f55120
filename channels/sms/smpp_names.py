"""Names for messages that come without one: SMPP gives a reply no id of its own.

What a gateway brings again must bear its old name, or it counts twice; a person who writes the same
word again must not, or it counts once. SMPP tells neither apart, but it says what may be brought
again: what we refused, and what the connection ended over before our answer had surely been read.
So those are remembered, and only they give their name to an equal message. The memory is of this
process: what an old one didn't answer has a new name in a new one, and counts twice at worst.
"""

import hashlib
import itertools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST = 10_000
_UNREAD_S = 300.0  # what the connection ended over is brought again as soon as there is another


@dataclass(slots=True)
class _Open:
    name: str
    connection: object  # by which it came last
    at: float  # when
    refused: bool = False


class Names:
    """Gives them.

    Args:
        fresh: A word that no other call returns, nor did in an earlier process.
    """

    def __init__(self, fresh: Callable[[], str]) -> None:
        self._fresh = fresh
        self._open: OrderedDict[bytes, list[_Open]] = OrderedDict()

    def name(self, looks: bytes, connection: object, now: float) -> str:
        """A message's name.

        Args:
            looks: `fingerprint` of it.
            connection: What it came by.
            now: Seconds, by a clock that only goes forward.
        """
        known = self._open.setdefault(looks, [])
        for one in known:
            # Stored already, an old one could swallow a new answer; stored twice, it counts once.
            unread = one.connection is not connection and now - one.at < _UNREAD_S
            if one.refused or unread:
                one.refused, one.connection, one.at = False, connection, now
                return one.name
        one = _Open(self._fresh(), connection, now)
        known.append(one)
        if len(self._open) > _MOST:
            self._open.popitem(last=False)
        return one.name

    def refused(self, looks: bytes, name: str) -> None:
        """The gateway was told that we don't have it, and may bring it again."""
        for one in self._open.get(looks, []):
            if one.name == name:
                one.refused = True

    def settled(self, looks: bytes, name: str) -> None:
        """The gateway has read that we have it: an equal one is another."""
        left = [one for one in self._open.get(looks, []) if one.name != name]
        if left:
            self._open[looks] = left
        else:
            self._open.pop(looks, None)


def fresh_names(run: str) -> Callable[[], str]:
    """Names that never repeat; `run` is this process's own word."""
    numbers = itertools.count(1)
    return lambda: f"n-{run}-{next(numbers)}"


def fingerprint(*facts: str | bytes | int) -> bytes:
    """What two deliveries of one message have in common."""
    digest = hashlib.blake2b(digest_size=16)
    for fact in facts:
        octets = fact if isinstance(fact, bytes) else str(fact).encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(octets), octets))
    return digest.digest()
