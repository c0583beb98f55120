"""Acknowledgements: an answer is put on record, counted, and confirmed."""

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import func, select

from alertd.engine.counting import Answered, Counting, counted_for, counts_as
from alertd.engine.helping import Told, open_help, words
from alertd.engine.hurrying import climb_now
from alertd.engine.library import UNHEARD
from alertd.engine.telling import Notice, tell_each
from alertd.engine.turn import LiveAlert, Turn
from alertd.model import AckKind, MessageKind
from alertd.store import tables as t
from alertd.store.people import DutyRef
from alertd.store.prepared import Prepared, among, numbers


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
        alert, told = turn.alert(answered.alert_no), ""
        if answered.kind is AckKind.HELP:
            told = open_help(turn, alert, answered, number).value
        if answered.kind is AckKind.UNAVAILABLE and not alert.over:
            climb_now(turn, alert.no, [answered.person_no])
        # Whoever cries for help hears that it was heard, however sparing the policy is.
        wanted = alert.policy.confirm_replies or answered.kind is AckKind.HELP
        key = (answered.alert_no, answered.person_no, answered.kind.value)
        if confirm and wanted and key not in before:
            alike = (answered.alert_no, answered.kind, answered.count, answered.of, told)
            heard.setdefault(alike, []).append(answered)
        before.add(key)
    for alert_no, groups in groupby(heard.items(), key=lambda group: group[0][0]):
        _confirm(turn, turn.alert(alert_no), [(alike[-1], those) for alike, those in groups])
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


def _counting(answered: Answered) -> Counting:
    kind = counts_as(answered.kind, answered.count, answered.of)
    return Counting(answered.alert_no, answered.person_no, kind, answered.duties)


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


def _confirm(turn: Turn, alert: LiveAlert, heard: Sequence[tuple[str, Sequence[Answered]]]) -> None:
    """Tell people that they were heard; each group has answered alike.

    Args:
        turn: The step.
        alert: What they answered to.
        heard: Who is told of a group's cry for help, as `helping.Told`, and the group.
    """
    for kind, groups in groupby(heard, key=_kind):
        notices = [_confirmation(alert, told, alike) for told, alike in groups]
        tell_each(turn, alert, kind, notices)


def _kind(heard: tuple[str, Sequence[Answered]]) -> MessageKind:
    """Whoever cries for help doesn't wait behind warnings, or for a pause, to hear of it."""
    cried = heard[1][0].kind is AckKind.HELP
    return MessageKind.HEARD if cried else MessageKind.CONFIRMATION


def _confirmation(alert: LiveAlert, told: str, alike: Sequence[Answered]) -> Notice:
    one = alike[0]
    said = {"kind": one.kind.value, "count": one.count, "of": one.of}
    unheard = told == Told.NOBODY and UNHEARD in alert.templates
    return Notice(
        persons=[answered.person_no for answered in alike],
        template=UNHEARD if unheard else f"confirmation-{one.kind.value}",
        params={**words(alert), **said, **({"told": told} if told else {})},
    )
