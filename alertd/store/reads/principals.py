"""Whose doing something was, by name."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from alertd.store import tables as t
from alertd.store.batches import batches


def names_of(connection: Connection, ids: Iterable[bytes | None]) -> dict[bytes, str]:
    """The names of principals by id; one that isn't known is left out."""
    c = t.principal.c
    found: dict[bytes, str] = {}
    for batch in batches(each for each in ids if each is not None):
        rows = connection.execute(select(c.id, c.name).where(c.id.in_(batch)))
        found.update((row.id, row.name) for row in rows)
    return found
