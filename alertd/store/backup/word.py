"""What a data folder knows of the backups that were made of it: the last, and whether it failed.

Who runs at night is looked at by nobody, and one that was killed says nothing. So a try leaves word
before it begins, and whoever reads finds that nothing came of it.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from alertd.errors import ConflictError
from alertd.i18n import N_
from alertd.model import Millis
from alertd.whole import write_whole

FILE: Final = "last-backup.json"
OLD_MS: Final = 7 * 86_400_000
_LASTS_MS: Final = 3_600_000  # so long one may be under way
_FAILED: Final = N_("The last backup wasn't made; alertd doctor says more.")
_OLD: Final = N_("The last backup was made more than a week ago.")
WARNINGS: Final = frozenset({_FAILED, _OLD})


@dataclass(frozen=True, slots=True)
class Word:
    """All that is known.

    Args:
        folder: Where the last one lies; "" where there was none.
        taken_at: When it was made, ms.
        tried_at: When the last try was begun; another time than `taken_at` where it made none.
        why: What was said of that, in English; "" where it said nothing.
        apart: Folders of backups that were on another disk than the database.
    """

    folder: str = ""
    taken_at: Millis = 0
    tried_at: Millis = 0
    why: str = ""
    apart: tuple[str, ...] = ()

    def failed(self, now: Millis) -> bool:
        """Whether nothing has come of the last try."""
        under_way = not self.why and now - self.tried_at < _LASTS_MS
        return self.tried_at != self.taken_at and not under_way

    def begun(self, now: Millis) -> Self:
        """A try begins."""
        return replace(self, tried_at=now, why="")

    def made(self, folder: Path, now: Millis, *, apart: bool) -> Self:
        """It made a backup, on a disk of its own or not."""
        known = {*self.apart, str(folder.parent)} if apart else self.apart
        return replace(
            self, folder=str(folder), taken_at=now, tried_at=now, apart=tuple(sorted(known))
        )

    def require_mounted(self, into: Path, database: Path) -> None:
        """Refuse a folder whose disk isn't there.

        Raises:
            ConflictError: It was on another disk than the database, and isn't now.
        """
        if str(into) in self.apart and same_disk(into, database):
            raise ConflictError(
                f"{into} was on a disk of its own, and isn't any more.",
                hint="Mount that disk, or name another folder with --to.",
            )


def same_disk(into: Path, database: Path) -> bool:
    """Whether a folder, which may not be there yet, is or will be on the database's disk."""
    there = next(path for path in (into, *into.parents) if path.exists())
    return there.stat().st_dev == database.stat().st_dev


def read(data_dir: Path) -> Word:
    """What is known; nothing where nobody has left word that can be read."""
    try:
        found: dict[str, Any] = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
        return Word(
            folder=str(found["folder"]),
            taken_at=int(found["taken_at"]),
            # Before tries left word there was word of backups alone.
            tried_at=int(found.get("tried_at", found["taken_at"])),
            why=str(found.get("why", "")),
            apart=tuple(str(folder) for folder in found.get("apart", ())),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Word()


def leave(data_dir: Path, word: Word) -> None:
    """Write it down; raises OSError."""
    write_whole(data_dir / FILE, json.dumps(asdict(word)).encode())


def warning(data_dir: Path, now: Millis) -> str | None:
    """What needs a look, where backups are made from here."""
    word = read(data_dir)
    if word.failed(now):
        return _FAILED
    return _OLD if word.taken_at and now - word.taken_at > OLD_MS else None
