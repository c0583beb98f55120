"""A file that holds space on the data folder's disk, to be given up when the disk is full."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE: Final = "ballast"
_SHARE: Final = 8  # at most so small a part of the disk


class BallastFile:
    """The ballast of one data folder.

    Args:
        folder: The data folder; it exists.
        most: Bytes that it is to hold; less on a small disk, where it is an eighth of the disk.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.path = folder / FILE
        seen = os.statvfs(folder)
        self.wanted = min(most, seen.f_blocks * seen.f_frsize // _SHARE)

    def free(self) -> int:
        """Bytes that an ordinary user may still write on the disk."""
        seen = os.statvfs(self.path.parent)
        return seen.f_bavail * seen.f_frsize

    def held(self) -> int:
        """Bytes that the ballast really holds."""
        try:
            seen = self.path.stat()
        except FileNotFoundError:
            return 0
        return min(seen.st_size, seen.st_blocks * 512)

    def make(self) -> bool:
        """Have it hold what is wanted; False, and nothing is held, where that can't be had."""
        try:
            with self.path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self.wanted)
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the space back to the disk; one that became read-only takes nothing back."""
        with suppress(OSError):
            self.path.unlink()
