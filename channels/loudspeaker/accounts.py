"""Who may log in at the broker: alertd itself, and each enrolled loudspeaker with its own password.

Kept in the broker's folder, readable by the owner only; of loudspeakers it is made from what is on
record (`alertd/engine/logins.py`). Passwords are 192 random bits, so that the broker needn't spend
a tenth of a second on each of a thousand that come back after a power cut.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
PASSWORDS = r"^[A-Za-z0-9_-]{32,128}$"  # 24 bytes or more


@dataclass(frozen=True, slots=True)
class Account:
    """One loudspeaker's login; its name is the loudspeaker's id."""

    terminal: str
    password: str = field(repr=False)
    areas: tuple[str, ...] = ()
    enrolled_at: int = 0  # ms
    revoked_at: int | None = None
    why: str = ""  # it was shut out, where no person did it

    @property
    def good(self) -> bool:
        """Whether it may still log in."""
        return self.revoked_at is None


def require_enrollable(terminals: Iterable[str], areas: Sequence[str]) -> None:
    """Refuse what no broker would let in, or not as what it is.

    Args:
        terminals: Their ids.
        areas: Whose commands they are to hear.

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


def newest(*kept: Mapping[str, Account]) -> dict[str, Account]:
    """Of each loudspeaker's logins the one enrolled last; shut out where any says so of that one.

    Whatever copy is the older one, of a database or of a file, it lets nobody in again.

    Args:
        kept: By loudspeaker; of two that say the same, the one before is taken.
    """
    found: dict[str, Account] = {}
    for account in (account for accounts in kept for account in accounts.values()):
        known = found.get(account.terminal)
        if known is None or (account.enrolled_at, not account.good) > (
            known.enrolled_at,
            not known.good,
        ):
            found[account.terminal] = account
    return found


class Accounts:
    """The accounts in a broker's folder.

    Args:
        folder: Made where it is missing, 0700.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / FILE
        self.lock = folder / f"{FILE}.lock"

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

    def follow(self, record: Mapping[str, Account]) -> None:
        """Have the file say what the record says, where that is newer; see `newest`.

        One that can't be read is put aside: the record holds all of it but for what came last.
        """
        with self._changing(anew=True) as accounts:
            accounts.update(newest(record, accounts))

    def shut_out(self, terminal: str, now: int, why: str) -> None:
        """Shut one out before the record knows of it, which takes it from here."""
        with self._changing() as accounts:
            if (account := accounts.get(terminal)) is not None and account.good:
                accounts[terminal] = replace(account, revoked_at=now, why=why)

    @contextmanager
    def _changing(self, *, anew: bool = False) -> Iterator[dict[str, Account]]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                accounts = self.all()
            except ConflictError:
                if not anew:
                    raise
                self.path.replace(self.path.with_name(f"{FILE}.unreadable"))
                accounts = {}
            before = dict(accounts)
            yield accounts
            if accounts == before:  # a broker reads it again whenever it is written
                return
            document = {"v": 1, "terminals": [asdict(account) for account in accounts.values()]}
            write_whole(self.path, json.dumps(document).encode(), mode=0o600)
        finally:
            os.close(descriptor)
