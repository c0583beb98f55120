"""Who may log in at the broker: alertd itself, and each enrolled loudspeaker with its own password.

Kept in the broker's folder, readable by the owner only. Passwords are 192 random bits, so that the
broker needn't spend a tenth of a second on each of a thousand that come back after a power cut.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from alertd.errors import ConflictError, InvalidInputError
from alertd.whole import write_whole
from channels.loudspeaker.commands import is_terminal_id

ALERTD = "alertd"
SHARED = "terminal"  # one login for all: simulated loudspeakers have it, real ones never
FILE = "terminals.json"
# A broker bounds a session's subscriptions: the areas', and the one for the loudspeaker itself.
MOST_AREAS = 16
_RESERVED = frozenset({ALERTD, SHARED})
_LOGINS = "logins.json"
_BYTES = 24


@dataclass(frozen=True, slots=True)
class Account:
    """One loudspeaker's login; its name is the loudspeaker's id."""

    terminal: str
    password: str = field(repr=False)
    areas: tuple[str, ...] = ()
    enrolled_at: int = 0  # ms
    revoked_at: int | None = None

    @property
    def good(self) -> bool:
        """Whether it may still log in."""
        return self.revoked_at is None


class Accounts:
    """The accounts in a broker's folder.

    Args:
        folder: Made where it is missing, 0700.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / FILE

    def all(self) -> dict[str, Account]:
        """Every account that ever was, by terminal.

        Raises:
            ConflictError: The file can't be read; nobody is shut out or let in by guess.
        """
        try:
            found = json.loads(self.path.read_bytes())["terminals"]
            accounts = [Account(**{**values, "areas": tuple(values["areas"])}) for values in found]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError):
            raise ConflictError(
                "The file of the loudspeakers' accounts can't be read.",
                hint=f"Bring {FILE} in the broker's folder back, or enrol them anew.",
            ) from None
        return {account.terminal: account for account in accounts}

    def enrol(
        self,
        terminals: Sequence[str],
        areas: Sequence[str],
        now: int,
        hand_over: Callable[[Sequence[Account]], object] = lambda _: None,
    ) -> list[Account]:
        """Give each a new password; one that had one before can't log in with it any more.

        Args:
            terminals: Their ids.
            areas: Whose commands they hear.
            now: ms.
            hand_over: Keeps the passwords for whoever needs them. Where it raises, none is changed:
                a password that nobody has would shut its loudspeaker out.

        Raises:
            InvalidInputError: An id can't be one, or is the name of another login; more areas than
                a broker lets one listen to.
        """
        if len(areas) > MOST_AREAS:
            raise InvalidInputError(
                f"A loudspeaker hears the commands of at most {MOST_AREAS} areas.",
                field="area",
                hint="Leave some out: a loudspeaker in none of an alert's areas is told singly.",
            )
        for terminal in terminals:
            if not is_terminal_id(terminal) or terminal in _RESERVED:
                raise InvalidInputError(
                    "A loudspeaker's id has only letters, digits, _ and -, and isn't 'alertd' or"
                    " 'terminal'.",
                    field="terminal",
                )
        made = [
            Account(terminal, secrets.token_urlsafe(_BYTES), tuple(areas), now)
            for terminal in terminals
        ]
        with self._changing() as accounts:
            hand_over(made)
            accounts |= {account.terminal: account for account in made}
        return made

    def revoke(self, terminals: Sequence[str], now: int) -> list[Account]:
        """Shut them out.

        Raises:
            InvalidInputError: One isn't enrolled; then none is shut out.
        """
        with self._changing() as accounts:
            if unknown := [terminal for terminal in terminals if terminal not in accounts]:
                raise InvalidInputError(
                    f"There is no enrolled loudspeaker '{unknown[0]}'.",
                    field="terminal",
                    hint="See: alertd terminal list",
                )
            ended = [
                replace(accounts[terminal], revoked_at=accounts[terminal].revoked_at or now)
                for terminal in terminals
            ]
            accounts |= {account.terminal: account for account in ended}
        return ended

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._folder / f"{FILE}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            accounts = self.all()
            yield accounts
            document = {"v": 1, "terminals": [asdict(account) for account in accounts.values()]}
            write_whole(self.path, json.dumps(document).encode(), mode=0o600)
        finally:
            os.close(descriptor)


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
