"""Who works on this database, and who has which share of a route.

Not part of the record: it says who is alive now. Only where several processes write; SQLite has one
writer, which has everything.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, select, update

from alertd.decide.shares import Part, Worker
from alertd.store import dialect
from alertd.store import tables as t


def beat(connection: Connection, lease: str, part: Part, writer: int) -> None:
    """Show that this worker lives; one that was taken for dead begins anew."""
    c = t.worker.c
    counted = update(t.worker).where(c.lease == lease).values(beat=c.beat + 1, writer=writer)
    if not connection.execute(counted).rowcount:
        routes = None if part.routes is None else json.dumps(sorted(part.routes))
        row = {"lease": lease, "writer": writer, "beat": 1, "routes": routes}
        connection.execute(t.worker.insert(), row | {"decides": int(part.decides)})


def workers(connection: Connection) -> list[Worker]:
    """All that have said they work."""
    rows = connection.execute(select(t.worker).order_by(t.worker.c.lease))
    return [Worker(row.lease, row.writer, row.beat, _part(row.decides, row.routes)) for row in rows]


def gone(connection: Connection, worker: Worker) -> bool:
    """Whether a worker's process has ended, as the database knows at once."""
    return dialect.is_free(connection, worker.writer)


def bury(connection: Connection, lease: str, beat: int) -> None:
    """Take a worker for dead, unless it has counted since; its shares are free."""
    c = t.worker.c
    gone = delete(t.worker).where(c.lease == lease, c.beat == beat)
    if connection.execute(gone).rowcount:
        release(connection, lease)


def leave(connection: Connection, lease: str) -> None:
    """This worker ends; its shares are free at once."""
    connection.execute(delete(t.worker).where(t.worker.c.lease == lease))
    release(connection, lease)


def served(connection: Connection) -> frozenset[str]:
    """The routes of which somebody holds a share."""
    s = t.route_share.c
    held = select(s.route).where(s.lease.is_not(None)).distinct()
    return frozenset(connection.execute(held).scalars())


def release(connection: Connection, lease: str) -> None:
    """Give back all shares of a worker."""
    s = t.route_share
    connection.execute(update(s).where(s.c.lease == lease).values(lease=None))


def exchange(
    connection: Connection, lease: str, wanted: Mapping[str, Iterable[int]]
) -> dict[str, int]:
    """Give back what isn't wanted, take what is wanted and free.

    Args:
        connection: A writing transaction's.
        lease: This worker.
        wanted: Route → shares that belong to it.

    Returns:
        Route → how many shares it holds now.
    """
    s = t.route_share
    pairs = {(route, number) for route, numbers in wanted.items() for number in numbers}
    rows = connection.execute(select(s.c.route, s.c.no, s.c.lease))
    holders: dict[tuple[str, int], str | None] = {(r.route, r.no): r.lease for r in rows}
    missing = sorted(pairs - holders.keys())
    if missing:
        new = [{"route": route, "no": number, "lease": None} for route, number in missing]
        connection.execute(dialect.insert_new(connection, s), new)
    mine = {pair for pair, holder in holders.items() if holder == lease}
    for route, number in sorted(mine - pairs):
        ours = (s.c.route == route, s.c.no == number, s.c.lease == lease)
        connection.execute(update(s).where(*ours).values(lease=None))
    held = Counter(route for route, _ in mine & pairs)
    for route, number in sorted(pair for pair in pairs if holders.get(pair) is None):
        # Somebody else may have been faster.
        free = (s.c.route == route, s.c.no == number, s.c.lease.is_(None))
        held[route] += connection.execute(update(s).where(*free).values(lease=lease)).rowcount
    return held


def _part(decides: int, routes: str | None) -> Part:
    return Part(bool(decides), None if routes is None else frozenset(json.loads(routes)))
