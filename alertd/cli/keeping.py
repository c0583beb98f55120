"""What `backup`, `restore` and `verify` have in common: where things are, and how far it is."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from alertd.cli import show
from alertd.cli.words import LANGUAGE, _, told
from alertd.errors import NotConfiguredError
from alertd.i18n import sentence
from alertd.model import Millis
from alertd.settings import Settings
from alertd.store import dialect, given, migrate
from alertd.store.backup.waiting import Waiting
from alertd.store.backup.word import FILE, Word, leave

FOLDER: Final = "backups"  # in the data folder, where no other is named
_GOES_ON: Final = _(
    "The city goes on here. Served, it sends: {alerts} alerts under way, {messages} messages,"
    " {help} calls for help; what waited is marked as a possible duplicate."
)
_MB: Final = 1_000_000


def database_of(settings: Settings) -> Path:
    """The SQLite file of a node.

    Raises:
        NotConfiguredError: Its database is another one.
    """
    if not dialect.is_sqlite(settings.store_url):
        raise NotConfiguredError(
            "The database is PostgreSQL, which alertd doesn't back up itself.",
            hint="Use pg_dump and pg_restore, then alertd restore; the keys are kept apart.",
        )
    return Path(migrate.file_of(settings.store_url))


def chance_ms() -> Millis:
    """A span that no other restoring is likely to have, as `given.leave_out` has it."""
    return secrets.randbelow(given.LONGEST_MS)


def calendar_of(waits: Waiting) -> None:
    """Say what begins by itself, where anything does."""
    if waits.drills:
        text = _(
            "{count} drills are in its calendar as they were then. One that was called off since"
            " begins all the same: alertd drill calendar"
        )
        show.line(text.format(count=waits.drills))


def goes_on(waits: Waiting, *, as_json: bool) -> None:
    """Say that a city lives in its database from here on, and what it will send."""
    found = asdict(waits)

    def shown() -> None:
        show.line(_GOES_ON.format(**found))
        calendar_of(waits)

    show.answer({"waiting": found}, as_json=as_json, human=shown)


@contextmanager
def megabytes(label: str, size: int) -> Iterator[Callable[[int], None]]:
    """Progress through `size` bytes, shown in megabytes."""
    done = 0
    with show.counting(label, -(-size // _MB)) as advance:

        def tell(more: int) -> None:
            nonlocal done
            before, done = done // _MB, done + more
            advance(done // _MB - before)

        yield tell


def leave_word(data_dir: Path, word: Word) -> None:
    """Leave word of a backup, or of a try at one, for doctor and `/readyz`."""
    try:
        leave(data_dir, word)
    except OSError as error:
        file, reason = data_dir / FILE, sentence(LANGUAGE, str(error.strerror))
        # The backup is good all the same.
        show.note(told(str(file), reason))
