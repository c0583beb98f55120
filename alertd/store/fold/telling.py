"""Write a chunk's deliveries: its recipients in their order, numbered without gaps.

SQLite puts the recipients in a small table of its own first, in memory, whose keys are their
places: numbering them by a window function took as long as finding them. PostgreSQL does it all in
one statement. Either says at which levels they stand, in the order of their numbers.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from alertd.model import Channel, DeliveryState, Status
from alertd.store import tables as t
from alertd.store.fold.places import look_up, places
from alertd.store.fold.recipients import QUERIES
from alertd.store.fold.scope import Scope
from alertd.store.prepared import Prepared

_SCOPES = 64  # statements kept: a phase each of the alerts under way

Told = tuple[int, Channel | None, list[list[int]]]
"""How many deliveries, their channel or None where it varies, and [[depth, how many in a row]…]."""

_PICKED = ("recipient_kind", "recipient_no", "address_no", "lane", "precedence")
_CHUNK = Table(
    "picked",
    MetaData(schema="temp"),
    Column("no", Integer, primary_key=True),
    *(Column(name, Integer) for name in (*_PICKED, "depth")),
)
_MAKING = (
    "CREATE TEMP TABLE IF NOT EXISTS picked (no INTEGER PRIMARY KEY, recipient_kind INT,"
    " recipient_no INT, address_no INT, lane INT, precedence INT, depth INT)"
)
_COLUMNS = (
    *("id", "message_no", "recipient_kind", "recipient_no", "address_no", "lane"),
    *("priority", "state", "attempt", "due_at", "duplicate", "played"),
)


def tell(
    connection: Connection,
    phase: str,
    scope: Scope,
    status: Status,
    values: Mapping[str, Any],
    *,
    levels: bool,
) -> Told:
    """Write the deliveries of a range of a phase's numbers.

    Args:
        connection: A writing transaction's.
        phase: Of `decide.expand.Phase`.
        scope: Whom the alert is for.
        status: The alert's.
        values: The parameters of `recipients`, and `before`, `message_no`, `priority`, `due_at`.
        levels: Whether the levels are asked for; else there are none.
    """
    channel, statements = _statements(connection.dialect.name, phase, scope, status, levels=levels)
    if levels:
        look_up(connection, scope.version)
    if connection.dialect.name != "sqlite":
        ((made, *depths),) = statements[0].rows(connection, **values)
        return made, channel, _runs(depths)
    picking, writing, standing = statements
    cursor = connection.connection.cursor()
    cursor.execute(_MAKING)
    cursor.execute("DELETE FROM temp.picked")
    made = picking.run(connection, **values)
    writing.run(connection, **values)
    return made, channel, _runs(standing.rows(connection)[0]) if levels else []


def _runs(depths: Any) -> list[list[int]]:
    """Depths, a digit each, as how many follow one another."""
    text = "".join(each or "" for each in depths)
    return [[int(run[1]), run.end() - run.start()] for run in _RUN.finditer(text)]


_RUN = re.compile(r"(.)\1*")


@lru_cache(maxsize=_SCOPES)
def _statements(
    dialect: str, phase: str, scope: Scope, status: Status, *, levels: bool
) -> tuple[Channel | None, tuple[Prepared, ...]]:
    """The same for every chunk of an alert: the deliveries' channel, and what writes them."""
    place = places(dialect, scope.version) if levels else None
    query, channel = QUERIES[phase](scope, status, place)
    steps = _in_steps(query) if dialect == "sqlite" else (_at_once(query, levels=levels),)
    return channel, steps


def _in_steps(query: Any) -> tuple[Prepared, ...]:
    *_, place, depth = query.selected_columns
    kept = query.with_only_columns(*query.selected_columns[:5], depth).order_by(place)
    filling = _CHUNK.insert().from_select([*_PICKED, "depth"], kept)
    writing = t.delivery.insert().from_select(_COLUMNS, _rows(_CHUNK.c).order_by(_CHUNK.c.no))
    in_order = select(_CHUNK.c.depth).order_by(_CHUNK.c.no).subquery()
    standing = select(func.group_concat(in_order.c.depth, ""))
    return Prepared(lambda _: filling), Prepared(lambda _: writing), Prepared(lambda _: standing)


def _at_once(query: Any, *, levels: bool) -> Prepared:
    found = query.subquery()
    *picked, place, depth = found.c
    numbered = select(
        func.row_number().over(order_by=place).label("no"),
        *(column.label(name) for column, name in zip(picked, _PICKED, strict=True)),
        depth.label("depth"),
    ).cte("picked")
    made = t.delivery.insert().from_select(_COLUMNS, _rows(numbered.c)).cte("made")
    in_order = aggregate_order_by(literal(""), numbered.c.no)
    wanted = [func.string_agg(cast(numbered.c.depth, Text), in_order)] if levels else []
    statement = select(func.count(), *wanted).select_from(numbered).add_cte(made)
    return Prepared(lambda _: statement)


def _rows(c: Any) -> Any:
    """The deliveries of picked recipients, in the order of `_COLUMNS`."""
    whole = BigInteger()
    priority: ColumnElement[int] = bindparam("priority", type_=Integer()) + c.precedence
    return select(
        bindparam("before", type_=whole) + c.no,
        bindparam("message_no", type_=whole),
        *(c[name] for name in _PICKED[:4]),
        priority,
        literal(int(DeliveryState.PENDING)),
        literal(0),
        bindparam("due_at", type_=whole),
        literal(0),
        literal(0),
    )
