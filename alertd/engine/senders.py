"""What is known of those who reply: whose phone it is, and what they were told of.

Read for a whole batch of replies at once: a storm of them costs a few statements a step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select

from alertd.decide.interpret import LATE_WINDOW_S, Candidate, Duty, Person
from alertd.engine.turn import Turn
from alertd.model import ALERT_SHIFT, FOREVER, Millis, RecipientKind, alert_of
from alertd.store import people
from alertd.store import tables as t
from alertd.store.people import DutyRef
from alertd.store.prepared import Prepared, among, numbers


@dataclass(frozen=True, slots=True)
class Senders:
    """What a batch's replies may be about."""

    sharing: dict[int, list[int]]  # address → the people whose phone it is
    told: dict[int, dict[int, Millis]]  # person → alert → when they were first told of it
    duties: dict[int, list[DutyRef]]  # person → what they hold
    names: dict[int, str]  # person → name, where the phone is shared
    ended: dict[int, Millis | None]  # alert → when it ended, or was stopped for good
    alerts: dict[bytes, int]  # id → alert
    here: dict[tuple[int, int], set[int]]  # (address, alert) → who was told of it there
    former: set[int]  # addresses that are nobody's any more; `sharing` has those who left them

    def candidates(self, turn: Turn, address_no: int) -> list[Candidate]:
        """The alerts that the people behind an address were told of, and what each asked."""
        persons = self.sharing.get(address_no, ())
        alerts = sorted({alert for person in persons for alert in self.told.get(person, ())})
        named = ((alert_no, self._named(turn, address_no, alert_no)) for alert_no in alerts)
        former = address_no in self.former
        return [self._candidate(turn, no, those, former=former) for no, those in named if those]

    def _named(self, turn: Turn, address_no: int, alert_no: int) -> list[int]:
        """Whom an alert's messages to an address named.

        Who was told of it by another number of theirs doesn't answer by a phone that somebody else
        was told at. A number that a person has given up since answers for them what came there, for
        as long as a bare reply would.
        """
        told = [p for p in self.sharing[address_no] if alert_no in self.told.get(p, ())]
        here = [person for person in told if person in self.here.get((address_no, alert_no), ())]
        if address_no not in self.former:
            return here or told
        ended = self.ended[alert_no]
        return here if ended is None or turn.now - ended <= LATE_WINDOW_S * 1000 else []

    def _candidate(
        self, turn: Turn, alert_no: int, named: Sequence[int], *, former: bool
    ) -> Candidate:
        alert = turn.alert(alert_no)
        times = {person: self.told[person][alert_no] for person in named}
        return Candidate(
            alert_id=alert.id,
            short_code=alert.short_code,
            status=alert.status,
            open=alert.asks and not alert.over,
            told_at=min(times.values()),
            ended_at=self.ended[alert_no],
            severity=alert.severity,
            persons=tuple(Person(person_no=p, name=self.names.get(p, "")) for p in times),
            duties=tuple(
                Duty(
                    duty_no=duty.duty_no,
                    person_no=person,
                    unit_code=duty.unit_code,
                    unit_name=duty.unit_name,
                )
                for person in times
                for duty in self.duties.get(person, ())
            ),
            shared=former,
        )


def senders(turn: Turn, address_nos: Iterable[int]) -> Senders:
    """Read what is known of the people behind these addresses."""
    connection = turn.connection
    sharing, former = _sharing(connection, list(dict.fromkeys(address_nos)))
    persons = list(dict.fromkeys(p for those in sharing.values() for p in those))
    told: dict[int, dict[int, Millis]] = {}
    for person, alert_no, at in _TOLD.rows(connection, recipients=numbers(connection, persons)):
        told.setdefault(person, {})[alert_no] = at
    alerts = {alert_no for those in told.values() for alert_no in those}
    several = [person for those in sharing.values() if len(those) > 1 for person in those]
    return Senders(
        sharing=sharing,
        told=told,
        duties=people.duties_of(connection, persons),
        names=dict(_NAMES.rows(connection, persons=numbers(connection, several)))
        if several
        else {},
        ended=dict(WHEN_OVER.rows(connection, alerts=numbers(connection, alerts))),
        alerts={turn.alert(alert_no).id: alert_no for alert_no in alerts},
        here=_told_here(connection, [*former, *(no for no, p in sharing.items() if len(p) > 1)]),
        former=former,
    )


def _sharing(
    connection: Connection, address_nos: Sequence[int]
) -> tuple[dict[int, list[int]], set[int]]:
    """Address → the people whose phone it is; of those that are nobody's now, who had them last.

    The second are the addresses of which that is so.
    """
    found: dict[int, list[int]] = {}
    wanted = numbers(connection, address_nos)
    for address_no, person in _PERSONS_AT.rows(connection, addresses=wanted):
        found.setdefault(address_no, []).append(person)
    left = [no for no in address_nos if no not in found]
    former: set[int] = set()
    if left:
        wanted = numbers(connection, left)
        for address_no, person in _LAST_AT.rows(connection, addresses=wanted):
            found.setdefault(address_no, []).append(person)
            former.add(address_no)
    return found, former


def _told_here(
    connection: Connection, address_nos: Sequence[int]
) -> dict[tuple[int, int], set[int]]:
    found: dict[tuple[int, int], set[int]] = {}
    if address_nos:
        wanted = numbers(connection, address_nos)
        for address_no, delivery, person in _TOLD_HERE.rows(connection, addresses=wanted):
            found.setdefault((address_no, alert_of(delivery)), set()).add(person)
    return found


def _persons_at(dialect: str) -> Select[Any]:
    c = t.contact.c
    query = select(c.address_no, c.person_no).where(
        among(dialect, c.address_no, "addresses"), c.to_version == FOREVER
    )
    return query.distinct().order_by(c.address_no, c.person_no)


def _last_at(dialect: str) -> Select[Any]:
    c, later = t.contact.c, t.contact.alias().c
    last = select(func.max(later.to_version)).where(later.address_no == c.address_no)
    query = select(c.address_no, c.person_no).where(
        among(dialect, c.address_no, "addresses"),
        c.to_version == last.correlate(t.contact).scalar_subquery(),
    )
    return query.distinct().order_by(c.address_no, c.person_no)


def _tries_at(dialect: str) -> Select[Any]:
    """Deliveries to the people who have, or had, these addresses, that were tried there."""
    c, d = t.contact.c, t.delivery.c
    theirs = (d.recipient_no == c.person_no) & (d.address_no == c.address_no)
    return (
        select(c.address_no, d.id, d.recipient_no)
        .join_from(t.contact, t.delivery, theirs)
        .where(
            among(dialect, c.address_no, "addresses"),
            d.recipient_kind == int(RecipientKind.PERSON),
            d.attempt > 0,
        )
    )


def first_told(kind: RecipientKind) -> Prepared:
    """When a message of each alert was first claimed for each recipient of a kind, by number.

    Rows of (recipient, alert, ms) for those in the parameter `recipients`.
    """

    def query(dialect: str) -> Select[Any]:
        d, m = t.delivery.c, t.message.c
        # Literal: PostgreSQL shifts by a small integer, and groups by what is the same text.
        alert_no = d.id.op(">>")(literal_column(str(ALERT_SHIFT))).label("alert_no")
        return (
            select(d.recipient_no, alert_no, func.min(m.created_at))
            .join(t.message, m.no == d.message_no)
            .where(
                among(dialect, d.recipient_no, "recipients"),
                d.recipient_kind == int(kind),
                d.attempt > 0,
            )
            .group_by(d.recipient_no, alert_no)
        )

    return Prepared(query)


def _names(dialect: str) -> Select[Any]:
    c = t.person.c
    return select(c.no, c.name).where(among(dialect, c.no, "persons"), c.to_version == FOREVER)


def _when_over(dialect: str) -> Select[Any]:
    a, h = t.alert.c, t.halt.c
    return (
        select(a.no, func.coalesce(a.ended_at, h.stopped_at))
        .select_from(t.alert.outerjoin(t.halt, h.alert_no == a.no))
        .where(among(dialect, a.no, "alerts"))
    )


WHEN_OVER = Prepared(_when_over)
"""When each of the alerts in the parameter `alerts` ended, or was stopped for good; null: neither.

An answer to one that was stopped is late, and counts as one to any that is over.
"""
_PERSONS_AT = Prepared(_persons_at)
_LAST_AT = Prepared(_last_at)
_TOLD_HERE = Prepared(_tries_at)
_TOLD = first_told(RecipientKind.PERSON)
_NAMES = Prepared(_names)
