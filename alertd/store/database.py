"""Open the store; one writer's transactions, any number of readers."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from alertd.decide.timekeeping import TOLERANCE_MS
from alertd.errors import ConflictError, UnavailableError, UnsureError
from alertd.model import Fact, Millis
from alertd.store import dialect, journal, lived, migrate
from alertd.store.fold import apply, apply_alike
from alertd.store.footing import Footing
from alertd.store.vault import Vault


class BrokenOffError(Exception):
    """The database gave up a whole transaction: nothing of it can be committed any more."""


class TimeSetError(UnavailableError):
    """The node's other processes live by another time: by ours nothing may be decided."""

    def __init__(self) -> None:
        super().__init__("The node's time has just been set; try again in a moment.")


class LostAnswerError(UnsureError):
    """A commit was asked for, and the connection was lost before the database's answer came."""

    def __init__(self) -> None:
        super().__init__("The database's answer was lost: it may have been done.")


class Transaction:
    """One unit of work: changed rows and the facts they follow from, committed together."""

    def __init__(self, connection: Connection, vault: Vault, now: Millis) -> None:
        self.connection = connection
        self.vault = vault
        self.now = now
        self.facts: list[Fact] = []

    def decide_too(self, *, wait: bool = False) -> bool:
        """Be the one that decides, in a transaction that didn't set out to; whether that is so."""
        return dialect.hold_decisions(self.connection, wait=wait)

    def record(self, fact: Fact) -> Any:
        """Apply a fact to the tables and have it journaled; returns what `fold.apply` does."""
        result = apply(self.connection, fact)
        self.facts.append(fact)
        return result

    def record_alike(self, kind: str, facts: Sequence[Fact]) -> None:
        """Record facts of one kind, in their order."""
        apply_alike(self.connection, kind, facts)
        self.facts += facts

    def record_mixed(self, facts: Sequence[Fact]) -> None:
        """Record facts in their order; they are applied kind by kind.

        The kinds must be of those that are applied together, and change no common rows.
        """
        by_kind: dict[str, list[Fact]] = {}
        for fact in facts:
            by_kind.setdefault(fact.kind, []).append(fact)
        for kind, alike in by_kind.items():
            apply_alike(self.connection, kind, alike)
        self.facts += facts

    @contextmanager
    def item(self) -> Iterator[None]:
        """A part that may fail by itself without undoing its neighbours."""
        kept = len(self.facts)
        # The driver's own cursor: there is one for every input of every step.
        cursor = self.connection.connection.cursor()
        try:
            cursor.execute("SAVEPOINT item")
            yield
            cursor.execute("RELEASE SAVEPOINT item")
        except BrokenOffError:
            raise  # found by an item within this one
        except BaseException as error:
            if dialect.broke_off(self.connection, error):
                raise BrokenOffError from error
            cursor.execute("ROLLBACK TO SAVEPOINT item")
            cursor.execute("RELEASE SAVEPOINT item")
            del self.facts[kept:]
            raise


class Store:
    """The database of one node.

    Args:
        url: SQLAlchemy URL; SQLite in a file, or PostgreSQL.
        vault: Keys for addresses.
        node: This node's name, part of every fact's key.
        writer: This writing process's number; each has a chain of its own. Where several write,
            the first number to try.
        synchronous: SQLite's durability; FULL keeps every acknowledged commit over a power cut.
        checkpoint_pages: How long SQLite's journal grows, about, before it is used again.
        idle_ms: PostgreSQL ends a transaction that stands still for so long, so that a process that
            was stopped in the middle of one holds up no other; 0: never.
    """

    def __init__(
        self,
        url: str,
        vault: Vault,
        *,
        node: str,
        writer: int = 1,
        synchronous: str = "FULL",
        checkpoint_pages: int = dialect.CHECKPOINT_PAGES,
        idle_ms: int = 0,
    ) -> None:
        self.url = url
        self.vault = vault
        self.node = node
        self.writer_no = self._first_writer = writer
        self._checkpoint_pages = checkpoint_pages
        self._writer: Engine = dialect.writer(
            url, synchronous=synchronous, checkpoint_pages=checkpoint_pages, idle_ms=idle_ms
        )
        self._reader: Engine = dialect.reader(url)
        self._connection: Connection | None = None
        self._head: journal.Head | None = None
        self.last_recorded = 0  # facts of the last transaction
        self._place: dialect.Place | None = None
        self.fresh = False  # nobody has looked yet whether this connection's server lacks something
        self.left_at: journal.Head | None = None  # where our chain ended on the one before
        self.shared = not dialect.is_sqlite(url)  # other processes may write, too
        self.era: int | None = None  # of the node's time that we live by; None: we have our own

    @contextmanager
    def transaction(self, now: Millis, *, deciding: bool = True) -> Iterator[Transaction]:
        """One writing transaction; only one thread may use it.

        On leaving, the facts recorded are appended to the journal and all is on disk. When it
        fails it may be tried again; a database that was away is connected to anew.

        Args:
            now: The time. Who sets the node's time may change it in the transaction, before any
                fact: they are recorded under that.
            deciding: Wait until no other process decides; without it only deliveries may be
                changed, and only those that are locked.

        Raises:
            TimeSetError: The other processes live by another time than `now`.
            LostAnswerError: It may have been committed.
        """
        written = False
        try:
            connection = self._connected()
            with connection.begin():
                if deciding:
                    dialect.hold_decisions(connection)
                if self.shared and self.era is not None:
                    self._compare_time(connection, now)
                if self._head is None:
                    self._head = journal.load_head(connection, self.node, self.writer_no)
                transaction = Transaction(connection, self.vault, now)
                yield transaction
                head, recorded = journal.append(
                    connection, self._head, transaction.facts, transaction.now
                )
                written = True
        except DBAPIError as error:
            if error.connection_invalidated:
                self._disconnect()
                if written:
                    raise LostAnswerError from error
            raise
        self._head = head
        self.last_recorded = recorded

    def _compare_time(self, connection: Connection, now: Millis) -> None:
        kept = lived.kept(connection, self.node)
        if kept.era != self.era or now < (kept.lived_at or now) - TOLERANCE_MS:
            raise TimeSetError

    def _connected(self) -> Connection:
        """The writer's connection; a fresh one has to find its chain again."""
        if self._connection is not None and self._connection.invalidated:
            self._disconnect()
        if self._connection is None:
            self._connection, self._head = self._at_home(self._writer.connect()), None
            self.fresh = True
        return self._connection

    def _at_home(self, connection: Connection) -> Connection:
        """The connection, with a number among the writers.

        Raises:
            ReplacedError: We have been at work on the standby that took over from this server.
            OutdatedError: Another version has been at work in the database while we were away.
        """
        try:
            with connection.begin():
                self._place = dialect.place(connection, self._place)
                if self.shared:
                    migrate.refuse_other(connection)
                self.writer_no = dialect.take_writer_no(connection, self._first_writer)
        except BaseException:
            connection.close()
            raise
        return connection

    def looked(self) -> None:
        """What this connection's server lacks has been looked for."""
        self.fresh, self.left_at = False, None

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self.left_at = self.left_at or self._head
        self._connection = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read-only view, in any thread."""
        with self._reader.connect() as connection, connection.begin():
            yield connection

    def ask(self, statement: str) -> Any:
        """What the database answers to a question of one value; between transactions only.

        By the writer's connection: the engine waits for no reader.
        """
        connection = self._connected()
        with connection.begin():
            return connection.exec_driver_sql(statement).scalar_one()

    def checkpoint(self) -> bool:
        """Have SQLite's journal used again from its beginning; between transactions only.

        Returns whether that could be done.
        """
        return self._connection is not None and dialect.checkpoint(self._connection)

    def reserve_log(self) -> None:
        """Have SQLite's journal be as long as it may grow, before there is anything in it.

        For a process that goes on writing; between transactions only.
        """
        dialect.reserve_log(self._connected(), self._checkpoint_pages)

    def footing(self, *more: Path) -> Footing:
        """The files that it writes to, where there are any, and more that this process has open.

        Between transactions only. What was committed last is in SQLite's journal alone, and
        whoever opens the database finds its place by the journal's index.
        """
        if self.shared:
            return Footing(*more)
        self._connected()  # from now on all of them are there
        file = self._writer.url.database or ""
        return Footing(*(Path(file + ending) for ending in ("", "-wal", "-shm")), *more)

    def close(self) -> None:
        """Close every connection."""
        self._disconnect()
        self._writer.dispose()
        self._reader.dispose()


def lock_file(path: Path) -> TextIO:
    """Hold the data directory for this process; kept until the returned file is closed.

    Raises:
        ConflictError: Another process writes there.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = path.open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise ConflictError(
            "Another alertd is using this data directory.",
            hint="Use the running server, or stop it first.",
        ) from None
    return handle
