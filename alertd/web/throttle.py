"""How often somebody may try to sign in. Pure: the time is handed in.

A lock is for a name at one address, so that nobody can lock the duty officer out from elsewhere;
an address that tries many names is locked as a whole. Memory stays bounded.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from alertd.errors import AlertdError
from alertd.i18n import N_
from alertd.model import Millis

WINDOW_MS: Final = 15 * 60_000
FREE_FOR_NAME: Final = 5  # wrong passwords for one name at one address
FREE_FOR_ADDRESS: Final = 30  # wrong passwords at one address, whatever the names
MOST_KEPT: Final = 10_000


class TooManyTriesError(AlertdError):
    """Somebody has to wait before the next try."""

    code = "too-many-requests"
    http_status = 429

    def __init__(self, wait_s: int) -> None:
        minutes = max(1, -(-wait_s // 60))
        super().__init__(
            N_("Too many wrong passwords; try again in {minutes} min.").format(minutes=minutes),
            hint=N_("An administrator can give you a new password."),
        )
        self.retry_after_s = wait_s


@dataclass(slots=True)
class Throttle:
    """Counts wrong passwords; `failures` holds (count, the last of them) by key."""

    free_for_name: int = FREE_FOR_NAME
    free_for_address: int = FREE_FOR_ADDRESS
    failures: OrderedDict[tuple[str, str], tuple[int, Millis]] = field(default_factory=OrderedDict)

    def check(self, name: str, address: str, now: Millis) -> None:
        """Raise TooManyTriesError where another try must wait."""
        for key, free in self._keys(name, address):
            count, since = self._counted(key, now)
            if count >= free:
                raise TooManyTriesError(max(1, (since + WINDOW_MS - now) // 1000))

    def failed(self, name: str, address: str, now: Millis) -> None:
        """A password was wrong."""
        for key, _free in self._keys(name, address):
            count, _ = self._counted(key, now)
            # The window begins anew with each, so that a lock lasts its whole time.
            self.failures[key] = (count + 1, now)
            self.failures.move_to_end(key)
        while len(self.failures) > MOST_KEPT:
            self.failures.popitem(last=False)

    def passed(self, name: str, address: str) -> None:
        """A password was right: that name's count at that address is over."""
        self.failures.pop((name, address), None)

    def _counted(self, key: tuple[str, str], now: Millis) -> tuple[int, Millis]:
        count, since = self.failures.get(key, (0, now))
        return (count, since) if 0 <= now - since < WINDOW_MS else (0, now)

    def _keys(self, name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
        return (((name, address), self.free_for_name), (("", address), self.free_for_address))
