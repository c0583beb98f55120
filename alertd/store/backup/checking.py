"""Whether a backup, or a data folder, is whole: files, database, journal, tables, keys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, select, text

from alertd.errors import ConflictError
from alertd.settings import sqlite_url
from alertd.store import chains, dialect, migrate, rebuild
from alertd.store import tables as t
from alertd.store.backup import disk
from alertd.store.backup.manifest import Manifest
from alertd.store.journal import Head
from alertd.store.shape import lacking
from alertd.store.vault import KEY_BYTES, Vault

_MOST = 20  # lines about one thing


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that isn't as it should be; it names no content.

    `kind`: file, database, journal, tables, key.
    """

    kind: str
    where: str
    what: str


def files(folder: Path, made: Manifest) -> Iterator[Problem]:
    """Every file of a backup against its size and hash."""
    for kept in made.files:
        path = folder / kept.name
        if not path.is_file():
            yield Problem("file", kept.name, "missing")
        elif path.stat().st_size != kept.size or disk.sha256(path) != kept.sha256:
            yield Problem("file", kept.name, "changed")


def database(connection: Connection) -> Iterator[Problem]:
    """Tables, columns, keys and indexes; SQLite's own check of pages, indexes and references."""
    for name in lacking(connection):
        yield Problem("database", name, "missing")
    if connection.dialect.name != "sqlite":
        return
    for (line,) in connection.execute(text(f"PRAGMA integrity_check({_MOST})")):
        if line != "ok":
            yield Problem("database", "integrity_check", str(line))
    broken = connection.execute(text("PRAGMA foreign_key_check")).fetchmany(_MOST)
    for row in broken:
        yield Problem("database", str(row[0]), "refers to a row that isn't there")


def journal(
    connection: Connection, heads: Sequence[Head] | None = None
) -> tuple[int, list[Problem]]:
    """How many facts hold, and where a chain breaks or ends elsewhere than `heads` says."""
    found = chains.check(connection)
    problems = [
        Problem("journal", f"{at.node}/{at.writer}/{at.seq}", at.reason) for at in found.broken
    ]
    if found.unreadable:
        problems.append(Problem("journal", "body", "isn't JSON"))
    if heads is not None:
        problems += _elsewhere(connection, heads)
    return found.held, problems


def _elsewhere(connection: Connection, heads: Sequence[Head]) -> Iterator[Problem]:
    rows = connection.execute(select(t.chain))
    known = {(row.node, row.writer): (row.seq, row.hash) for row in rows}
    said = {(head.node, head.writer): (head.seq, head.hash) for head in heads}
    for node, writer in sorted(known.keys() ^ said.keys() | known.keys() & said.keys()):
        if known.get((node, writer)) != said.get((node, writer)):
            yield Problem("journal", f"{node}/{writer}", "ends elsewhere than the manifest says")


def tables(connection: Connection, scratch: Path) -> Iterator[Problem]:
    """The tables against those that the journal alone gives; made anew in the folder `scratch`."""
    url = sqlite_url(scratch / "again.sqlite3")
    migrate.upgrade(url)
    engine = dialect.writer(url, synchronous="OFF")
    try:
        with engine.begin() as again:
            rebuild.rebuild(connection, again)
            for line in rebuild.compare(connection, again):
                table, _colon, what = line.partition(": ")
                yield Problem("tables", table, what)
    finally:
        engine.dispose()


def require_key(connection: Connection, file: Path) -> None:
    """Look whether the key in `file` is the one that sealed this database's addresses.

    Raises:
        ConflictError: It isn't, or it isn't there: with another one nobody could be told.
    """
    if any(key(connection, file.read_bytes() if file.is_file() else None)):
        raise ConflictError(
            "The key in the data folder doesn't open this database's addresses.",
            hint="Bring keys/addresses.key from the machine where the database was made.",
        )


def key(connection: Connection, content: bytes | None) -> Iterator[Problem]:
    """Whether the addresses' key opens what it sealed: the first address and the last."""
    c = t.address.c
    sealed = [
        connection.execute(select(c.cipher).order_by(order).limit(1)).scalar()
        for order in (c.no, c.no.desc())
    ]
    if content is None or len(content) != KEY_BYTES:
        if any(sealed) or content is not None:
            yield Problem("key", "addresses.key", "missing" if content is None else "damaged")
        return
    vault = Vault(content)
    for cipher in filter(None, sealed):
        try:
            vault.open(cipher, context="address")
        except InvalidTag:
            yield Problem("key", "addresses.key", "doesn't open this database's addresses")
            return
