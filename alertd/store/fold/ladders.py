"""Facts about ladders and digests, in batches."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, update

from alertd.model import HURRIED, Fact, RequirementState
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.fold.answers import cover
from alertd.store.fold.halts import ladders_now
from alertd.store.prepared import Prepared, among, numbers


def climbed(connection: Connection, fact: Fact) -> None:
    """Ladders took a step. Items: [requirement, step, due_at, told, state, reason, actions, units].

    `units` are the unit and those above it, whose coverage changes where a ladder is exhausted.
    """
    rows, exhausted = [], []
    for number, step, due, told, state, _, _, units in fact.body["items"]:
        rows.append((step, due, told, state, number))
        if state == RequirementState.EXHAUSTED:
            exhausted.append((number, units))
    _CLIMB.many(connection, ("to_step", "to_due", "to_told", "to_state", "number"), rows)
    cover(connection, exhausted, exhausted=1)


_CLIMB = Prepared(
    lambda _: (
        update(t.requirement)
        .where(
            t.requirement.c.no == bindparam("number"),
            t.requirement.c.state == int(RequirementState.OPEN),
        )
        .values(
            step=bindparam("to_step"),
            due_at=bindparam("to_due"),
            told=bindparam("to_told"),
            state=bindparam("to_state"),
        )
    )
)


def hurried(connection: Connection, fact: Fact) -> None:
    """Somebody can't be reached or can't come: these open ladders are due now. Body: items.

    It is kept with the ladder: where a rung is due at the same time, both are taken.
    """
    items = numbers(connection, fact.body["items"])
    _HURRY.run(connection, items=items, of_alert=fact.alert_no, at=fact.occurred_at)


def _hurry(name: str) -> Any:
    r = t.requirement.c
    at: Any = bindparam("at")
    now = ladders_now(bindparam("of_alert"), at)
    return (
        update(t.requirement)
        .where(
            among(name, r.no, "items"),
            r.state == int(RequirementState.OPEN),
            r.due_at.is_not(None),
            r.start_at <= at,
        )
        .values(due_at=case((r.due_at > now, now), else_=r.due_at), told=r.told.op("|")(HURRIED))
    )


_HURRY = Prepared(_hurry)


def digest_queued(connection: Connection, fact: Fact) -> None:
    """A superior is to hear of silence below. Items: [duty, requirement, due_at]."""
    rows = [(*item, fact.alert_no) for item in fact.body["items"]]
    _QUEUE.many(connection, _QUEUED, rows)


_QUEUED = ("duty_no", "requirement_no", "due_at", "alert_no")
_QUEUE = Prepared(
    lambda name: dialect.ignoring(name, t.digest_entry).values(
        {column: bindparam(column) for column in _QUEUED}
    )
)


def digests_sent(connection: Connection, facts: Sequence[Fact]) -> None:
    """One message a superior and window. Body: duty_no, message_no (0: nobody), requirements."""
    rows = [
        (fact.body["message_no"], fact.body["duty_no"], number)
        for fact in facts
        for number in fact.body["requirements"]
    ]
    _SENT.many(connection, ("by_message", "to_duty", "number"), rows)


_SENT = Prepared(
    lambda _: (
        update(t.digest_entry)
        .where(
            t.digest_entry.c.duty_no == bindparam("to_duty"),
            t.digest_entry.c.requirement_no == bindparam("number"),
        )
        .values(message_no=bindparam("by_message"))
    )
)
