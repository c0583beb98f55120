"""Which alerts there were: of a season, and the one that a report is compared with."""

import json

from sqlalchemy import Connection, select

from alertd.model import Millis
from alertd.store import tables as t
from alertd.store.reads.alerts import inside

_LOOKED_AT = 50


def issued_between(connection: Connection, since: Millis, until: Millis) -> list[int]:
    """The numbers of the alerts that were issued from `since` until before `until`, in order."""
    c = t.alert.c
    query = select(c.no).where(c.issued_at >= since, c.issued_at < until)
    return list(connection.execute(query.order_by(c.issued_at, c.no)).scalars())


def one_before(connection: Connection, alert_no: int, *, path: str = "") -> int | None:
    """The last first alert of the same status that was issued before this one; None: there is none.

    Args:
        connection: For reading.
        alert_no: This one.
        path: The asker's subtree; what doesn't lie in it altogether is passed over.
    """
    c = t.alert.c
    mine = connection.execute(select(c.status, c.issued_at).where(c.no == alert_no)).first()
    if mine is None or mine.issued_at is None:
        return None
    query = (
        select(c.no, c.selection)
        .where(c.status == mine.status, c.issued_at < mine.issued_at, c.references_no.is_(None))
        .order_by(c.issued_at.desc())
        .limit(_LOOKED_AT)
    )
    for no, selection in connection.execute(query):
        if inside(path, json.loads(selection).get("paths", ())):
            return int(no)
    return None
