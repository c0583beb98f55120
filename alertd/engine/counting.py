"""An answer, and the requirements that it counts for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select

from alertd.engine.turn import LiveAlert, Turn
from alertd.model import STAGES_OF_ACK, AckKind, Grade, Millis, Via, requirement_no
from alertd.store import people
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


class Counting(NamedTuple):
    """An answer, as far as it decides what it counts for."""

    alert_no: int
    person_no: int
    kind: AckKind
    only: Sequence[int] | None = None  # duties; None: all that the person holds


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


def unavailable(turn: Turn, alert_no: int, persons: Sequence[int]) -> set[int]:
    """Those of the people whose last answer to this alert was that they can't come."""
    if not persons:
        return set()
    c = t.ack.c
    rows = turn.connection.execute(
        select(c.person_no, c.kind)
        .where(c.alert_no == alert_no, c.person_no.in_(list(persons)), c.withdrawn_at.is_(None))
        .order_by(c.no)
    )
    last = {row.person_no: row.kind for row in rows}
    return {person for person, kind in last.items() if kind == AckKind.UNAVAILABLE.value}


def at_hand(held: Sequence[people.Holder], gone: Collection[int]) -> Sequence[people.Holder]:
    """A duty's holders without those who are gone, where anybody is left."""
    return [each for each in held if each.person_no not in gone] or held
