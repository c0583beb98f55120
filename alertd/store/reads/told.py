"""For whom anything of an alert has left: whoever was never told isn't to blame for silence."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, select

from alertd.model import DeliveryState, RecipientKind, numbers_of
from alertd.store import tables as t
from alertd.store.batches import batches

_LEFT: Final = tuple(
    int(DeliveryState[name]) for name in ("SENDING", "ACCEPTED", "DELIVERED", "UNKNOWN")
)


def told(connection: Connection, alert_no: int, persons: Collection[int]) -> set[int]:
    """Those of the people for whom something of the alert has left, for all that is known."""
    d, found = t.delivery.c, set[int]()
    for batch in batches(persons):
        rows = connection.execute(
            select(d.recipient_no).where(
                d.recipient_no.in_(batch),
                d.id.between(*numbers_of(alert_no)),
                d.recipient_kind == int(RecipientKind.PERSON),
                d.state.in_(_LEFT),
            )
        )
        found.update(rows.scalars())
    return found
