"""The broker's logins in a backup: sealed with the addresses' key.

Without them every loudspeaker would have to be enrolled anew, by hand, on its pole. In the data
folder they lie open for its owner, as the broker needs them; a backup that goes to another disk
says nothing of them to whoever hasn't the key, which is needed to restore it in any case.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag

from alertd.errors import ConflictError, InvalidInputError, NotFoundError
from alertd.store.backup import disk
from alertd.store.backup.checking import Problem
from alertd.store.backup.manifest import ADDRESSES, BROKER, LOGINS, Manifest
from alertd.store.vault import KEY_BYTES, Vault
from channels.loudspeaker.accounts import Accounts

_SEALED: Final = ".sealed"
_CONTEXT: Final = "broker-logins"


def sealed(broker_dir: Path, keys_dir: Path) -> Iterator[tuple[str, bytes]]:
    """What goes into a backup: (name, content); nothing where there is no broker of ours.

    Each file is replaced whole whenever it changes, so that what is read here is whole.

    Raises:
        NotFoundError: There are logins, and no key to seal them with.
    """
    for path in (broker_dir / name for name in LOGINS):
        try:
            content = path.read_text("utf-8")
        except FileNotFoundError:
            continue
        vault = Vault(_key(keys_dir))
        yield f"{BROKER}/{path.name}{_SEALED}", vault.seal(content, context=_CONTEXT)


def unseal(staged: Path) -> None:
    """Open those that lie in a stage, where the key lies, too; each in its own file's place.

    Raises:
        InvalidInputError: The key doesn't open one.
    """
    for path in sorted((staged / BROKER).glob(f"*{_SEALED}")):
        content = _opened(path, _key(path.parent.parent / "keys"))
        if content is None:
            raise InvalidInputError(
                f"The backup isn't whole: {BROKER}/{path.name} can't be opened.",
                hint="Take another one; alertd verify says more.",
            )
        disk.write(path.with_suffix(""), content.encode())
        path.unlink()


def newer_of(staged: Path, data_dir: Path) -> int | None:
    """Have a stage's loudspeakers be what the folder that it replaces knows newer of them.

    One that was shut out after the backup isn't let in again by it, and one that was enrolled since
    isn't shut out. The next start puts that on record.

    Returns:
        How many are let in as the backup has it, where nothing newer is known; else None.
    """
    stage, here = Accounts(staged / BROKER), Accounts(data_dir / BROKER)
    try:
        newer = here.all()
    except ConflictError:  # it is moved aside, as it is
        newer = {}
    if not newer:
        return sum(account.good for account in stage.all().values())
    stage.follow(newer)
    stage.lock.unlink()  # it isn't put into place with the rest
    return None


def check(backup: Path, made: Manifest, key: bytes) -> Iterator[Problem]:
    """Whether the key opens a backup's logins."""
    for kept in made.files:
        if not kept.name.startswith(f"{BROKER}/") or not (backup / kept.name).is_file():
            continue
        content = _opened(backup / kept.name, key)
        if content is None:
            yield Problem("key", kept.name, "isn't opened by the key")
        elif not _is_json(content):
            yield Problem("file", kept.name, "isn't JSON")


def check_here(broker_dir: Path) -> Iterator[Problem]:
    """Whether those in a data folder can be read."""
    for path in (broker_dir / name for name in LOGINS):
        if path.is_file() and not _is_json(path.read_text("utf-8", "replace")):
            yield Problem("file", f"{BROKER}/{path.name}", "isn't JSON")


def _key(keys_dir: Path) -> bytes:
    try:
        content = (keys_dir / ADDRESSES).read_bytes()
    except OSError:
        content = b""
    if len(content) != KEY_BYTES:
        raise NotFoundError(
            "The addresses' key isn't there; the loudspeakers' logins can't be kept without it.",
            hint="Put addresses.key into keys/ in the data folder.",
        )
    return content


def _opened(path: Path, key: bytes) -> str | None:
    try:
        return Vault(key).open(path.read_bytes(), context=_CONTEXT)
    except (InvalidTag, ValueError):
        return None


def _is_json(content: str) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True
