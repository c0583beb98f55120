"""Watches the data folder for the engine: its disk (see `decide.space`), and that it is there."""

from pathlib import Path

import structlog

from alertd.decide.space import Ballast, judge
from alertd.errors import MovedError
from alertd.store.ballast import BallastFile
from alertd.store.database import Store
from alertd.store.footing import Footing

_MIB = 1 << 20

log = structlog.get_logger("alertd.engine")


class Space:
    """The space there is, as of the last look.

    Args:
        file: The data folder's ballast.
    """

    def __init__(self, file: BallastFile) -> None:
        self.file = file
        self.footing = Footing()  # what is written to, once it is open
        self.moved = False  # it isn't there any more by its name
        self.short = False  # new work is refused
        self.free = file.free()
        self.held = file.held()
        self._logged: dict[str, dict[str, float]] = {}  # figures by word

    def stand_on(self, store: Store, lock: Path) -> None:
        """Watch the files that a process goes on writing to, which it has open by now.

        While there is space the store's journal takes the place that it may grow to.

        Args:
            store: That was opened.
            lock: Of the data folder, which is held.
        """
        self.footing = store.footing(lock)
        if not self.short:
            store.reserve_log()

    def look(self, *, failed: bool = False) -> bool:
        """Look again, and make or give up the ballast; returns whether space is short.

        Args:
            failed: The last step could not be committed for want of space.

        Raises:
            MovedError: What is written to isn't what has its name.
        """
        self.moved = not self.footing.holds()
        if self.moved:
            raise MovedError
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
            self._log()
        return self.short

    def _log(self) -> None:
        """Once for the same figures: of a disk that isn't full, but fails, each step says so."""
        word, figures = self._word(), self._figures()
        if self._logged.get(word) != figures:
            self._logged[word] = figures
            log.log(30 if self.short else 20, word, **figures)

    def _word(self) -> str:
        return "disk space is short" if self.short else "disk space is enough again"

    def _figures(self) -> dict[str, float]:
        return {"free_mib": round(self.free / _MIB, 1), "ballast_mib": round(self.held / _MIB, 1)}
