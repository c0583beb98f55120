"""Passwords at the broker: 192 random bits each. alertd's own and the shared login's are kept."""

import json
import secrets
from pathlib import Path

from alertd.whole import write_whole
from channels.loudspeaker.accounts import ALERTD, SHARED

_LOGINS = "logins.json"
_BYTES = 24


def new_password() -> str:
    """A loudspeaker's, as `accounts.PASSWORDS` asks."""
    return secrets.token_urlsafe(_BYTES)


def logins(folder: Path) -> dict[str, str]:
    """Passwords of alertd and of the shared login; made on first use, and kept."""
    path = folder / _LOGINS
    try:
        kept: dict[str, str] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        kept = {user: secrets.token_urlsafe(_BYTES) for user in (ALERTD, SHARED)}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, json.dumps(kept).encode(), mode=0o600)
    return kept
