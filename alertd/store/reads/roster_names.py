"""What the units, people and loudspeakers are called that changes of a roster are about."""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, select

from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.reads.principals import names_of
from alertd.store.roster import RosterVersion
from alertd.store.roster.stage import Stage
from rosters.diff import Change, Kind

Names = Mapping[tuple[Kind, str], str]

# Of each kind: the table, its key's column, and the place of the key in which changes.
_UNIT: Final = (t.unit, "code", {Kind.UNIT: 0, Kind.FACTS: 0, Kind.HOLDING: 0})
_PERSON: Final = (t.person, "person_id", {Kind.PERSON: 0, Kind.HOLDING: 2})
_TERMINAL: Final = (t.terminal, "terminal_id", {Kind.TERMINAL: 0})
_NAMED: Final = {Kind.UNIT: _UNIT, Kind.PERSON: _PERSON, Kind.TERMINAL: _TERMINAL}


def names(connection: Connection, changes: Iterable[Change], stage: Stage | None = None) -> Names:
    """Names by (unit, person or terminal; key): as last known.

    Args:
        connection: For reading.
        changes: What is to be named.
        stage: A roster that isn't in force yet: what is called by another name there, or is only
            there.
    """
    wanted = list(changes)
    found: dict[tuple[Kind, str], str] = {}
    for kind, (table, column, places) in _NAMED.items():
        keys = {each.key[places[each.kind]] for each in wanted if each.kind in places}
        c = table.c
        for batch in batches(sorted(keys)):
            query = select(c[column], c.name).where(c[column].in_(batch)).order_by(c.from_version)
            found.update(((kind, key), name) for key, name in connection.execute(query))
            if stage is not None:
                text = f"SELECT {column}, name FROM {table.name} WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: E501, S608 - our own names
                rows = stage.rows(text, (json.dumps(batch),))
                found.update(((kind, key), name) for key, name in rows)
    return found


def authors(connection: Connection, versions: Iterable[RosterVersion]) -> dict[str, str]:
    """Whose doing versions were: their accounts' names, by `RosterVersion.by`."""
    ids = {}
    for each in versions:
        kind, _, key = each.by.partition(":")
        if kind == "principal":
            ids[each.by] = bytes.fromhex(key)
    called = names_of(connection, ids.values())
    return {by: called[key] for by, key in ids.items() if key in called}
