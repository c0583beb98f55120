"""A person doesn't wait for the ladder: silent people are reminded, or ladders climb, at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import or_, select

from alertd.engine.authority import Actor
from alertd.engine.climbing import tell_stage
from alertd.engine.turn import LiveAlert, Turn
from alertd.errors import ConflictError
from alertd.model import (
    MINUTE_MS,
    DeliveryState,
    MessageKind,
    RecipientKind,
    Stage,
    duty_of,
    numbers_of,
    stage_of,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.batches import batches

AGAIN_MS: Final = MINUTE_MS  # nobody is reminded more often, whoever presses
_AT_ONCE: Final = 2_000  # people in one message's fact
_SAYS_SO: Final = (
    *(MessageKind.ALERT.value, MessageKind.SHIFT.value),
    *(MessageKind.REMINDER.value, MessageKind.TAKEOVER.value),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Urged:
    """What came of it.

    Args:
        requirements: For how many silent duties it was asked.
        messages: How many reminders go out; those reminded within a minute get none, nor do those
            for whom the alert or a reminder still waits.
    """

    requirements: int
    messages: int = 0


def remind(turn: Turn, actor: Actor, alert: LiveAlert, requirements: Sequence[int]) -> Urged:
    """Remind the principals of silent duties now; once a minute at most, each.

    Raises:
        ConflictError: The alert is over or paused, or nobody there can be reminded now.
    """
    _require_flow(alert)
    by_stage: dict[Stage, list[int]] = {}
    held = people.holders(turn.connection, [duty_of(no) for no in requirements])
    for no in requirements:
        persons = people.principals(held.get(duty_of(no), ()), turn.minute)
        by_stage.setdefault(stage_of(no), []).extend(persons)
    _record(turn, actor, alert, "remind", requirements)
    before, _ = turn.counters(alert.no)
    done = _reminded(turn, alert, [p for persons in by_stage.values() for p in persons])
    for stage, persons in by_stage.items():
        fresh = [person for person in dict.fromkeys(persons) if person not in done]
        done.update(fresh)
        for batch in batches(fresh, _AT_ONCE):
            tell_stage(turn, alert, MessageKind.REMINDER, batch, stage)
    after, _ = turn.counters(alert.no)
    if after == before:
        raise ConflictError(
            "Nobody there can be reminded now.",
            hint="They were reminded within the last minute, or a text still waits to leave for"
            " them; or they said that they can't come, have no number, or are outside the drill's"
            " plan.",
        )
    return Urged(requirements=len(requirements), messages=after - before)


def climb(turn: Turn, actor: Actor, alert: LiveAlert, requirements: Sequence[int]) -> Urged:
    """Let ladders climb now: to the alternates, or the superior where those were asked already.

    Raises:
        ConflictError: The alert is over or paused, or none of the ladders still climbs.
    """
    _require_flow(alert)
    r = t.requirement.c
    open_ones: list[int] = []
    for batch in batches(requirements):
        query = select(r.no).where(r.no.in_(batch), r.state == 0, r.due_at.is_not(None))
        open_ones += turn.connection.execute(query.order_by(r.no)).scalars()
    if not open_ones:
        raise ConflictError(
            "No ladder there climbs any more.", hint="Telephone, or have somebody go there."
        )
    _record(turn, actor, alert, "climb", open_ones)
    for batch in batches(open_ones):
        turn.record("hurried", {"items": batch}, alert_no=alert.no, source=actor.source)
    return Urged(requirements=len(open_ones))


def _require_flow(alert: LiveAlert) -> None:
    if alert.over or not alert.issued_at:
        raise ConflictError("Nobody is asked for an answer to this alert now.")
    if alert.halt.paused_at is not None:
        raise ConflictError("The alert is paused.", hint="Resume it first.")


def _record(turn: Turn, actor: Actor, alert: LiveAlert, act: str, nos: Sequence[int]) -> None:
    body = {"by": actor.id.hex(), "act": act, "requirements": list(nos)}
    turn.record("urged", body, alert_no=alert.no, source=actor.source)


def _reminded(turn: Turn, alert: LiveAlert, persons: Sequence[int]) -> set[int]:
    """Those of the people who were reminded of the alert within the last minute, or are to be.

    By a modem that takes an hour for all of them each press would be another hour.
    """
    d, m = t.delivery.c, t.message.c
    found: set[int] = set()
    for batch in batches(dict.fromkeys(persons)):
        query = (
            select(d.recipient_no)
            .join(t.message, m.no == d.message_no)
            .where(
                d.recipient_no.in_(batch),
                d.id.between(*numbers_of(alert.no)),
                d.recipient_kind == int(RecipientKind.PERSON),
                or_(
                    (m.kind == MessageKind.REMINDER.value) & (m.created_at > turn.now - AGAIN_MS),
                    m.kind.in_(_SAYS_SO) & (d.state == int(DeliveryState.PENDING)),
                ),
            )
        )
        found.update(turn.connection.execute(query).scalars())
    return found
