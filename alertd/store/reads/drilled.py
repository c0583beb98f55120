"""What a drill's score is made from, as rows; `drills.evidence` puts them together."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, literal, or_, select

from alertd.decide.halt import Halt, ran
from alertd.model import (
    BY_HAND,
    FOREVER,
    STAGES_OF_ACK,
    AckKind,
    AlertState,
    DrillState,
    Millis,
    RecipientKind,
    numbers_of,
    requirement_no,
    stage_of,
)
from alertd.store import tables as t
from alertd.store.batches import batches, stream
from alertd.store.fold.scope import in_force
from alertd.store.reads.drills import alerts_of
from alertd.store.reads.vacant import unheld
from rosters.words import LEAD_ROLES

_ANSWERS: Final = [kind.value for kind, stages in STAGES_OF_ACK.items() if stages]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """The alert of a drill, as far as its score needs it."""

    no: int
    status: int
    version: int | None
    issued_at: Millis | None
    paths: tuple[str, ...]
    roles: tuple[str, ...]
    over: bool  # ended, or stopped for good
    expired: bool  # by its own time
    ended_at: Millis | None  # or stopped for good; None while it is under way
    ran_ms: Millis | None  # its pauses left out; None while it is under way
    short_code: str


class Sent(NamedTuple):
    """A message for somebody or something."""

    id: int
    recipient_no: int
    lane: int
    state: int
    attempt: int
    reason: str | None
    played: int


def drilled(connection: Connection, alert_no: int) -> Drilled:
    """The alert of that number."""
    c, h = t.alert.c, t.halt.c
    own = (c.no, c.status, c.state, c.short_code, c.roster_version, c.issued_at, c.ended_at)
    row = connection.execute(
        select(*own, c.selection, h.paused_at, h.paused_ms, h.stopped_at)
        .outerjoin_from(t.alert, t.halt, h.alert_no == c.no)
        .where(c.no == alert_no)
    ).one()
    selection = json.loads(row.selection)
    until = min((at for at in (row.ended_at, row.stopped_at) if at is not None), default=None)
    halt = Halt(paused_at=row.paused_at, paused_ms=row.paused_ms or 0)
    return Drilled(
        no=row.no,
        status=row.status,
        version=row.roster_version,
        issued_at=row.issued_at,
        paths=tuple(selection.get("paths", ())),
        roles=tuple(selection.get("roles", ())),
        over=until is not None,
        ended_at=until,
        expired=row.state == AlertState.EXPIRED.value and row.stopped_at is None,
        ran_ms=None if until is None else ran(halt, row.issued_at or until, until),
        short_code=row.short_code,
    )


def asked(
    connection: Connection, alert_no: int, until: Millis | None = None
) -> Iterator[tuple[int, int, str, Millis | None]]:
    """(requirement, unit, role, when it was covered) of everything that was asked.

    What was covered after `until` wasn't, unless somebody has entered it by hand.
    """
    c, a = t.requirement.c, t.answer.c
    covered: ColumnElement[Any] = c.covered_at
    if until is not None:
        entered = exists(
            select(literal(1))
            .join_from(t.answer, t.ack, t.ack.c.no == a.ack_no)
            .where(a.requirement_no == c.no, t.ack.c.via.in_(BY_HAND))
            .correlate(t.requirement)
        )
        covered = case((and_(c.covered_at > until, ~entered), None), else_=c.covered_at)
    query = select(c.no, c.unit_no, c.role, covered).where(c.no.between(*numbers_of(alert_no)))
    yield from stream(connection, query.order_by(c.no))


def holders(connection: Connection, drill: Drilled) -> dict[int, tuple[int, ...]]:
    """Who held each duty that was asked, as the roster stood then, the principals first."""
    h, r = t.holding.c, t.requirement.c
    numbers = select(r.no).where(r.no.between(*numbers_of(drill.no))).limit(1).order_by(r.no)
    first = connection.execute(numbers).scalar_one_or_none()
    if first is None:
        return {}
    stage = stage_of(first)
    within = (
        requirement_no(drill.no, stage, 0),
        requirement_no(drill.no, stage, (1 << 28) - 1),
    )
    query = (
        select(h.duty_no, h.person_no)
        .join_from(t.requirement, t.holding, h.duty_no == r.no - within[0])
        .where(r.no.between(*within), in_force(t.holding, drill.version))
        .order_by(h.duty_no, h.rank, h.person_no)
    )
    found: dict[int, list[int]] = {}
    for duty_no, person_no in stream(connection, query):
        found.setdefault(duty_no, []).append(person_no)
    return {duty_no: tuple(persons) for duty_no, persons in found.items()}


def sent(connection: Connection, alert_no: int, kind: RecipientKind) -> Iterator[Sent]:
    """Every message of an alert for people, or for loudspeakers."""
    d = t.delivery.c
    columns = (d.id, d.recipient_no, d.lane, d.state, d.attempt, d.reason, d.played)
    query = select(*columns).where(
        d.id.between(*numbers_of(alert_no)), d.recipient_kind == int(kind)
    )
    yield from (Sent(*row) for row in stream(connection, query.order_by(d.id)))


def _answered(alert_no: int, until: Millis | None) -> list[ColumnElement[bool]]:
    """Answers up to a moment; of those entered by hand nobody knows when they were given."""
    c = t.ack.c
    found = [c.alert_no == alert_no, c.withdrawn_at.is_(None), c.kind.in_(_ANSWERS)]
    if until is not None:
        found.append(or_(c.occurred_at <= until, c.via.in_(BY_HAND)))
    return found


def first_answers(
    connection: Connection, alert_no: int, until: Millis | None = None
) -> dict[int, tuple[Millis, str]]:
    """When each person first answered, and by which way; a call for help is no answer."""
    c = t.ack.c
    query = select(c.person_no, c.occurred_at, c.via).where(*_answered(alert_no, until))
    found: dict[int, tuple[Millis, str]] = {}
    for person_no, at, via in stream(connection, query.order_by(c.occurred_at, c.no)):
        found.setdefault(person_no, (at, via))
    return found


class Answered(NamedTuple):
    """An answer to an alert: `moved` people `of` so many; `duties` where it named some."""

    person_no: int
    at: Millis
    kind: AckKind
    moved: int | None
    of: int | None
    duties: tuple[int, ...] | None


def said(connection: Connection, alert_no: int, until: Millis | None = None) -> list[Answered]:
    """Every answer to an alert, up to a moment."""
    c = t.ack.c
    own = (c.person_no, c.occurred_at, c.kind, c["count"], c.of, c.duties)
    rows = connection.execute(select(*own).where(*_answered(alert_no, until)).order_by(c.no))
    return [
        Answered(person_no, at, AckKind(kind), moved, of, tuple(json.loads(named or "[]")) or None)
        for person_no, at, kind, moved, of, named in rows
    ]


def units(connection: Connection, version: int) -> Iterator[tuple[int, str, int | None]]:
    """(number, level, number of the unit above) of every unit of a roster version."""
    c = t.unit.c
    query = select(c.no, c.level, c.parent_no).where(in_force(t.unit, version))
    yield from stream(connection, query)


def units_of_terminals(connection: Connection, version: int) -> dict[int, int]:
    """Where each loudspeaker hangs."""
    c = t.terminal.c
    query = select(c.no, c.unit_no).where(in_force(t.terminal, version))
    return dict(stream(connection, query))


def vacant(connection: Connection, drill: Drilled) -> list[tuple[int, str]]:
    """(unit, role) of what nobody holds: units in the drill's areas whose lead's role it asks."""
    roles = drill.roles or tuple(LEAD_ROLES.values())
    return unheld(connection, drill.version, drill.paths, roles)


_NUMBERED: Final = {"duty": t.duty, "person": t.person, "unit": t.unit, "terminal": t.terminal}


def still_there(connection: Connection, what: str, numbers: Iterable[int]) -> set[int]:
    """Which duties, people, units or loudspeakers the roster has now.

    A duty that nobody holds any more isn't asked, and a person without one isn't told.
    """
    table = _NUMBERED[what]
    live: list[Any] = [table.c.to_version == FOREVER]
    h = t.holding.c
    if what in {"duty", "person"}:
        mine = h.duty_no if what == "duty" else h.person_no
        live.append(exists().where(mine == table.c.no, h.to_version == FOREVER))
    found: set[int] = set()
    for batch in batches(dict.fromkeys(numbers)):
        found |= set(
            connection.execute(select(table.c.no).where(table.c.no.in_(batch), *live)).scalars()
        )
    return found


def earlier(connection: Connection, alert_no: int, plan: str) -> int | None:
    """The drill of the same plan that was scored last before this one, and wasn't cut short."""
    s = t.drill_score.c
    query = select(s.alert_no).where(s.plan == plan, s.alert_no < alert_no, s.cut_short == 0)
    return connection.execute(query.order_by(s.alert_no.desc()).limit(1)).scalar_one_or_none()


def scored(connection: Connection, alert_no: int) -> Any:
    """The score on record of a drill, or None."""
    query = select(t.drill_score).where(t.drill_score.c.alert_no == alert_no)
    return connection.execute(query).first()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A drill that was made from a plan.

    Args:
        plan: The plan's name.
        content: What `drills.plan.from_dict` reads.
        step: How much of its script has come.
        alerts: Those that it went on as, its own first.
    """

    plan: str
    content: Mapping[str, Any]
    state: DrillState
    step: int
    alerts: tuple[int, ...]


def planned(connection: Connection, alert_no: int) -> Planned | None:
    """The drill that an alert is of, or follows; None of one without a plan."""
    d, a = t.drill.c, t.drill_alert.c
    query = select(d.no, d.plan, d.content, d.state, d.step).join(t.drill_alert, a.drill_no == d.no)
    row = connection.execute(query.where(a.alert_no == alert_no)).first()
    if row is None:
        return None
    return Planned(
        plan=row.plan,
        content=json.loads(row.content),
        state=DrillState(row.state),
        step=row.step,
        alerts=tuple(alerts_of(connection, row.no)),
    )


def follow_ups(connection: Connection, alert_nos: Collection[int]) -> set[int]:
    """Those of some alerts that a planned drill went on as: they are no drills of their own."""
    d, a = t.drill.c, t.drill_alert.c
    query = select(a.alert_no).join(t.drill, a.drill_no == d.no)
    query = query.where(a.alert_no.in_(list(alert_nos)), a.alert_no != d.alert_no)
    return set(connection.execute(query).scalars())


def owners_of(connection: Connection, alert_nos: Collection[int]) -> dict[int, bytes]:
    """Whose plan each drill was made from; of one without a plan, who wrote it."""
    a, d = t.alert.c, t.drill.c
    rows = connection.execute(
        select(a.no, func.coalesce(d.owner, a.created_by).label("owner"))
        .outerjoin_from(t.alert, t.drill, d.alert_no == a.no)
        .where(a.no.in_(list(alert_nos)))
    )
    return {row.no: row.owner for row in rows}


_OVER: Final = (DrillState.ENDED.value, DrillState.INTERRUPTED.value)


def unscored(connection: Connection) -> list[int]:
    """The alerts of drills that had begun, are over and have no score yet."""
    d, s = t.drill.c, t.drill_score.c
    query = (
        select(d.alert_no)
        .outerjoin(t.drill_score, s.alert_no == d.alert_no)
        .where(d.state.in_(_OVER), d.started_at.is_not(None), s.alert_no.is_(None))
        .order_by(d.no)
    )
    return list(connection.execute(query).scalars())


def scored_of(connection: Connection, alert_nos: Collection[int]) -> dict[int, str]:
    """The results on record, by drill."""
    s = t.drill_score.c
    rows = connection.execute(select(s.alert_no, s.result).where(s.alert_no.in_(list(alert_nos))))
    return {row.alert_no: row.result for row in rows}


def cut_short_of(connection: Connection, alert_nos: Collection[int]) -> set[int]:
    """Those of some drills whose score on record says that they were cut short."""
    s = t.drill_score.c
    query = select(s.alert_no).where(s.alert_no.in_(list(alert_nos)), s.cut_short == 1)
    return set(connection.execute(query).scalars())


class Known(NamedTuple):
    """Something that a drill has shown, as it stands."""

    no: int
    kind: str
    subject_no: int
    what: str
    seen_no: int  # the drill that has shown it last, or that it is mended
    open: bool


def known_todos(connection: Connection, alert_no: int, plan: str) -> list[Known]:
    """What is open, and what this drill or a later one has said something of already.

    Of marks, this plan's alone. By their numbers, so that of one thing the last stands last.
    """
    c = t.todo.c
    seen = case((c.closed_no > c.last_no, c.closed_no), else_=c.last_no)
    query = select(c.no, c.kind, c.subject_no, c.what, seen, c.closed_at.is_(None)).where(
        c.closed_at.is_(None) | (c.last_no >= alert_no) | (c.closed_no >= alert_no),
        (c.kind != "mark") | (c.plan == plan),
    )
    return [Known(*row) for row in connection.execute(query.order_by(c.no))]


def next_todo(connection: Connection) -> int:
    """The number of the next thing to mend."""
    last = connection.execute(
        select(t.todo.c.no).order_by(t.todo.c.no.desc()).limit(1)
    ).scalar_one_or_none()
    return (last or 0) + 1


def names_of_units(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[str, str]]:
    """(code, name) of units, as they are now or were last."""
    c = t.unit.c
    found: dict[int, tuple[str, str]] = {}
    for batch in batches(dict.fromkeys(numbers)):
        rows = connection.execute(
            select(c.no, c.code, c.name).where(c.no.in_(batch)).order_by(c.to_version)
        )
        found.update((row.no, (row.code, row.name)) for row in rows)
    return found
