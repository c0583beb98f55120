"""What is known of those who reply: whose phone it is, and what they were told of.

Read for a whole batch of replies at once: a storm of them costs a few statements a step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal_column, select

from alertd.decide.interpret import Candidate, Duty, Person
from alertd.engine.turn import Turn
from alertd.model import ALERT_SHIFT, FOREVER, Millis, RecipientKind
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
    ended: dict[int, Millis | None]  # alert → when it ended
    alerts: dict[bytes, int]  # id → alert

    def candidates(self, turn: Turn, address_no: int) -> list[Candidate]:
        """The alerts that the people behind an address were told of, and what each asked."""
        persons = self.sharing.get(address_no, ())
        alerts = sorted({alert for person in persons for alert in self.told.get(person, ())})
        return [self._candidate(turn, alert_no, persons) for alert_no in alerts]

    def _candidate(self, turn: Turn, alert_no: int, sharing: Sequence[int]) -> Candidate:
        alert = turn.alert(alert_no)
        times = {p: self.told[p][alert_no] for p in sharing if alert_no in self.told.get(p, ())}
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
        )


def senders(turn: Turn, address_nos: Iterable[int]) -> Senders:
    """Read what is known of the people behind these addresses."""
    connection = turn.connection
    sharing: dict[int, list[int]] = {}
    wanted = numbers(connection, dict.fromkeys(address_nos))
    for address_no, person in _PERSONS_AT.rows(connection, addresses=wanted):
        sharing.setdefault(address_no, []).append(person)
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
        ended=dict(_ENDED.rows(connection, alerts=numbers(connection, alerts))),
        alerts={turn.alert(alert_no).id: alert_no for alert_no in alerts},
    )


def _persons_at(dialect: str) -> Select[Any]:
    c = t.contact.c
    query = select(c.address_no, c.person_no).where(
        among(dialect, c.address_no, "addresses"), c.to_version == FOREVER
    )
    return query.distinct().order_by(c.address_no, c.person_no)


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


def _ended(dialect: str) -> Select[Any]:
    c = t.alert.c
    return select(c.no, c.ended_at).where(among(dialect, c.no, "alerts"))


_ENDED = Prepared(_ended)
_PERSONS_AT = Prepared(_persons_at)
_TOLD = first_told(RecipientKind.PERSON)
_NAMES = Prepared(_names)
