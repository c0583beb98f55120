"""What a database would send, once it is served."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, literal_column, select

from alertd.errors import ConflictError
from alertd.model import ALERT_SHIFT, AlertState, DeliveryState, DrillState, Millis
from alertd.store import tables as t

_UNDER_WAY = (AlertState.APPROVED.value, AlertState.ISSUED.value)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Counted at a moment: what has run out by then ends at the start, and sends nothing.

    Args:
        alerts: Approved or issued: they go out, or their ladders climb.
        messages: To be tried, or to be tried once more.
        help: Calls for help that nobody has taken, which climb.
        drills: In the calendar, and begin in their time; also one that was called off since.
    """

    alerts: int
    messages: int
    help: int
    drills: int = 0

    @property
    def any(self) -> bool:
        """Whether a start sends at once."""
        return bool(self.alerts or self.messages or self.help)


def waiting(connection: Connection, now: Millis) -> Waiting:
    """Count what would be sent from `now` on."""
    a, d, h = t.alert.c, t.delivery.c, t.help_case.c
    under_way = a.state.in_(_UNDER_WAY)
    expired = select(a.no).where(under_way, a.expires_at <= now)
    again = d.state.in_((DeliveryState.SENDING, DeliveryState.UNKNOWN)) & d.due_at.is_not(None)
    # Written out: PostgreSQL shifts by an int, and a parameter would be of the column's bigint.
    alert_no = d.id.op(">>")(literal_column(str(ALERT_SHIFT)))
    messages = (
        select(func.count())
        .select_from(t.delivery)
        .where((d.state == DeliveryState.PENDING) | again, alert_no.not_in(expired))
    )
    alerts = select(func.count()).select_from(t.alert).where(under_way, a.expires_at > now)
    calls = (
        select(func.count())
        .select_from(t.help_case)
        .where(h.taken_at.is_(None), h.closed_at.is_(None))
    )
    scheduled = t.drill.c.state == DrillState.SCHEDULED.value
    drills = select(func.count()).select_from(t.drill).where(scheduled)
    queries = (alerts, messages, calls, drills)
    return Waiting(*(connection.execute(query).scalar_one() for query in queries))


def codes(connection: Connection, now: Millis) -> str:
    """Which alerts go on, so that somebody can say whether they shall."""
    a = t.alert.c
    query = select(a.short_code).where(a.state.in_(_UNDER_WAY), a.expires_at > now).order_by(a.no)
    return ", ".join(connection.execute(query).scalars()) or "-"


def would_send(waits: Waiting, under_way: str) -> ConflictError:
    """What is said to somebody who hasn't said that it shall; `under_way` is of `codes`."""
    return ConflictError(
        f"Served, it would send: {waits.alerts} alerts under way ({under_way}), {waits.messages}"
        f" messages, {waits.help} calls for help wait in it.",
        hint="Add --will-send if it is to go on from there; to look at it, use alertd verify.",
    )
