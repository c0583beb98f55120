"""What a version of the roster changed of the one before, from the temporal rows themselves.

A row that came into force with a version and one of the same number that ended with it are one
change. All are counted; the first of each kind and each way are shown with their fields, masked.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.roster.values import Stored
from alertd.store.vault import Vault
from rosters.diff import Diff, Kind, Value, What, compare, sort_key

_UNITS_AT_ONCE = 2_000
_MOST_NAMED = 5_000  # changed people whose numbers are opened to be compared


def between(connection: Connection, vault: Vault, version: int, *, limit: int = 50) -> Diff:
    """Compare a version with the one before it.

    Args:
        connection: Reading is enough.
        vault: Opens numbers to compare them; none is shown.
        version: From 1; the first is compared with nothing.
        limit: How many changes of each kind and each way are listed.
    """
    before = Stored(connection, vault, masked=False, version=version - 1)
    after = Stored(connection, vault, masked=False, version=version)
    diff = Diff(limit)
    codes = set(_touched(connection, t.unit, "code", version))
    units = [_units(stored, codes) for stored in (before, after)]
    _add(diff, Kind.UNIT, *({code: unit for code, (unit, _) in side.items()} for side in units))
    facts = [{code: known for code, (_, known) in side.items()} for side in units]
    shared = facts[0].keys() & facts[1].keys()
    _add(diff, Kind.FACTS, *({code: side[code] for code in shared} for side in facts))
    persons = sorted(set(_touched(connection, t.person, "no", version)))
    _add(diff, Kind.PERSON, *(_people(stored, persons[:_MOST_NAMED]) for stored in (before, after)))
    _count_rest(diff, connection, persons[_MOST_NAMED:], version)
    places = set(_touched(connection, t.holding, "unit_no", version))
    _add(diff, Kind.HOLDING, *(_holdings(stored, places) for stored in (before, after)))
    keys = set(_touched(connection, t.terminal, "terminal_id", version))
    sides = [[x for x in s.terminals() if x.terminal_id in keys] for s in (before, after)]
    _add(diff, Kind.TERMINAL, *({x.terminal_id: x for x in side} for side in sides))
    keys = set(_touched(connection, t.chat_group, "group_key", version))
    groups = [[x for x in s.groups() if x.group_id in keys] for s in (before, after)]
    _add(diff, Kind.GROUP, *({x.group_id: x for x in side} for side in groups))
    return diff


def _touched(connection: Connection, table: Table, column: str, version: int) -> Iterable[Any]:
    c = table.c
    query = select(c[column]).where(or_(c.from_version == version, c.to_version == version))
    return connection.execute(query.distinct()).scalars()


def _add(diff: Diff, kind: Kind, old: Mapping[str, Value], new: Mapping[str, Value]) -> None:
    for change in compare(kind, sorted(old.items()), sorted(new.items())):
        diff.add(change)


def _units(stored: Stored, codes: Iterable[str]) -> dict[str, tuple[Value, Value]]:
    return {unit.code: (unit, facts) for unit, facts in stored.units_of(codes).values()}


def _people(stored: Stored, nos: Iterable[int]) -> dict[str, Value]:
    return {person.person_id: person for person in stored.people(nos).values()}


def _holdings(stored: Stored, unit_nos: Iterable[int]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for batch in batches(sorted(unit_nos), _UNITS_AT_ONCE):
        for held in stored.holdings(batch).values():
            found.update((sort_key(*holding.key), holding) for _, holding in held)
    return found


def _count_rest(diff: Diff, connection: Connection, nos: list[int], version: int) -> None:
    """Count the people beyond those that are compared."""
    if not nos:
        return
    c = t.person.c
    first = nos[0]
    came = set(
        connection.execute(select(c.no).where(c.from_version == version, c.no >= first)).scalars()
    )
    left = set(
        connection.execute(select(c.no).where(c.to_version == version, c.no >= first)).scalars()
    )
    ways = {What.ADDED: came - left, What.CHANGED: came & left, What.LEFT: left - came}
    for what, these in ways.items():
        diff.counts[Kind.PERSON, what] += len(these)
