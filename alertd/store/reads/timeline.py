"""The journal as people read it: what happened to an alert, in order, a fact a line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from alertd.model import Fact, Millis, Recorded
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.reads.principals import names_of

# A fact's figures that people want to see; a list stands for how many are in it.
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "alert.approved": ("issue_at", "break_glass"),
    "alert.ended": ("state", "reason"),
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
