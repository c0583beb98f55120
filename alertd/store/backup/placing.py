"""Put a backup into a data folder: whole, or so that nothing starts there until it is.

All of it is checked beside its place first. What was there is moved aside and never deleted. While
names are being moved a mark lies in the folder, by which every command refuses to work in it; a
restore that was killed is simply run again.

A database that is served sends: what waited in it leaves at once. Whether it shall can be known by
a person alone: in mid-storm it must, from an old copy it must not. So where anything waits, they
have to say so, and it is on record.
"""

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DatabaseError

from alertd.errors import ConflictError, InvalidInputError
from alertd.model import Fact, Millis
from alertd.settings import sqlite_url
from alertd.store import lived, migrate
from alertd.store.backup import checking, disk, logins, manifest
from alertd.store.backup.copying import Tell, frozen, require_room
from alertd.store.backup.holding import NONE, pause
from alertd.store.backup.manifest import ADDRESSES, DATABASE, KEYS, SETTINGS, Manifest
from alertd.store.backup.shut_out import ShutOut, let_in, shut_out
from alertd.store.backup.waiting import Waiting, codes, waiting, would_send
from alertd.store.database import Store, Transaction, lock_file
from alertd.store.given import leave_out
from alertd.store.vault import KEY_BYTES, Vault, fingerprint
from alertd.whole import sync

LOCK: Final = "alertd.lock"
_MARK: Final = "restore-under-way"
_STAGED: Final = ".restoring"
_BESIDE: Final = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a backup goes: a node's data folder, its database file and its name."""

    data_dir: Path
    database: Path
    node: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Args:
        manifest: Of the backup.
        facts: How many facts its journal holds, all of them checked.
        waiting: What the next start sends.
        aside: Where that lies now which was there before, or None.
        left: Files of the backup that were left in it: others are in their place, or their place
            is for the settings to say.
        missing: Keys that weren't found; the addresses' isn't one of them, it is needed.
        lets_in: How many loudspeakers' logins are good in it; None where what was there said which
            were shut out since.
        may_enter: The same of people and programs.
    """

    manifest: Manifest
    facts: int
    waiting: Waiting
    aside: Path | None
    left: tuple[str, ...]
    missing: tuple[str, ...]
    lets_in: int | None
    may_enter: int | None


def refuse_half(data_dir: Path) -> None:
    """Refuse to work in a data folder into which a backup is half restored.

    Raises:
        ConflictError: It is.
    """
    if (data_dir / _MARK).exists():
        raise ConflictError(
            "A restore into this data folder was interrupted; it isn't whole.",
            hint="Run alertd restore again, with --replace.",
        )


def restore(
    backup: Path,
    place: Place,
    *,
    now: Millis,
    tell: Tell,
    replace: bool = False,
    will_send: bool = False,
    held_back: Mapping[str, str] = NONE,
    keys: Path | None = None,
    chance_ms: Millis = 0,
) -> Restored:
    """Check a backup and put it into place, under the data folder's lock.

    Args:
        backup: Its folder.
        place: Where it goes.
        now: When; what has run out by then isn't sent any more.
        tell: Is told how many more bytes of the database are copied.
        replace: Move aside what is there.
        will_send: Also where the next start sends something.
        held_back: Alerts to be paused: short code → why, in the words of whoever does it.
        keys: A folder with the keys, where they are kept apart.
        chance_ms: For a `now` that is behind, as `given.leave_out` has it.

    Raises:
        ConflictError: A server runs there, something is there, it is another node's, its key is
            missing, or it would send.
        InvalidInputError: It isn't a backup, or not whole.
        NotFoundError: An alert to be paused isn't out in it.
    """
    made = manifest.read(backup)
    if (here := place.node) != made.node:
        raise ConflictError(
            f"The backup is of the node {made.node}, and this is {here}.",
            hint="Set node to the backup's in alertd.toml; it is in every fact on record.",
        )
    place.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    place.database.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(place.data_dir / LOCK):
        if place.database.exists() and not replace:
            raise ConflictError(
                f"There is a database at {place.database}.",
                hint="With --replace it is moved aside, and never deleted.",
            )
        staged = place.database.parent / _STAGED
        shutil.rmtree(staged, ignore_errors=True)
        disk.private_folder(staged)
        try:
            left = _stage(backup, made, place, staged, tell)
            missing = tuple(
                name
                for name, mark in made.keys.items()
                if not _stage_key(name, mark, staged, place, keys)
            )
            logins.unseal(staged)
            lets_in = logins.newer_of(staged, place.data_dir)
            facts, waits, under_way, lived_to = _look(staged, made, now)
            chance_ms, now = chance_ms if now < lived_to else 0, lived_to
            if waits.any and not will_send:
                raise would_send(waits, under_way)
            known = ShutOut.known_to(place.database)
            may_enter = _record(staged, made, now, chance_ms, waits, known, held_back)
            aside = _put(staged, place, now)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return Restored(made, facts, waits, aside, left, missing, lets_in, may_enter)


def _stage(backup: Path, made: Manifest, place: Place, staged: Path, tell: Tell) -> tuple[str, ...]:
    """Copy what is to be put into place, and check the copies; returns what is left behind."""
    require_room(staged, sum(file.size for file in made.files))
    left = []
    for kept in made.files:
        source = backup / kept.name
        if not source.is_file():
            raise _not_whole(kept.name)
        theirs = kept.name.startswith(f"{manifest.CONFIG}/")
        if theirs or (kept.name == SETTINGS and (place.data_dir / SETTINGS).exists()):
            left.append(kept.name)
            continue
        target = staged / kept.name
        disk.copy(source, target)
        if target.stat().st_size != kept.size or disk.sha256(target) != kept.sha256:
            raise _not_whole(kept.name)
        tell(kept.size)
    return tuple(left)


def _stage_key(name: str, mark: str, staged: Path, place: Place, given: Path | None) -> bool:
    """Have the key that the backup needs in the stage, from whoever has it; or False.

    The addresses' key is needed: a server without it would make another, and know nobody.
    """
    target = staged / KEYS / name
    folders = [given] if given is not None else []
    for path in (*(folder / name for folder in folders), target, place.data_dir / KEYS / name):
        if path.is_file() and fingerprint(path) == mark:
            if path != target:
                target.unlink(missing_ok=True)
                disk.copy(path, target)
            return True
    target.unlink(missing_ok=True)
    if name == ADDRESSES:
        raise ConflictError(
            f"The key {name} with the fingerprint {mark} is needed, and isn't here.",
            hint="Put it into keys/ in the data folder, or name its folder with --keys.",
        )
    return False


def _look(staged: Path, made: Manifest, now: Millis) -> tuple[int, Waiting, str, Millis]:
    """Bring the staged database up to date and check it with its journal and key.

    Returns its facts, what waits in it, which alerts go on, and the time.
    """
    try:
        migrate.upgrade(sqlite_url(staged / DATABASE))
        with frozen(staged / DATABASE) as connection:
            problems = list(checking.database(connection))
            facts, broken = checking.journal(connection, made.heads)
            problems += [*broken, *checking.key(connection, _key(staged))]
            now = lived.no_earlier(connection, made.node, now)
            waits, under_way = waiting(connection, now), codes(connection, now)
    except DatabaseError as error:
        raise _not_whole(f"{DATABASE}: {type(error.orig).__name__}") from None
    if problems:
        raise _not_whole(f"{problems[0].where}: {problems[0].what}")
    return facts, waits, under_way, now


def _key(staged: Path) -> bytes | None:
    path = staged / KEYS / ADDRESSES
    return path.read_bytes() if path.is_file() else None


def _record(
    staged: Path,
    made: Manifest,
    now: Millis,
    chance_ms: Millis,
    waits: Waiting,
    gone: ShutOut | None,
    held_back: Mapping[str, str],
) -> int | None:
    """Write down in the staged database that it is a restored one, and what isn't as it was.

    Returns:
        How many may enter, where nothing is known of those who were shut out; else None.
    """
    key = _key(staged) or bytes(KEY_BYTES)  # nothing here seals or opens
    store = Store(sqlite_url(staged / DATABASE), Vault(key), node=made.node)
    try:
        with store.transaction(now) as tx:
            restored(tx, made, waits, chance_ms)
            pause(tx, held_back)
            if gone is None:
                return let_in(tx.connection)
            shut_out(tx, gone)
            return None
    finally:
        store.close()  # which takes the log into the file


def restored(tx: Transaction, made: Manifest, waits: Waiting, chance_ms: Millis = 0) -> None:
    """The fact that this journal goes on from a backup."""
    body = {"taken_at": made.taken_at, "waiting": asdict(waits)}
    tx.record(Fact(kind="restored", occurred_at=tx.now, body=body, source="cli"))
    leave_out(tx, made.taken_at, source="cli", chance_ms=chance_ms)


def _put(staged: Path, place: Place, now: Millis) -> Path | None:
    """Move aside what is there and the new into its place; the database last."""
    disk.sync_tree(staged)
    mark = place.data_dir / _MARK
    mark.touch()
    sync(place.data_dir)
    aside = _fresh(place.database.parent, now)
    old = [place.database, *(Path(f"{place.database}{end}") for end in _BESIDE)]
    moved = [disk.move_together(old, aside)]  # what its log alone has would be lost without it
    for path in sorted(staged.rglob("*"), key=lambda path: path.name == DATABASE):
        if path.is_dir():
            continue
        name = path.relative_to(staged)
        target = place.database if str(name) == DATABASE else place.data_dir / name
        if _same(path, target):
            continue
        moved.append(_aside(target, aside))
        disk.private_folder(target.parent)
        shutil.move(path, target)
        sync(target.parent)
    mark.unlink()
    sync(place.data_dir)
    return aside if any(moved) else None


def _same(path: Path, other: Path) -> bool:
    return other.is_file() and disk.sha256(path) == disk.sha256(other)


def _fresh(folder: Path, now: Millis) -> Path:
    """A folder that isn't there: a restore run again in the same second mustn't write over."""
    at = dt.datetime.fromtimestamp(now // 1000, dt.UTC)
    name = f"replaced-{at:%Y%m%dT%H%M%SZ}"
    names = (name if n == 1 else f"{name}-{n}" for n in count(1))
    return next(folder / name for name in names if not (folder / name).exists())


def _aside(path: Path, aside: Path) -> bool:
    """Move a file out of the way, where there is one."""
    if not path.exists():
        return False
    disk.private_folder(aside)
    shutil.move(path, aside / path.name)
    sync(aside)
    return True


def _not_whole(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"The backup isn't whole: {what}.", hint="Take another one; alertd verify says more."
    )
