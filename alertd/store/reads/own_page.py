"""What a person sees behind their own link: what one alert asks of them, and what was heard.

Neither a name nor a number is read here.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from alertd.decide.links import Standing, standing
from alertd.errors import NotFoundError
from alertd.model import (
    AckKind,
    AlertState,
    Grade,
    Millis,
    RecipientKind,
    Stage,
    duty_of,
    numbers_of,
    requirement_no,
)
from alertd.store import people
from alertd.store import tables as t
from alertd.store.fold.scope import in_force
from alertd.store.links import ALERTS
from alertd.store.reads import alerts

_MOST_ACKS = 3  # the latest: what stands below them must stay in sight
_MOST_DUTIES = 20  # of one person's, named on their page


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDuty:
    """What the alert asks of the person."""

    unit_name: str
    role: str
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAck:
    """An answer of theirs, or one that somebody gave for them.

    Args:
        at: When they answered.
        received_at: When it was received here.
        proxy: Somebody else entered it.
    """

    kind: str
    count: int | None
    of: int | None
    via: str
    at: Millis
    received_at: Millis
    late: bool
    proxy: bool
    withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnHelp:
    """Their call for help; `taken_by` is the role of whoever has taken it."""

    opened_at: Millis
    climbed: int
    taken_at: Millis | None
    taken_by: str
    closed_at: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage:
    """One person's page about one alert.

    Args:
        language: The person's.
        standing: What the link is good for.
        stages: What the alert's policy asks for, in their order.
        shared: Several people use the phone that the link went to.
        follower: The id and number of the latest alert that took this one's place and that this
            person was told of.
        leads: Whether there is a page of the units below.
    """

    full: alerts.FullAlert
    language: str
    standing: Standing
    stages: tuple[str, ...]
    duties: tuple[OwnDuty, ...]
    shared: bool
    acks: tuple[OwnAck, ...]
    helps: tuple[OwnHelp, ...]
    follower: tuple[bytes, int] | None
    leads: bool


def alert_ending_in(connection: Connection, low: int) -> bytes | None:
    """The id of the newest alert whose number ends in these bits of a token."""
    c = t.alert.c
    last = connection.execute(select(func.max(c.no))).scalar() or 0
    number = last - (last - low) % ALERTS
    return connection.execute(select(c.id).where(c.no == number)).scalar_one_or_none()


def own_page(connection: Connection, alert_id: bytes, person_no: int, now: Millis) -> OwnPage:
    """What somebody sees behind their link.

    Raises:
        NotFoundError: The alert is nowhere, or was never issued.
    """
    full = alerts.alert(connection, alert_id)
    view = full.view
    if view.issued_at is None:
        raise NotFoundError("There is no such alert.")
    roles = tuple(full.policy.get("ladder_roles", ()))
    over = view.state is not AlertState.ISSUED
    return OwnPage(
        full=full,
        language=_language(connection, person_no),
        standing=standing(over=over, expires_at=view.expires_at, ended_at=view.ended_at, now=now),
        stages=tuple(stage["name"] for stage in full.policy.get("stages", ())),
        duties=_duties(connection, view.no, person_no),
        shared=_is_shared(connection, view.no, person_no),
        acks=_acks(connection, view.no, person_no),
        helps=_helps(connection, view.no, person_no),
        follower=_follower(connection, view.no, person_no),
        leads=_leads(connection, led_units(connection, view.no, person_no, roles)),
    )


def _language(connection: Connection, person_no: int) -> str:
    c = t.person.c
    query = select(c.language).where(c.no == person_no).order_by(c.to_version.desc()).limit(1)
    return connection.execute(query).scalar() or ""


def _asked(connection: Connection, alert_no: int, duty_nos: Collection[int]) -> set[int]:
    """Those of the duties that the alert asks for anything."""
    c = t.requirement.c
    wanted = [requirement_no(alert_no, stage, no) for no in duty_nos for stage in Stage]
    return {
        duty_of(no) for no in connection.execute(select(c.no).where(c.no.in_(wanted))).scalars()
    }


def _duties(connection: Connection, alert_no: int, person_no: int) -> tuple[OwnDuty, ...]:
    held = people.duties_of(connection, [person_no]).get(person_no, [])
    asked = _asked(connection, alert_no, [duty.duty_no for duty in held])
    return tuple(
        OwnDuty(unit_name=duty.unit_name, role=duty.role, rank=duty.rank)
        for duty in held
        if duty.duty_no in asked
    )[:_MOST_DUTIES]


def led_units(
    connection: Connection, alert_no: int, person_no: int, roles: Collection[str]
) -> set[int]:
    """The units for which the alert asks this person as one who answers for them (`roles`)."""
    held = people.duties_of(connection, [person_no]).get(person_no, [])
    leads = [duty for duty in held if duty.role in roles]
    asked = _asked(connection, alert_no, [duty.duty_no for duty in leads])
    return {duty.unit_no for duty in leads if duty.duty_no in asked}


def _leads(connection: Connection, units: Collection[int]) -> bool:
    """Whether there are units below any of these."""
    c = t.unit.c
    query = select(c.no).where(c.parent_no.in_(units), in_force(t.unit, people.NOW)).limit(1)
    return connection.execute(query).first() is not None


def _is_shared(connection: Connection, alert_no: int, person_no: int) -> bool:
    d, c = t.delivery.c, t.contact.c
    address = (
        select(d.address_no)
        .where(
            d.recipient_no == person_no,
            d.id.between(*numbers_of(alert_no)),
            d.recipient_kind == int(RecipientKind.PERSON),
        )
        .order_by(d.id)
        .limit(1)
        .scalar_subquery()
    )
    using = select(func.count(c.person_no.distinct())).where(
        c.address_no == address, in_force(t.contact, people.NOW)
    )
    return connection.execute(using).scalar_one() > 1


def _acks(connection: Connection, alert_no: int, person_no: int) -> tuple[OwnAck, ...]:
    c, i = t.ack.c, t.inbound.c
    query = (
        select(t.ack, i.received_at)
        .outerjoin(t.inbound, i.no == c.inbound_no)
        .where(
            c.alert_no == alert_no,
            c.person_no == person_no,
            c.kind != AckKind.HELP.value,  # a case of its own
        )
        .order_by(c.no.desc())
        .limit(_MOST_ACKS)
    )
    return tuple(_ack(row) for row in connection.execute(query))


def _ack(row: Row[Any]) -> OwnAck:
    numbers = row._mapping  # noqa: SLF001 - a row has a method `count`, as every tuple does
    return OwnAck(
        kind=row.kind,
        count=numbers["count"],
        of=numbers["of"],
        via=row.via,
        at=row.occurred_at,
        received_at=row.received_at or row.occurred_at,
        late=bool(row.late),
        proxy=row.grade == Grade.PROXY.value,
        withdrawn=row.withdrawn_at is not None,
    )


def _helps(connection: Connection, alert_no: int, person_no: int) -> tuple[OwnHelp, ...]:
    c, p = t.help_case.c, t.principal.c
    query = (
        select(t.help_case, p.role)
        .outerjoin(t.principal, p.id == c.taken_by)
        .where(c.alert_no == alert_no, c.person_no == person_no)
        .order_by(c.opened_at.desc())
        .limit(3)
    )
    return tuple(
        OwnHelp(
            opened_at=row.opened_at,
            climbed=row.climbed,
            taken_at=row.taken_at,
            taken_by=row.role or "",
            closed_at=row.closed_at,
        )
        for row in connection.execute(query)
    )


def _follower(connection: Connection, alert_no: int, person_no: int) -> tuple[bytes, int] | None:
    c, d = t.alert.c, t.delivery.c
    query = select(c.id, c.no).where(c.references_no == alert_no, c.issued_at.is_not(None))
    row = connection.execute(query.order_by(c.no.desc()).limit(1)).first()
    if row is None:
        return None
    told = select(d.id).where(
        d.recipient_no == person_no,
        d.id.between(*numbers_of(row.no)),
        d.recipient_kind == int(RecipientKind.PERSON),
    )
    return (row.id, row.no) if connection.execute(told.limit(1)).first() else None
