"""Acknowledgements: what an answer counts for, and what follows from it."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import func, select

from alertd.decide import escalate
from alertd.engine.apart import apart
from alertd.engine.hurrying import climb_now
from alertd.engine.telling import Notice, tell, tell_each
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ConflictError, NotFoundError
from alertd.model import (
    STAGES_OF_ACK,
    AckKind,
    Grade,
    MessageKind,
    Millis,
    Stage,
    Via,
    requirement_no,
)
from alertd.store import due, people
from alertd.store import tables as t
from alertd.store.people import DutyRef
from alertd.store.prepared import Prepared, among, numbers


@dataclass(slots=True, kw_only=True)  # freezing would triple the cost of making one
class Answered:
    """One person's answer, read and attributed."""

    alert_no: int
    person_no: int
    kind: AckKind
    via: Via
    grade: Grade
    occurred_at: Millis
    count: int | None = None
    of: int | None = None
    late: bool = False
    inbound_no: int | None = None
    by: bytes | None = None  # the operator who entered it
    note: str = ""
    duties: tuple[int, ...] | None = None  # only these, where the answer named a unit


def acknowledge(turn: Turn, answered: Answered, *, confirm: bool) -> int:
    """Record an ack and what follows; returns its number.

    It counts once for its own person whenever it comes. A second count replaces the first.
    """
    (number,) = acknowledge_all(turn, [answered], confirm=confirm)
    return number


def acknowledge_all(
    turn: Turn,
    said: Sequence[Answered],
    *,
    confirm: bool,
    held: Mapping[int, Sequence[DutyRef]] | None = None,
) -> list[int]:
    """Record acks in their order, reading what they need at once; returns their numbers.

    Those who answered alike are confirmed by one message.

    Args:
        turn: The step.
        said: The answers.
        confirm: Whether the people are to hear that they were heard, where the policy says so.
        held: What each of them holds, where the caller has read it.
    """
    if not said:
        return []
    first = _next_ack(turn)
    before = _said_before(turn, said)
    counted = counted_for(turn, [_counting(answered) for answered in said], held)
    heard: dict[tuple[Any, ...], list[Answered]] = {}
    turn.record_alike(
        "acked",
        [
            (_body(turn, answered, number, counts), answered.alert_no, answered.occurred_at)
            for number, (answered, counts) in enumerate(zip(said, counted, strict=True), first)
        ],
    )
    for number, answered in enumerate(said, start=first):
        alert = turn.alert(answered.alert_no)
        if answered.kind is AckKind.HELP:
            _open_help(turn, alert, answered, number)
        if answered.kind is AckKind.UNAVAILABLE and not alert.over:
            climb_now(turn, alert.no, [answered.person_no])
        # Whoever cries for help hears that it was heard, however sparing the policy is.
        wanted = alert.policy.confirm_replies or answered.kind is AckKind.HELP
        key = (answered.alert_no, answered.person_no, answered.kind.value)
        if confirm and wanted and key not in before:
            alike = (answered.alert_no, answered.kind, answered.count, answered.of)
            heard.setdefault(alike, []).append(answered)
        before.add(key)
    for alert_no, groups in groupby(heard.values(), key=lambda group: group[0].alert_no):
        _confirm(turn, turn.alert(alert_no), list(groups))
    return list(range(first, first + len(said)))


def _body(turn: Turn, answered: Answered, number: int, counted: list[list[Any]]) -> dict[str, Any]:
    return {
        "no": number,
        "id": turn.ids.uuid().hex(),
        "person_no": answered.person_no,
        "kind": answered.kind.value,
        "count": answered.count,
        "of": answered.of,
        "via": answered.via.value,
        "grade": answered.grade.value,
        "late": answered.late,
        "inbound_no": answered.inbound_no,
        "by": answered.by.hex() if answered.by else None,
        "note": answered.note,
        "duties": None if answered.duties is None else list(answered.duties),
        "answers": counted,
    }


def _said_before(turn: Turn, said: Sequence[Answered]) -> set[tuple[int, int, str]]:
    """(alert, person, kind) of what these people have answered already."""
    connection, persons = turn.connection, {answered.person_no for answered in said}
    alerts = {answered.alert_no for answered in said}
    wanted = {"alerts": numbers(connection, alerts), "persons": numbers(connection, persons)}
    return set(_SAID.rows(connection, **wanted))


_SAID = Prepared(
    lambda dialect: select(t.ack.c.alert_no, t.ack.c.person_no, t.ack.c.kind).where(
        among(dialect, t.ack.c.alert_no, "alerts"), among(dialect, t.ack.c.person_no, "persons")
    )
)


def _next_ack(turn: Turn) -> int:
    ((last,),) = _LAST.rows(turn.connection)
    return int(last or 0) + 1


_LAST = Prepared(lambda _: select(func.max(t.ack.c.no)))


class Counting(NamedTuple):
    """An answer, as far as it decides what it counts for."""

    alert_no: int
    person_no: int
    kind: AckKind
    only: Sequence[int] | None = None  # duties; None: all that the person holds


def _counting(answered: Answered) -> Counting:
    kind = counts_as(answered.kind, answered.count, answered.of)
    return Counting(answered.alert_no, answered.person_no, kind, answered.duties)


def counted_for(
    turn: Turn,
    answers: Sequence[Counting],
    held: Mapping[int, Sequence[DutyRef]] | None = None,
) -> list[list[list[Any]]]:
    """For each answer [[requirement, [unit, parent, …]]…] of the duties the person holds now."""
    if held is None:
        held = people.duties_of(turn.connection, {one.person_no for one in answers})
    units = [
        {
            requirement_no(one.alert_no, stage, duty.duty_no): duty.unit_no
            for stage in STAGES_OF_ACK[one.kind]
            for duty in held.get(one.person_no, ())
            if one.only is None or duty.duty_no in one.only
        }
        for one in answers
    ]
    asked = those_asked(turn, {number for each in units for number in each})
    above = _above(turn, zip(answers, units, strict=True))
    return [
        [
            [number, list(above[one.alert_no][each[number]])]
            for number in sorted(each)
            if number in asked
        ]
        for one, each in zip(answers, units, strict=True)
    ]


def _above(
    turn: Turn, asked: Iterable[tuple[Counting, Mapping[int, int]]]
) -> dict[int, dict[int, tuple[int, ...]]]:
    """By alert, its units and all above each, by the roster that the alert counts by."""
    units: dict[int, set[int]] = {}
    for one, each in asked:
        units.setdefault(one.alert_no, set()).update(each.values())
    return {
        alert_no: counted_in(turn, turn.alert(alert_no), nos) for alert_no, nos in units.items()
    }


def counted_in(turn: Turn, alert: LiveAlert, unit_nos: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """For each unit those in whose figures it counts: itself, and all above when it was issued.

    Who is told of it is another matter: that goes by the roster of now.
    """
    return people.ancestors(turn.connection, unit_nos, alert.roster_version or people.NOW)


def those_asked(turn: Turn, requirements: Iterable[int]) -> set[int]:
    """Those of the requirements that there are."""
    wanted = numbers(turn.connection, requirements)
    return {number for (number,) in _ASKED.rows(turn.connection, wanted=wanted)}


_ASKED = Prepared(
    lambda dialect: select(t.requirement.c.no).where(among(dialect, t.requirement.c.no, "wanted"))
)


def counts_as(kind: AckKind, count: int | None, of: int | None) -> AckKind:
    """35 of 40 is on the way and not yet done: it says that the alert was received."""
    unfinished = count is not None and of is not None and count < of
    return AckKind.RECEIVED if kind is AckKind.DONE and unfinished else kind


def count_anew(
    turn: Turn, alert_no: int, person_no: int | None = None, of: Collection[int] | None = None
) -> None:
    """Count what people have answered for whatever it doesn't count for yet.

    An answer that named a unit counts for no other, whenever it is counted.

    Args:
        turn: The step.
        alert_no: Of this alert.
        person_no: Only what this person answered.
        of: Only for these requirements.
    """
    c = t.ack.c
    query = select(c.no, c.person_no, c.kind, c["count"].label("moved"), c.of, c.duties).where(
        c.alert_no == alert_no, c.withdrawn_at.is_(None)
    )
    if person_no is not None:
        query = query.where(c.person_no == person_no)
    for row in turn.connection.execute(query.order_by(c.no)).all():
        kind = counts_as(AckKind(row.kind), row.moved, row.of)
        only = None if row.duties is None else json.loads(row.duties)
        (found,) = counted_for(turn, [Counting(alert_no, row.person_no, kind, only)])
        answers = [answer for answer in found if of is None or answer[0] in of]
        if answers:
            body = {"no": row.no, "person_no": row.person_no, "answers": answers}
            turn.record("ack.counted", body, alert_no=alert_no)


def _open_help(turn: Turn, alert: LiveAlert, answered: Answered, number: int) -> None:
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


def _confirm(turn: Turn, alert: LiveAlert, heard: Sequence[Sequence[Answered]]) -> None:
    """Tell people that they were heard; each group has answered alike."""
    tell_each(
        turn,
        alert,
        MessageKind.CONFIRMATION,
        [_confirmation(alert, alike) for alike in heard],
    )


def _confirmation(alert: LiveAlert, alike: Sequence[Answered]) -> Notice:
    one = alike[0]
    said = {"kind": one.kind.value, "count": one.count, "of": one.of}
    return Notice(
        persons=[answered.person_no for answered in alike],
        template=f"confirmation-{one.kind.value}",
        params={**alert.selection["params"], **said},
    )


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
