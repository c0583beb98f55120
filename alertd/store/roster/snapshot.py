"""A roster version without names, numbers or addresses: what a third party can check against.

One JSON array a line, in the order of the numbers that the journal's facts use:

    ["unit", no, id, code, level, parent's no]
    ["duty", no, id, unit's no, role, post]
    ["person", no, id, {channel: how many contacts}]
    ["holding", duty's no, person's no, rank, shift from, shift to]
    ["terminal", no, id, unit's no]
    ["group", no, id, unit's no, kind]
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import merge
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from alertd.store import tables as t
from alertd.store.batches import stream
from alertd.store.fold.scope import in_force
from alertd.store.roster.stage import Stage

Rows = Iterator[tuple[Any, ...]]
_line = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def snapshot(connection: Connection, version: int) -> Iterator[str]:
    """Yield the lines of a version, in bounded memory."""
    return _lines(*_stored(connection, version))


def _stored(connection: Connection, version: int) -> tuple[dict[str, Rows], Rows]:
    u, d, h, te, g = (x.c for x in (t.unit, t.duty, t.holding, t.terminal, t.chat_group))
    held = select(h.duty_no, h.person_no, h.rank, h.shift_from, h.shift_to)
    queries: dict[str, tuple[Table, Select[Any]]] = {
        "unit": (t.unit, select(u.no, u.id, u.code, u.level, u.parent_no).order_by(u.no)),
        "duty": (t.duty, select(d.no, d.id, d.unit_no, d.role, d.post).order_by(d.no)),
        "person": (t.person, select(t.person.c.no, t.person.c.id).order_by(t.person.c.no)),
        "holding": (t.holding, held.order_by(h.duty_no, h.person_no)),
        "terminal": (t.terminal, select(te.no, te.id, te.unit_no).order_by(te.no)),
        "group": (t.chat_group, select(g.no, g.id, g.unit_no, g.kind).order_by(g.no)),
    }
    c = t.contact.c
    ways = (
        select(c.person_no, c.channel, func.count())
        .where(in_force(t.contact, version))
        .group_by(c.person_no, c.channel)
        .order_by(c.person_no, c.channel)
    )
    rows = {
        word: stream(connection, query.where(in_force(table, version)))
        for word, (table, query) in queries.items()
    }
    return rows, stream(connection, ways)


_STAGED = {
    "unit": "SELECT no, id, code, level, parent_no FROM unit ORDER BY no",
    "duty": "SELECT no, id, unit_no, role, post FROM duty ORDER BY no",
    "person": "SELECT no, id FROM person ORDER BY no",
    "holding": """
    SELECT h.duty_no, p.no, h.rank, h.shift_from, h.shift_to
    FROM part h JOIN person p ON p.person_id = h.person_id ORDER BY h.duty_no, p.no
    """,
    "terminal": """
    SELECT x.no, x.id, u.no FROM terminal x JOIN unit u ON u.code = x.unit_code ORDER BY x.no
    """,
    "group": """
    SELECT x.no, x.id, u.no, x.kind
    FROM chat_group x JOIN unit u ON u.code = x.unit_code ORDER BY x.no
    """,
}
_STAGED_WAYS = """
SELECT p.no, c.channel, count(*) FROM contact c JOIN person p ON p.person_id = c.person_id
GROUP BY p.no, c.channel ORDER BY p.no, c.channel
"""


def staged_snapshot(stage: Stage) -> Iterator[str]:
    """The lines that a planned version will have: the same as `snapshot` gives once applied."""
    return _lines(*_staged(stage))


def _staged(stage: Stage) -> tuple[dict[str, Rows], Rows]:
    return {word: stage.rows(query) for word, query in _STAGED.items()}, stage.rows(_STAGED_WAYS)


def mended_snapshot(connection: Connection, version: int, stage: Stage) -> Iterator[str]:
    """The same where only a part was staged: a version's lines with that part's new ones in them.

    Args:
        connection: Reading is enough.
        version: Which the part was compared with.
        stage: Numbered.
    """
    rows, ways = _stored(connection, version)
    new, new_ways = _staged(stage)
    for word, table in _PART_OF.items():
        rows[word] = _mended(rows[word], _known(stage, table), new[word], _KEYS.get(word, 1))
    return _lines(rows, _mended(ways, _known(stage, "person"), new_ways, 2))


# By the number of what a row goes or stays, and how many columns are the order of the rows.
_PART_OF = {"unit": "unit", "duty": "duty", "person": "person", "holding": "duty"}
_KEYS = {"holding": 2}


def _known(stage: Stage, table: str) -> set[int]:
    return {no for (no,) in stage.rows(f"SELECT no FROM old_{table}")}  # noqa: S608 - our own names


def _mended(old: Rows, known: Collection[int], new: Rows, width: int) -> Rows:
    return merge((row for row in old if row[0] not in known), new, key=itemgetter(slice(width)))


def digest(lines: Iterable[str]) -> str:
    """Hex SHA-256 over the lines, each with its line feed."""
    sha = hashlib.sha256()
    for line in lines:
        sha.update(line.encode() + b"\n")
    return sha.hexdigest()


def _lines(tables: Mapping[str, Rows], ways: Rows) -> Iterator[str]:
    for word, rows in tables.items():
        for row in _with_contacts(rows, ways) if word == "person" else rows:
            yield _line([word, *(x.hex() if isinstance(x, bytes) else x for x in row)])


def _with_contacts(people: Rows, ways: Rows) -> Rows:
    """Put to each person how many contacts there are by channel; both in people's order."""
    way = next(ways, None)
    for no, person_id in people:
        contacts: dict[str, int] = {}
        while way is not None and way[0] <= no:
            if way[0] == no:
                contacts[str(way[1])] = way[2]
            way = next(ways, None)
        yield no, person_id, contacts
