"""Facts about ladders and digests, in batches."""

from sqlalchemy import Connection, bindparam, case, update

from alertd.model import HURRIED, Fact, RequirementState
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.fold.answers import cover
from alertd.store.fold.halts import ladders_now

_CLIMB = (
    update(t.requirement)
    .where(
        t.requirement.c.no == bindparam("b_no"),
        t.requirement.c.state == int(RequirementState.OPEN),
    )
    .values(
        step=bindparam("b_step"),
        due_at=bindparam("b_due"),
        told=bindparam("b_told"),
        state=bindparam("b_state"),
    )
)


def climbed(connection: Connection, fact: Fact) -> None:
    """Ladders took a step. Items: [requirement, step, due_at, told, state, reason, actions, units].

    `units` are the unit and those above it, whose coverage changes where a ladder is exhausted.
    """
    rows, exhausted = [], []
    for number, step, due, told, state, _, _, units in fact.body["items"]:
        rows.append(
            {"b_no": number, "b_step": step, "b_due": due, "b_told": told, "b_state": state}
        )
        if state == RequirementState.EXHAUSTED:
            exhausted.append((number, units))
    connection.execute(_CLIMB, rows)
    for number, units in exhausted:
        cover(connection, number, units, exhausted=1)


def hurried(connection: Connection, fact: Fact) -> None:
    """Somebody can't be reached or can't come: these open ladders are due now. Body: items.

    It is kept with the ladder: where a rung is due at the same time, both are taken.
    """
    r, now = t.requirement.c, ladders_now(fact)
    connection.execute(
        update(t.requirement)
        .where(
            r.no.in_(fact.body["items"]),
            r.state == int(RequirementState.OPEN),
            r.due_at.is_not(None),
            r.start_at <= fact.occurred_at,
        )
        .values(due_at=case((r.due_at > now, now), else_=r.due_at), told=r.told.op("|")(HURRIED))
    )


def digest_queued(connection: Connection, fact: Fact) -> None:
    """A superior is to hear of silence below. Items: [duty, requirement, due_at]."""
    connection.execute(
        dialect.insert_new(connection, t.digest_entry),
        [
            {
                "duty_no": duty,
                "requirement_no": number,
                "alert_no": fact.alert_no,
                "due_at": due,
                "message_no": None,
            }
            for duty, number, due in fact.body["items"]
        ],
    )


def digest_sent(connection: Connection, fact: Fact) -> None:
    """One message a superior and window. Body: duty_no, message_no (0: nobody), requirements."""
    body = fact.body
    connection.execute(
        update(t.digest_entry)
        .where(
            t.digest_entry.c.duty_no == body["duty_no"],
            t.digest_entry.c.requirement_no.in_(body["requirements"]),
        )
        .values(message_no=body["message_no"])
    )
