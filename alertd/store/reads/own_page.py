"""What a person sees behind their own link: what one alert asks of them, and what was heard.

Neither a name nor a number is read here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from alertd.decide.links import Standing, standing
from alertd.errors import NotFoundError
from alertd.model import (
    FOREVER,
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
from alertd.store.cries import reaches
from alertd.store.links import ALERTS
from alertd.store.prepared import Prepared, among, numbers
from alertd.store.reads import alerts
from rosters.words import Level

_MOST_ACKS = 3  # the latest: what stands below them must stay in sight
_MOST_HELPS = 3
_LOWEST = Level.BUILDING.value
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
    """Their call for help; `taken_by` is the role of whoever has taken it.

    `reach` says how far word of it has come, as `cries.Reach`; None where that isn't on record.
    """

    opened_at: Millis
    climbed: int
    reach: str | None
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
    ((last,),) = _LAST.rows(connection)
    number = (last or 0) - ((last or 0) - low) % ALERTS
    return next((bytes(found) for (found,) in _ID.rows(connection, alert=number)), None)


_LAST = Prepared(lambda _: select(func.max(t.alert.c.no)))
_ID = Prepared(lambda _: select(t.alert.c.id).where(t.alert.c.no == bindparam("alert")))


def own_page(connection: Connection, alert_id: bytes, person_no: int, now: Millis) -> OwnPage:
    """What somebody sees behind their link.

    Raises:
        NotFoundError: The alert is nowhere, or was never issued.
    """
    full = alerts.alert(connection, alert_id)
    view = full.view
    if view.issued_at is None:
        raise NotFoundError("There is no such alert.")
    over = view.state is not AlertState.ISSUED
    asked = _asked_of(connection, view.no, person_no)
    return OwnPage(
        full=full,
        language=next((word for (word,) in _LANGUAGE.rows(connection, person=person_no)), ""),
        standing=standing(over=over, expires_at=view.expires_at, ended_at=view.ended_at, now=now),
        stages=tuple(stage["name"] for stage in full.policy.get("stages", ())),
        duties=tuple(
            OwnDuty(unit_name=duty.unit_name, role=duty.role, rank=duty.rank)
            for duty in asked[:_MOST_DUTIES]
        ),
        shared=_is_shared(connection, view.no, person_no),
        acks=_acks(connection, view.no, person_no),
        helps=_helps(connection, view.no, person_no),
        follower=_follower(connection, view.no, person_no) if over else None,
        leads=_leads(connection, asked, full.policy.get("ladder_roles", ())),
    )


def _language(_: str) -> Any:
    c = t.person.c
    query = select(c.language).where(c.no == bindparam("person"))
    return query.order_by(c.to_version.desc()).limit(1)


_LANGUAGE = Prepared(_language)


def _asked_of(connection: Connection, alert_no: int, person_no: int) -> list[people.DutyRef]:
    """The duties that somebody holds now and that the alert asks for anything."""
    held = people.duties_of(connection, [person_no]).get(person_no, [])
    wanted = [requirement_no(alert_no, stage, duty.duty_no) for duty in held for stage in Stage]
    found = _ASKED.rows(connection, wanted=numbers(connection, wanted))
    asked = {duty_of(number) for (number,) in found}
    return [duty for duty in held if duty.duty_no in asked]


_ASKED = Prepared(
    lambda dialect: select(t.requirement.c.no).where(among(dialect, t.requirement.c.no, "wanted"))
)


def led_units(
    connection: Connection, alert_no: int, person_no: int, roles: Collection[str]
) -> set[int]:
    """The units for which the alert asks this person as one who answers for them (`roles`)."""
    asked = _asked_of(connection, alert_no, person_no)
    return {duty.unit_no for duty in asked if duty.role in roles}


def _leads(connection: Connection, asked: Sequence[people.DutyRef], roles: Collection[str]) -> bool:
    """Whether somebody answers for a unit that can have others below it."""
    led = [duty.unit_no for duty in asked if duty.role in roles]
    units = people.units(connection, led).values() if led else ()
    return any(unit.level != _LOWEST for unit in units)


def _is_shared(connection: Connection, alert_no: int, person_no: int) -> bool:
    first, last = numbers_of(alert_no)
    ((using,),) = _USING.rows(connection, person=person_no, first=first, last=last)
    return bool(using > 1)


def _using(_: str) -> Any:
    """How many people have the phone to which somebody's link was sent."""
    d, c = t.delivery.c, t.contact.c
    address = select(d.address_no).where(*_to_person()).order_by(d.id).limit(1).scalar_subquery()
    return select(func.count(c.person_no.distinct())).where(
        c.address_no == address, c.to_version == FOREVER
    )


def _to_person() -> tuple[Any, ...]:
    """An alert's deliveries to somebody: `person`, and the range of numbers `first` to `last`."""
    d = t.delivery.c
    return (
        d.recipient_no == bindparam("person"),
        d.id.between(bindparam("first"), bindparam("last")),
        d.recipient_kind == int(RecipientKind.PERSON),
    )


_USING = Prepared(_using)


def _acks(connection: Connection, alert_no: int, person_no: int) -> tuple[OwnAck, ...]:
    rows = _ACKS.rows(connection, alert=alert_no, person=person_no)
    return tuple(
        OwnAck(
            kind=kind,
            count=count,
            of=of,
            via=via,
            at=at,
            received_at=received_at or at,
            late=bool(late),
            proxy=grade == Grade.PROXY.value,
            withdrawn=withdrawn_at is not None,
        )
        for kind, count, of, via, at, received_at, late, grade, withdrawn_at in rows
    )


def _said(_: str) -> Any:
    c, i = t.ack.c, t.inbound.c
    told = (c.kind, c["count"], c.of, c.via, c.occurred_at, i.received_at, c.late, c.grade)
    return (
        select(*told, c.withdrawn_at)
        .outerjoin_from(t.ack, t.inbound, i.no == c.inbound_no)
        .where(
            c.alert_no == bindparam("alert"),
            c.person_no == bindparam("person"),
            c.kind != AckKind.HELP.value,  # a case of its own
        )
        .order_by(c.no.desc())
        .limit(_MOST_ACKS)
    )


_ACKS = Prepared(_said)


def _helps(connection: Connection, alert_no: int, person_no: int) -> tuple[OwnHelp, ...]:
    rows = _HELPS.rows(connection, alert=alert_no, person=person_no)
    far = reaches(connection, [no for no, *_ in rows]) if rows else {}
    return tuple(
        OwnHelp(
            opened_at=opened_at,
            climbed=climbed,
            reach=far.get(no),
            taken_at=taken_at,
            taken_by=role or "",
            closed_at=closed_at,
        )
        for no, opened_at, climbed, taken_at, role, closed_at in rows
    )


def _cried(_: str) -> Any:
    c, p = t.help_case.c, t.principal.c
    return (
        select(c.ack_no, c.opened_at, c.climbed, c.taken_at, p.role, c.closed_at)
        .outerjoin_from(t.help_case, t.principal, p.id == c.taken_by)
        .where(c.alert_no == bindparam("alert"), c.person_no == bindparam("person"))
        .order_by(c.opened_at.desc())
        .limit(_MOST_HELPS)
    )


_HELPS = Prepared(_cried)


def _follower(connection: Connection, alert_no: int, person_no: int) -> tuple[bytes, int] | None:
    c = t.alert.c
    query = select(c.id, c.no).where(c.references_no == alert_no, c.issued_at.is_not(None))
    row = connection.execute(query.order_by(c.no.desc()).limit(1)).first()
    if row is None:
        return None
    first, last = numbers_of(row.no)
    told = _TOLD.rows(connection, person=person_no, first=first, last=last)
    return (row.id, row.no) if told else None


_TOLD = Prepared(lambda _: select(t.delivery.c.id).where(*_to_person()).limit(1))
