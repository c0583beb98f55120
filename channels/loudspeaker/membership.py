"""Who hears the commands of which area, as enrolled; read again whenever that changes."""

from collections.abc import Mapping
from pathlib import Path

import structlog

from alertd.errors import ConflictError
from channels.loudspeaker.accounts import Accounts
from channels.loudspeaker.grouping import members

_log = structlog.get_logger(__name__)


class Membership:
    """The areas of the accounts in a broker's folder.

    Args:
        folder: The broker's; None: nobody is known to be in any area.
    """

    def __init__(self, folder: Path | None) -> None:
        self._accounts = None if folder is None else Accounts(folder)
        self._seen: tuple[int, int, int] | None = None
        self._areas: Mapping[str, frozenset[str]] = {}

    def areas(self) -> Mapping[str, frozenset[str]]:
        """Loudspeakers by their area's code; none where the file can't be read."""
        if self._accounts is None:
            return {}
        try:
            at = self._accounts.path.stat()
        except OSError:
            self._seen, self._areas = None, {}
            return {}
        if self._seen != (mark := (at.st_mtime_ns, at.st_size, at.st_ino)):
            self._seen = mark
            try:
                self._areas = members(self._accounts.all().values())
            except ConflictError as error:
                _log.warning("areas-not-known", reason=str(error))
                self._areas = {}
        return self._areas
