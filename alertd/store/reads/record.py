"""The whole record as an auditor reads it: who did what and when, the newest first.

No fact holds a name; those of accounts and people are put beside it here, as they are now.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, or_, select

from alertd.model import Fact, Millis, Recorded
from alertd.store import journal
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.reads.principals import names_of
from alertd.store.reads.timeline import SHOWN, key_of, principal_of

SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "rights": (
        *("principal.created", "principal.changed", "token.created", "token.revoked"),
        *("session.revoked", "second-factor.changed", "signed-in", "sign-in.refused"),
    ),
    "alerts": (
        *("event.opened", "alert.drafted", "alert.forecast", "alert.approved", "alert.issued"),
        *("alert.paused", "alert.resumed", "alert.stopped", "alert.ended", "urged"),
    ),
    "answers": (
        *("acked", "ack.withdrawn", "help.opened", "help.taken", "help.closed", "paper.entered"),
    ),
    "drills": (
        *("drill.plan-saved", "drill.plan-removed", "drill.scheduled", "drill.agreed"),
        *("drill.reminded", "drill.off", "drill.drafted", "drill.started", "drill.followed"),
        *("drill.gave-way", "drill.ended", "drill.scored", "todo.found", "todo.closed"),
    ),
    "roster": ("roster.imported",),
    "handed-out": ("number.shown", "report.exported", "paper.printed"),
    "machine": (
        *("engine.started", "engine.stopped", "restored", "alert.numbers-left-out"),
        *("store.left", "store.taken-back"),
        *("store.arrived", "clock.doubted", "clock.trusted", "clock.set", "defect"),
        *("route.tested", "terminals.enrolled", "terminals.revoked", "broker.renewed"),
    ),
}
"""Kinds of facts by what an auditor asks about; what is in none is the engine's own bookkeeping."""

# What is worth showing of a fact beside what a timeline shows.
_SHOWN: Final[Mapping[str, tuple[str, ...]]] = {
    **SHOWN,
    "principal.created": ("principal", "role", "unit_code"),
    "principal.changed": ("principal", "changed", "role", "unit_code"),
    "token.created": ("principal", "scopes", "expires_at"),
    "token.revoked": ("principal",),
    "session.revoked": ("principal",),
    "second-factor.changed": ("principal", "on"),
    "signed-in": ("principal",),
    "sign-in.refused": ("principal", "reason"),
    "number.shown": ("person_no",),
    "report.exported": ("what", "format", "unmasked"),
    "roster.imported": ("version", "restores"),
    "acked": ("person_no", *SHOWN["acked"]),
    "ack.withdrawn": ("no", "reason"),
    "help.closed": ("ack_no", "outcome"),
    "paper.printed": ("kind", *SHOWN["paper.printed"]),
    "paper.entered": ("sheet", "row", "result"),
    "drill.plan-saved": ("name",),
    "drill.plan-removed": ("name",),
    "drill.scheduled": ("no", "plan"),
    "drill.agreed": ("no",),
    "drill.off": ("no", "state", "reason"),
    "drill.ended": ("no", "state", "reason"),
    "drill.scored": ("plan", "result"),
    "todo.closed": ("reason", "note"),
    "terminals.enrolled": ("terminals", "areas"),
    "terminals.revoked": ("terminals", "reason"),
    "restored": ("taken_at",),
    "alert.numbers-left-out": ("taken_at",),
    "store.left": ("to",),
    "store.arrived": ("from",),
    "route.tested": ("route",),
    "broker.renewed": ("reason", "kept"),
    "clock.doubted": ("wall", "reason"),
    "clock.trusted": ("wall", "reason"),
    "clock.set": ("was", "now", "reason"),
    "engine.started": ("process", "version", "settings"),
    "engine.stopped": ("process",),
    "defect": ("error",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which facts are asked for.

    Args:
        kinds: Only these; all without.
        people: Only what people did: not what the engine and the routes did by themselves.
        by: Only what this principal did.
        since: Recorded at this time or later, ms.
        until: Recorded before it, ms.
    """

    kinds: Collection[str] = ()
    people: bool = False
    by: bytes | None = None
    since: Millis | None = None
    until: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the record.

    Args:
        key: node:writer:seq.
        kind: As docs/facts.md has it.
        by: The principal's name as it is now; engine, cli, web or route:NAME.
        alert: Its short code; "" where it is about none.
        figures: What is worth showing; ids and numbers of people as their names.
        body: All that is on record of it.
    """

    key: str
    kind: str
    occurred_at: Millis
    recorded_at: Millis
    by: str
    alert: str
    figures: Mapping[str, Any]
    body: Mapping[str, Any]


Place = tuple[int, int]
"""A fact's transaction and number: of one transaction there is one writer."""


def recent(
    connection: Connection,
    wanted: Wanted,
    *,
    before: Place | None = None,
    limit: int = 100,
    hidden: Collection[int] = (),
) -> tuple[tuple[Line, ...], Place | None]:
    """The record, the newest first, and where the next page begins; None on the last.

    Args:
        connection: For reading.
        wanted: Which facts.
        before: Of the last line seen.
        limit: At most so many.
        hidden: Drills that the reader isn't to know of.
    """
    c = t.journal.c
    rows: list[Any] = []
    for node, writer in journal.chains(connection):
        query = _only(select(t.journal), wanted).where(c.node == node, c.writer == writer)
        if before is not None:
            turn, seq = before
            query = query.where((c.turn < turn) | ((c.turn == turn) & (c.seq < seq)))
        rows += connection.execute(query.order_by(c.seq.desc()).limit(limit + 1)).all()
    rows.sort(key=lambda row: (row.turn, row.seq), reverse=True)
    shown = rows[:limit]
    facts = [fact for row in shown if not _about(fact := journal.recorded(row), hidden)]
    more = (shown[-1].turn, shown[-1].seq) if len(rows) > limit else None
    return tuple(_lines(connection, facts)), more


def _only(query: Select[Any], wanted: Wanted) -> Select[Any]:
    c = t.journal.c
    if wanted.kinds:
        query = query.where(c.kind.in_(list(wanted.kinds)))
    if wanted.by is not None:
        query = query.where(c.source == f"principal:{wanted.by.hex()}")
    elif wanted.people:
        query = query.where(or_(c.source.like("principal:%"), c.source.in_(("cli", "web"))))
    if wanted.since is not None:
        query = query.where(c.recorded_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(c.recorded_at < wanted.until)
    return query


def _about(row: Recorded, drills: Collection[int]) -> bool:
    return row.fact.kind.startswith("drill.") and row.fact.body.get("no") in drills


def _lines(connection: Connection, rows: list[Recorded]) -> Iterable[Line]:
    facts = [row.fact for row in rows]
    accounts = names_of(connection, [each for fact in facts for each in _principals(fact)])
    people = _people(connection, {no for fact in facts if (no := fact.body.get("person_no"))})
    codes = _short_codes(connection, {fact.alert_no for fact in facts})
    for row, fact in zip(rows, facts, strict=True):
        principal = principal_of(fact)
        yield Line(
            key=key_of(row),
            kind=fact.kind,
            occurred_at=fact.occurred_at,
            recorded_at=row.recorded_at,
            by=accounts.get(principal, fact.source) if principal else fact.source,
            alert=codes.get(fact.alert_no, ""),
            figures=_figures(fact, accounts, people),
            body=fact.body,
        )


def _principals(fact: Fact) -> Iterable[bytes | None]:
    yield principal_of(fact)
    about = fact.body.get("principal")
    yield bytes.fromhex(about) if about else None


def _figures(
    fact: Fact, accounts: Mapping[bytes, str], people: Mapping[int, str]
) -> dict[str, Any]:
    """What is worth showing; a list of words as it is, any other as how many are in it."""
    found = {name: fact.body.get(name) for name in _SHOWN.get(fact.kind, ())}
    if principal := found.get("principal"):
        found["principal"] = accounts.get(bytes.fromhex(principal), principal)
    if number := found.get("person_no"):
        found["person_no"] = people.get(number, number)
    return {name: _short(value) for name, value in found.items() if value not in (None, "")}


def _short(value: Any) -> Any:
    if isinstance(value, Mapping):
        return list(value)
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        return len(value)
    return value


def _people(connection: Connection, numbers: Collection[int]) -> dict[int, str]:
    """Names as the roster had them last."""
    c = t.person.c
    found: dict[int, str] = {}
    for batch in batches(sorted(numbers)):
        query = select(c.no, c.name).where(c.no.in_(batch)).order_by(c.no, c.from_version)
        found.update((row.no, row.name) for row in connection.execute(query))
    return found


def _short_codes(connection: Connection, numbers: set[int]) -> dict[int, str]:
    c = t.alert.c
    rows = connection.execute(select(c.no, c.short_code).where(c.no.in_(numbers - {0})))
    return {row.no: row.short_code for row in rows}
