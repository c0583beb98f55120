"""The data folder as doctor sees it: whether it is there, is ours, and has room."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from alertd.cli.findings import Finding, Health
from alertd.cli.words import _, listed
from alertd.decide.space import judge
from alertd.owners import owner_of, user
from alertd.provision import ballast_of
from alertd.settings import Settings
from alertd.web.ready import LEAST_FREE_BYTES

_GIB: Final = 1 << 30
_OTHERS: Final = 0o077  # what a folder's mode lets group and everybody do
_MOST_NAMED: Final = 4


def folder_findings(settings: Settings) -> Iterator[Finding]:
    """What there is to say about it."""
    what, folder = _("data folder"), settings.data_dir
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if cause := _unusable(folder, nearest):
        yield Finding(what, Health.BROKEN, cause)
        return
    yield _space(settings, made=folder == nearest)
    if folder == nearest:
        yield from _strange_files(folder)


def _unusable(folder: Path, nearest: Path) -> str:
    """Why nothing can be written there, and what to do; "" where it can."""
    if nearest.is_symlink() and not os.path.exists(nearest):  # noqa: PTH110 - never raises
        target = os.path.realpath(nearest)
        return _("{folder} leads to {target}, which isn't there: is its disk mounted?").format(
            folder=nearest, target=target
        )
    if not nearest.is_dir():
        return _("{folder} is a file, and no folder.").format(folder=nearest)
    disk = os.statvfs(nearest)
    if disk.f_flag & os.ST_RDONLY:
        text = _(
            "{folder} lies on a disk that is mounted read-only. The system does that to one that"
            " fails: look at dmesg, then mount it anew."
        )
        return text.format(folder=folder)
    if not os.access(nearest, os.W_OK | os.X_OK):
        return _not_ours(nearest, owner_of(nearest))
    if disk.f_files and not disk.f_favail:
        text = _("{folder}: its disk takes no more files (no inodes are left): delete some.")
        return text.format(folder=folder)
    return ""


def _not_ours(path: Path | str, owner: str) -> str:
    text = _(
        "{file} can't be written to: it belongs to {owner}, and this is run by {user}. Run alertd"
        " as {owner}, or give it over: chown -R {user} {file}"
    )
    return text.format(file=path, owner=owner, user=user())


def _space(settings: Settings, *, made: bool) -> Finding:
    what, folder = _("data folder"), settings.data_dir
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    text = _("{folder}, {free:.1f} GiB free").format(folder=folder, free=free / _GIB)
    if not made:
        text = _("{text}; it will be made at the first start").format(text=text)
    if made and _refuses(settings):
        detail = _("{text}: new alerts and rosters are refused; make room").format(text=text)
        return Finding(what, Health.BROKEN, detail)
    if free < LEAST_FREE_BYTES:
        return Finding(what, Health.BROKEN, _("{text}: make room").format(text=text))
    if made and folder.stat().st_mode & _OTHERS:
        detail = _("{text}; others on this machine can read it: chmod 700 {folder}")
        return Finding(what, Health.LOOK, detail.format(text=text, folder=folder))
    return Finding(what, Health.WELL, text)


def _refuses(settings: Settings) -> bool:
    """Whether a server refuses new work here, or would: nothing is made or given up for it."""
    file = ballast_of(settings)
    short, _act = judge(
        short=False, free=file.free(), held=file.held(), wanted=file.wanted, failed=False
    )
    return short


def _strange_files(folder: Path) -> Iterator[Finding]:
    """What somebody else's command left there: whose the folder is can't use it."""
    owner, ours = folder.stat().st_uid, (folder, folder / "keys", folder / "broker")
    files = [path for each in ours if os.access(each, os.R_OK | os.X_OK) for path in each.iterdir()]
    strange = sorted(path for path in files if path.lstat().st_uid != owner)
    if not strange:
        return
    closed = [path for path in strange if not os.access(path, os.R_OK | os.W_OK)]
    text = _(
        "{files} in it: not {owner}'s, whose the folder is. A command was run as somebody else:"
        " chown -R {owner} {folder}"
    )
    names = [path.relative_to(folder).as_posix() for path in closed or strange]
    more = ["…"] if len(names) > _MOST_NAMED else []
    detail = text.format(
        files=listed([*names[:_MOST_NAMED], *more]), owner=owner_of(folder), folder=folder
    )
    yield Finding(_("data folder"), Health.BROKEN if closed else Health.LOOK, detail)
