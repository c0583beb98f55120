"""Passwords at the broker: 192 random bits each. alertd's own and the shared login's are kept."""

import json
import secrets
from pathlib import Path

import structlog

from alertd.errors import AlertdError, ConflictError
from alertd.whole import write_whole
from channels.loudspeaker.accounts import ALERTD, SHARED

_log = structlog.get_logger(__name__)

_LOGINS = "logins.json"
_USERS = (ALERTD, SHARED)
_BYTES = 24


def new_password() -> str:
    """A loudspeaker's, as `accounts.PASSWORDS` asks."""
    return secrets.token_urlsafe(_BYTES)


def logins(folder: Path) -> dict[str, str]:
    """Passwords of alertd and of the shared login; made on first use, and kept.

    Raises:
        ConflictError: Their file isn't what was written there.
        OSError: It can't be read, or written.
    """
    path = folder / _LOGINS
    try:
        kept = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        kept = _new_logins()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, json.dumps(kept).encode(), mode=0o600)
    except ValueError:
        kept = None
    if not isinstance(kept, dict) or not all(isinstance(kept.get(user), str) for user in _USERS):
        raise ConflictError(
            "The file of the broker's own logins can't be read.",
            hint="Delete logins.json in the broker's folder: alertd makes new ones.",
        )
    return kept


def logins_for_now(folder: Path) -> dict[str, str]:
    """As `logins`; where they can't be had, some that are good for as long as we run.

    Nobody but our broker and we need to know them.
    """
    try:
        return logins(folder)
    except (AlertdError, OSError) as error:
        _log.error("broker-logins-not-kept", reason=str(error))
        return _new_logins()


def _new_logins() -> dict[str, str]:
    return {user: secrets.token_urlsafe(_BYTES) for user in _USERS}
