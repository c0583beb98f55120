"""What is known of the last backup: one that failed, or whose disk is missing, isn't overlooked."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from alertd.cli.checkup import looked_in_time
from alertd.cli.findings import Finding, Health
from alertd.errors import ConflictError, UnavailableError
from alertd.store.backup.copying import copy_database
from alertd.store.backup.word import FILE, Word, leave, read, same_disk, warning
from tests.city import START

DAY = 86_400_000
HOUR = 3_600_000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "alertd.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x BLOB)")
        connection.execute("INSERT INTO t VALUES (zeroblob(4000000))")
        connection.commit()
    return path


def test_of_a_folder_without_backups_nothing_is_said(tmp_path: Path) -> None:
    assert read(tmp_path) == Word()
    assert warning(tmp_path, START) is None
    for text in ("", "[]", "{}", '{"folder": "x"}'):
        (tmp_path / FILE).write_text(text)
        assert read(tmp_path) == Word()


def test_an_earlier_alertds_word_is_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"folder": "/disk/b", "taken_at": START}))
    assert not read(tmp_path).failed(START + DAY)
    assert warning(tmp_path, START + DAY) is None


def test_a_try_that_made_none_is_told(tmp_path: Path) -> None:
    """Killed without a word, it is found by what it left when it began."""
    made = Word().made(tmp_path / "b" / "one", START, apart=False)
    tried = START + DAY
    for word in (made.begun(tried), Word().begun(tried)):
        leave(tmp_path, word)
        assert read(tmp_path) == word
        assert not word.failed(tried + HOUR // 2), "it may be under way"
        assert warning(tmp_path, tried + HOUR) is not None
    again = made.begun(tried).made(tmp_path / "b" / "two", tried, apart=False)
    leave(tmp_path, again)
    assert warning(tmp_path, tried + HOUR) is None
    assert "more than a week" in str(warning(tmp_path, tried + 8 * DAY))


def test_why_is_known_at_once(tmp_path: Path) -> None:
    word = Word(tried_at=START, why="The disk is full.")
    leave(tmp_path, word)
    assert word.failed(START)
    assert warning(tmp_path, START) is not None


def test_a_folder_whose_disk_is_missing_is_refused(tmp_path: Path, database: Path) -> None:
    disk = tmp_path / "disk"
    folder = disk / "alertd"
    assert same_disk(folder, database)
    Word().require_mounted(folder, database)  # nobody has seen it elsewhere
    known = Word().made(folder / "one", START, apart=True)
    with pytest.raises(ConflictError, match="was on a disk of its own"):
        known.begun(START + DAY).require_mounted(folder, database)
    known.require_mounted(tmp_path / "other", database)
    assert known.made(tmp_path / "other" / "two", START, apart=False).apart == (str(folder),)
    assert not disk.exists()


def test_a_disk_that_fails_in_the_midst_is_named(database: Path, tmp_path: Path) -> None:
    """It was the database's own that was to be looked at."""
    target = tmp_path / "copy" / "alertd.sqlite3"
    target.parent.mkdir()
    code = f"""
import resource, signal
from pathlib import Path
from alertd.cli.checkup import looked_in_time
from alertd.cli.findings import Finding, Health
from alertd.errors import UnavailableError
from alertd.store.backup.copying import copy_database
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    copy_database(Path({str(database)!r}), Path({str(target)!r}), lambda _: None)
except UnavailableError as error:
    print(error.message)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert said.stdout == f"The disk of {target.parent} has too little room for this, or fails.\n"


def test_a_copy_that_hangs_ends_and_holds_up_no_log(database: Path, tmp_path: Path) -> None:
    code = f"""
import signal, threading
from pathlib import Path
from alertd.store.backup.copying import copy_database
copy_database(
    Path({str(database)!r}),
    Path({str(tmp_path / "copy")!r}),
    lambda _: threading.Event().wait(),
    lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds / 1000),
)
"""
    ended = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    assert ended.returncode == -signal.SIGALRM


def test_of_a_copy_that_is_done_nothing_more_is_asked(database: Path, tmp_path: Path) -> None:
    asked: list[int] = []
    copy_database(database, tmp_path / "copy", lambda _: None, asked.append)
    assert len(asked) > 2
    assert all(asked[:-1])
    assert asked[-1] == 0


def test_nor_of_one_that_was_refused(database: Path, tmp_path: Path) -> None:
    asked: list[int] = []

    def full(_more: int) -> None:
        raise UnavailableError("The disk is full.")

    with pytest.raises(UnavailableError):
        copy_database(database, tmp_path / "copy", full, asked.append)
    assert asked[-1] == 0


def test_doctor_waits_for_no_disk_that_hangs() -> None:
    away = threading.Event()

    def look() -> list[Finding]:
        away.wait(30)
        return []

    (found,) = looked_in_time("backup", look, patience_s=0.1)
    assert found.health is Health.LOOK
    assert "doesn't answer" in found.detail
    away.set()
    well = Finding("backup", Health.WELL, "today")
    assert looked_in_time("backup", lambda: [well]) == [well]
    assert looked_in_time("settings", list) == [], "nothing to be said is no disk that hangs"
    away.clear()
    (found,) = looked_in_time("database", look, patience_s=0.1, broken=True)
    away.set()
    assert found.health is Health.BROKEN
