"""The journal as people read it: what happened to an alert, in order, a fact a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from alertd.model import Fact, Millis, Recorded
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.reads.principals import names_of

# A fact's figures that people want to see; a list stands for how many are in it.
SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
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
    by = names_of(connection, [principal_of(row.fact) for row in rows])
    return tuple(_entry(row, by) for row in rows)


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
    by = names_of(connection, [principal_of(row.fact) for row in shown])
    more = (shown[-1].turn, shown[-1].seq) if len(rows) > limit else None
    return tuple(_entry(row, by) for row in shown), more


def key_of(row: Recorded) -> str:
    """A fact's key as text."""
    return f"{row.node}:{row.writer}:{row.seq}"


def heads(connection: Connection) -> journal.Cursor:
    """Where each chain ends now: the cursor of somebody who has seen everything."""
    return {each: journal.load_head(connection, *each).seq for each in journal.chains(connection)}


def principal_of(fact: Fact) -> bytes | None:
    """The id of the principal whose doing a fact is; None: nobody's."""
    kind, _, name = fact.source.partition(":")
    return bytes.fromhex(name) if kind == "principal" else None


def _entry(row: Recorded, by: Mapping[bytes, str]) -> Entry:
    fact = row.fact
    principal = principal_of(fact)
    figures = {
        name: len(value) if isinstance(value, list) else value
        for name in SHOWN.get(fact.kind, ())
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
