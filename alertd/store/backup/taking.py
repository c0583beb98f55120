"""Write a backup, beside a server or without one.

It comes into being under another name, is synced, and gets its own by one rename: what was killed
midway never looks like a backup, and the next run removes it.
"""

import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import text

from alertd.errors import AlertdError, ConflictError, NotFoundError, UnavailableError
from alertd.model import Fact, Millis
from alertd.store import journal, migrate
from alertd.store.backup import disk, logins, manifest
from alertd.store.backup.checking import require_key
from alertd.store.backup.copying import Patience, Tell, copy_database, endless, frozen
from alertd.store.backup.manifest import Kept, Manifest
from alertd.store.database import Store
from alertd.store.departure import refuse_departed
from alertd.store.vault import KEY_BYTES, Vault, fingerprint
from alertd.whole import sync

_UNDER_WAY: Final = ".under-way-"
_LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Source:
    """What a node keeps, and where.

    Args:
        database: The SQLite file.
        keys_dir: The keys' folder.
        settings: The settings file, where there is one.
        config_dir: The city's own templates and policies, where there are any.
        node: Its name.
        version: The program's.
        broker_dir: The folder with the broker's logins, where there are any.
    """

    database: Path
    keys_dir: Path
    settings: Path | None
    config_dir: Path | None
    node: str
    version: str
    broker_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was written; `removed` are older ones that made room for it."""

    folder: Path
    manifest: Manifest
    removed: list[Path] = field(default_factory=list)


def take(
    source: Source,
    into: Path,
    *,
    now: Millis,
    tell: Tell,
    with_keys: bool = False,
    keep: int | None = None,
    patience: Patience = endless,
) -> Taken:
    """Write a backup into a folder of backups.

    Args:
        source: Of what.
        into: Made where it isn't there; the backup gets a folder of its own in it.
        now: When.
        tell: Is told how many more bytes of the database are copied.
        with_keys: With the keys: whoever has it then reads every phone number.
        keep: So many backups of this node are left there; the oldest go first.
        patience: As `copy_database` has it.

    Raises:
        NotFoundError: There is no database, or no key to seal the loudspeakers' logins with.
        ConflictError: Another backup is being written there, there is one of this second, or the
            key isn't the database's.
        UnavailableError: A disk is too full, or the copy isn't whole.
    """
    if not source.database.is_file():
        raise NotFoundError(
            f"There is no database at {source.database}.", hint="The first start makes it."
        )
    disk.private_folder(into)
    with disk.held(into / _LOCK):
        _sweep(into)
        final = into / _name(source.node, now)
        if final.exists():
            raise ConflictError(f"{final} is there already.", hint="Wait a second, and try again.")
        part = into / f"{_UNDER_WAY}{final.name}"
        disk.private_folder(part)
        made = _fill(part, source, now, tell, patience, with_keys=with_keys)
        disk.sync_tree(part)
        part.rename(final)
        sync(into)
        removed = [] if keep is None else _thin(into, source.node, keep, final)
    return Taken(final, made, removed)


def with_keys_on_record(url: str, *, node: str, now: Millis) -> None:
    """Write down that a backup with the keys is made; the caller holds the data folder's lock.

    Raises:
        ConflictError: The database is another version's, or the city lives in another one.
    """
    if migrate.current(url) != migrate.head():
        raise ConflictError("The database is of another version of alertd.")
    store = Store(url, Vault(bytes(KEY_BYTES)), node=node)  # nothing here seals or opens
    try:
        with store.transaction(now) as tx:
            refuse_departed(tx.connection)
            body = {"what": "keys"}
            tx.record(Fact(kind="report.exported", occurred_at=now, body=body, source="cli"))
    finally:
        store.close()


def backups(into: Path, node: str) -> list[tuple[Millis, Path]]:
    """The backups of a node in a folder, the oldest first."""
    found = []
    for path in sorted(into.iterdir()) if into.is_dir() else ():
        if path.name.startswith(_UNDER_WAY) or not (path / manifest.FILE).is_file():
            continue
        try:
            made = manifest.read(path)
        except AlertdError:
            continue  # not one that we know; it isn't ours to count, or to remove
        if made.node == node:
            found.append((made.taken_at, path))
    return sorted(found)


def _name(node: str, now: Millis) -> str:
    at = dt.datetime.fromtimestamp(now // 1000, dt.UTC)
    return f"alertd-{node}-{at:%Y%m%dT%H%M%SZ}"


def _sweep(into: Path) -> None:
    """Remove what was killed midway; under the lock nobody is at work on it."""
    for path in into.glob(f"{_UNDER_WAY}*"):
        shutil.rmtree(path)


def _thin(into: Path, node: str, keep: int, made: Path) -> list[Path]:
    """Remove the oldest; renamed first, so that half of one doesn't look like a whole.

    The one just made stays, whatever the machine's clock said of it or of the others.
    """
    others = [path for _at, path in backups(into, node) if path != made]
    extra = others[: max(0, len(others) - keep + 1)]
    for path in extra:
        gone = path.rename(into / f"{_UNDER_WAY}{path.name}")
        shutil.rmtree(gone)
    return extra


def _fill(
    part: Path, source: Source, now: Millis, tell: Tell, patience: Patience, *, with_keys: bool
) -> Manifest:
    database = part / manifest.DATABASE
    disk.write(database, b"")
    copy_database(source.database, database, tell, patience)
    schema, heads = _look(database, source.keys_dir / manifest.ADDRESSES)
    keys = sorted(source.keys_dir.glob("*.key"))
    for original, name in _beside(source, keys if with_keys else []):
        disk.copy(original, part / name)
    for name, content in (
        logins.sealed(source.broker_dir, source.keys_dir) if source.broker_dir else ()
    ):
        disk.write(part / name, content)
    made = Manifest(
        alertd=source.version,
        schema=schema,
        node=source.node,
        taken_at=now,
        heads=tuple(heads),
        keys={key.name: fingerprint(key) for key in keys},
        files=tuple(_kept(part)),
    )
    disk.write(part / manifest.FILE, manifest.encode(made))
    return made


def _beside(source: Source, keys: list[Path]) -> Iterator[tuple[Path, str]]:
    """What is copied as it is: (file, its name in the backup)."""
    if source.settings is not None:
        yield source.settings, manifest.SETTINGS
    if source.config_dir is not None:
        for kind in ("policies", "templates"):
            for path in sorted((source.config_dir / kind).glob("*.toml")):
                yield path, f"{manifest.CONFIG}/{kind}/{path.name}"
    for key in keys:
        yield key, f"{manifest.KEYS}/{key.name}"


def _look(database: Path, key: Path) -> tuple[str, list[journal.Head]]:
    """Look at the copy before it is called a backup: is it whole, and what does it hold?

    The manifest names the key by which it is restored, so that must be the right one.
    """
    with frozen(database) as connection:
        found = connection.execute(text("PRAGMA quick_check(1)")).scalar()
        if found != "ok":
            raise UnavailableError(
                "The copy of the database isn't whole.",
                hint="Try again; where it stays so, look at the original with alertd verify.",
            )
        require_key(connection, key)
        schema = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        # In plain words: before an update is started, the database is of the version before it.
        rows = connection.execute(text("SELECT node, writer, seq, hash FROM chain ORDER BY 1, 2"))
        return str(schema), [journal.Head(*row) for row in rows]


def _kept(part: Path) -> Iterator[Kept]:
    for path in sorted(part.rglob("*")):
        if path.is_file():
            name = path.relative_to(part).as_posix()
            yield Kept(name, path.stat().st_size, disk.sha256(path))
