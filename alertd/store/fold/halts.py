"""Facts about alerts whose sending a person pauses, lets go on, or stops."""

from typing import Any

from sqlalchemy import Connection, func, select, update

from alertd.model import DeliveryState, Fact, RequirementState, numbers_of
from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.fold.alerts import leave_off


def paused(connection: Connection, fact: Fact) -> None:
    """Nothing of it is handed over any more. Body: by (hex), reason."""
    _halt(connection, fact, paused_at=fact.occurred_at)


def resumed(connection: Connection, fact: Fact) -> None:
    """It goes on. Body: by, reason, lasted_ms: so much later is all that counts time for it.

    What waited is due now and not since long: else routes that only help out would take it.
    """
    lasted = fact.body["lasted_ms"]
    _halt(connection, fact, paused_at=None, lasted_ms=lasted)
    r, d = t.requirement.c, t.delivery.c
    within = numbers_of(fact.alert_no)
    connection.execute(
        update(t.requirement)
        .where(r.no.between(*within), r.state == int(RequirementState.OPEN))
        .values(start_at=r.start_at + lasted, due_at=r.due_at + lasted)
    )
    connection.execute(
        update(t.delivery)
        .where(
            d.id.between(*within),
            d.state == int(DeliveryState.PENDING),
            d.due_at < fact.occurred_at,
        )
        .values(due_at=fact.occurred_at)
    )


def stopped(connection: Connection, fact: Fact) -> None:
    """What hasn't left never will. Body: by, reason, lasted_ms of a pause that this ends."""
    _halt(connection, fact, paused_at=None, lasted_ms=fact.body["lasted_ms"], stopped=True)
    connection.execute(update(t.alert).where(t.alert.c.no == fact.alert_no).values(phase=0))
    leave_off(connection, fact, DeliveryState.CANCELLED, "alert-stopped")


def _halt(
    connection: Connection,
    fact: Fact,
    *,
    paused_at: int | None,
    lasted_ms: int = 0,
    stopped: bool = False,
) -> None:
    c = t.halt.c
    new = {"alert_no": fact.alert_no, "paused_ms": 0, "by": b"", "reason": ""}
    connection.execute(dialect.insert_new(connection, t.halt), [new])
    connection.execute(
        update(t.halt)
        .where(c.alert_no == fact.alert_no)
        .values(
            paused_at=paused_at,
            paused_ms=c.paused_ms + lasted_ms,
            stopped_at=fact.occurred_at if stopped else c.stopped_at,
            by=bytes.fromhex(fact.body["by"]),
            reason=fact.body["reason"],
            told_at=None,
        )
    )


def told(connection: Connection, fact: Fact) -> None:
    """The duty desk heard that it is still paused, or nobody could be told. Body: message."""
    c = t.halt.c
    connection.execute(
        update(t.halt).where(c.alert_no == fact.alert_no).values(told_at=fact.occurred_at)
    )


def ladders_now(alert_no: Any, at: Any) -> Any:
    """What "now" is to an alert's ladders: while it is paused, when that began.

    Args:
        alert_no: The alert, as a part of a statement.
        at: When it happens; the same.
    """
    c = t.halt.c
    paused_at = select(c.paused_at).where(c.alert_no == alert_no).scalar_subquery()
    return func.coalesce(paused_at, at)
