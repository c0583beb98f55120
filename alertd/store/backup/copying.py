"""SQLite's own online copy: of one moment, beside a writer that isn't held up by it.

The copy is made in steps within one read transaction of its own. Without that, SQLite begins again
whenever another process commits, and beside a busy writer never ends; with it the writer goes on in
the write-ahead log, which can't begin anew until the copy is done. So whoever copies watches the
disk that the log grows on, and doesn't wait for ever for a disk that hangs.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from alertd.errors import UnavailableError
from alertd.settings import sqlite_url

LEAST_FREE_BYTES = 200 * 1024 * 1024  # under it /readyz says that the server can't go on
_PAGES_A_STEP = 256
# What was copied goes to disk in pieces: one large sync at the end would hold up the server's own.
_SYNC_BYTES = 8 << 20
HANGS_S = 120  # for a megabyte, and up to eight of them synced
_CANT_WRITE = {
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_TRUNCATE),
    *(sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC),
}

Tell = Callable[[int], None]
"""Is told how many more bytes are done."""

Patience = Callable[[int], object]
"""Is told in how many seconds the next piece must be done; 0: nothing more has to be."""


def endless(_seconds: int) -> None:
    """Patience that doesn't end."""


def copy_database(source: Path, target: Path, tell: Tell, patience: Patience = endless) -> None:
    """Copy a database that may be in use into a new file, which has no log beside it.

    A process of its own may do this beside a server, past the server's API: a reader takes no
    lock that the one writer waits for.

    Args:
        source: The database.
        target: Where to, an empty file.
        tell: Is told how far it is.
        patience: Ends this process where a piece takes for ever: nothing else could, in the midst
            of SQLite, and the log grows until then.

    Raises:
        UnavailableError: The disk of either is too full.
    """
    require_room(target.parent, source.stat().st_size)
    with closing(_connect(source)) as live, closing(_connect(target)) as copy:
        live.execute("PRAGMA query_only=ON")
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on one moment
        copy.execute("PRAGMA synchronous=OFF")  # it is synced here, in pieces, and at the end
        copy.execute("PRAGMA cache_size=-4096")
        page = live.execute("PRAGMA page_size").fetchone()[0]
        watch = _Watch(source, target, page, tell, patience)
        patience(HANGS_S)
        try:
            live.backup(copy, pages=_PAGES_A_STEP, progress=watch)
            # A copy of one in WAL mode is one, too, and couldn't be read on a read-only disk.
            copy.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in _CANT_WRITE:  # and nothing is written but the copy
                raise _no_room(target.parent) from None
            raise
        finally:
            patience(0)


class _Watch:
    """Between two steps: says how far it is, syncs, and gives up before the disk is full."""

    def __init__(
        self, source: Path, target: Path, page: int, tell: Tell, patience: Patience
    ) -> None:
        self.source, self.target, self.page, self.tell = source, target, page, tell
        self.patience = patience
        self.done = self.synced = 0

    def __call__(self, _status: int, remaining: int, total: int) -> None:
        done = (total - remaining) * self.page
        self.tell(done - self.done)
        self.done = done
        self.patience(HANGS_S)
        require_room(self.source.parent, 0)
        if done - self.synced < _SYNC_BYTES:
            return
        self.synced = done
        with self.target.open("rb") as file:
            os.fdatasync(file.fileno())


def require_room(folder: Path, needed: int) -> None:
    """Refuse to fill a disk.

    Raises:
        UnavailableError: After `needed` bytes more too little would be free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed + LEAST_FREE_BYTES:
        raise _no_room(folder)


def _no_room(folder: Path) -> UnavailableError:
    return UnavailableError(
        f"The disk of {folder} has too little room for this, or fails.",
        hint="Make room there, or write to another disk with --to.",
    )


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=10.0)


@contextmanager
def frozen(path: Path) -> Iterator[Connection]:
    """Read a database file that nobody writes; nothing is made beside it, not even a lock."""
    file = f"file:{quote(str(path.absolute()))}"  # SQLite's own URI, within SQLAlchemy's
    url = f"{sqlite_url(file)}?mode=ro&immutable=1&uri=true"
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
