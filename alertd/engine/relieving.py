"""In mid-alert a shift begins, or the roster changes: whoever comes is told what others were."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, false, literal, or_, select, true

from alertd.engine.apart import apart
from alertd.engine.expanding import scope
from alertd.engine.telling import tell
from alertd.engine.turn import LiveAlert, Turn
from alertd.engine.unread import whole
from alertd.model import (
    MINUTE_MS,
    AlertState,
    MessageKind,
    Millis,
    RecipientKind,
    Status,
    numbers_of,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.fold.scope import Scope, in_force, inside, one_of, scope_of
from alertd.store.fold.shifts import on_duty
from alertd.store.reads.paper import first_message
from alertd.store.roster.known import current_version
from rosters.shifts import DAY_MINUTES, minute_of_day
from rosters.words import PERSONAL_ROLES

PART: Final = "shifts"
"""What `apart` calls it."""
_AT_ONCE: Final = 2_000  # people in one message's fact
_SAID_SO = (MessageKind.ALERT, MessageKind.SHIFT, MessageKind.REMINDER, MessageKind.TAKEOVER)


@dataclass(slots=True)
class Watch:
    """Until when the shifts that begin were looked at, by alert; one process's own.

    It only saves work: nobody is told twice, whatever it says.
    """

    minute: int = -1
    seen: dict[int, Millis] = field(default_factory=dict)
    rosters: dict[int, int] = field(default_factory=dict)  # which version newcomers were sought in

    def forget(self) -> None:
        """Look at everything again: what was done with it wasn't committed."""
        self.minute = -1
        self.seen.clear()
        self.rosters.clear()


def relieve(turn: Turn, watch: Watch) -> None:
    """Once a minute, tell whoever has come on duty of each alert that is out and whole.

    So is whoever has come to a post, or to another number, by the roster of now.
    """
    minute = turn.now // MINUTE_MS
    if minute == watch.minute:
        return
    watch.minute = minute
    alerts, version = _out(turn.connection), current_version(turn.connection)
    for no in alerts:
        newer = version if watch.rosters.get(no) != version else 0
        look = partial(_relieve, turn, no, watch.seen.get(no), newer)
        if apart(turn, PART, look, otherwise=False, alert_no=no):
            watch.seen[no], watch.rosters[no] = turn.now, version
    watch.seen = {no: at for no, at in watch.seen.items() if no in alerts}
    watch.rosters = {no: known for no, known in watch.rosters.items() if no in alerts}


def _out(connection: Connection) -> list[int]:
    """The alerts that ask somebody, and whose expansion has come to its end."""
    c = t.alert.c
    query = select(c.no).where(
        c.state == AlertState.ISSUED.value,
        c.phase == 0,
        c.audience != "told",
        c.status != int(Status.TEST),
    )
    return list(connection.execute(query.order_by(c.status, c.severity, c.no)).scalars())


def _relieve(turn: Turn, alert_no: int, since: Millis | None, newer: int) -> bool:
    alert = whole(turn.alert(alert_no))
    if alert.over:
        return True
    whom = _begun(turn, alert, alert.issued_at if since is None else since)
    if newer > alert.roster_version:  # else all holdings of a city would be gone through in vain
        whom = sorted({*whom, *_come(turn, alert)})
    template, params = first_message(turn.connection, alert.no) if whom else ("", {})
    for first in range(0, len(whom), _AT_ONCE):
        persons = whom[first : first + _AT_ONCE]
        tell(turn, alert, MessageKind.SHIFT, persons, template=template, params=dict(params))
    return True


def _begun(turn: Turn, alert: LiveAlert, since: Millis) -> list[int]:
    """Principals in the alert's areas who came on duty since then, and weren't told of it yet."""
    h = t.holding.c
    query = select(h.person_no).where(
        h.shift_from.is_not(None),  # in the words of the partial index
        _between(h.shift_from, since, turn),
        *_asked(turn, alert),
        ~_told(alert),
    )
    return list(turn.connection.execute(query.distinct().order_by(h.person_no)).scalars())


def _come(turn: Turn, alert: LiveAlert) -> list[int]:
    """Principals there whose post or number is newer than the alert, and who weren't told by it.

    Not those who have answered: they know.
    """
    h, a = t.holding.c, t.ack.c
    answered = exists().where(
        a.alert_no == alert.no, a.person_no == h.person_no, a.withdrawn_at.is_(None)
    )
    query = select(h.person_no).where(
        h.from_version > alert.roster_version,
        *_asked(turn, alert),
        ~_told(alert, t.delivery.c.address_no == h.address_no),
        ~answered,
    )
    return list(turn.connection.execute(query.distinct()).scalars())


def _asked(turn: Turn, alert: LiveAlert) -> tuple[Any, ...]:
    """Whether a holding is of a principal in the alert's areas who is on duty and has a number."""
    h = t.holding.c
    return (
        on_duty(t.holding, turn.minute),
        h.rank == 1,
        h.address_no.is_not(None),
        ~one_of(h.role, PERSONAL_ROLES),
        *_chosen(scope_of(scope(alert, people.NOW, turn.library.zone))),
    )


def _told(alert: LiveAlert, *also: Any) -> Any:
    """Whether a message of the alert asked the holder of a holding, whatever became of it."""
    h, d, m = t.holding.c, t.delivery.c, t.message.c
    return exists().where(
        d.recipient_no == h.person_no,
        d.id.between(*numbers_of(alert.no)),
        d.recipient_kind == int(RecipientKind.PERSON),
        m.no == d.message_no,
        m.kind.in_([kind.value for kind in _SAID_SO]),
        *also,
    )


def _chosen(here: Scope) -> tuple[Any, ...]:
    h = t.holding.c
    return in_force(t.holding, here.version), one_of(h.role, here.roles), inside(h.unit_no, here)


def _between(begins: Any, since: Millis, turn: Turn) -> Any:
    """Whether a shift that begins at a minute of the day has begun after `since`, by now."""
    if turn.now - since >= DAY_MINUTES * MINUTE_MS:
        return true()
    after, upto = minute_of_day(since, turn.library.zone), turn.minute
    if after == upto:
        return false()
    both = begins > literal(after), begins <= literal(upto)
    return and_(*both) if after < upto else or_(*both)
