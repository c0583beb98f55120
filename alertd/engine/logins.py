"""Keeps the embedded broker's file of loudspeakers' logins as the record says.

A login is on record first, and in the file right after the commit. The other way round a crash
between the two would let in a loudspeaker that nobody had let in, or one that is on record as shut
out and was to be enrolled anew. Shut out, one has lost its login for good once that is committed: a
broker dies with its alertd, and the next one isn't started before its file follows the record.
Other processes, on other machines, look every second.

What the file says of a login that was shut out there (one that flooded) counts at once, and is put
on record from there; so is a file from before there was a record.
"""

import asyncio
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from alertd.engine.runner import Runner
from alertd.engine.turn import Turn
from alertd.errors import AlertdError, ConflictError
from alertd.model import Millis
from alertd.store import logins
from alertd.store.database import Store
from channels.loudspeaker.accounts import Account, Accounts
from rosters.problems import holds_phone

_FAILURES: Final = (AlertdError, OSError, SQLAlchemyError)

_log = structlog.get_logger("alertd.engine")


def follow(store: Store, folder: Path) -> bool:
    """Have the broker's file say what is on record; whether it does."""
    try:
        _follow(store, folder)
    except _FAILURES as error:
        _log.error("broker-logins-not-written", error=type(error).__name__)
        return False
    return True


def _follow(store: Store, folder: Path) -> None:
    with store.read() as connection:
        record = logins.accounts(connection, store.vault)
    if record:
        Accounts(folder).follow(record)


class Logins:
    """One process's look at the record and at the file.

    Args:
        store: The node's.
        folder: The broker's.
    """

    EVERY_S: Final = 1.0  # how often it is to look

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._accounts = Accounts(folder)
        self._seen: object = None
        self._failing = False

    def begin(self, now: Millis) -> None:
        """Before a broker is started; the caller is the store's only writer in this process."""
        try:
            self._shut_out_numbers(now)
        except OSError as error:
            _log.error("broker-logins-not-written", error=type(error).__name__)
        file = self._known()
        if self._news(file):
            with self._store.transaction(now) as tx:
                logins.adopt(tx, file)
        follow(self._store, self._folder)

    def _shut_out_numbers(self, now: Millis) -> None:
        """Shut out whose id holds a phone number: no fact may hold it.

        No roster takes such a loudspeaker, so that it is told nothing.
        """
        for terminal, account in self._known().items():
            if holds_phone(terminal) and account.good:
                self._accounts.shut_out(terminal, now, "id-private")
                _log.warning("loudspeaker-shut-out", reason="id-private")

    def _known(self) -> dict[str, Account]:
        """What the file holds; one that can't be read is made anew of what is on record."""
        try:
            return self._accounts.all()
        except ConflictError:
            _log.error("broker-logins-unreadable")
            return {}

    async def look(self, runner: Runner) -> None:
        """Look again; cheap where nothing has changed."""
        try:
            state = await asyncio.to_thread(self._state)  # first: what changes meanwhile is seen
            if state == self._seen:
                return
            file = await asyncio.to_thread(self._known)
            if await asyncio.to_thread(self._news, file):
                await runner.submit(partial(_adopt, file=file))
            await asyncio.to_thread(_follow, self._store, self._folder)
        except _FAILURES as error:
            if not self._failing:  # once, and not every second
                _log.error("broker-logins-stay-behind", error=type(error).__name__)
            self._failing = True
        else:
            self._seen, self._failing = state, False

    def _state(self) -> object:
        with self._store.read() as connection:
            record = logins.mark(connection)
        try:
            file = self._accounts.path.stat()
        except FileNotFoundError:
            return record, None
        return record, (file.st_mtime_ns, file.st_size, file.st_ino)

    def _news(self, file: dict[str, Account]) -> bool:
        with self._store.read() as connection:
            record = logins.accounts(connection, self._store.vault)
        return bool(logins.news(record, file))


def _adopt(turn: Turn, *, file: dict[str, Account]) -> None:
    logins.adopt(turn.tx, file)
