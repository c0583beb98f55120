"""Who an alert's first message goes to: one query a phase, over one range of numbers.

Each gives (recipient kind, recipient, address, lane, precedence, place in the chunk's order,
depth), and the channel, or None where it varies. The depth is that of the highest unit they stand
for, by `places`, where those are given. What differs from chunk to chunk is a parameter: `after`
and `upto`, the range; `told_first` and `told_last`, `own_first` and `own_last`, the deliveries of
the referenced alert and of this one; `author`, the person who wrote it.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
)

from alertd.lanes import GROUP_KINDS, Service, lane_of, way_of_group
from alertd.model import FURTHER, Channel, Precedence, RecipientKind, Status
from alertd.store import tables as t
from alertd.store.fold.scope import Scope, in_force, inside, one_of
from alertd.store.fold.shifts import stood_down

Picked = tuple[Select[Any], Channel | None]

_NOWHERE = cast(null(), BigInteger)  # PostgreSQL takes a bare NULL in a subquery for text
_FIRST = literal(int(Precedence.FIRST))


def _deep(query: Select[Any], place: Any, unit_no: Any) -> Select[Any]:
    """With the place of each row's unit, where that is asked for."""
    return query if place is None else query.outerjoin(place, place.c.unit_no == unit_no)


def _depth(place: Any) -> Any:
    return null() if place is None else place.c.depth


def _lane(channel: Channel, status: Status) -> ColumnElement[int]:
    return literal(lane_of(channel, status))


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


def _terminals(scope: Scope, status: Status, place: Any) -> Picked:
    c = t.terminal.c
    kind, lane = literal(int(RecipientKind.TERMINAL)), _lane(Channel.LOUDSPEAKER, status)
    columns = (kind, c.no, _NOWHERE, lane, _FIRST, c.no.label("place"), _depth(place))
    query = _deep(select(*columns).select_from(t.terminal), place, c.unit_no).where(
        c.no > _number("after"),
        c.no <= _number("upto"),
        in_force(t.terminal, scope.version),
        inside(c.unit_no, scope),
    )
    return query, Channel.LOUDSPEAKER


def _groups(scope: Scope, status: Status, place: Any) -> Picked:
    """Chat groups, mailboxes, notice boards: what they are says by which queue they are reached."""
    c = t.chat_group.c
    kind = literal(int(RecipientKind.GROUP))
    lanes = [(c.kind == word, lane_of(*_way(word, status))) for word in GROUP_KINDS]
    lane = case(*lanes, else_=lane_of(Channel.CHAT, status))
    columns = (kind, c.no, c.address_no, lane, _FIRST, c.no.label("place"), _depth(place))
    query = _deep(select(*columns).select_from(t.chat_group), place, c.unit_no).where(
        c.no > _number("after"),
        c.no <= _number("upto"),
        in_force(t.chat_group, scope.version),
        inside(c.unit_no, scope),
    )
    return query, None


def _way(word: str, status: Status) -> tuple[Channel, Status, Service]:
    channel, service = way_of_group(word)
    return channel, status, service


def _people(scope: Scope, status: Status, place: Any) -> Picked:
    """Everybody who holds a selected duty, each once, whatever they hold.

    A person's duties are neighbours in the table's key, and so this groups without sorting.
    """
    h = t.holding.c
    off = stood_down(scope.version, scope.minute)
    # The numbers' comparison first: for most rows SQLite then asks nothing of the role.
    less = 0 if scope.further else FURTHER
    precedence = case(
        (or_(h.rank > 1, off), Precedence.ALTERNATES - less),
        (or_(false(), *(h.role == role for role in scope.ladder_roles)), int(Precedence.FIRST)),
        else_=Precedence.OTHERS - less,
    )
    columns = (
        literal(int(RecipientKind.PERSON)),
        h.person_no,
        func.min(h.address_no),  # they are all the same
        _lane(Channel.SMS, status),
        func.min(precedence),
        h.person_no.label("place"),
        null() if place is None else func.min(place.c.depth),
    )
    query = (
        _deep(select(*columns).select_from(t.holding), place, h.unit_no)
        .where(
            h.person_no > _number("after"),
            h.person_no <= _number("upto"),
            in_force(t.holding, scope.version),
            one_of(h.role, scope.roles),
            true() if scope.everyone else and_(h.rank == 1, not_(off)),
            inside(h.unit_no, scope),
            h.address_no.is_not(None),
        )
        .group_by(h.person_no)
    )
    return query, Channel.SMS


def _told(scope: Scope, status: Status, _place: Any) -> Picked:
    """Everybody whom the referenced alert may have reached, each once, by the way it first took.

    Whose number or robot is another one since hears of it there.
    """
    first, last = _number("told_first"), _number("told_last")
    d = t.delivery.c
    seen, has = t.delivery.alias(), t.delivery.alias()
    lane = d.lane - d.lane % 10 + int(status)
    query = select(
        *(d.recipient_kind, d.recipient_no, _now_at(d, scope), lane),
        *(_FIRST, d.id.label("place"), null()),
    ).where(
        d.id > first + _number("after"),
        d.id <= first + _number("upto"),
        d.attempt > 0,
        ~exists().where(
            seen.c.recipient_no == d.recipient_no,
            seen.c.id.between(first, last),
            seen.c.id < d.id,
            seen.c.recipient_kind == d.recipient_kind,
            seen.c.attempt > 0,
        ),
        # Whoever has this alert already needs it once.
        ~exists().where(
            has.c.recipient_no == d.recipient_no,
            has.c.id.between(_number("own_first"), _number("own_last")),
            has.c.recipient_kind == d.recipient_kind,
        ),
    )
    return query, None


def _now_at(d: Any, scope: Scope) -> ColumnElement[int]:
    """Where a delivery's recipient is reached now: where it was, if that is still theirs."""
    c, g = t.contact.c, t.chat_group.c
    theirs = (c.person_no == d.recipient_no, in_force(t.contact, scope.version))
    still = exists().where(*theirs, c.address_no == d.address_no)
    first = (
        select(c.address_no)
        .where(*theirs, c.channel == int(Channel.SMS))
        .order_by(c.rank)
        .limit(1)
        .scalar_subquery()
    )
    robot = select(g.address_no).where(
        g.no == d.recipient_no, in_force(t.chat_group, scope.version)
    )
    return case(
        (
            (d.recipient_kind == int(RecipientKind.PERSON)) & ~still,
            func.coalesce(first, d.address_no),
        ),
        (
            d.recipient_kind == int(RecipientKind.GROUP),
            func.coalesce(robot.scalar_subquery(), d.address_no),
        ),
        else_=d.address_no,
    )


def _author(scope: Scope, status: Status, _place: Any) -> Picked:
    """A Test reaches its author and nobody else."""
    c = t.contact.c
    query = select(
        literal(int(RecipientKind.PERSON)),
        c.person_no,
        c.address_no,
        _lane(Channel.SMS, status),
        _FIRST,
        c.rank.label("place"),
        null(),
    ).where(
        c.person_no == _number("author"),
        c.channel == int(Channel.SMS),
        c.rank == 1,
        in_force(t.contact, scope.version),
    )
    return query, Channel.SMS


QUERIES = {
    "terminals": _terminals,
    "groups": _groups,
    "people": _people,
    "told": _told,
    "author": _author,
}
