"""The database's own troubles, as sentences: away, full, somebody else's, damaged."""

import errno
import sys
from pathlib import Path
from typing import Final

from alertd.errors import AlertdError, HeldError, PooledError, UnavailableError
from alertd.i18n import N_
from alertd.owners import owner_of, user

_DRIVERS: Final = ("sqlite3", "psycopg")
_DISK: Final = ("SQLITE_FULL", "SQLITE_IOERR")
_LOOK: Final = N_(
    "Does it run, has its disk room, is it this user's, and are database_url and its"
    " password right?"
)
# A library that can't be loaded, and a password's hash that can't be made.
_NO_MEMORY: Final = ("failed to map segment", "cannot allocate memory", "memory allocation error")
# Python's own word, and argon2's.
_NO_THREADS: Final = ("can't start new thread", "threading failure")
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")  # and what begins with the first


def of_file(error: OSError) -> AlertdError:
    """What the machine won't do with a file, and what to do about it."""
    file = error.filename
    hint = None
    if isinstance(error, PermissionError) and file is not None:
        owner, who = owner_of(Path(str(file))), user()
        if owner != who:
            hint = f"It belongs to {owner}, and this is run by {who}: alertd doctor says more."
    return AlertdError(f"{file} can't be used: {error.strerror}.", hint=hint)


def of_memory(error: BaseException) -> AlertdError | None:
    """What is said where there isn't memory enough; None: that isn't what it says."""
    text = str(error).lower()
    if any(sign in text for sign in _NO_THREADS):
        return UnavailableError(
            "The system lets alertd start no more threads.",
            hint="Look at TasksMax, ulimit -u and what else runs here.",
        )
    short = isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM
    if not short and not any(sign in text for sign in _NO_MEMORY):
        return of_memory(error.__cause__) if error.__cause__ is not None else None
    return UnavailableError(
        "There isn't memory enough for alertd.",
        hint="It wants 400 MB of address space at the least: look at ulimit -v, MemoryMax and what"
        " else runs here.",
    )


def of_database(error: Exception) -> AlertdError | None:
    """What an error says about the database itself; None: it says nothing, and is a defect.

    Never loads a driver for it.
    """
    found = getattr(error, "orig", None) or error  # SQLAlchemy's has the driver's in it
    drivers = [sys.modules[name] for name in _DRIVERS if name in sys.modules]
    name = str(getattr(found, "sqlite_errorname", ""))
    if (trouble := _of_sqlite(name)) is not None:
        return trouble
    if "psycopg" in sys.modules and (trouble := _of_postgresql(found)) is not None:
        return trouble
    if not isinstance(found, tuple(driver.OperationalError for driver in drivers)):
        return None
    if name == "SQLITE_ERROR":  # a statement that doesn't fit its tables: a defect of ours
        return None
    return _away()


def _of_sqlite(name: str) -> AlertdError | None:
    if name.startswith(_DAMAGED):
        return AlertdError(
            "The database is damaged, or isn't one of SQLite.",
            hint="Restore the last backup: alertd restore FOLDER --replace keeps this one beside.",
        )
    if name.startswith("SQLITE_BUSY"):
        return HeldError()
    if name.startswith(_DISK):
        return UnavailableError(
            "The database's disk is full, or fails.",
            hint="Make room on it; where there is room, look at dmesg.",
        )
    return None


def _of_postgresql(found: BaseException) -> AlertdError | None:
    """What the driver says of a connection that it couldn't make: no statement's content is in it.

    What a server answers to a statement has a code.
    """
    if not isinstance(found, sys.modules["psycopg"].Error) or found.sqlstate is not None:
        return None
    said = " ".join(str(found).split()).removeprefix("connection failed: ")
    if "unsupported startup parameter" in said:
        return PooledError()
    wrong_option = said.startswith("invalid connection option")
    if not (wrong_option or isinstance(found, sys.modules["psycopg"].OperationalError)):
        return None
    return _away(said)


def _away(said: str = "") -> UnavailableError:
    told = "The database doesn't answer, or can't be used."
    if not said:
        return UnavailableError(told, hint=_LOOK)
    return UnavailableError(
        told,
        hint="Does it run, has its disk room, is it this user's, and are database_url and its"
        f" password right? It was said: {said}",
    )
