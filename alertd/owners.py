"""Whose files are, and who asks: what stands behind "Permission denied"."""

import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path


def owner_of(path: Path) -> str:
    """Whose a file is; of what can't be looked at, whose the nearest folder above it is."""
    for each in (path, *path.absolute().parents):
        try:
            return _name(each.stat().st_uid)
        except OSError:
            continue
    return _name(0)


def user() -> str:
    """Who this process acts as."""
    return _name(os.geteuid())


def hand_over(folder: Path, since: float) -> None:
    """Give what root has made in somebody's folder to whom the folder belongs.

    They couldn't use it. No link is followed, and no file given away that has a second name: what
    is in the folder is theirs to arrange, and what is outside of it isn't. What was there `since`
    (s) and untouched is as somebody wanted it.
    """
    owner = folder.stat()
    if os.geteuid() or not owner.st_uid:
        return
    for _path, folders, files, here in os.fwalk(folder):
        for name in (*folders, *files):
            with suppress(OSError):  # gone meanwhile
                seen = os.stat(name, dir_fd=here, follow_symlinks=False)
                if seen.st_uid or seen.st_ctime < since:
                    continue
                if stat.S_ISDIR(seen.st_mode) or seen.st_nlink == 1:
                    os.chown(name, owner.st_uid, owner.st_gid, dir_fd=here, follow_symlinks=False)


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's, or one that was removed
        return str(number)
