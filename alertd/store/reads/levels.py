"""At which level of the hierarchy the recipients of a chunk stand, in their deliveries' order."""

from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, true

from alertd.model import RecipientKind
from alertd.store import tables as t
from alertd.store.fold.scope import Scope, in_force, inside, one_of
from alertd.store.prepared import Prepared
from alertd.store.roster.headcount import depth_of

_SCOPES = 64  # statements kept, as the expansion keeps its own


def runs(
    connection: Connection, phase: str, scope: Scope, first: int, made: int
) -> list[list[int]]:
    """[[depth, deliveries in a row]…] of `made` deliveries from `first` up; 0 is the city.

    A person's is the highest of their selected duties', as in the headcount.
    """
    statement = _PLACES[phase] if phase in _PLACES else _people(scope)
    values = {"first": first, "last": first + made - 1}
    if phase in _PLACES:
        values["version"] = scope.version
    depths = statement.rows(connection, **values)
    return [[depth, len(list(run))] for depth, run in groupby(map(itemgetter(1), depths))]


def _place(table: Any, kind: RecipientKind) -> Prepared:
    """Of loudspeakers, or of groups."""
    d, u = t.delivery.c, t.unit.c
    version: Any = bindparam("version")
    query = (
        select(d.id, depth_of(u.level))
        .join_from(t.delivery, table, table.c.no == d.recipient_no)
        .join(t.unit, u.no == table.c.unit_no)
        .where(_chunk(kind), in_force(table, version), in_force(t.unit, version))
    )
    return Prepared(lambda _: query.order_by(d.id))


@lru_cache(maxsize=_SCOPES)
def _people(scope: Scope) -> Prepared:
    d, h, u = t.delivery.c, t.holding.c, t.unit.c
    query = (
        select(d.id, func.min(depth_of(u.level)))
        .join_from(t.delivery, t.holding, h.person_no == d.recipient_no)
        .join(t.unit, u.no == h.unit_no)
        .where(
            _chunk(RecipientKind.PERSON),
            in_force(t.holding, scope.version),
            in_force(t.unit, scope.version),
            one_of(h.role, scope.roles),
            true() if scope.everyone else h.rank == 1,
            inside(h.unit_no, scope),
        )
        .group_by(d.id)
    )
    return Prepared(lambda _: query.order_by(d.id))


def _chunk(kind: RecipientKind) -> Any:
    d = t.delivery.c
    return d.id.between(bindparam("first"), bindparam("last")) & (d.recipient_kind == int(kind))


_PLACES = {
    "terminals": _place(t.terminal, RecipientKind.TERMINAL),
    "groups": _place(t.chat_group, RecipientKind.GROUP),
}
