"""Paper about an alert: that it was printed goes on record, and what comes back on it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alertd.decide.sheets import ACK_OF, Entry, Mark, entry, written
from alertd.engine import withdrawing
from alertd.engine.authority import Actor, may, require
from alertd.engine.telling import inside_plan
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ConflictError, ForbiddenError
from alertd.model import Millis, Via
from alertd.store import people
from alertd.store.reads import sheets as reads
from alertd.web.commands.answers import enter as enter_answer
from alertd.web.commands.answers import told, when

CALLS, DOORS, POSTER = "calls", "doors", "poster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What was drawn, before anybody has it.

    Args:
        kind: calls, doors or poster.
        unit_no: For which unit; `path` is where that is.
        sheets: Number, unit, and (duty, person) of each row, of every sheet to be entered back.
        people: Those whose whole numbers stand on it.
        links: How many personal links stand on it.
    """

    kind: str
    unit_no: int
    path: str
    sheets: Sequence[tuple[str, int, Sequence[tuple[int, int]]]] = ()
    people: Sequence[int] = ()
    links: int = 0


def may_see_numbers(actor: Actor, path: str) -> bool:
    """Whether whole numbers may stand on paper for somebody."""
    return may(actor, "call", [path]) or may(actor, "unmask", [path])


def record(turn: Turn, actor: Actor, alert_id: bytes, made: Printed) -> None:
    """Put on record that paper is handed out; before that nobody gets it.

    Raises:
        ForbiddenError: The actor may not, or not there; or somebody is outside a drill's plan.
        ConflictError: Nobody was told of the alert; or a sheet of that number is out already.
    """
    alert = told(turn, alert_id)
    require(actor, "read", [made.path])
    if made.people:
        _require_numbers(turn, actor, alert, made)
    if made.links:
        require(actor, "answer", [made.path])  # whoever has a link can answer by it
    if reads.known(turn.connection, [code for code, _, _ in made.sheets]):
        raise ConflictError("A sheet of that number is out already; print it again.")
    body = {
        "by": actor.id.hex(),
        "kind": made.kind,
        "unit_no": made.unit_no,
        "people": sorted(made.people),
        "links": made.links,
        "sheets": [[code, unit, [list(row) for row in rows]] for code, unit, rows in made.sheets],
    }
    turn.record("paper.printed", body, alert_no=alert.no, source=actor.source)


def _require_numbers(turn: Turn, actor: Actor, alert: LiveAlert, made: Printed) -> None:
    if not may_see_numbers(actor, made.path):
        require(actor, "call", [made.path])
    if alert.leave.simulated:
        raise ConflictError("The drill is simulated: nobody real is called.")
    if len(inside_plan(turn, alert, made.people)) < len(made.people):
        raise ForbiddenError("Somebody on it is outside the drill's plan.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What became of one row."""

    row: int
    result: str
    outcome: str
    ack: int | None


def enter(
    turn: Turn,
    actor: Actor,
    code: str,
    marks: Sequence[Mark],
    occurred_at: Millis | None = None,
) -> dict[str, Any]:
    """Enter what came back on a sheet, row by row; entered twice, it counts once.

    Raises:
        NotFoundError: No such sheet in the actor's area.
        ForbiddenError: The actor may not enter answers there.
    """
    sheet = reads.sheet(turn.connection, code, path=actor.path)
    require(actor, "answer", [sheet.path])
    alert = turn.alert(sheet.alert_no)
    at = max(when(turn, occurred_at), alert.issued_at)
    held = _held(turn, sheet)
    rows = [_row(turn, actor, alert, sheet, mark, at, held) for mark in marks]
    return {
        "sheet": written(code),
        "alert": sheet.alert_code,
        "late": alert.over,
        "rows": [
            {"row": row.row, "result": row.result, "outcome": row.outcome, "ack": row.ack}
            for row in rows
        ],
    }


def _held(turn: Turn, sheet: reads.Kept) -> set[tuple[int, int]]:
    """Who holds which duty of the sheet now."""
    held = people.holders(turn.connection, {duty for duty, _ in sheet.rows})
    return {(duty, one.person_no) for duty, those in held.items() for one in those}


def _row(
    turn: Turn,
    actor: Actor,
    alert: LiveAlert,
    sheet: reads.Kept,
    mark: Mark,
    at: Millis,
    held: set[tuple[int, int]],
) -> Entered:
    duty, person = sheet.rows[mark.row - 1]
    known = sheet.marks.get(mark.row)
    before = known.result if known and known.stands else None
    what = entry(before, mark.result, holds=(duty, person) in held)
    ack: int | None = None
    if what is Entry.TAKEN_BACK and known and known.ack_no:
        reason = f"sheet {written(sheet.code)}, row {mark.row}: entered by mistake"
        withdrawing.withdraw(turn, alert.no, known.ack_no, actor.id, reason)
    elif what is Entry.COUNTS and mark.result in ACK_OF:
        kind = ACK_OF[mark.result]
        ack = enter_answer(
            turn, actor, alert, person, (duty,), kind=kind, via=Via.PAPER, occurred_at=at
        )
    if what in {Entry.COUNTS, Entry.TAKEN_BACK}:
        _mark(turn, actor, sheet, mark, ack)
    return Entered(row=mark.row, result=mark.result.value, outcome=what.value, ack=ack)


def _mark(turn: Turn, actor: Actor, sheet: reads.Kept, mark: Mark, ack: int | None) -> None:
    body = {
        "by": actor.id.hex(),
        "sheet": sheet.code,
        "row": mark.row,
        "result": mark.result.value,
        "ack_no": ack,
    }
    turn.record("paper.entered", body, alert_no=sheet.alert_no, source=actor.source)
