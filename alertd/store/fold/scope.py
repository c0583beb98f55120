"""Whom an alert is for, as conditions on the roster's tables."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, literal, or_, true

from alertd.store import tables as t


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom an alert is for. `paths` are units' paths; one of the root alone means everybody.

    Whose shift it is goes by `minute`, of the local day; None in facts from before shifts counted.
    `further`: what asks again has a place of its own in the queue; it hadn't in older facts.
    """

    version: int
    paths: tuple[str, ...]
    everywhere: bool
    roles: tuple[str, ...]
    ladder_roles: tuple[str, ...]
    everyone: bool  # alternates too
    minute: int | None = None
    further: bool = False


def scope_of(data: Mapping[str, Any]) -> Scope:
    """Read a scope from a fact's body."""
    return Scope(
        version=data["version"],
        paths=tuple(data["paths"]),
        everywhere=data["everywhere"],
        roles=tuple(data["roles"]),
        ladder_roles=tuple(data["ladder_roles"]),
        everyone=data["everyone"],
        minute=data.get("minute"),
        further=data.get("further", False),
    )


def in_force(table: Any, version: Any) -> ColumnElement[bool]:
    """The rows of a temporal table that hold at `version`."""
    return and_(table.c.from_version <= version, table.c.to_version > version)


def one_of(column: Any, values: Collection[str]) -> ColumnElement[bool]:
    """`column IN` values that are known when the statement is built."""
    return column.in_([literal(value) for value in values]) if values else false()


def below(path: Any, paths: Sequence[str]) -> ColumnElement[bool]:
    """Units whose path is one of `paths` or starts with it ("0" is the character after "/")."""
    return or_(*(and_(path >= p, path < p[:-1] + "0") for p in paths))


def inside(unit_no: Any, scope: Scope) -> ColumnElement[bool]:
    """Whether a unit lies in the scope's areas."""
    if scope.everywhere:
        return true()
    u = t.unit.alias()
    return exists().where(
        u.c.no == unit_no, in_force(u, scope.version), below(u.c.path, scope.paths)
    )
