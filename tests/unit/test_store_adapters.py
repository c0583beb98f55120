"""What SQLite's driver is given for NULL and for bytes comes back as it was."""

import sqlite3
from contextlib import closing

from alertd.store import dialect


def test_nothing_and_bytes_are_kept_as_they_are() -> None:
    assert (type(None), sqlite3.PrepareProtocol) in sqlite3.adapters, dialect
    given = (None, b"", b"\x00\xff", bytes(32))
    with closing(sqlite3.connect(":memory:")) as driver:
        (row,) = driver.execute("SELECT ?, ?, ?, ?", given)
        (kinds,) = driver.execute("SELECT typeof(?), typeof(?), typeof(?), typeof(?)", given)
    assert row == given
    assert kinds == ("null", "blob", "blob", "blob")
