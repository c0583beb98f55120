"""What is known of mailboxes that answer: whose they are, and what they were told of.

A mailbox belongs to a unit and has no name of its own: its answer is that of whoever answers for
the unit. Which mailbox it is, its address on the roster says; where mail is sent under another
address (a clerk's own, an alias), the message of ours that it answers, whose id only its receivers
know. An address can be forged, as a phone's number can: an answer acknowledges, and does nothing
else.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import select

from alertd.decide.interpret import Candidate, Duty, Person
from alertd.engine.senders import About, about
from alertd.engine.told import Told, first_told, told_of
from alertd.engine.turn import Turn
from alertd.lanes import channel_of
from alertd.model import FOREVER, Channel, RecipientKind
from alertd.store import outbox, people
from alertd.store import tables as t
from alertd.store.frozen import policy_of
from alertd.store.prepared import Prepared, among, numbers

_KIND = "mail"  # of a chat group, in rosters


class Box(NamedTuple):
    """A mailbox of the roster."""

    no: int
    unit_no: int


class _Lead(NamedTuple):
    """Who answers for a unit."""

    person_no: int
    duty: Duty


@dataclass(slots=True)
class Mailboxes:
    """What a batch's answers by mail may be about."""

    at: dict[int, list[Box]] = field(default_factory=dict)  # by address
    answered: dict[int, Box] = field(default_factory=dict)  # by delivery of ours
    told: dict[int, dict[int, Told]] = field(default_factory=dict)  # box → alert
    about: dict[int, About] = field(default_factory=dict)  # by alert
    roles: dict[int, tuple[str, ...]] = field(default_factory=dict)  # alert → who answers, in order
    alerts: dict[bytes, int] = field(default_factory=dict)  # id → alert
    leads: dict[tuple[int, tuple[str, ...]], _Lead | None] = field(default_factory=dict)

    def behind(self, address_no: int, answers: int) -> list[Box]:
        """The mailboxes that an answer may be of; an address on the roster speaks for itself."""
        known = self.at.get(address_no, [])
        return known or [self.answered[answers]] if answers in self.answered else known

    def candidates(self, turn: Turn, boxes: Iterable[Box]) -> list[Candidate]:
        """The alerts that mailboxes were told of, and whom each asked there."""
        found: dict[int, list[Box]] = {}
        for box in boxes:
            for alert_no in self.told.get(box.no, ()):
                found.setdefault(alert_no, []).append(box)
        return [self._candidate(turn, no, here) for no, here in sorted(found.items())]

    def _candidate(self, turn: Turn, alert_no: int, boxes: list[Box]) -> Candidate:
        alert, roles = self.about[alert_no], self.roles[alert_no]
        told = [self.told[box.no][alert_no] for box in boxes]
        leads = [lead for box in boxes if (lead := self._lead(turn, roles, box.unit_no))]
        return Candidate(
            alert_id=alert.id,
            short_code=alert.short_code,
            status=alert.status,
            open=alert.open,
            told_at=min(each.at for each in told),
            ended_at=alert.ended_at,
            severity=alert.severity,
            persons=tuple(Person(person_no=no) for no in dict.fromkeys(p for p, _ in leads)),
            duties=tuple(lead.duty for lead in leads),
            shared=True,
            heard=any(each.heard for each in told),
        )

    def _lead(self, turn: Turn, roles: tuple[str, ...], unit_no: int) -> _Lead | None:
        key = (unit_no, roles)
        if key not in self.leads:
            self.leads[key] = _read_lead(turn, *key)
        return self.leads[key]


def _read_lead(turn: Turn, unit_no: int, roles: tuple[str, ...]) -> _Lead | None:
    connection = turn.connection
    duty = people.lead_duty(connection, unit_no, roles)
    if duty is None:
        return None
    first, *_ = people.in_charge(people.holders(connection, [duty])[duty], turn.minute)
    unit = people.units(connection, [unit_no])[unit_no]
    asked = Duty(duty_no=duty, person_no=first, unit_code=unit.code, unit_name=unit.name)
    return _Lead(first, asked)


def mailboxes(turn: Turn, address_nos: Iterable[int], answers: Iterable[int]) -> Mailboxes:
    """Read what is known of mailboxes.

    Args:
        turn: The step.
        address_nos: Of those who wrote.
        answers: The deliveries that their gateway says they answer, by a message's signed id.
    """
    connection, found = turn.connection, Mailboxes()
    wanted = numbers(connection, dict.fromkeys(address_nos))
    for address_no, *box in _AT.rows(connection, addresses=wanted):
        found.at.setdefault(address_no, []).append(Box(*box))
    found.answered = _answered(turn, answers)
    boxes = {box.no for those in found.at.values() for box in those}
    boxes |= {box.no for box in found.answered.values()}
    found.told = told_of(_TOLD, connection, boxes)
    alerts = {alert_no for those in found.told.values() for alert_no in those}
    found.about = about(connection, alerts)
    found.alerts = {alert.id: alert.no for alert in found.about.values()}
    policies = _POLICIES.rows(connection, alerts=numbers(connection, alerts))
    found.roles = {alert_no: _roles(policy) for alert_no, policy in policies}
    return found


@lru_cache(maxsize=64)
def _roles(policy: str) -> tuple[str, ...]:
    """Who answers for a unit by a policy, as it is frozen with an alert: the same for most."""
    return policy_of(policy).ladder_roles


def _answered(turn: Turn, answers: Iterable[int]) -> dict[int, Box]:
    rows = outbox.load(turn.connection, answers)
    mails = {
        row.id: row.recipient_no
        for row in rows.values()
        if channel_of(row.lane) == Channel.MAIL and row.recipient_kind == RecipientKind.GROUP
    }
    wanted = numbers(turn.connection, mails.values())
    boxes = {no: Box(no, unit) for no, unit in _BOXES.rows(turn.connection, boxes=wanted)}
    return {delivery: boxes[no] for delivery, no in mails.items() if no in boxes}


def _here(column: Any, dialect: str, name: str) -> Any:
    c = t.chat_group.c
    return among(dialect, column, name) & (c.to_version == FOREVER) & (c.kind == _KIND)


_C = t.chat_group.c
_AT = Prepared(
    lambda dialect: (
        select(_C.address_no, _C.no, _C.unit_no)
        .where(_here(_C.address_no, dialect, "addresses"))
        .order_by(_C.address_no, _C.no)
    )
)
_BOXES = Prepared(lambda dialect: select(_C.no, _C.unit_no).where(_here(_C.no, dialect, "boxes")))
_POLICIES = Prepared(
    lambda dialect: select(t.alert.c.no, t.alert.c.policy).where(
        among(dialect, t.alert.c.no, "alerts")
    )
)
_TOLD = first_told(RecipientKind.GROUP)
