"""Whose files are, and who asks: what stands behind "Permission denied"."""

import os
import pwd
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


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's, or one that was removed
        return str(number)
