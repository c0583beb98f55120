"""Calls for help: told at once, told higher and higher until somebody takes them, closed by people.

No machine closes one, and they are real even in a drill.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from alertd.decide import escalate
from alertd.engine.apart import apart
from alertd.engine.counting import Answered, counted_in, those_asked
from alertd.engine.telling import tell
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ConflictError, NotFoundError
from alertd.model import MessageKind, Stage, requirement_no
from alertd.store import due, people
from alertd.store import tables as t


def open_help(turn: Turn, alert: LiveAlert, answered: Answered, number: int) -> None:
    """Open a case for a cry, the ack of this number, and tell the level above and the duty desk."""
    if _crying_already(turn, answered):
        return
    unit = _in_need(turn, answered)
    units = counted_in(turn, alert, [unit]).get(unit, ()) if unit else ()
    turn.record(
        "help.opened",
        {
            "ack_no": number,
            "unit_no": unit,
            "person_no": answered.person_no,
            "due_at": escalate.help_due(alert.policy, turn.now),
            "units": list(units),
        },
        alert_no=alert.no,
    )
    parent, _ = people.superiors(turn.connection, [unit], alert.policy.ladder_roles).get(
        unit, (None, None)
    )
    call_for_help(turn, alert, unit, [parent, people.duty_desk(turn.connection)])


def _in_need(turn: Turn, answered: Answered) -> int:
    """The unit that needs help: one that the answer named, else one of those that were asked.

    0 where the person holds nothing any more. Who has duties in several towns must not have the
    help sent to one that the alert isn't about.
    """
    held = people.duties_of(turn.connection, [answered.person_no]).get(answered.person_no, [])
    named = [duty for duty in held if duty.duty_no in (answered.duties or ())] or held
    numbers_by_duty = {
        duty.duty_no: [requirement_no(answered.alert_no, stage, duty.duty_no) for stage in Stage]
        for duty in named
    }
    asked = those_asked(turn, [no for each in numbers_by_duty.values() for no in each])
    first = [d for d in named if not asked.isdisjoint(numbers_by_duty[d.duty_no])] or named
    return first[0].unit_no if first else 0


def _crying_already(turn: Turn, answered: Answered) -> bool:
    """A second cry belongs to the case that is open; it is on record as an ack of its own."""
    c = t.help_case.c
    return (
        turn.connection.execute(
            select(c.ack_no).where(
                c.alert_no == answered.alert_no,
                c.person_no == answered.person_no,
                c.closed_at.is_(None),
            )
        ).first()
        is not None
    )


def call_for_help(turn: Turn, alert: LiveAlert, unit_no: int, duties: Sequence[int | None]) -> None:
    """Tell the principals of `duties` that the unit needs help; real even in a drill."""
    wanted = [duty for duty in dict.fromkeys(duties) if duty is not None]
    held = people.holders(turn.connection, wanted)
    persons = [no for duty in wanted for no in people.in_charge(held.get(duty, ()), turn.minute)]
    unit = people.units(turn.connection, [unit_no]).get(unit_no)
    # Where its own words can't be read, its name: the cry must be heard.
    said = alert.selection["params"] or {"code": alert.short_code, "event": alert.headline}
    params = {**said, "unit": unit.name if unit else "?"}
    tell(turn, alert, MessageKind.HELP, persons, template=MessageKind.HELP.value, params=params)


def help_due(turn: Turn, limit: int) -> int:
    """Calls for help that nobody took climb one level more, for ever, until somebody does."""
    rows = due.help_calls(turn.connection, turn.now, limit)
    desk = people.duty_desk(turn.connection) if rows else None
    for row in rows:
        climb = partial(_help_climbs, turn, row, desk)
        apart(turn, "help", climb, None, alert_no=row.alert_no)
    return len(rows)


def _help_climbs(turn: Turn, row: due.HelpCall, desk: int | None) -> None:
    alert = turn.alert(row.alert_no)
    above = people.ancestors(turn.connection, [row.unit_no]).get(row.unit_no, ())
    level, roles = min(row.climbed, max(len(above) - 1, 0)), alert.policy.ladder_roles
    lead = people.lead_duty(turn.connection, above[level], roles) if above else None
    again_at = escalate.help_due(alert.policy, turn.now)
    body = {"ack_no": row.ack_no, "climbed": row.climbed + 1, "due_at": again_at}
    turn.record("help.climbed", body, alert_no=alert.no)
    call_for_help(turn, alert, row.unit_no, [lead, desk])


def take_help(turn: Turn, ack_no: int, by: bytes) -> None:
    """Somebody deals with it; it climbs no further."""
    row = _help(turn, ack_no)
    if row.taken_at is None:
        turn.record("help.taken", {"ack_no": ack_no, "by": by.hex()}, alert_no=row.alert_no)


def close_help(turn: Turn, ack_no: int, by: bytes, outcome: str) -> None:
    """Only a human closes a call for help, and says how it ended."""
    row = _help(turn, ack_no)
    if row.closed_at is not None:
        raise ConflictError("That call for help is closed already.")
    units = counted_in(turn, turn.alert(row.alert_no), [row.unit_no]).get(row.unit_no, ())
    turn.record(
        "help.closed",
        {"ack_no": ack_no, "by": by.hex(), "outcome": outcome, "units": list(units)},
        alert_no=row.alert_no,
    )


def _help(turn: Turn, ack_no: int) -> Any:
    row = turn.connection.execute(select(t.help_case).where(t.help_case.c.ack_no == ack_no)).first()
    if row is None:
        raise NotFoundError("There is no such call for help.")
    return row
