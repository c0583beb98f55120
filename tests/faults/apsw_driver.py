"""SQLAlchemy's SQLite over APSW, so that alertd's own store runs on a VFS of ours.

    register(); Store("sqlite+apsw:////folder/city.sqlite3?vfs=NAME&checkpoint=20", …)

A DB-API of the size that alertd needs, which behaves as Python's sqlite3 does with
`isolation_level=None`. `checkpoint` takes the place of the number of pages that alertd asks for, so
that a short run has many checkpoints.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import apsw
from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

ON_COMMIT: dict[str, Callable[[str], None]] = {}
"""By VFS: told the database's path as soon as a commit was acknowledged."""


@contextmanager
def errors() -> Iterator[None]:
    """APSW's errors as sqlite3's, which SQLAlchemy knows."""
    try:
        yield
    except apsw.ConstraintError as error:
        raise sqlite3.IntegrityError(str(error)) from error
    except apsw.Error as error:
        raise sqlite3.OperationalError(str(error)) from error


class Cursor:
    arraysize = 1
    lastrowid: int | None = None

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.description: Any = None
        self.rowcount = -1
        self._rows: Iterator[Any] = iter(())

    def execute(self, sql: str, values: Any = ()) -> "Cursor":
        return self._run(sql, lambda cursor, text: cursor.execute(text, values))

    def executemany(self, sql: str, rows: Iterable[Any]) -> "Cursor":
        return self._run(sql, lambda cursor, text: cursor.executemany(text, rows))

    def _run(self, sql: str, call: Callable[[apsw.Cursor, str], Any]) -> "Cursor":
        raw = self.connection.raw
        before = raw.total_changes()
        cursor = raw.cursor()
        self.description = None

        def note(seen: apsw.Cursor, _sql: str, _values: Any) -> bool:
            described = seen.get_description()
            self.description = [(c[0], *[None] * 6) for c in described] or None
            return True

        cursor.exec_trace = note
        with errors():
            # All at once, as a statement that changes something does with sqlite3.
            self._rows = iter(list(call(cursor, self.connection.spoken(sql))))
        self.rowcount = raw.changes() if raw.total_changes() != before else 0
        self.lastrowid = raw.last_insert_rowid()
        if sql == "COMMIT":
            self.connection.acknowledged()
        return self

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return [row for _, row in zip(range(size or self.arraysize), self._rows, strict=False)]

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def close(self) -> None:
        self._rows = iter(())


class Connection:
    isolation_level: Any = None

    def __init__(self, path: str, vfs: str, checkpoint: str, cached_statements: int = 100) -> None:
        self.path, self.vfs, self.checkpoint = path, vfs, checkpoint
        with errors():
            self.raw = apsw.Connection(path, vfs=vfs, statementcachesize=cached_statements)

    @property
    def in_transaction(self) -> bool:
        return self.raw.in_transaction

    def spoken(self, sql: str) -> str:
        return re.sub(r"(?<=wal_autocheckpoint=)\d+", self.checkpoint, sql)

    def acknowledged(self) -> None:
        if told := ON_COMMIT.get(self.vfs):
            told(self.path)

    def cursor(self, *_: Any) -> Cursor:
        return Cursor(self)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        return self.cursor().execute(sql, values)

    def commit(self) -> None:
        if self.raw.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self.raw.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        with errors():
            self.raw.close()


class ApswDialect(SQLiteDialect_pysqlite):
    driver = "apsw"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        taken = {
            name: getattr(sqlite3, name)
            for name in dir(sqlite3)
            if isinstance(getattr(sqlite3, name), type)
        }
        return SimpleNamespace(
            **taken
            | {
                "paramstyle": "qmark",
                "sqlite_version": apsw.sqlite_lib_version(),
                "sqlite_version_info": tuple(map(int, apsw.sqlite_lib_version().split("."))),
                "connect": Connection,
            }
        )

    def on_connect(self) -> None:
        return None

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        return [], {"path": url.database, **{name: str(url.query[name]) for name in url.query}}


def register() -> None:
    """Let URLs that begin with sqlite+apsw:// mean this."""
    registry.register("sqlite.apsw", __name__, "ApswDialect")
