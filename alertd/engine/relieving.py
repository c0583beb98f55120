"""In mid-alert a shift begins, or the roster changes: who comes is told, and by which number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, false, literal, or_, select, true

from alertd.decide.plan import CHANGED
from alertd.engine.apart import apart
from alertd.engine.dispatch import fail
from alertd.engine.expanding import scope
from alertd.engine.helping import help_unheard
from alertd.engine.hurrying import climb_now, said_since, tell_anew
from alertd.engine.telling import tell
from alertd.engine.turn import LiveAlert, Turn
from alertd.engine.unread import whole
from alertd.lanes import BY_SMS
from alertd.model import (
    FOREVER,
    MINUTE_MS,
    AlertState,
    DeliveryState,
    MessageKind,
    Millis,
    RecipientKind,
    Status,
    alert_of,
    numbers_of,
)
from alertd.store import outbox, people
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.fold.scope import Scope, in_force, inside, one_of, scope_of
from alertd.store.fold.shifts import on_duty
from alertd.store.reads.paper import first_message
from alertd.store.roster.known import current_version
from rosters.shifts import DAY_MINUTES, minute_of_day
from rosters.words import PERSONAL_ROLES

PART: Final = "shifts"
"""What `apart` calls it."""
_AT_ONCE: Final = 2_000  # people in one message's fact
_LANDED_AT_ONCE: Final = 200  # told one by one, so that no step takes long; the next goes on
_SAID_SO = (MessageKind.ALERT, MessageKind.SHIFT, MessageKind.REMINDER, MessageKind.TAKEOVER)


@dataclass(slots=True)
class Watch:
    """Until when the shifts that begin were looked at, by alert; one process's own.

    It only saves work: nobody is told twice, whatever it says.
    """

    minute: int = -1
    seen: dict[int, Millis] = field(default_factory=dict)
    rosters: dict[int, int] = field(default_factory=dict)  # which version newcomers were sought in
    flying: set[int] = field(default_factory=set)  # under way to numbers that their people left

    def forget(self) -> None:
        """Look at everything again: what was done with it wasn't committed."""
        self.minute = -1
        self.seen.clear()
        self.rosters.clear()
        self.flying.clear()


def relieve(turn: Turn, watch: Watch) -> None:
    """Once a minute, tell whoever has come on duty of each alert that is out and whole.

    So is whoever has come to a post, or to another number, by the roster of now.
    """
    _land(turn, watch)
    minute = turn.now // MINUTE_MS
    if minute == watch.minute:
        return
    watch.minute = minute
    alerts, version = _out(turn.connection), current_version(turn.connection)
    for no, asks in alerts.items():
        newer = version if watch.rosters.get(no) != version else 0
        look = partial(_relieve, turn, watch, no, newer, asks=asks)
        if apart(turn, PART, look, otherwise=False, alert_no=no):
            watch.seen[no], watch.rosters[no] = turn.now, version
    watch.seen = {no: at for no, at in watch.seen.items() if no in alerts}
    watch.rosters = {no: known for no, known in watch.rosters.items() if no in alerts}


def _out(connection: Connection) -> dict[int, bool]:
    """The alerts under way whose expansion has come to its end, and whether each asks somebody."""
    c = t.alert.c
    query = select(c.no, c.audience != "told").where(
        c.state == AlertState.ISSUED.value, c.phase == 0, c.status != int(Status.TEST)
    )
    rows = connection.execute(query.order_by(c.status, c.severity, c.no))
    return {no: bool(asks) for no, asks in rows}


def _relieve(turn: Turn, watch: Watch, alert_no: int, newer: int, *, asks: bool) -> bool:
    alert = whole(turn.alert(alert_no))
    if alert.over:
        return True
    anew = newer > alert.roster_version  # else a city's roster would be gone through in vain
    if anew:
        watch.flying |= _redirect(turn, alert)
    if not asks:
        return True
    whom = _begun(turn, alert, watch.seen.get(alert_no, alert.issued_at))
    if anew:
        whom = sorted({*whom, *_come(turn, alert)})
    template, params = first_message(turn.connection, alert.no) if whom else ("", {})
    for first in range(0, len(whom), _AT_ONCE):
        persons = whom[first : first + _AT_ONCE]
        tell(turn, alert, MessageKind.SHIFT, persons, template=template, params=dict(params))
    return True


def _redirect(turn: Turn, alert: LiveAlert) -> set[int]:
    """What is for a number that its person has no more goes to the one that they have now.

    The old one may be a stranger's. Who has left the roster has none instead, and is written to
    there: nothing says that it isn't theirs. Returns what is under way there: a try that ends
    well has told whoever has that number, too.
    """
    found = turn.connection.execute(_elsewhere(alert)).scalars().all()
    flying = set[int]()
    for some in batches(found):
        rows = list(outbox.load(turn.connection, some).values())
        flying |= {row.id for row in rows if row.state == DeliveryState.SENDING}
        _tell_anew(turn, alert, [row for row in rows if row.id not in flying])
    return flying


def _land(turn: Turn, watch: Watch) -> None:
    """Tries that were under way to a number when it was replaced have ended: as `_redirect`."""
    rows = outbox.load(turn.connection, watch.flying).values() if watch.flying else ()
    ended: dict[int, list[outbox.Row]] = {}
    for row in [row for row in rows if row.state != DeliveryState.SENDING][:_LANDED_AT_ONCE]:
        ended.setdefault(alert_of(row.id), []).append(row)
    for no, some in ended.items():
        landed = partial(_landed, turn, no, some)
        if apart(turn, PART, landed, otherwise=False, alert_no=no):
            watch.flying -= {row.id for row in some}


def _landed(turn: Turn, alert_no: int, rows: Sequence[outbox.Row]) -> bool:
    alert = whole(turn.alert(alert_no))
    if not alert.over:
        _tell_anew(turn, alert, rows)
    return True


def _tell_anew(turn: Turn, alert: LiveAlert, rows: Sequence[outbox.Row]) -> None:
    """Have it said by the number of now, unless it was since it was first tried by the old one.

    A call that has ended is left to the ladder.
    """
    waits = [row for row in rows if row.state == DeliveryState.PENDING or _is_due_again(row)]
    fail(turn, waits, CHANGED)
    wanted = {row.id for row in waits} | {row.id for row in rows if row.lane in BY_SMS}
    unreached = [
        row
        for row in rows
        if row.id in wanted
        and not _said_since(turn, row)
        and not tell_anew(turn, alert, row.recipient_no, row.id)
    ]
    climb_now(turn, alert.no, [row.recipient_no for row in unreached])
    help_unheard(turn, [row.id for row in unreached])


def _said_since(turn: Turn, row: outbox.Row) -> bool:
    tried = row.attempt and row.lane in BY_SMS
    return bool(tried) and said_since(turn, alert_of(row.id), row.recipient_no, row.id)


def _is_due_again(row: outbox.Row) -> bool:
    return row.state == DeliveryState.UNKNOWN and row.due_at is not None


def _elsewhere(alert: LiveAlert) -> Any:
    """Deliveries to a number that was their person's by the alert's roster, or since.

    Those that wait, are under way, or were when it was replaced.
    """
    d, old, p, v = t.delivery.c, t.contact.c, t.person.c, t.roster_version.c
    replaced_at = select(v.created_at).where(v.version == old.to_version).scalar_subquery()
    arrived = d.state.in_([int(DeliveryState.ACCEPTED), int(DeliveryState.DELIVERED)])
    now = t.contact.alias("now").c
    theirs = exists().where(
        now.person_no == d.recipient_no, now.address_no == d.address_no, now.to_version == FOREVER
    )
    return (
        select(d.id)
        .distinct()
        .join_from(t.contact, t.delivery, d.recipient_no == old.person_no)
        .where(
            old.to_version.between(alert.roster_version + 1, FOREVER - 1),
            d.address_no == old.address_no,
            d.id.between(*numbers_of(alert.no)),
            d.recipient_kind == int(RecipientKind.PERSON),
            or_(
                d.state.in_([int(DeliveryState.PENDING), int(DeliveryState.SENDING)]),
                (d.state == int(DeliveryState.UNKNOWN)) & d.due_at.is_not(None),
                arrived & d.lane.in_(BY_SMS) & (d.settled_at >= replaced_at),
            ),
            ~theirs,
            exists().where(p.no == d.recipient_no, p.to_version == FOREVER),
        )
        .order_by(d.id)
    )


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
