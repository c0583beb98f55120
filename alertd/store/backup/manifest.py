"""What a backup says of itself: `manifest.json`, written last."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from alertd.errors import InvalidInputError
from alertd.model import Millis
from alertd.store.journal import Head

FILE: Final = "manifest.json"
DATABASE: Final = "alertd.sqlite3"
SETTINGS: Final = "alertd.toml"
KEYS: Final = "keys"
ADDRESSES: Final = "addresses.key"
CONFIG: Final = "config"
BROKER: Final = "broker"
LOGINS: Final = ("terminals.json", "logins.json")  # as `channels.loudspeaker.accounts` calls them
_KIND: Final = "alertd-backup"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """One file of a backup: its name below the folder, bytes, hex SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup.

    Args:
        alertd: The version that wrote it.
        schema: The last migration of its database.
        node: Whose it is.
        taken_at: The moment that it shows, ms.
        heads: Where each chain of the journal ended then.
        keys: Which keys are needed: {file name: fingerprint}; a fingerprint reveals nothing.
        files: All of it but this manifest.
    """

    alertd: str
    schema: str
    node: str
    taken_at: Millis
    heads: tuple[Head, ...]
    keys: Mapping[str, str]
    files: tuple[Kept, ...]

    @property
    def has_keys(self) -> bool:
        """Whether the keys are in it, so that it alone is everybody's phone number."""
        return any(file.name.startswith(f"{KEYS}/") for file in self.files)


def encode(manifest: Manifest) -> bytes:
    """As it stands in the file."""
    document = {"kind": _KIND, "format": _FORMAT, **asdict(manifest)}
    document["heads"] = [{**asdict(head), "hash": head.hash.hex()} for head in manifest.heads]
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def read(folder: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        InvalidInputError: The folder isn't a backup that this version can read.
    """
    try:
        document = json.loads((folder / FILE).read_text(encoding="utf-8"))
        known = (document["kind"], document["format"]) == (_KIND, _FORMAT)
        made = _decode(document) if known else None
        later = document["kind"] == _KIND and made is None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        made, later = None, False
    if later:
        raise InvalidInputError(
            "The backup was written by another version of alertd.",
            hint="Restore it with that version.",
        )
    if made is None:
        raise InvalidInputError(
            f"{folder} isn't a backup of alertd.",
            hint="Name the folder that alertd backup wrote; it holds a manifest.json.",
        )
    return made


def _decode(document: Mapping[str, Any]) -> Manifest:
    return Manifest(
        alertd=str(document["alertd"]),
        schema=str(document["schema"]),
        node=str(document["node"]),
        taken_at=int(document["taken_at"]),
        heads=tuple(
            Head(str(h["node"]), int(h["writer"]), int(h["seq"]), bytes.fromhex(h["hash"]))
            for h in document["heads"]
        ),
        keys={str(name): str(mark) for name, mark in document["keys"].items()},
        files=tuple(
            Kept(_inside(str(f["name"])), int(f["size"]), str(f["sha256"]))
            for f in document["files"]
        ),
    )


def _inside(name: str) -> str:
    """A name that stays in the backup's own folder, whoever wrote the manifest."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or name == FILE:
        raise ValueError(name)
    return name
