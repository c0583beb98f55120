"""Which database a test's city lives in: a file of SQLite, or one of a real PostgreSQL server.

`ALERTD_TEST_DATABASE=postgresql` has every test that makes a city make it there.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection

from alertd.store import dialect, migrate
from alertd.store.database import Store
from alertd.store.tables import metadata
from tests import postgres

CHOICE = "ALERTD_TEST_DATABASE"
PLACE = "ALERTD_TEST_POSTGRES"  # a file, which says where this run's server is
_TEMPLATE = "alertd_template"
_FILE = "city.sqlite3"

made: list[str] = []
"""Databases of this process that nobody has dropped."""

kept: set[str] = set()
"""Those that outlive the test that made them."""

opened: list[Store] = []
"""Stores of this process that are closed when their test ends."""


def on_postgresql() -> bool:
    """Whether cities live on PostgreSQL in this run."""
    return os.environ.get(CHOICE) == "postgresql"


@contextmanager
def of_a_command() -> Iterator[None]:
    """Databases for what is played by hand, and their end; a run of tests has its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "place.postgres"
        os.environ.setdefault(PLACE, str(place))
        try:
            yield
        finally:
            postgres.end_shared(place)


def url_of(directory: Path, *, postgresql: bool | None = None) -> str:
    """The database of a directory, the same at each call; empty tables the first time."""
    if on_postgresql() if postgresql is None else postgresql:
        name = _name(directory)
        if name not in made:
            _create(name)
        return server().url(name)
    file = directory / _FILE
    if not file.exists():
        directory.mkdir(parents=True, exist_ok=True)
        begin(file)
    return f"sqlite:///{file}"


def begin(file: Path) -> None:
    """Have a file be a city's database with empty tables: a tenth of the time of migrating one."""
    shutil.copy(_empty(), file)


def exists(directory: Path, *, postgresql: bool | None = None) -> bool:
    """Whether a directory has a database."""
    if on_postgresql() if postgresql is None else postgresql:
        return _name(directory) in made
    return (directory / _FILE).exists()


def templates() -> Path:
    """A folder for what this process makes once and copies; the run's first process removes all."""
    return Path(os.environ[PLACE]).with_suffix(".templates") / str(os.getpid())


def server() -> postgres.Server:
    """This run's."""
    return postgres.shared(Path(os.environ[PLACE]))


def copy(source: Path, target: Path, *, postgresql: bool | None = None) -> None:
    """Have a directory's database be like another's, which nobody has open."""
    if on_postgresql() if postgresql is None else postgresql:
        _copy(_name(source), _name(target))
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / _FILE, target / _FILE)


def keep(directory: Path) -> None:
    """Have a directory's database outlive the test that makes it."""
    kept.add(_name(directory))


def content(directory: Path) -> bytes:
    """All that a directory's database holds, to search in."""
    if not on_postgresql():
        return b"".join(path.read_bytes() for path in directory.glob(f"{_FILE}*"))
    engine = dialect.reader(url_of(directory))
    with engine.connect() as connection:
        tables = [connection.execute(table.select()).all() for table in metadata.sorted_tables]
    engine.dispose()
    values = [value for rows in tables for row in rows for value in row]
    return b"\n".join(each if isinstance(each, bytes) else str(each).encode() for each in values)


def forget(directory: Path, *, postgresql: bool | None = None) -> None:
    """Have no database of a directory, before its test ends."""
    if on_postgresql() if postgresql is None else postgresql:
        drop(_name(directory))


def end_with(made_before: Collection[str], opened_before: Collection[Store]) -> None:
    """Close what a test has opened, and drop what it has made.

    What a module's fixture opened is the fixture's to close: whoever reads in a store that was
    closed connects anew, and that connection nobody would close.
    """
    for store in [store for store in opened if store not in opened_before]:
        opened.remove(store)
        store.close()
    for name in set(made) - set(made_before) - kept:
        drop(name)


def drop(name: str) -> None:
    """Have no database of that name."""
    _run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    made.remove(name)


def _name(directory: Path) -> str:
    return f"city_{hashlib.sha256(str(directory).encode()).hexdigest()[:20]}"


def _create(name: str) -> None:
    _template()
    if not _run("SELECT 1 FROM pg_database WHERE datname = %s", name):
        _copy(f"{_TEMPLATE}_{os.getpid()}", name)


def _copy(source: str, name: str) -> None:
    _run(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY FILE_COPY')
    made.append(name)


@cache
def _empty() -> Path:
    """A migrated file to copy."""
    file = templates() / "empty.sqlite3"
    migrate.upgrade(f"sqlite:///{file}")
    return file


@cache
def _template() -> None:
    """A migrated database to copy: a tenth of the time of migrating each."""
    name = f"{_TEMPLATE}_{os.getpid()}"
    _run(f'CREATE DATABASE "{name}"')
    migrate.upgrade(server().url(name))


def _run(statement: str, *values: str) -> list[tuple[object, ...]]:
    conninfo = f"host={server().folder} user=postgres dbname=postgres"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        done = connection.execute(statement, values or None)  # type: ignore[arg-type]
        return done.fetchall() if done.description else []


def steps(connection: Connection, do: Callable[[], object]) -> int:
    """How many steps SQLite takes to do something, to ten: work, which no neighbour disturbs."""
    counted: list[None] = []
    driver: Any = connection.connection.driver_connection
    driver.set_progress_handler(lambda: counted.append(None), 10)
    do()
    driver.set_progress_handler(None, 0)
    return 10 * len(counted)
