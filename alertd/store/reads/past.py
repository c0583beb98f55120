"""Which alerts there were: of a season, and the one that a report is compared with."""

from typing import Any

from sqlalchemy import Connection, and_, func, select

from alertd.model import Millis
from alertd.store import tables as t
from alertd.store.frozen import shown
from alertd.store.reads.alerts import inside

_LOOKED_AT = 50


def issued_between(connection: Connection, since: Millis, until: Millis) -> list[int]:
    """The numbers of the alerts that were issued from `since` until before `until`, in order."""
    c = t.alert.c
    query = select(c.no).where(c.issued_at >= since, c.issued_at < until)
    return list(connection.execute(query.order_by(c.issued_at, c.no)).scalars())


def drill_before(connection: Connection, alert_no: int, *, path: str = "") -> int | None:
    """The drill that a drill's report is compared with by itself, as its score is; None: none.

    The last one of the same plan before it, or of those without a plan the last without one. What
    was cut short isn't compared, nor anything with it; nor what follows a drill without a plan.

    Args:
        connection: For reading.
        alert_no: This one's.
        path: The asker's subtree; what doesn't lie in it altogether is passed over.
    """
    c, d = t.alert.c, t.drill.c
    mine = connection.execute(_drills().where(c.no == alert_no)).first()
    if mine is None or mine.issued_at is None or mine.cut_short:
        return None
    if mine.plan is None and mine.references_no is not None:
        return None
    same = d.no.is_(None) if mine.plan is None else and_(d.plan == mine.plan, d.no < mine.drill_no)
    query = _drills().where(
        same, c.status == mine.status, c.issued_at < mine.issued_at, c.references_no.is_(None)
    )
    for row in connection.execute(query.order_by(c.issued_at.desc()).limit(_LOOKED_AT)):
        if not row.cut_short and inside(path, shown(row.selection).get("paths", ())):
            return int(row.no)
    return None


def _drills() -> Any:
    """Alerts with the plan of the drill that they are of, and whether that was cut short."""
    c, of, d, s = t.alert.c, t.drill_alert.c, t.drill.c, t.drill_score.c
    own = (c.no, c.status, c.issued_at, c.references_no, c.selection)
    return (
        select(*own, d.no.label("drill_no"), d.plan, s.cut_short)
        .outerjoin_from(t.alert, t.drill_alert, of.alert_no == c.no)
        .outerjoin(t.drill, d.no == of.drill_no)
        .outerjoin(t.drill_score, s.alert_no == func.coalesce(d.alert_no, c.no))
    )
