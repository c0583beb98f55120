"""Where units stand: how deep, and under which unit's figures their requirements count.

An expansion asks that of every holding and every requirement. A unit's row is wide and temporal:
two look-ups each time. So SQLite's one writer keeps a narrow copy of one roster version beside the
database, in memory, for as long as its connection lasts; PostgreSQL joins the units by hashing.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    Table,
    bindparam,
    case,
    select,
)

from alertd.store import tables as t
from alertd.store.fold.scope import in_force
from alertd.store.prepared import Prepared
from rosters.words import Level

LEVELS: Final = tuple(level.value for level in Level)

_KEPT = Table(
    "place",
    MetaData(schema="temp"),
    Column("unit_no", Integer, primary_key=True),
    Column("depth", Integer),
    Column("home_no", Integer),
)
_MAKING = (
    "CREATE TEMP TABLE IF NOT EXISTS place (unit_no INTEGER PRIMARY KEY, depth INT, home_no INT)",
    "CREATE TEMP TABLE IF NOT EXISTS place_version (version INTEGER PRIMARY KEY)",
)


def depth_of(level: Any) -> ColumnElement[int]:
    """A unit's level as a number: its place in LEVELS, the highest first."""
    return case({name: depth for depth, name in enumerate(LEVELS)}, value=level)


def places(dialect: str, version: Any) -> Any:
    """Every unit that is in force: `unit_no`, `depth`, `home_no`; to be joined.

    A stairwell has no figures of its own: its requirement counts for the unit above it.
    """
    return _KEPT if dialect == "sqlite" else _query(version).subquery("place")


def look_up(connection: Connection, version: int) -> None:
    """Have `places` show the units of a roster version; called before whoever joins them."""
    if connection.dialect.name != "sqlite":
        return
    cursor = connection.connection.cursor()
    for statement in _MAKING:
        cursor.execute(statement)
    # Asked each time: a transaction that was undone has undone this, too.
    if cursor.execute("SELECT version FROM temp.place_version").fetchall() == [(version,)]:
        return
    cursor.execute("DELETE FROM temp.place")
    cursor.execute("DELETE FROM temp.place_version")
    _KEEP.run(connection, version=version)
    cursor.execute("INSERT INTO temp.place_version VALUES (?)", (version,))


def _query(version: Any) -> Select[Any]:
    c = t.unit.c
    home = case((c.level == LEVELS[-1], c.parent_no), else_=c.no)
    columns = (c.no.label("unit_no"), depth_of(c.level).label("depth"), home.label("home_no"))
    return select(*columns).where(in_force(t.unit, version))


_COLUMNS = ("unit_no", "depth", "home_no")
_VERSION = bindparam("version", type_=BigInteger)
_KEEP = Prepared(
    lambda _: _KEPT.insert().from_select(_COLUMNS, _query(_VERSION).order_by(t.unit.c.no))
)
