"""Who an alert's first message goes to: one query a phase, over one range of numbers.

Each gives (recipient kind, recipient, address, order) and the channel, or None where it varies.
What differs from chunk to chunk is a parameter: `after` and `upto`, the range; `told_first` and
`told_last`, `own_first` and `own_last`, the deliveries of the referenced alert and of this one;
`author`, the person who wrote it.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    cast,
    exists,
    literal,
    null,
    or_,
    select,
)

from alertd.model import Channel, RecipientKind
from alertd.store import tables as t
from alertd.store.fold.scope import Scope, in_force, inside, one_of

Picked = tuple[Select[Any], Channel | None]


_NOWHERE = cast(null(), BigInteger)  # PostgreSQL takes a bare NULL in a subquery for text


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


def _terminals(_: str, scope: Scope) -> Picked:
    c = t.terminal.c
    query = select(literal(int(RecipientKind.TERMINAL)), c.no, _NOWHERE, c.no.label("rank")).where(
        c.no > _number("after"),
        c.no <= _number("upto"),
        in_force(t.terminal, scope.version),
        inside(c.unit_no, scope),
    )
    return query, Channel.LOUDSPEAKER


def _groups(_: str, scope: Scope) -> Picked:
    c = t.chat_group.c
    query = select(literal(int(RecipientKind.GROUP)), c.no, c.address_no, c.no.label("rank")).where(
        c.no > _number("after"),
        c.no <= _number("upto"),
        in_force(t.chat_group, scope.version),
        inside(c.unit_no, scope),
    )
    return query, Channel.CHAT


def _holders(phase: str, scope: Scope) -> Picked:
    """People of a range of duties, each once: by the first duty that selects them."""
    h, earlier = t.holding, t.holding.alias()
    ladder = tuple(set(scope.ladder_roles) & set(scope.roles))
    rest = tuple(set(scope.roles) - set(scope.ladder_roles))
    mine = {
        "duties": and_(h.c.rank == 1, one_of(h.c.role, ladder)),
        "others": and_(h.c.rank == 1, one_of(h.c.role, rest)),
        "alternates": and_(h.c.rank > 1, one_of(h.c.role, scope.roles)),
    }[phase]
    before = {
        "duties": _sooner(earlier, h, [earlier.c.rank == 1, one_of(earlier.c.role, ladder)]),
        "others": or_(
            and_(earlier.c.rank == 1, one_of(earlier.c.role, ladder)),
            _sooner(earlier, h, [earlier.c.rank == 1, one_of(earlier.c.role, rest)]),
        ),
        "alternates": or_(
            earlier.c.rank == 1,
            _sooner(earlier, h, [earlier.c.rank > 1]),
        ),
    }[phase]
    told_already = exists().where(
        earlier.c.person_no == h.c.person_no,
        in_force(earlier, scope.version),
        one_of(earlier.c.role, scope.roles),
        before,
        inside(earlier.c.unit_no, scope),
    )
    c = t.contact.c
    query = (
        select(
            literal(int(RecipientKind.PERSON)),
            h.c.person_no,
            c.address_no,
            (h.c.duty_no * 1024 + h.c.rank).label("rank"),
        )
        .select_from(h.join(t.contact, c.person_no == h.c.person_no))
        .where(
            h.c.duty_no > _number("after"),
            h.c.duty_no <= _number("upto"),
            in_force(h, scope.version),
            mine,
            inside(h.c.unit_no, scope),
            c.channel == int(Channel.SMS),
            c.rank == 1,
            in_force(t.contact, scope.version),
            ~told_already,
        )
    )
    return query, Channel.SMS


def _sooner(earlier: Any, h: Any, conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    return and_(
        *conditions,
        or_(
            earlier.c.duty_no < h.c.duty_no,
            and_(earlier.c.duty_no == h.c.duty_no, earlier.c.rank < h.c.rank),
        ),
    )


def _told(_: str, _scope: Scope) -> Picked:
    """Everybody whom the referenced alert may have reached, each contact once."""
    first, last = _number("told_first"), _number("told_last")
    d = t.delivery.c
    seen, has = t.delivery.alias(), t.delivery.alias()
    query = select(d.recipient_kind, d.recipient_no, d.address_no, d.id.label("rank")).where(
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


def _author(_: str, scope: Scope) -> Picked:
    """A Test reaches its author and nobody else."""
    c = t.contact.c
    query = select(
        literal(int(RecipientKind.PERSON)), c.person_no, c.address_no, c.rank.label("rank")
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
    "duties": _holders,
    "others": _holders,
    "alternates": _holders,
    "told": _told,
    "author": _author,
}
