"""The journal: append-only, hash-chained, one chain a writing process.

A row's hash is SHA-256 over the hash before it and the row's canonical text, so that a change,
a removal or a change of order anywhere shows at the next row.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, select

from alertd.canonical import canonical, compact
from alertd.model import Fact, Millis, Recorded
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.prepared import Prepared

GENESIS = bytes(32)


@dataclass(slots=True)
class Head:
    """The last row of a chain."""

    node: str
    writer: int
    seq: int = 0
    hash: bytes = GENESIS
    turn: int = 0  # the newest of any chain, where this writer is the only one


def digest(previous: bytes, header: Sequence[str | int], body: str) -> bytes:
    """The hash of a row: over the one before, its header and its body."""
    text = compact([*header, body])
    return hashlib.sha256(previous + text.encode()).digest()


def load_head(connection: Connection, node: str, writer: int) -> Head:
    """Where this writer's chain ends."""
    row = connection.execute(
        select(t.journal.c.seq, t.journal.c.hash)
        .where(t.journal.c.node == node, t.journal.c.writer == writer)
        .order_by(t.journal.c.seq.desc())
        .limit(1)
    ).first()
    turn = connection.execute(select(func.max(t.chain.c.turn))).scalar() or 0
    return Head(node, writer, row.seq, row.hash, turn) if row else Head(node, writer, turn=turn)


def holds(connection: Connection, head: Head) -> bool:
    """Whether a fact that was committed as the last of its chain is there."""
    c = t.journal.c
    where = (c.node == head.node, c.writer == head.writer, c.seq == head.seq)
    return not head.seq or connection.execute(select(c.hash).where(*where)).scalar() == head.hash


def heads(connection: Connection) -> list[Head]:
    """Where every chain ends by the chain table, which a cut-off tail doesn't change."""
    rows = connection.execute(select(t.chain).order_by(t.chain.c.node, t.chain.c.writer))
    return [Head(row.node, row.writer, row.seq, row.hash, row.turn) for row in rows]


def append(
    connection: Connection, head: Head, facts: Sequence[Fact], recorded_at: Millis
) -> tuple[Head, int]:
    """Write `facts` behind `head`; returns the new head, which the caller keeps once committed.

    The second figure is how many were written.
    """
    if not facts:
        return head, 0
    node, writer, seq, previous = head.node, head.writer, head.seq, head.hash
    # Last, so that of two transactions that changed the same row the later one has the later turn.
    turn = dialect.next_turn(connection, head.turn)
    rows = []
    for fact in facts:
        seq += 1
        body = canonical(fact.body)
        header = (
            node,
            writer,
            seq,
            turn,
            fact.kind,
            fact.alert_no,
            fact.source,
            fact.occurred_at,
            recorded_at,
        )
        current = digest(previous, header, body)
        rows.append((*header, body, previous, current))
        previous = current
    _APPEND.many(connection, _COLUMNS, rows)
    _KEEP_HEAD.run(connection, node=node, writer=writer, seq=seq, turn=turn, hash=previous)
    return Head(node, writer, seq, previous, turn), len(rows)


_HEADER = (
    *("node", "writer", "seq", "turn", "kind"),
    *("alert_no", "source", "occurred_at", "recorded_at"),
)
_COLUMNS = (*_HEADER, "body", "prev_hash", "hash")
_APPEND = Prepared(
    lambda _: t.journal.insert().values({name: bindparam(name) for name in _COLUMNS})
)
_KEEP_HEAD = Prepared(lambda name: dialect.replacing(name, t.chain))


def recorded(row: Row[tuple[object, ...]]) -> Recorded:
    """A journal row as a value."""
    fact = Fact(
        kind=row.kind,
        occurred_at=row.occurred_at,
        body=json.loads(row.body),
        alert_no=row.alert_no,
        source=row.source,
    )
    return Recorded(
        fact=fact,
        node=row.node,
        writer=row.writer,
        seq=row.seq,
        turn=row.turn,
        recorded_at=row.recorded_at,
        prev_hash=row.prev_hash,
        hash=row.hash,
    )


Cursor = dict[tuple[str, int], int]
"""Where a reader is in each chain: (node, writer) → seq."""


def read(
    connection: Connection,
    after: Cursor,
    *,
    alert_no: int | None = None,
    limit: int = 1000,
) -> list[Recorded]:
    """Facts behind a cursor, chain by chain, at most `limit`."""
    rows: list[Row[Any]] = []
    for head in heads(connection):
        seq = after.get((head.node, head.writer), 0)
        if seq < head.seq and len(rows) < limit:
            query = _behind(head, seq, alert_no).limit(limit - len(rows))
            rows += connection.execute(query)
    return [recorded(row) for row in rows]


def _behind(head: Head, seq: int, alert_no: int | None) -> Select[Any]:
    """The facts of one chain behind a place: a question over several reads all that there are."""
    c = t.journal.c
    query = select(t.journal).where(c.writer == head.writer, c.seq > seq).order_by(c.seq)
    if alert_no is None:
        return query.where(c.node == head.node)
    # So that SQLite finds them by the alert, whose facts are fewer than the chain's.
    return query.where(c.alert_no == alert_no, func.coalesce(c.node, "") == head.node)


def step_back(connection: Connection, cursor: Cursor) -> bool:
    """Move places that lie behind their chain's end to that end; whether there were any.

    A standby took over that lacks the last moments, or a backup was restored: what comes now would
    not be seen until as much has come as was lost.
    """
    ends = {(head.node, head.writer): head.seq for head in heads(connection)}
    behind = {place: ends[place] for place in cursor.keys() & ends if cursor[place] > ends[place]}
    cursor.update(behind)
    return bool(behind)


def chain(
    connection: Connection,
    node: str,
    writer: int,
    *,
    where: Sequence[ColumnElement[bool]] = (),
    after: int = 0,
    page: int = 1_000,
) -> Iterator[Recorded]:
    """The facts of one chain in its order behind a number, a page at a time.

    `where` leaves some out.
    """
    c = t.journal.c
    query = select(t.journal).where(c.node == node, c.writer == writer, *where).order_by(c.seq)
    last = after
    while rows := connection.execute(query.where(c.seq > last).limit(page)).all():
        yield from map(recorded, rows)
        last = rows[-1].seq


def chains(connection: Connection) -> list[tuple[str, int]]:
    """(node, writer) of every chain that has a fact; looked up, not counted through."""
    c = t.journal.c
    first = select(c.node, c.writer).order_by(c.node, c.writer).limit(1)
    found: list[tuple[str, int]] = []
    row = connection.execute(first).first()
    while row is not None:
        found.append((row.node, row.writer))
        # Two questions: behind a pair (node, writer) SQLite goes through all facts of that chain.
        of_node = first.where(c.node == row.node, c.writer > row.writer)
        later = first.where(c.node > row.node)
        row = connection.execute(of_node).first() or connection.execute(later).first()
    return found


def in_order(ones: Iterable[Iterable[Recorded]]) -> Iterator[Recorded]:
    """Merge chains as their facts came to be: by the turn, and each in its own order."""
    return merge(*ones, key=lambda row: (row.turn, row.node, row.writer))


def stream(connection: Connection, *, alert_no: int | None = None) -> Iterator[Recorded]:
    """All facts as they came to be, in memory bounded by a page a chain."""
    where = [] if alert_no is None else [t.journal.c.alert_no == alert_no]
    return in_order([chain(connection, *each, where=where) for each in chains(connection)])


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a chain doesn't hold."""

    node: str
    writer: int
    seq: int
    reason: str  # gap, link, hash, cut


def verify(rows: Iterable[Recorded], ends: Iterable[Head] = ()) -> tuple[int, list[Broken]]:
    """Check every link of whole chains, and that they reach as far as `ends` says.

    Returns how many rows held, and where it broke.
    """
    last: dict[tuple[str, int], tuple[int, bytes]] = {}
    broken: list[Broken] = []
    held = 0
    for row in rows:
        seq, previous = last.get((row.node, row.writer), (0, GENESIS))
        reason = _fault(row, seq, previous)
        if reason:
            broken.append(Broken(row.node, row.writer, row.seq, reason))
        else:
            held += 1
        last[row.node, row.writer] = (row.seq, row.hash)
    broken += [
        Broken(end.node, end.writer, end.seq, "cut")
        for end in ends
        if last.get((end.node, end.writer)) != (end.seq, end.hash)
    ]
    return held, broken


def _fault(row: Recorded, seq: int, previous: bytes) -> str:
    fact = row.fact
    header = (
        row.node,
        row.writer,
        row.seq,
        *((row.turn,) if row.turn else ()),  # facts from before there were turns (v0004) have none
        fact.kind,
        fact.alert_no,
        fact.source,
        fact.occurred_at,
        row.recorded_at,
    )
    if row.seq != seq + 1:
        return "gap"
    if row.prev_hash != previous:
        return "link"
    return "" if digest(previous, header, canonical(fact.body)) == row.hash else "hash"
