"""Whether a server that runs was started with what is set now: what changed since does nothing."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from alertd.beside import Running
from alertd.cli.findings import Finding, Health, of_error
from alertd.cli.words import _
from alertd.decide.shares import CONSOLE, Part
from alertd.engine.refusals import lost_identity
from alertd.errors import AlertdError
from alertd.provision import address_key, library_of
from alertd.settings import Settings, emptied, spelled
from alertd.store import dialect, starts
from alertd.store.vault import Vault

_PROCESSES: Final = (Part().title, CONSOLE.title)


def lost_findings(settings: Settings) -> Iterator[Finding]:
    """What a start would go on without that was set at the one before, of who the city is."""
    try:
        if not address_key(settings).is_file():
            return
        if (empty := emptied(settings.data_dir)) is not None:
            yield of_error(_("settings"), empty)
        for process in _PROCESSES:
            if lost := starts.identity_lost(_known(settings, process), settings.model_fields_set):
                yield of_error(_("settings"), lost_identity(lost))
                return
    except (AlertdError, OSError, SQLAlchemyError):  # another finding's to tell
        return


def settings_findings(settings: Settings, server: Running | None) -> Iterator[Finding]:
    """What the server beside us was started with, against what it would be started with now.

    A database, a key or a template that can't be read is another finding's to tell.
    """
    if server is None or not server.process:
        return
    try:
        now = spelled(settings) | library_of(settings).spelled()
        vault = Vault(address_key(settings).read_bytes())
        changed = starts.changes(_known(settings, server.process), starts.prints(vault, now))
    except (AlertdError, OSError, SQLAlchemyError):
        return
    if changed:
        text = _(
            "Changed since the server was started, and without effect until it is started anew:"
            " {names}. If nothing was, give this command the variables that the server has."
        )
        yield Finding(_("settings"), Health.LOOK, text.format(names=starts.listed(list(changed))))


def _known(settings: Settings, process: str) -> dict[str, str]:
    engine = dialect.reader(settings.store_url)
    try:
        with engine.begin() as connection:
            return starts.known(connection, process)
    finally:
        engine.dispose()
