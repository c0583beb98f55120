"""Files that are there whole or not at all, whatever becomes of the machine or its disk."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_NAME: Final = 40  # characters of a file's name that its draft's has, too: 255 bytes are the most
_NO_SYNC: Final = {errno.EINVAL, errno.ENOTSUP}  # a network's file system may have none for folders
_EVERYBODYS: Final = 0o666  # less the umask, as any program's files


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file whole or not at all, and on the disk before this returns."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        _take_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)  # on a full disk it would hold what little there is


@contextmanager
def in_place_of(path: Path, *, mode: int = _EVERYBODYS) -> Iterator[Path]:
    """Write a file that somebody asked for: what was there stays until all of it is on the disk.

    It keeps its mode and owner, and a symbolic link stays one. What is no file (/dev/stdout, a
    pipe), or lies in a folder where nothing new may be made, is written to as it is.

    Args:
        path: The file.
        mode: Of a new one, less the umask.

    Yields:
        Where to write instead.

    Raises:
        OSError: It can't be written to.
    """
    seen = _seen(path)
    if seen is not None and not stat.S_ISREG(seen.st_mode):
        yield path
        return
    target = Path(os.path.realpath(path))
    if seen is not None and not os.access(target, os.W_OK):
        target.open("ab").close()  # says why
    draft = target.with_name(f".alertd-{os.getpid()}-{target.name[-_NAME:]}")
    try:
        if _begin(draft, seen, mode):
            yield draft
            _take_place(draft, target)
        else:
            yield path
    except OSError as error:
        if str(error.filename) == str(draft):
            error.filename = str(path)
        raise
    finally:
        draft.unlink(missing_ok=True)


def _seen(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _begin(draft: Path, seen: os.stat_result | None, mode: int) -> bool:
    """Make an empty draft with what it replaces has of rights; False: nothing may be made there."""
    draft.unlink(missing_ok=True)
    try:
        rights = mode if seen is None else stat.S_IMODE(seen.st_mode)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, rights))
    except PermissionError:
        if seen is None:
            raise
        return False
    if seen is not None:
        with suppress(PermissionError):  # another's file, or a disk that knows no owners
            os.chown(draft, seen.st_uid, seen.st_gid)
        with suppress(PermissionError):
            draft.chmod(rights)
    return True


def _take_place(draft: Path, path: Path) -> None:
    sync(draft)
    draft.replace(path)
    with suppress(PermissionError):  # a folder that one may write into and not look into
        sync(path.parent)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on disk before this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (path.is_dir() and error.errno in _NO_SYNC):
            raise
    finally:
        os.close(descriptor)
