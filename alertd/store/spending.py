"""What each route has carried on each day; kept beside the record, for budgets alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from alertd.store import dialect
from alertd.store import tables as t
from alertd.store.prepared import Prepared, among, numbers


def book(connection: Connection, route: str, day: int, parts: int) -> int:
    """Add parts to a route's day; returns what all processes have booked on it."""
    c = t.route_day.c
    if parts:
        fresh = dialect.insert_new(connection, t.route_day)
        connection.execute(fresh, {"route": route, "day": day, "parts": 0})
        mine = (c.route == route, c.day == day)
        connection.execute(update(t.route_day).where(*mine).values(parts=c.parts + parts))
    query = select(c.parts).where(c.route == route, c.day == day)
    return connection.execute(query).scalar_one_or_none() or 0


def book_texts(
    connection: Connection, route: str, day: int, texts: Mapping[tuple[int, bytes], int]
) -> None:
    """Add what has left, by address and text, to a route's day; below zero: it hasn't after all."""
    # In one order, so that no two processes wait for one another.
    rows = [(route, day, address, said, n) for (address, said), n in sorted(texts.items()) if n]
    if rows:
        _ADD.many(connection, [column.name for column in t.route_text.columns], rows)


def texts(
    connection: Connection, route: str, day: int, address_nos: Iterable[int]
) -> dict[tuple[int, bytes], int]:
    """How often each text has left for these addresses by a route on a day."""
    wanted = numbers(connection, dict.fromkeys(address_nos))
    rows = _TEXTS.rows(connection, on=route, today=day, addresses=wanted)
    return {(address, bytes(said)): n for address, said, n in rows}


def forget_texts(connection: Connection, route: str, day: int) -> None:
    """Take away the days before."""
    c = t.route_text.c
    connection.execute(delete(t.route_text).where(c.route == route, c.day < day))


def _texts(name: str) -> Any:
    c = t.route_text.c
    return select(c.address_no, c.said, c.n).where(
        c.route == bindparam("on"),
        c.day == bindparam("today"),
        among(name, c.address_no, "addresses"),
    )


_ADD = Prepared(lambda name: dialect.adding(name, t.route_text))
_TEXTS = Prepared(_texts)
