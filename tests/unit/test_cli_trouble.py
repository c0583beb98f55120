"""What the machine's own troubles are told as."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from alertd.cli.trouble import of_database, of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libcrypto.so: failed to map segment from shared object"),
        RuntimeError("Memory allocation error"),
    ],
)
def test_too_little_memory_is_told_as_that(error: Exception) -> None:
    outer = RuntimeError("the table can't be read")
    outer.__cause__ = error
    for each in (error, outer):
        told = of_memory(each)
        assert told is not None
        assert told.message == "There isn't memory enough for alertd."


@pytest.mark.parametrize("words", ["can't start new thread", "Threading failure"])
def test_that_no_thread_can_be_started_is_no_want_of_memory(words: str) -> None:
    told = of_memory(RuntimeError(words))
    assert told is not None
    assert "TasksMax" in (told.hint or "")


def test_another_programs_lock_is_named(tmp_path: Path) -> None:
    file = tmp_path / "city.sqlite3"
    with closing(sqlite3.connect(file)) as one, closing(sqlite3.connect(file, timeout=0)) as other:
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as held:
            other.execute("BEGIN IMMEDIATE")
    told = of_database(held.value)
    assert told is not None
    assert told.message == "Another program holds the database's write lock."


def test_another_trouble_is_not() -> None:
    for error in (ImportError("No module named x"), FileNotFoundError(errno.ENOENT, "x")):
        assert of_memory(error) is None
    with pytest.raises(OSError, match="No such file") as failed:
        Path("/nowhere/at/all").read_text()
    assert of_memory(failed.value) is None
