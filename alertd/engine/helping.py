"""Calls for help: told at once, told higher and higher until somebody takes them, closed by people.

No machine closes one, and they are real even in a drill.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import select

from alertd.decide import escalate
from alertd.engine.apart import apart
from alertd.engine.counting import (
    Answered,
    at_hand,
    counted_in,
    those_asked,
    unavailable,
)
from alertd.engine.library import UNHEARD
from alertd.engine.telling import Notice, rings, tell_each
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ConflictError, NotFoundError
from alertd.model import Channel, MessageKind, Policy, Stage, requirement_no
from alertd.store import cries, due, people
from alertd.store import tables as t
from alertd.store.reads import pulse


class Told(StrEnum):
    """Who is told of a cry at once: what the text to whoever cries says of it."""

    BOTH = "both"
    SUPERIOR = "superior"
    DESK = "desk"
    NOBODY = "nobody"


def open_help(turn: Turn, alert: LiveAlert, answered: Answered, number: int) -> Told:
    """Open a case for a cry, the ack of this number, and tell the level above and the duty desk."""
    unit = _in_need(turn, answered)
    above, desk = _above(turn, alert, unit, answered.person_no)
    told = _told(above, desk)
    if _crying_already(turn, answered):
        return told
    units = counted_in(turn, alert, [unit]).get(unit, ()) if unit else ()
    turn.record(
        "help.opened",
        {
            "ack_no": number,
            "unit_no": unit,
            "person_no": answered.person_no,
            "climbed": int(told is not Told.NOBODY),
            "due_at": escalate.help_due(alert.policy, turn.now),
            "units": list(units),
        },
        alert_no=alert.no,
    )
    case = due.HelpCall(number, alert.no, unit, answered.person_no, turn.now, 0)
    _call(turn, alert, case, [*above[:1], desk])
    return told


def _above(
    turn: Turn, alert: LiveAlert, unit_no: int, crying: int
) -> tuple[tuple[int, ...], int | None]:
    """The duties above a unit, the nearest first, and the desk: where somebody can be told.

    Whoever cries isn't their own superior, and a superior without a number hears of nothing.
    """
    asked, roles = {unit_no: (unit_no, [crying])}, alert.policy.ladder_roles
    ring = rings(turn, alert, MessageKind.HELP)
    above = people.others_above(turn.connection, asked, roles, turn.minute, ring=ring)
    desk, there = people.desk_within_reach(turn.connection, turn.minute, ring=ring)
    return above[unit_no], desk if there - {crying} else None


def _told(above: Sequence[int], desk: int | None) -> Told:
    if desk is None:
        return Told.SUPERIOR if above else Told.NOBODY
    return Told.BOTH if above else Told.DESK


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


def _call(turn: Turn, alert: LiveAlert, case: due.HelpCall, duties: Sequence[int | None]) -> None:
    """Tell those in charge of `duties` that the unit needs help; real even in a drill.

    Not those to whom that still waits for a gateway, or who were rung and heard it. Who has a
    number for calls alone is rung, where a route can. Where somebody said that they can't come,
    whoever stands in for them is told as well.
    """
    wanted = [duty for duty in dict.fromkeys(duties) if duty is not None]
    held = people.holders(turn.connection, wanted)
    rung: Collection[int] = ()
    everybody = [each for those in held.values() for each in those]
    if rings(turn, alert, MessageKind.HELP):
        rung = people.rung(turn.connection, everybody)
    gone = unavailable(turn, alert.no, [each.person_no for each in everybody])
    reached = [
        people.within_reach(those, turn.minute, rung)
        for duty in wanted
        for those in (held.get(duty, ()), at_hand(held.get(duty, ()), gone))
    ]
    hear = {case.person_no, *cries.told_already(turn.connection, case.ack_no)}
    persons = [no for each in reached for no in each if no not in hear]
    unit = people.units(turn.connection, [case.unit_no]).get(case.unit_no)
    params = {**words(alert), "unit": unit.name if unit else "?"}
    notice = Notice(persons, MessageKind.HELP.value, params, help=case.ack_no)
    tell_each(turn, alert, MessageKind.HELP, [notice])


def words(alert: LiveAlert) -> dict[str, Any]:
    """An alert's own; where they can't be read, its name: the cry must be heard."""
    return alert.selection["params"] or {"code": alert.short_code, "event": alert.headline}


def help_due(turn: Turn, limit: int) -> int:
    """Calls for help that nobody took climb one level more, for ever, until somebody does."""
    rows = due.help_calls(turn.connection, turn.now, limit)
    for row in rows:
        climb = partial(_help_climbs, turn, row)
        apart(turn, "help", climb, None, alert_no=row.alert_no)
    return len(rows)


def help_unheard(turn: Turn, deliveries: Sequence[int]) -> None:
    """Deliveries that didn't arrive: a cry of which no message is under way any more goes on.

    The next level is told at once. Where there is none, whoever cries must know it: they wait for
    somebody who has heard of nothing. It is tried again in its time all the same.
    """
    cases = cries.of_deliveries(turn.connection, deliveries)
    far = cries.reaches(turn.connection, [case.ack_no for case in cases]) if cases else {}
    for case in cases:
        if far[case.ack_no] not in {cries.Reach.SENT, cries.Reach.WAITING}:
            apart(turn, "help", partial(_unheard, turn, case), None, alert_no=case.alert_no)


def _unheard(turn: Turn, case: due.HelpCall) -> None:
    alert = turn.alert(case.alert_no)
    above, _ = _above(turn, alert, case.unit_no, case.person_no)
    if case.climbed < len(above):
        _help_climbs(turn, case)
    elif UNHEARD in alert.templates and not cries.hears(turn.connection, case, UNHEARD):
        notice = Notice([case.person_no], UNHEARD, words(alert))
        tell_each(turn, alert, MessageKind.HEARD, [notice])


def _help_climbs(turn: Turn, row: due.HelpCall) -> None:
    alert = turn.alert(row.alert_no)
    above, desk = _above(turn, alert, row.unit_no, row.person_no)
    lead = above[min(row.climbed, len(above) - 1)] if above else None
    more = int(_told(above, desk) is not Told.NOBODY)
    climbed = row.climbed + more
    repeated = row.opened_at if climbed >= len(above) and _behind(turn, alert.policy) else None
    again_at = escalate.help_due(alert.policy, turn.now, repeated_since=repeated)
    body = {"ack_no": row.ack_no, "climbed": climbed, "due_at": again_at}
    turn.record("help.climbed", body, alert_no=alert.no)
    _call(turn, alert, row, [lead, desk])


def _behind(turn: Turn, policy: Policy) -> bool:
    """Whether what goes by SMS has waited for its turn for as long as a call's next level does."""
    oldest = pulse.oldest_due(turn.connection, turn.now).get(Channel.SMS.word, turn.now)
    return escalate.help_due(policy, oldest) <= turn.now


def take_help(turn: Turn, ack_no: int, by: bytes) -> None:
    """Somebody deals with it; it climbs no further.

    Raises:
        ConflictError: Somebody else does, or did: of two who press at once one is told.
    """
    row = _open_help(turn, ack_no)
    if row.taken_at is None:
        turn.record("help.taken", {"ack_no": ack_no, "by": by.hex()}, alert_no=row.alert_no)
    elif row.taken_by != by:
        raise ConflictError(
            "Somebody else has taken that call for help.", hint="The board says who."
        )


def close_help(turn: Turn, ack_no: int, by: bytes, outcome: str) -> None:
    """Only a human closes a call for help, and says how it ended."""
    row = _open_help(turn, ack_no)
    units = counted_in(turn, turn.alert(row.alert_no), [row.unit_no]).get(row.unit_no, ())
    turn.record(
        "help.closed",
        {"ack_no": ack_no, "by": by.hex(), "outcome": outcome, "units": list(units)},
        alert_no=row.alert_no,
    )


def _open_help(turn: Turn, ack_no: int) -> Any:
    row = turn.connection.execute(select(t.help_case).where(t.help_case.c.ack_no == ack_no)).first()
    if row is None:
        raise NotFoundError("There is no such call for help.")
    if row.closed_at is not None:
        raise ConflictError("That call for help is closed already.")
    return row
