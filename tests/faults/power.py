"""A disk that forgets at a power cut what was never synced, and SQLite's way to it.

`Disk` is told by an APSW VFS of every call that changes a file, in their order. A `Platter` takes
these calls one after the other and knows what is surely on the disk (what was synced) and what is
only written. `Platter.cut` is what somebody finds after the power came back: each sector written
since its file's last sync is there or isn't, in any order; so are truncations, and files made or
removed since the folder's last sync.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw

_KEPT = (0.0, 0.1, 0.5, 0.9, 1.0)  # the share of unsynced sectors that are kept, by file and cut
_JOURNALS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
_FILES = _JOURNALS | apsw.SQLITE_OPEN_MAIN_DB


@dataclass(frozen=True, slots=True)
class Call:
    """One call that changes something; `what` says which fields count."""

    what: str  # made, removed, write, truncate, sync, sync-folder, acknowledged
    file: int = 0  # like an inode: a name that is removed and made again is another file
    name: str = ""
    offset: int = 0
    data: bytes = b""
    size: int = 0


@dataclass(slots=True)
class Disk:
    """The calls so far, and which file has which name."""

    calls: list[Call] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    files: int = 0

    def opened(self, path: str, *, makes: bool) -> int:
        name = Path(path).name
        if name not in self.names:
            assert makes or Path(path).exists()
            self.files += 1
            self.names[name] = self.files
            if makes:
                self.calls.append(Call("made", self.files, name))
        return self.names[name]

    def removed(self, path: str, *, synced: bool) -> None:
        name = Path(path).name
        if name in self.names:
            self.calls.append(Call("removed", self.names.pop(name), name))
        if synced:
            self.calls.append(Call("sync-folder"))


class UnsyncedFile(apsw.VFSFile):
    """Passes every call on, and tells the disk of those that change something."""

    def __init__(self, path: str | apsw.URIFilename, flags: list[int], disk: Disk) -> None:
        self.path = path if isinstance(path, str) else path.filename()
        makes = bool(flags[0] & apsw.SQLITE_OPEN_CREATE)
        self.disk = disk
        self.file = disk.opened(self.path, makes=makes and not Path(self.path).exists())
        # SQLite syncs a journal's folder at the journal's first sync, and a database's never.
        self.syncs_folder = makes and bool(flags[0] & _JOURNALS)
        super().__init__("", path, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        super().xWrite(data, offset)
        self.disk.calls.append(Call("write", self.file, offset=offset, data=bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        self.disk.calls.append(Call("truncate", self.file, size=size))

    def xSync(self, flags: int) -> None:  # noqa: N802
        del flags  # nothing here can break but this disk, so the true one needn't wait
        self.disk.calls.append(Call("sync", self.file))
        if self.syncs_folder:
            self.syncs_folder = False
            self.disk.calls.append(Call("sync-folder"))


class UnsyncedVfs(apsw.VFS):
    """SQLite's own VFS, seen by a disk."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.disk = disk
        super().__init__(name, "")

    def xOpen(  # noqa: N802
        self, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> apsw.VFSFile:
        if name is None or not flags[0] & _FILES:
            return apsw.VFSFile("", name, flags)  # temporary: nobody looks for it after a cut
        return UnsyncedFile(name, flags, self.disk)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.disk.removed(filename, synced=bool(syncdir))


@dataclass(slots=True)
class Platter:
    """What is on the disk for sure, and what may be.

    Args:
        synced: Each file's content as of its last sync.
        names: Each name's file as of the folder's last sync.
        written: What was done to each file since, in order.
        renamed: Which file (or none) each name had since the folder's last sync, in order.
    """

    synced: dict[int, bytearray] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    written: dict[int, list[Call]] = field(default_factory=dict)
    renamed: dict[str, list[int | None]] = field(default_factory=dict)

    def take(self, call: Call) -> None:
        """The next call."""
        if call.what == "made":
            self.renamed.setdefault(call.name, []).append(call.file)
        elif call.what == "removed":
            self.renamed.setdefault(call.name, []).append(None)
        elif call.what in {"write", "truncate"}:
            self.written.setdefault(call.file, []).append(call)
        elif call.what == "sync":
            content = self.synced.setdefault(call.file, bytearray())
            for change in self.written.pop(call.file, []):
                _apply(content, change)
        elif call.what == "sync-folder":
            for name, versions in self.renamed.items():
                self._name(self.names, name, versions[-1])
            self.renamed.clear()

    def written_to(self, name: str) -> bool:
        """Whether a file of this name has writes that aren't synced."""
        file = self.names.get(name)
        return file is not None and bool(self.written.get(file))

    def cut(self, dice: random.Random, sector: int) -> dict[str, bytes]:
        """The files that are found after a cut here; the platter itself is left as it is."""
        names = dict(self.names)
        for name, versions in self.renamed.items():
            seen = dice.choice([names.get(name), *versions])
            self._name(names, name, seen)
        return {name: self._found(file, dice, sector) for name, file in names.items()}

    def _found(self, file: int, dice: random.Random, sector: int) -> bytes:
        content = bytearray(self.synced.get(file, b""))
        share = dice.choice(_KEPT)
        parts = [part for call in self.written.get(file, []) for part in _sectors(call, sector)]
        kept = [part for part in parts if dice.random() < share]
        if share not in {0.0, 1.0} and dice.random() < 0.5:
            dice.shuffle(kept)
        for part in kept:
            _apply(content, part)
        return bytes(content)

    @staticmethod
    def _name(names: dict[str, int], name: str, file: int | None) -> None:
        names.pop(name, None)
        if file is not None:
            names[name] = file


def _sectors(call: Call, sector: int) -> Iterator[Call]:
    """A write in pieces that don't cross a sector's edge; a truncation is one piece."""
    if call.what == "truncate":
        yield call
        return
    start, end = call.offset, call.offset + len(call.data)
    while start < end:
        upto = min(end, (start // sector + 1) * sector)
        data = call.data[start - call.offset : upto - call.offset]
        yield Call("write", call.file, offset=start, data=data)
        start = upto


def _apply(content: bytearray, change: Call) -> None:
    if change.what == "truncate":
        del content[change.size :]
        content.extend(bytes(change.size - len(content)))
        return
    end = change.offset + len(change.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[change.offset : end] = change.data
