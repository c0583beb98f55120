"""Reading the store beside a server, or without one; writing is the server's alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from alertd.cli.client import require_city, running
from alertd.provision import lock, open_store, open_vault
from alertd.settings import Settings
from alertd.store.database import Store


@contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    """One consistent, read-only view of the store.

    Beside a server it is one more reader; without one the database is brought up to date first,
    under the data folder's lock.

    Raises:
        ConflictError: Somebody else has the data folder, or a newer alertd wrote it.
        NotConfiguredError: There is nothing to read.
    """
    if running(settings.data_dir) is not None:
        store = Store(settings.store_url, open_vault(settings), node=settings.node)
        handle = None
    else:
        require_city(settings)
        handle = lock(settings)
        store = open_store(settings)
    try:
        with store.read() as connection:
            yield connection
    finally:
        store.close()
        if handle is not None:
            handle.close()
