"""Watches the data folder's disk for the engine: see `decide.space`."""

import structlog

from alertd.decide.space import Ballast, judge
from alertd.store.ballast import BallastFile

_MIB = 1 << 20

log = structlog.get_logger("alertd.engine")


class Space:
    """The space there is, as of the last look.

    Args:
        file: The data folder's ballast.
    """

    def __init__(self, file: BallastFile) -> None:
        self.file = file
        self.short = False  # new work is refused
        self.free = file.free()
        self.held = file.held()

    def look(self, *, failed: bool = False) -> bool:
        """Look again, and make or give up the ballast; returns whether space is short.

        Args:
            failed: The last step could not be committed for want of space.
        """
        self.free, self.held = self.file.free(), self.file.held()
        before = self.short
        self.short, act = judge(
            short=before,
            free=self.free,
            held=self.held,
            wanted=self.file.wanted,
            failed=failed,
        )
        if act is Ballast.RELEASE:
            self.file.release()
        elif act is Ballast.MAKE:
            self.short = not self.file.make()
        if act is not Ballast.KEEP:
            self.free, self.held = self.file.free(), self.file.held()
        if act is Ballast.RELEASE or self.short != before:
            log.log(30 if self.short else 20, self._word(), **self._figures())
        return self.short

    def _word(self) -> str:
        return "disk space is short" if self.short else "disk space is enough again"

    def _figures(self) -> dict[str, float]:
        return {"free_mib": round(self.free / _MIB, 1), "ballast_mib": round(self.held / _MIB, 1)}
