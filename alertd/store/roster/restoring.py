"""A version that comes back: as much of it as has changed since, where hands changed it.

Edits change people and what they hold. Where nothing else has changed since a version, only the
units that these people serve need be read, as with an edit; else the whole roster is.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from alertd.model import FOREVER
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.fold.scope import in_force
from alertd.store.people import NOW
from alertd.store.roster.known import Scope
from alertd.store.roster.part import Part
from alertd.store.roster.source import Source
from alertd.store.roster.values import Stored
from alertd.store.vault import Vault

_BY_IMPORTS = (t.unit, t.terminal, t.chat_group)
_MOST_PEOPLE = 2_000  # more of them, and the whole roster is as quickly read


def restored(connection: Connection, vault: Vault, version: int) -> tuple[Source, Scope | None]:
    """What a version was, and which part of the roster that is; None is the whole.

    Args:
        connection: Reading is enough.
        vault: Opens numbers, which are compared.
        version: There is one.
    """
    stored = Stored(connection, vault, masked=False, version=version)
    scope = _scope_since(connection, version)
    return (Part(stored, scope), scope) if scope else (stored, None)


def _scope_since(connection: Connection, version: int) -> Scope | None:
    if any(_changed(connection, table, "no", version, limit=1) for table in _BY_IMPORTS):
        return None
    people = {
        no
        for table, column in ((t.person, "no"), (t.contact, "person_no"), (t.holding, "person_no"))
        for no in _changed(connection, table, column, version, limit=_MOST_PEOPLE + 1)
    }
    if not 0 < len(people) <= _MOST_PEOPLE:
        return None
    paths = _served(connection, people, version)
    p = t.person.c
    return Scope(
        codes={code for path in paths.values() for code in path.split("/") if code},
        unit_nos=tuple(paths),
        person_ids=set(_each(connection, people, p.person_id, p.no)),
    )


def _changed(
    connection: Connection, table: Table, column: str, version: int, *, limit: int
) -> set[int]:
    """Of rows that came or went after a version."""
    c = table.c
    since = or_(c.from_version > version, and_(c.to_version > version, c.to_version < FOREVER))
    return set(connection.execute(select(c[column]).where(since).distinct().limit(limit)).scalars())


def _served(connection: Connection, people: Iterable[int], version: int) -> dict[int, str]:
    """The paths of units, by number, in which people serve now or did so in a version."""
    h, u = t.holding.c, t.unit.c
    then_or_now: ColumnElement[bool] = or_(in_force(t.holding, version), in_force(t.holding, NOW))
    found: dict[int, str] = {}
    for batch in batches(sorted(people)):
        query = (
            select(u.no, u.path)
            .join_from(t.unit, t.holding, h.unit_no == u.no)
            .where(h.person_no.in_(batch), then_or_now, u.to_version == FOREVER)
        )
        found.update((no, path) for no, path in connection.execute(query))
    return found


def _each(
    connection: Connection, nos: Iterable[int], wanted: ColumnElement[str], no: ColumnElement[int]
) -> Iterator[str]:
    for batch in batches(sorted(nos)):
        yield from connection.execute(select(wanted).where(no.in_(batch))).scalars()
