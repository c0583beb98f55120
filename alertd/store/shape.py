"""Whether a database has what the code goes by, whatever version it says it is of.

A database that was changed by hand, copied in part, or brought up to date by steps that were never
released has the right version all the same; and every step of the engine would fail in it.
"""

from typing import Any

from sqlalchemy import Connection, Table, inspect

from alertd.errors import ConflictError
from alertd.store import postgres
from alertd.store.tables import metadata

_SHOWN = 5
_FREE = ("nullable", "default", "identity", "computed")  # a column with one may be left out


def lacking(connection: Connection) -> list[str]:
    """What isn't there of tables, columns, keys and indexes, and what can't be left out of a row.

    Names alone are compared, and whether a column must be given: tables, columns and indexes of an
    administrator's own are nobody's harm.
    """
    seen = inspect(connection)
    columns = {name: each for (_, name), each in seen.get_multi_columns().items()}
    keys = {name: each for (_, name), each in seen.get_multi_pk_constraint().items()}
    indexes = {name: each for (_, name), each in seen.get_multi_indexes().items()}
    found = []
    for table in metadata.sorted_tables:
        if table.name not in columns:
            found.append(table.name)
            continue
        found += _columns(table, {column["name"]: column for column in columns[table.name]})
        if set(keys[table.name]["constrained_columns"]) != set(table.primary_key.columns.keys()):
            found.append(f"{table.name}_pkey")
        there = {index["name"] for index in indexes[table.name]}
        found += sorted({str(index.name) for index in table.indexes} - there)
    return found


def _columns(table: Table, there: dict[str, Any]) -> list[str]:
    missing = [name for name in table.columns.keys() if name not in there]  # noqa: SIM118 - names
    given = [
        name
        for name, column in there.items()
        if not any(column.get(name) for name in _FREE)
        and (name not in table.columns or table.columns[name].nullable)
    ]
    return [f"{table.name}.{name}" for name in (*missing, *given)]


def refuse_unlike(connection: Connection) -> None:
    """Refuse a database of this version in which something is missing.

    Raises:
        ConflictError: Tables or columns are, or can't be written as they must be; or keys or
            indexes are, as an interrupted pg_restore leaves it.
    """
    found = lacking(connection)
    if not found:
        return
    rows_are_there = not any(name.partition(".")[0] in metadata.tables for name in found)
    if rows_are_there and connection.dialect.name != "sqlite":
        raise postgres.half_a_copy()
    names = ", ".join(found[:_SHOWN]) + (f" (+{len(found) - _SHOWN})" if found[_SHOWN:] else "")
    raise ConflictError(
        f"The database isn't as this alertd needs it; missing or changed: {names}.",
        hint="Was it changed by hand, copied in part, or opened by an alertd that was never"
        " released? Restore a backup from before (alertd restore, or pg_restore). Nothing was"
        " changed.",
    )
