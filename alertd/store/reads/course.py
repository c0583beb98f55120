"""One alert looked at closely: a unit's duties with their answers, and one person's course."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from alertd.lanes import channel_of
from alertd.model import (
    Channel,
    DeliveryState,
    Millis,
    Played,
    RecipientKind,
    RequirementState,
    Told,
    duty_of,
    numbers_of,
    stage_of,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.fold.scope import below, in_force
from alertd.store.reads.board import issued_version, path_then
from alertd.store.reads.paging import Page
from alertd.store.reads.told import holders_version, signs, why_never
from alertd.store.reads.unanswered import PersonView, call_word, holders_shown, person_views


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Who answered for a duty, how and when."""

    person_id: str
    name: str
    kind: str
    via: str
    grade: str
    occurred_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A duty that was asked at one stage, and what came of it.

    Args:
        state: open, covered, exhausted, closed.
        step: How many rungs its ladder has taken.
        told: What these have done.
        untold: As `Unanswered` has it; "" of one that is covered.
        answers: Of everybody who answered for it, the first one first.
    """

    no: int
    stage: str
    unit_code: str
    unit_name: str
    role: str
    state: str
    step: int
    told: tuple[str, ...]
    untold: str
    next_at: Millis | None
    holders: tuple[PersonView, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message to one person.

    Args:
        kind: alert, shift, reminder, takeover, digest, help, confirmation, voice_call.
        played: Whether a call was heard to its end.
        call: What became of a call, as `PersonView` has it; "" for anything else.
        made_at: When it came to be.
        settled_at: When its state was last heard of; None before the first word.
    """

    no: int
    kind: str
    channel: str
    route: str
    state: str
    attempts: int
    reason: str
    duplicate: bool
    played: bool
    call: str
    made_at: Millis
    settled_at: Millis | None


def standings(
    connection: Connection,
    alert_no: int,
    *,
    path: str,
    after: int | None = None,
    limit: int = 200,
) -> Page[Standing]:
    """What was asked in what is the subtree now, answered or not, by stage and duty."""
    r, u = t.requirement.c, t.unit.c
    first, last = numbers_of(alert_no)
    version = issued_version(connection, alert_no)
    query = (
        select(t.requirement, u.code, u.name)
        .join(t.unit, and_(u.no == r.unit_no, in_force(t.unit, version)))
        .where(r.no.between(max(first, (after or 0) + 1), last))
        .order_by(r.no)
        .limit(limit + 1)
    )
    if path:
        query = query.where(below(u.path, [path_then(connection, version, path)]))
    rows = connection.execute(query).all()
    shown = rows[:limit]
    then = holders_version(connection, alert_no)
    held = people.holders(connection, [duty_of(row.no) for row in shown], then)
    persons = [holder.person_no for holders in held.values() for holder in holders]
    views = person_views(connection, alert_no, persons)
    answers = _answers(connection, [row.no for row in shown])
    never = _untold(connection, alert_no, {row.no: held.get(duty_of(row.no), ()) for row in shown})
    items = tuple(
        _standing(row, held.get(duty_of(row.no), ()), views, answers.get(row.no, ()), never[row.no])
        for row in shown
    )
    return Page(items=items, next=shown[-1].no if len(rows) > limit else None)


def _standing(
    row: Row[Any],
    holders: Sequence[people.Holder],
    views: dict[int, dict[str, Any]],
    answers: Sequence[Answer],
    never: str,
) -> Standing:
    return Standing(
        no=row.no,
        stage=stage_of(row.no).word,
        unit_code=row.code,
        unit_name=row.name,
        role=row.role,
        state=RequirementState(row.state).name.lower(),
        step=row.step,
        told=tuple(bit.name.lower() for bit in Told if bit.name and row.told & bit),
        untold="" if row.state == RequirementState.COVERED else never,
        next_at=row.due_at,
        holders=holders_shown(holders, views),
        answers=tuple(answers),
    )


def _untold(
    connection: Connection, alert_no: int, held: Mapping[int, Sequence[people.Holder]]
) -> dict[int, str]:
    """By requirement, why nothing has left for any of its holders, as `why_never` says it."""
    persons = {no: [holder.person_no for holder in holders] for no, holders in held.items()}
    known = signs(connection, alert_no, {person for those in persons.values() for person in those})
    state = connection.execute(select(t.alert.c.state).where(t.alert.c.no == alert_no)).scalar_one()
    return {no: why_never(state, known, those) for no, those in persons.items()}


def _answers(connection: Connection, requirements: Sequence[int]) -> dict[int, list[Answer]]:
    a, k, p = t.answer.c, t.ack.c, t.person.c
    found: dict[int, list[Answer]] = {}
    rows = connection.execute(
        select(a.requirement_no, p.person_id, p.name, k.kind, k.via, k.grade, k.occurred_at)
        .join(t.ack, k.no == a.ack_no)
        .join(t.person, p.no == a.person_no)
        .where(a.requirement_no.in_(list(requirements)))
        .order_by(k.no, p.to_version)
    )
    seen: dict[tuple[int, str], Answer] = {}
    for no, *values in rows:
        names = ("person_id", "name", "kind", "via", "grade", "occurred_at")
        seen[no, values[0]] = Answer(**dict(zip(names, values, strict=True)))
    for (no, _), answer in seen.items():
        found.setdefault(no, []).append(answer)
    return found


def person_view(connection: Connection, alert_no: int, person_no: int) -> PersonView:
    """A person as a list shows them."""
    (values,) = person_views(connection, alert_no, [person_no]).values()
    return PersonView(**values, rank=1, shift="")


def messages_to(connection: Connection, alert_no: int, person_no: int) -> tuple[Sent, ...]:
    """Every message of an alert to one person, the first one first."""
    d, m = t.delivery.c, t.message.c
    rows = connection.execute(
        select(t.delivery, m.kind, m.created_at)
        .join(t.message, m.no == d.message_no)
        .where(
            d.recipient_no == person_no,
            d.id.between(*numbers_of(alert_no)),
            d.recipient_kind == int(RecipientKind.PERSON),
        )
        .order_by(d.id)
    )
    return tuple(
        Sent(
            no=row.id,
            kind=row.kind,
            channel=Channel(channel_of(row.lane)).word,
            route=row.route or "",
            state=DeliveryState(row.state).word,
            attempts=row.attempt,
            reason=row.reason or "",
            duplicate=bool(row.duplicate),
            played=row.played == Played.PLAYED,
            call=_call(row),
            made_at=row.created_at,
            settled_at=row.settled_at,
        )
        for row in rows
    )


def _call(row: Row[Any]) -> str:
    voice = channel_of(row.lane) == Channel.VOICE
    return call_word(row.state, row.played, row.reason) if voice else ""


def numbers_shown(connection: Connection, alert_no: int, person_no: int) -> list[Millis]:
    """When somebody had the person's whole number shown or printed, to call about an alert."""
    c = t.journal.c
    kinds = ("number.shown", "paper.printed")
    rows = connection.execute(
        select(c.occurred_at, c.body)
        .where(c.alert_no == alert_no, c.kind.in_(kinds))
        .order_by(c.turn, c.seq)
    )
    found = [(at, json.loads(body)) for at, body in rows]
    return [
        at
        for at, body in found
        if body.get("person_no") == person_no or person_no in body.get("people", ())
    ]
