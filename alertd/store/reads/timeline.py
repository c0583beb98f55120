"""The journal as people read it: what happened to an alert, in order, a fact a line."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from alertd.model import Fact, Millis, Recorded
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.reads.paging import Page
from alertd.store.reads.principals import names_of

# A fact's figures that people want to see; a list stands for how many are in it.
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "alert.approved": ("issue_at", "break_glass"),
    "alert.ended": ("state", "reason"),
    "alert.paused": ("reason",),
    "alert.resumed": ("reason", "lasted_ms"),
    "alert.stopped": ("reason",),
    "pause.told": (),
    "number.shown": (),
    "paper.printed": ("sheets", "people"),
    "paper.entered": ("row",),
    "urged": ("act", "requirements"),
    "alert.issued": ("roster_version",),
    "alert.selected": ("phase", "asked", "made"),
    "told": ("deliveries",),
    "acked": ("kind", "count", "of", "via", "grade", "late"),
    "ack.withdrawn": ("no",),
    "climbed": ("items",),
    "digest.queued": ("items",),
    "hurried": ("items",),
    "help.opened": ("ack_no",),
    "help.climbed": ("ack_no", "climbed"),
    "help.taken": ("ack_no",),
    "help.closed": ("ack_no",),
    "interpreted": ("items",),
    "drill.stepped": ("items",),
    "drill.ended": ("state", "reason"),
    "drill.off": ("state", "reason"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a timeline.

    Args:
        key: node:writer:seq.
        source: engine, route:NAME or the principal's name.
        figures: What is worth showing of the fact; a list as its length.
    """

    key: str
    kind: str
    occurred_at: Millis
    recorded_at: Millis
    source: str
    figures: Mapping[str, Any]


def timeline(
    connection: Connection, alert_no: int, *, after: journal.Cursor, limit: int = 200
) -> tuple[Entry, ...]:
    """An alert's facts behind a cursor, chain by chain."""
    rows = journal.read(connection, after, alert_no=alert_no, limit=limit)
    by = names_of(connection, [_principal(row.fact) for row in rows])
    return tuple(_entry(row, by) for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the whole record; `turn` is what a further page begins before."""

    entry: Entry
    short_code: str
    turn: int


def recent(
    connection: Connection,
    *,
    kind: str = "",
    people: bool = False,
    before: int | None = None,
    limit: int = 100,
    hidden: Collection[int] = (),
) -> Page[Line]:
    """The record, the newest first.

    Args:
        connection: For reading.
        kind: Only facts of this kind; "" for all.
        people: Only what people did: not what the engine and the routes did by themselves.
        before: A page's `next`: the transaction before which the page begins.
        limit: About so many: a transaction is never cut in two.
        hidden: Drills that the reader isn't to know of.
    """
    c = t.journal.c
    rows: list[Any] = []
    for node, writer in journal.chains(connection):
        query = select(t.journal).where(c.node == node, c.writer == writer)
        if kind:
            query = query.where(c.kind == kind)
        if people:
            query = query.where(or_(c.source.like("principal:%"), c.source.in_(("cli", "web"))))
        if before is not None:
            query = query.where(c.turn < before)
        rows += connection.execute(query.order_by(c.seq.desc()).limit(limit + 1)).all()
    rows.sort(key=lambda row: (row.turn, row.seq), reverse=True)
    shown = rows[:limit]
    if len(rows) > limit:  # the next page begins before a whole transaction
        shown = [row for row in shown if row.turn != rows[limit].turn] or shown
    facts = [fact for row in shown if not _about(fact := journal.recorded(row), hidden)]
    by = names_of(connection, [_principal(fact.fact) for fact in facts])
    codes = _short_codes(connection, {fact.fact.alert_no for fact in facts})
    lines = tuple(
        Line(
            entry=_entry(fact, by),
            short_code=codes.get(fact.fact.alert_no, ""),
            turn=fact.turn,
        )
        for fact in facts
    )
    return Page(items=lines, next=shown[-1].turn if len(rows) > limit else None)


def _about(row: Recorded, drills: Collection[int]) -> bool:
    return row.fact.kind.startswith("drill.") and row.fact.body.get("no") in drills


def _short_codes(connection: Connection, numbers: set[int]) -> dict[int, str]:
    c = t.alert.c
    rows = connection.execute(select(c.no, c.short_code).where(c.no.in_(numbers - {0})))
    return {row.no: row.short_code for row in rows}


def newest(
    connection: Connection,
    alert_no: int,
    *,
    kinds: Sequence[str] = (),
    before: tuple[int, int] | None = None,
    limit: int = 100,
) -> tuple[tuple[Entry, ...], tuple[int, int] | None]:
    """An alert's facts, the newest first, and where the next page begins.

    Args:
        connection: For reading.
        alert_no: The alert.
        kinds: Only these; all without.
        before: (turn, seq) of the last one seen; of one turn there is one writer.
        limit: At most so many.
    """
    c = t.journal.c
    query = select(t.journal).where(c.alert_no == alert_no)
    if kinds:
        query = query.where(c.kind.in_(list(kinds)))
    if before is not None:
        turn, seq = before
        query = query.where((c.turn < turn) | ((c.turn == turn) & (c.seq < seq)))
    rows = connection.execute(query.order_by(c.turn.desc(), c.seq.desc()).limit(limit + 1)).all()
    shown = [journal.recorded(row) for row in rows[:limit]]
    by = names_of(connection, [_principal(row.fact) for row in shown])
    more = (shown[-1].turn, shown[-1].seq) if len(rows) > limit else None
    return tuple(_entry(row, by) for row in shown), more


def key_of(row: Recorded) -> str:
    """A fact's key as text."""
    return f"{row.node}:{row.writer}:{row.seq}"


def heads(connection: Connection) -> journal.Cursor:
    """Where each chain ends now: the cursor of somebody who has seen everything."""
    c = t.journal.c
    pairs = connection.execute(select(c.node, c.writer).distinct()).all()
    return {
        (node, writer): journal.load_head(connection, node, writer).seq for node, writer in pairs
    }


def _principal(fact: Fact) -> bytes | None:
    kind, _, name = fact.source.partition(":")
    return bytes.fromhex(name) if kind == "principal" else None


def _entry(row: Recorded, by: Mapping[bytes, str]) -> Entry:
    fact = row.fact
    principal = _principal(fact)
    figures = {
        name: len(value) if isinstance(value, list) else value
        for name in _SHOWN.get(fact.kind, ())
        if (value := fact.body.get(name)) is not None
    }
    return Entry(
        key=key_of(row),
        kind=fact.kind,
        occurred_at=fact.occurred_at,
        recorded_at=row.recorded_at,
        source=by.get(principal, fact.source) if principal else fact.source,
        figures=figures,
    )
