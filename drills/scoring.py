"""Score a drill: look, or put the score and what is to be mended on record."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any, Final

from sqlalchemy import Connection

from alertd.engine.turn import Turn
from alertd.errors import ConflictError
from alertd.store.batches import batches
from alertd.store.reads import drilled as reads
from drills import plan as plans
from drills.evidence import see
from drills.plan import Marks
from drills.score import compare, score
from drills.score.mending import due_at, owner
from drills.score.values import Key, Kind, Score, Seen

_IN_ONE_FACT: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a drill is scored by: its plan's name and marks."""

    plan: str = ""
    marks: Marks = field(default_factory=Marks)


def terms_of(connection: Connection, alert_no: int) -> Terms:
    """What a drill is scored by: its plan; without one, what it was scored by before.

    Where there is neither there are no marks; everything is measured all the same.
    """
    planned = reads.planned(connection, alert_no)
    if planned is not None:
        return Terms(plan=planned.plan, marks=plans.from_dict(dict(planned.content)).marks)
    row = reads.scored(connection, alert_no)
    if row is None:
        return Terms()
    marks = {name: wanted for name, wanted, *_ in json.loads(row.marks)}
    return Terms(plan=row.plan, marks=Marks(**marks))


@dataclass(frozen=True, slots=True)
class Scored:
    """A score, and what it was made from."""

    score: Score
    seen: Seen


def look(connection: Connection, alert_no: int, terms: Terms, against: int | None = None) -> Scored:
    """A drill's score as of now; nothing is written.

    Args:
        connection: For reading.
        alert_no: The drill.
        terms: What it is scored by.
        against: The drill to compare it with; None: the one of the same plan that was scored last
            before it. What was cut short isn't compared by itself, and nothing with it.

    Raises:
        ConflictError: It isn't a drill, or hasn't begun.
    """
    seen = see(connection, alert_no, terms.plan)
    made = score(seen, terms.marks)
    if against is None and terms.plan and not made.cut_short:
        against = reads.earlier(connection, made.alert_no, terms.plan)
    if against is None:
        return Scored(made, seen)
    last = score(see(connection, against, terms.plan), terms.marks)
    return Scored(replace(made, against=compare(made, last)), seen)


def record(turn: Turn, found: Scored, *, begins: str, zone: tzinfo, source: str) -> None:
    """Write down a score, what is to be mended, and what is mended.

    The score was made before, so that the writer isn't held while it is counted. Done again for
    the same drill it brings both up to date, and counts nothing twice.

    Args:
        turn: The step.
        found: What `look` made of the drill.
        begins: The season's first day, MM-DD.
        zone: The city's.
        source: Who has it scored, as the journal names them.

    Raises:
        ConflictError: The drill isn't over.
    """
    made = found.score
    held = reads.planned(turn.connection, made.alert_no)
    last = held.alerts[-1] if held else made.alert_no
    if not made.over or not reads.drilled(turn.connection, last).over:
        raise ConflictError(
            "The drill is still under way; its score goes on record when it is over.",
            hint="End it by an all-clear, or stop it.",
        )
    turn.record("drill.scored", _body(made), alert_no=made.alert_no, source=source)
    known = {
        (Kind(item.kind), item.subject_no, item.what): item
        for item in reads.known_todos(turn.connection, made.alert_no, made.plan)
    }
    _to_mend(turn, found, known, due_at(turn.now, begins, zone), source)
    for reason, keys in (("mended", made.mended), ("gone", made.gone)):
        numbers = [known[key].no for key in keys if key in known and known[key].open]
        _close(turn, made.alert_no, reason, numbers, source)


def _body(made: Score) -> dict[str, Any]:
    return {
        "plan": made.plan,
        "against_no": made.against.alert_no if made.against else None,
        "result": made.result.value,
        "marks": [[m.name, m.wanted, m.measured, m.verdict.value] for m in made.marks],
        "found": made.counts(),
        "cut_short": made.cut_short,
    }


def _to_mend(
    turn: Turn, found: Scored, known: dict[Key, reads.Known], due: int, source: str
) -> None:
    made, places = found.score, found.seen.places
    number = reads.next_todo(turn.connection)
    new, again = [], []
    for defect in made.defects:
        there = known.get(defect.key)
        if there is not None:
            # What this drill or a later one has dealt with isn't opened again by counting it anew.
            if there.open and there.seen_no < made.alert_no:
                again.append(there.no)
            continue
        cause = defect.cause or (str(defect.n) if defect.n else "")
        where = defect.unit_no, owner(defect, places)
        new.append([number, defect.kind.value, defect.subject, defect.what, *where, cause])
        number += 1
    parts: Sequence[tuple[list[Any], list[int]]] = [
        *((part, []) for part in batches(new, _IN_ONE_FACT)),
        *(([], part) for part in batches(again, _IN_ONE_FACT)),
    ]
    for some_new, some_again in parts:
        body = {"plan": made.plan, "due_at": due, "new": some_new, "again": some_again}
        turn.record("todo.found", body, alert_no=made.alert_no, source=source)


def _close(turn: Turn, alert_no: int, reason: str, numbers: Sequence[int], source: str) -> None:
    for part in batches(numbers, _IN_ONE_FACT):
        body = {"by": None, "reason": reason, "note": "", "items": part}
        turn.record("todo.closed", body, alert_no=alert_no, source=source)
