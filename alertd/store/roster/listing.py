"""Put to the listed changes which fields changed, and from what to what; masked by `rosters.diff`.

Only what is listed is looked up: some hundreds of rows, whatever the size of the roster.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from alertd.model import FOREVER
from alertd.store import addresses
from alertd.store import tables as t
from alertd.store.roster.stage import SECRET_CONTEXT, Stage
from alertd.store.roster.values import Stored, as_facts, as_person, as_unit
from rosters.diff import Change, Diff, FieldChange, Kind, Value, What, changes
from rosters.model import ChatGroup, Holding, Person, Terminal, Unit, UnitFacts
from rosters.shifts import clock
from rosters.words import Level

Key = tuple[str, ...]
Values = Mapping[Key, Value]


def fill_in(diff: Diff, connection: Connection, stage: Stage) -> None:
    """Say of each listed change what changed."""
    stored = Stored(connection, stage.vault, masked=False)
    for kind in Kind:
        keys = [c.key for c in diff.listed if c.kind is kind and c.what is What.CHANGED]
        if not keys:
            continue
        before = _BEFORE[kind](connection, stored, keys)
        after = _AFTER[kind](connection, stage, keys)
        diff.listed[:] = [
            replace(change, fields=changes(before[change.key], after[change.key]))
            if change.kind is kind and change.what is What.CHANGED
            else change
            for change in diff.listed
        ]


def described(
    changed: Iterable[Change], connection: Connection, stage: Stage
) -> dict[Change, tuple[FieldChange, ...]]:
    """What is said of each that is added, beside its key and its name; masked as a change is."""
    added = [change for change in changed if change.what is What.ADDED]
    found = {}
    for kind, blank in _BLANK.items():
        mine = [change for change in added if change.kind is kind]
        values = _AFTER[kind](connection, stage, [change.key for change in mine]) if mine else {}
        for change in mine:
            fields = changes(blank, values[change.key])
            found[change] = tuple(
                FieldChange(each.field, "", each.after)
                for each in fields
                if each.field not in _NAMING and each.after not in change.key
            )
    return found


# Blank of what goes without saying; what a key or a name says isn't said twice.
_BLANK: Mapping[Kind, Value] = {
    Kind.UNIT: Unit("", "", "", Level.CITY, ""),
    Kind.FACTS: UnitFacts(),
    Kind.PERSON: Person("", ""),
    Kind.HOLDING: Holding("", "", "", rank=0),
    Kind.TERMINAL: Terminal("", "", "", volume=0),
}
_NAMING = frozenset({"code", "name", "person_id", "unit_code", "post", "terminal_id"})


def _unit_rows(connection: Connection, codes: Iterable[str]) -> list[Any]:
    u, above = t.unit.c, t.unit.alias()
    parents = (above.c.no == u.parent_no) & (above.c.to_version == FOREVER)
    query = (
        select(t.unit, above.c.code.label("parent_code"))
        .outerjoin_from(t.unit, above, parents)
        .where(u.code.in_(list(codes)), u.to_version == FOREVER)
    )
    return list(connection.execute(query))


def _old_units(connection: Connection, _stored: Stored, keys: list[Key]) -> Values:
    rows = _unit_rows(connection, [code for (code,) in keys])
    return {(row.code,): as_unit(row) for row in rows}


def _old_facts(connection: Connection, _stored: Stored, keys: list[Key]) -> Values:
    rows = _unit_rows(connection, [code for (code,) in keys])
    return {(row.code,): as_facts(row) for row in rows}


def _old_people(connection: Connection, stored: Stored, keys: list[Key]) -> Values:
    c = t.person.c
    query = select(c.no).where(c.person_id.in_([key for (key,) in keys]), c.to_version == FOREVER)
    people = stored.people(connection.execute(query).scalars())
    return {(person.person_id,): person for person in people.values()}


def _old_holdings(connection: Connection, stored: Stored, keys: list[Key]) -> Values:
    units = [row.no for row in _unit_rows(connection, {code for code, *_ in keys})]
    held = stored.holdings(units)
    return {holding.key: holding for each in held.values() for _, holding in each}


def _old_terminals(_connection: Connection, stored: Stored, keys: list[Key]) -> Values:
    wanted = set(keys)
    return {(x.terminal_id,): x for x in stored.terminals() if (x.terminal_id,) in wanted}


def _old_groups(_connection: Connection, stored: Stored, keys: list[Key]) -> Values:
    wanted = set(keys)
    return {(x.group_id,): x for x in stored.groups() if (x.group_id,) in wanted}


def _staged(stage: Stage, query: str, keys: list[Key]) -> list[tuple[Any, ...]]:
    """The rows of a query whose first column is the first part of a key."""
    firsts = json.dumps([key[0] for key in keys])
    whole = f"{query} IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own queries
    return list(stage.rows(whole, (firsts,)))


def _new_units(_connection: Connection, stage: Stage, keys: list[Key]) -> Values:
    query = "SELECT code, official_code, name, level, parent_code FROM unit WHERE code"
    return {
        (code,): Unit(code, official, name, Level(level), parent)
        for code, official, name, level, parent in _staged(stage, query, keys)
    }


def _new_facts(_connection: Connection, stage: Stage, keys: list[Key]) -> Values:
    query = "SELECT code, households, vulnerable, should_transfer, shelter FROM unit WHERE code"
    return {(code,): UnitFacts(*known) for code, *known in _staged(stage, query, keys)}


def _new_people(connection: Connection, stage: Stage, keys: list[Key]) -> Values:
    query = """
    SELECT c.person_id, c.channel, c.rank, a.no, a.cipher
    FROM contact c JOIN address a ON a.blind = c.blind WHERE c.person_id
    """
    rows = _staged(stage, query, keys)
    known = addresses.reveal(connection, stage.vault, [row[3] for row in rows if row[3]])
    ways: dict[str, dict[tuple[int, int], str]] = {}
    for person_id, channel, rank, no, cipher in rows:
        address = known[no] if no else stage.vault.open(cipher, context=addresses.CONTEXT)
        ways.setdefault(person_id, {})[channel, rank] = address
    people = """
    SELECT person_id, name, language, party_member, channels FROM person WHERE person_id
    """
    return {
        (said[0],): as_person(said, ways.get(said[0], {})) for said in _staged(stage, people, keys)
    }


def _new_holdings(_connection: Connection, stage: Stage, keys: list[Key]) -> Values:
    query = """
    SELECT unit_code, post, person_id, rank, roles, shift_from, shift_to, verified_at, note
    FROM holding WHERE unit_code
    """
    found: dict[Key, Value] = {}
    for code, post, person_id, rank, roles, begin, end, verified_at, note in _staged(
        stage, query, keys
    ):
        times = (clock(begin), clock(end))
        said = tuple(json.loads(roles))
        holding = Holding(person_id, code, post, rank, said, *times, verified_at, note)
        found[holding.key] = holding
    return found


def _new_terminals(_connection: Connection, stage: Stage, keys: list[Key]) -> Values:
    query = "SELECT terminal_id, unit_code, name, lon, lat, volume FROM terminal WHERE terminal_id"
    return {(row[0],): Terminal(*row) for row in _staged(stage, query, keys)}


def _new_groups(connection: Connection, stage: Stage, keys: list[Key]) -> Values:
    query = """
    SELECT g.group_key, g.unit_code, g.kind, a.no, a.cipher, g.secret_cipher
    FROM chat_group g JOIN address a ON a.blind = g.blind WHERE g.group_key
    """
    rows, vault = _staged(stage, query, keys), stage.vault
    known = addresses.reveal(connection, vault, [row[3] for row in rows if row[3]])
    found: dict[Key, Value] = {}
    for key, unit_code, kind, no, cipher, sealed in rows:
        url = known[no] if no else vault.open(cipher, context=addresses.CONTEXT)
        secret = vault.open(sealed, context=SECRET_CONTEXT) if sealed else ""
        found[key,] = ChatGroup(key, unit_code, kind, url, secret)
    return found


_BEFORE = {
    Kind.UNIT: _old_units,
    Kind.FACTS: _old_facts,
    Kind.PERSON: _old_people,
    Kind.HOLDING: _old_holdings,
    Kind.TERMINAL: _old_terminals,
    Kind.GROUP: _old_groups,
}
_AFTER = {
    Kind.UNIT: _new_units,
    Kind.FACTS: _new_facts,
    Kind.PERSON: _new_people,
    Kind.HOLDING: _new_holdings,
    Kind.TERMINAL: _new_terminals,
    Kind.GROUP: _new_groups,
}
