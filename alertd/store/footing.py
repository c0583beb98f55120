"""Whether the files that this process writes to still have the names by which others find them."""

from pathlib import Path


class Footing:
    """Files that are open here; those that aren't there count as they are.

    Whoever moves, removes or replaces a data folder under a server leaves it writing to files that
    no command, no backup and no next start will find, while a second server may begin at the
    folder's old name. SQLite asks the same before it writes, but not in WAL.

    Args:
        paths: By their names.
    """

    def __init__(self, *paths: Path) -> None:
        self._known = {path: _identity(path) for path in paths}

    def holds(self) -> bool:
        """Whether each name still stands for the same file."""
        return all(_identity(path) == known for path, known in self._known.items())


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_dev, seen.st_ino
