"""What many browsers ask for at once is made once for all of them: a board has any number of them.

An answer is good for whoever asks while nothing was committed since it was begun; else it is made
anew, once a second at most, and whoever came meanwhile waits for that one. So nobody is answered
with what was before their asking, and two hundred boards cost what one does.
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Annotated, Final, cast

from fastapi import Depends, Request

from alertd.web.deps import Deps

_EFFORT: Final = 6  # of packing; a board takes two milliseconds
LEAST_S: Final = 1.0
"""An answer is made so often at the most."""
LONGEST_S: Final = 5.0
"""Times and presence move without facts of this process: an answer is made so often at least."""


@dataclass(frozen=True, slots=True)
class Made:
    """An answer as it goes over the wire, and the same packed: a board's is a twelfth of it then.

    What is packed may hold no secret: from the length of an answer that also holds what a stranger
    could have us say, the secret can be guessed.
    """

    plain: bytes
    packed: bytes


def pack(text: str) -> Made:
    """Pack an answer, once for all who ask for it."""
    plain = text.encode()
    return Made(plain, gzip.compress(plain, _EFFORT, mtime=0))


@dataclass(slots=True)
class _Kept:
    """One answer, and when and after how many commits its making began."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    made: Made = Made(b"", b"")
    began_s: float = float("-inf")
    commits: int = -1


class Shared:
    """The answers of one application, by what was asked for."""

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self._kept: dict[Hashable, _Kept] = {}

    async def get(
        self, key: Hashable, make: Callable[[], Awaitable[Made]], *, longest_s: float = LONGEST_S
    ) -> Made:
        """The answer to `key`, which holds all that it depends on but the store.

        Nobody gets one that is older than `longest_s`, whatever was committed.
        """
        clock = asyncio.get_running_loop().time
        asked_s = clock()
        kept = self._kept.setdefault(key, _Kept())
        async with kept.lock:
            if kept.began_s >= asked_s or self._is_fresh(kept, clock(), longest_s):
                return kept.made
            await asyncio.sleep(max(0.0, kept.began_s + LEAST_S - clock()))
            kept.began_s, kept.commits = clock(), self.deps.runner.commits
            kept.made = await make()
            self._forget(clock())
            return kept.made

    def _is_fresh(self, kept: _Kept, now_s: float, longest_s: float) -> bool:
        # Other processes commit, too, and don't tell us.
        still = kept.commits == self.deps.runner.commits and not self.deps.store.shared
        return still and now_s - kept.began_s < longest_s

    def _forget(self, now_s: float) -> None:
        """Drop what nobody has asked for lately."""
        for key, kept in list(self._kept.items()):
            if now_s - kept.began_s > 2 * LONGEST_S and not kept.lock.locked():
                del self._kept[key]


async def shared_of(request: Request) -> Shared:
    """The application's."""
    return cast("Shared", request.app.state.shared)


Sharing = Annotated[Shared, Depends(shared_of)]
