"""Who hasn't answered: duties whose ladder is open, exhausted or has ended, with whom to ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select

from alertd.decide import escalate
from alertd.decide.settle import BY_HAND
from alertd.lanes import BY_SMS, lane_of
from alertd.model import (
    Channel,
    DeliveryState,
    MessageKind,
    Millis,
    Played,
    Policy,
    RecipientKind,
    RequirementState,
    Stage,
    Status,
    Told,
    duty_of,
    numbers_of,
    requirement_no,
    stage_of,
)
from alertd.store import addresses, people
from alertd.store import tables as t
from alertd.store.fold.scope import below, in_force
from alertd.store.frozen import policy_of
from alertd.store.reads.board import issued_version, path_then
from alertd.store.reads.paging import Page
from alertd.store.reads.told import holders_version, signs, why_never
from alertd.store.reads.units import people_named
from rosters.shifts import spelled

_HEARD = {Played.PLAYED: "heard", Played.PARTIAL: "cut"}
_STATES = {
    "open": (RequirementState.OPEN,),
    "exhausted": (RequirementState.EXHAUSTED,),
    "any": (RequirementState.OPEN, RequirementState.EXHAUSTED),
    "call": (RequirementState.OPEN, RequirementState.EXHAUSTED),
    "closed": (RequirementState.CLOSED,),
    "ever": (RequirementState.OPEN, RequirementState.EXHAUSTED, RequirementState.CLOSED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """A holder of a duty; the phone's last two digits only.

    Args:
        shift: Their hours, 20:00–08:00; "" where they are always on duty.
        delivery: What became of the last text to this person, in a word, or "" for none.
        reason: Why, where it failed or nobody can tell.
        call: What became of a machine's call: `heard` to its end, `cut` where it was hung up
            before, `by-hand` where an operator is to make it, or a delivery's state (`delivered`:
            picked up); "" for none. Heard is no answer: somebody else may have picked up, or a
            mailbox.
    """

    person_id: str
    name: str
    rank: int
    shift: str
    phone_tail: str
    delivery: str
    reason: str
    call: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A duty that hasn't been answered for.

    Args:
        no: Its requirement's number; a page's `next`.
        exhausted: Whether its ladder has taken every rung.
        closed: Whether the alert ended while its ladder was under way.
        since_at: The ladder counts from then.
        next_at: When the next rung is due; None where all were taken, or the alert has ended.
        next_acts: What it will do: remind, call, alternate, parent, grandparent, door_knock,
            duty_desk.
        told: What the ladder has done so far: alternates, parent, grandparent, call_list,
            door_knock, duty_desk.
        untold: Why nothing of the alert has left for any of the holders, in a word of
            `decide.told.Standing`; "" where something has, or may have.
        holders: Principals first.
    """

    no: int
    stage: str
    unit_code: str
    unit_name: str
    level: str
    parent_name: str
    role: str
    exhausted: bool
    closed: bool
    since_at: Millis
    next_at: Millis | None
    next_acts: tuple[str, ...]
    told: tuple[str, ...]
    untold: str
    holders: tuple[PersonView, ...]


def unanswered(
    connection: Connection,
    alert_no: int,
    *,
    path: str = "",
    state: str = "any",
    stage: Stage | None = None,
    after: int | None = None,
    limit: int = 100,
) -> Page[Unanswered]:
    """Duties without an answer, the longest waiting first, then in the hierarchy's order.

    Args:
        connection: For reading.
        alert_no: The alert.
        path: The asker's subtree.
        state: `open` (still climbing), `exhausted` (go and knock), `call` (to be telephoned),
            `any` of them, `closed` (not answered when the alert ended), or `ever`: all of these.
        stage: Only this one.
        after: A page's `next`.
        limit: At most so many.
    """
    rows = _rows(connection, alert_no, path, state, stage, after, limit + 1)
    shown = rows[:limit]
    version = holders_version(connection, alert_no)
    held = people.holders(connection, [duty_of(row.no) for row in shown], version)
    persons = [holder.person_no for holders in held.values() for holder in holders]
    views = person_views(connection, alert_no, persons)
    known = signs(connection, alert_no, persons)
    policy, state_now = _alert(connection, alert_no)
    items = tuple(
        _item(
            row,
            (holders := held.get(duty_of(row.no), ())),
            views,
            policy,
            why_never(state_now, known, [each.person_no for each in holders]),
        )
        for row in shown
    )
    return Page(items=items, next=shown[-1].no if len(rows) > limit else None)


def _alert(connection: Connection, alert_no: int) -> tuple[Policy, str]:
    query = select(t.alert.c.policy, t.alert.c.state).where(t.alert.c.no == alert_no)
    policy, state = connection.execute(query).one()
    return policy_of(policy), state


def silent(
    connection: Connection,
    alert_no: int,
    *,
    path: str = "",
    state: str = "any",
    duty_no: int | None = None,
    limit: int = 10_000,
) -> list[int]:
    """The requirements without an answer in a subtree, or one duty's, the longest waiting first."""
    rows = _rows(connection, alert_no, path, state, None, None, limit, duty_no=duty_no)
    return [row.no for row in rows]


def _rows(
    connection: Connection,
    alert_no: int,
    path: str,
    state: str,
    stage: Stage | None,
    after: int | None,
    limit: int,
    *,
    duty_no: int | None = None,
) -> Sequence[Row[Any]]:
    r, u, above = t.requirement.c, t.unit.c, t.unit.alias("above")
    version = issued_version(connection, alert_no)
    # Chosen before they are joined: sorting a whole alert with its units would be dear.
    chosen = _chosen(alert_no, state, stage, after).order_by(r.start_at, r.no).limit(limit)
    if duty_no is not None:
        chosen = chosen.where(r.no.in_([requirement_no(alert_no, at, duty_no) for at in Stage]))
    if path:
        then = path_then(connection, version, path)
        inside = select(u.no).where(below(u.path, [then]), in_force(t.unit, version))
        chosen = chosen.where(r.unit_no.in_(inside))
    query = (
        select(t.requirement, u.code, u.name, u.level, above.c.name.label("parent_name"))
        .join(t.unit, and_(u.no == r.unit_no, in_force(t.unit, version)))
        .outerjoin(above, and_(above.c.no == u.parent_no, in_force(above, version)))
        .where(r.no.in_(select(chosen.subquery().c.no)))
        .order_by(r.start_at, r.no)
    )
    return connection.execute(query).all()


def _chosen(alert_no: int, state: str, stage: Stage | None, after: int | None) -> Select[Any]:
    r = t.requirement.c
    first, last = numbers_of(alert_no)
    if stage is not None:
        first = requirement_no(alert_no, stage, 0)
        last = requirement_no(alert_no, stage, (1 << 28) - 1)
    query = select(r.no).where(
        r.no.between(first, last), r.state.in_([int(wanted) for wanted in _STATES[state]])
    )
    if state == "call":
        query = query.where(r.told.bitwise_and(int(Told.CALL_LIST)) > 0)
    if after is not None:
        seen = t.requirement.alias("seen")
        since = select(seen.c.start_at).where(seen.c.no == after).scalar_subquery()
        query = query.where((r.start_at > since) | ((r.start_at == since) & (r.no > after)))
    return query


def _item(
    row: Row[Any],
    holders: Sequence[people.Holder],
    views: dict[int, dict[str, Any]],
    policy: Policy,
    untold: str,
) -> Unanswered:
    return Unanswered(
        no=row.no,
        stage=stage_of(row.no).word,
        unit_code=row.code,
        unit_name=row.name,
        level=row.level,
        parent_name=row.parent_name or "",
        role=row.role,
        exhausted=row.state == RequirementState.EXHAUSTED,
        closed=row.state == RequirementState.CLOSED,
        since_at=row.start_at,
        next_at=row.due_at,
        next_acts=_next_acts(row, holders, policy),
        told=tuple(bit.name.lower() for bit in Told if bit.name and row.told & bit),
        untold=untold,
        holders=holders_shown(holders, views),
    )


def _next_acts(row: Row[Any], holders: Sequence[people.Holder], policy: Policy) -> tuple[str, ...]:
    """What its next rung does, by the rule that will be asked then."""
    if row.due_at is None or row.step >= len(policy.steps):
        return ()
    ladder = escalate.Ladder(
        step=row.step,
        start_at=row.start_at,
        told=row.told,
        has_alternates=bool(people.stand_ins(holders, row.due_at)),
    )
    return tuple(act.value for act in escalate.climb(ladder, policy, row.due_at).acts)


def holders_shown(
    holders: Sequence[people.Holder], views: Mapping[int, Mapping[str, Any]]
) -> tuple[PersonView, ...]:
    """A duty's holders, principals first; `views` as `person_views` gives them."""
    return tuple(
        PersonView(
            **views[each.person_no], rank=each.rank, shift=spelled(each.shift_from, each.shift_to)
        )
        for each in holders
        if each.person_no in views
    )


def person_views(
    connection: Connection, alert_no: int, persons: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """Person number → a PersonView's values but its rank and shift."""
    who = people_named(connection, persons)
    ways = people.contacts(connection, persons, int(Channel.SMS))
    first = {person: by_rank[0][1] for person, by_rank in ways.items() if by_rank}
    tails = addresses.tails(connection, first.values())
    last = _last_delivery(connection, alert_no, persons)
    calls = _last_calls(connection, alert_no, persons)
    return {
        no: {
            "person_id": person_id,
            "name": name,
            "phone_tail": tails.get(first.get(no, 0), ""),
            "delivery": last.get(no, ("", ""))[0],
            "reason": last.get(no, ("", ""))[1],
            "call": calls.get(no, ""),
        }
        for no, (person_id, name) in who.items()
    }


def _last_delivery(
    connection: Connection, alert_no: int, persons: Sequence[int]
) -> dict[int, tuple[str, str]]:
    d = t.delivery.c
    first, last = numbers_of(alert_no)
    rows = connection.execute(
        select(d.recipient_no, d.state, d.reason)
        .where(
            d.recipient_no.in_(set(persons)),
            d.id.between(first, last),
            d.recipient_kind == int(RecipientKind.PERSON),
            d.lane.in_(BY_SMS),
        )
        .order_by(d.id)
    )
    return {row.recipient_no: (DeliveryState(row.state).word, row.reason or "") for row in rows}


def _last_calls(connection: Connection, alert_no: int, persons: Sequence[int]) -> dict[int, str]:
    """What became of each person's last call; not of one that told of somebody else's cry."""
    d, m = t.delivery.c, t.message.c
    rows = connection.execute(
        select(d.recipient_no, d.state, d.played, d.reason)
        .join(t.message, m.no == d.message_no)
        .where(
            m.kind == MessageKind.CALL.value,
            d.recipient_no.in_(set(persons)),
            d.id.between(*numbers_of(alert_no)),
            d.recipient_kind == int(RecipientKind.PERSON),
            d.lane.in_([lane_of(Channel.VOICE, status) for status in Status]),
        )
        .order_by(d.id)
    )
    return {row.recipient_no: call_word(row.state, row.played, row.reason) for row in rows}


def call_word(state: int, played: int, reason: str | None) -> str:
    """What became of a call: heard (to its end), cut (hung up before), by-hand, or its state."""
    if state == DeliveryState.ACCEPTED and reason == BY_HAND:
        return BY_HAND
    return _HEARD.get(Played(played)) or DeliveryState(state).word
