"""How many parts each route has carried on each day; kept beside the record, for budgets alone."""

from sqlalchemy import Connection, select, update

from alertd.store import dialect
from alertd.store import tables as t


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
