"""An answer that was a mistake: what it covered is open again, wherever it was carried to."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select

from alertd.decide.halt import due_time
from alertd.engine.answering import count_anew
from alertd.engine.counting import counted_in
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ConflictError, NotFoundError
from alertd.model import ALERT_SHIFT, Millis, RequirementState
from alertd.store import tables as t
from alertd.store.batches import batches


def withdraw(turn: Turn, alert_no: int, ack_no: int, by: bytes, reason: str) -> None:
    """An ack was a mistake: what it covered is open again, and its ladder due now.

    Where the same person has answered by another ack as well, that one counts in its place.
    After the alert's end nothing climbs any more: it is closed without an answer (no due time).
    What the ack had covered in later alerts, which asked for no fresh answer, is open again there.
    """
    c, a, r = t.ack.c, t.answer.c, t.requirement.c
    row = turn.connection.execute(
        select(t.ack).where(c.no == ack_no, c.alert_no == alert_no)
    ).first()
    if row is None:
        raise NotFoundError("There is no such acknowledgement.")
    if row.withdrawn_at is not None:
        raise ConflictError("That acknowledgement is withdrawn already.")
    covered = turn.connection.execute(
        select(a.requirement_no, r.unit_no)
        .join(t.requirement, r.no == a.requirement_no)
        .where(a.ack_no == ack_no)
    ).all()
    withdrawn = {"no": ack_no, "by": by.hex(), "reason": reason}
    answers = _reopened(turn, turn.alert(alert_no), covered)
    turn.record("ack.withdrawn", {**withdrawn, "answers": answers}, alert_no=alert_no)
    count_anew(turn, alert_no, row.person_no, {row.requirement_no for row in covered})
    _from_later(turn, alert_no, [row.requirement_no for row in covered], withdrawn)


def _from_later(
    turn: Turn, alert_no: int, numbers: Sequence[int], withdrawn: dict[str, Any]
) -> None:
    """Take it back where it was carried to: along the whole chain, and wherever that branches."""
    waiting = [(alert_no, numbers)]
    while waiting:
        before, these = waiting.pop()
        lost = [number for number, state in _states(turn, these) if state != _COVERED]
        for later in _following(turn, before) if lost else ():
            carried = _carried(turn, [(n & _WITHIN) + (later << ALERT_SHIFT) for n in lost])
            if carried:
                answers = _reopened(turn, turn.alert(later), carried)
                body = {**withdrawn, "answers": [], "carried": answers}
                turn.record("ack.withdrawn", body, alert_no=later)
                waiting.append((later, [row.requirement_no for row in carried]))


_COVERED = int(RequirementState.COVERED)
_WITHIN = (1 << ALERT_SHIFT) - 1  # a requirement's number without its alert's


def _reopened(turn: Turn, alert: LiveAlert, rows: Sequence[Any]) -> list[list[Any]]:
    """[[requirement, [unit, parent, …], when its ladder is due again or None]…]."""
    units = counted_in(turn, alert, [row.unit_no for row in rows])
    due_at: Millis | None = None if alert.over else due_time(alert.halt, turn.now)
    return [[row.requirement_no, list(units[row.unit_no]), due_at] for row in rows]


def _following(turn: Turn, alert_no: int) -> list[int]:
    c = t.alert.c
    query = select(c.no).where(c.references_no == alert_no, c.issued_at.is_not(None))
    return list(turn.connection.execute(query.order_by(c.no)).scalars())


def _states(turn: Turn, numbers: Iterable[int]) -> list[tuple[int, int]]:
    c = t.requirement.c
    return [
        (row.no, row.state)
        for batch in batches(numbers)
        for row in turn.connection.execute(select(c.no, c.state).where(c.no.in_(batch)))
    ]


def _carried(turn: Turn, numbers: Iterable[int]) -> list[Any]:
    """Those that count one answer more than was given to their own alert."""
    r, a = t.requirement.c, t.answer.c
    own = select(func.count()).where(a.requirement_no == r.no).scalar_subquery()
    return [
        row
        for batch in batches(numbers)
        for row in turn.connection.execute(
            select(r.no.label("requirement_no"), r.unit_no)
            .where(r.no.in_(batch), r.have > own)
            .order_by(r.no)
        )
    ]
