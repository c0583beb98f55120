"""Sets a city up to be played in: its roster copied and masked, or a sample's."""

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from alertd.store import dialect, migrate, scratch
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.roster import import_roster
from alertd.store.scratch import Rehearsals
from drills.simulate import census
from drills.simulate.census import Census
from rosters.parse import check
from rosters.sample import write_sample

_SEED = 7


@dataclass(frozen=True, slots=True)
class Stage:
    """A city to be played in, opened by one process."""

    rehearsals: Rehearsals
    census: Census


@contextmanager
def set_up(source: Connection) -> Iterator[Path]:
    """The scratch copy of a city, as a file that is removed in the end.

    Args:
        source: A reader of the city's database.
    """
    with tempfile.TemporaryDirectory(prefix="alertd-rehearsal-") as folder:
        file = Path(folder) / "scratch.sqlite3"
        scratch.make(source, file)
        yield file


@contextmanager
def sample(scale: float, today: dt.date, seed: int = _SEED) -> Iterator[Path]:
    """The scratch copy of a sample city."""
    with tempfile.TemporaryDirectory(prefix="alertd-sample-") as folder:
        url = f"sqlite:///{Path(folder) / 'sample.sqlite3'}"
        migrate.upgrade(url)
        store = Store(url, scratch.vault(), node=scratch.NODE, synchronous="OFF")
        made = write_sample(Path(folder), seed=seed, today=today, scale=scale)
        now = round(dt.datetime.combine(today, dt.time(), dt.UTC).timestamp() * 1000)
        with store.transaction(now) as tx:
            ids = SequentialIds("sample", at=now)
            checked = check(made.files, today=today)
            import_roster(tx, checked, ids=ids, by="sample", why="sample city", now=now)
        store.close()
        reader = dialect.reader(url)
        try:
            with reader.begin() as connection, set_up(connection) as file:
                yield file
        finally:
            reader.dispose()


@contextmanager
def opened(file: Path) -> Iterator[Stage]:
    """A scratch city, in this process."""
    rehearsals = Rehearsals(file)
    try:
        store = rehearsals.open()
        try:
            with store.read() as connection:
                people = census.read(connection)
        finally:
            store.close()
        yield Stage(rehearsals, people)
    finally:
        rehearsals.close()
