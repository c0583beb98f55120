"""Files that are whole on disk or not there at all."""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alertd.errors import ConflictError
from alertd.whole import sync

_PIECE = 1 << 20


def sync_tree(folder: Path) -> None:
    """Have all of a folder on disk: every file first, then the names of them."""
    for path in sorted(folder.rglob("*"), reverse=True):
        sync(path)
    sync(folder)


def private_folder(path: Path) -> None:
    """Make a folder that its owner alone can read."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write(path: Path, content: bytes) -> None:
    """Write a new file that its owner alone can read."""
    private_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def make(path: Path, content: bytes) -> None:
    """Have a new private file on disk, whole and by its name; one that is there stays as it is."""
    private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        write(draft, content)
        sync(draft)
        os.link(draft, path)
    except FileExistsError:
        pass  # somebody else made one meanwhile, and has begun to use it
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)
    sync(path.parent.parent)


def copy(source: Path, target: Path) -> None:
    """Copy a file into a new one that its owner alone can read."""
    private_folder(target.parent)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as given, os.fdopen(descriptor, "wb") as file:
        while piece := given.read(_PIECE):
            file.write(piece)


def move_together(paths: Sequence[Path], folder: Path) -> bool:
    """Move files that are one into a folder on the same disk; whether there are any of them.

    Each has its second name there, on disk, before any loses its first: killed at any moment, all
    of them are still together in one of the two places.
    """
    there = [path for path in paths if path.exists()]
    if not there:
        return False
    private_folder(folder)
    for path in there:
        os.link(path, folder / path.name)
    sync(folder)
    sync(folder.parent)
    for path in there:
        path.unlink()
    return True


def sha256(path: Path) -> str:
    """The hex SHA-256 of a file, in bounded memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a folder of backups for this process alone.

    Raises:
        ConflictError: Another process writes there.
    """
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                "Another backup is being written to that folder.",
                hint="Wait until it is done.",
            ) from None
        yield
