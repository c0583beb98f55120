"""Where units lie: in the middle of their loudspeakers, the only coordinates that there are."""

from bisect import bisect_right
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, select

from alertd.model import FOREVER
from alertd.store import tables as t
from alertd.store.fold.scope import below


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A unit on the map.

    Args:
        lon: Degrees east.
        lat: Degrees north.
    """

    code: str
    name: str
    path: str
    lon: float
    lat: float


def places(connection: Connection, *, path: str = "", level: str = "grid") -> tuple[Place, ...]:
    """The units of a level that have loudspeakers with coordinates, in the hierarchy's order."""
    u = t.unit.c
    units = connection.execute(
        select(u.code, u.name, u.path)
        .where(u.level == level, u.to_version == FOREVER, *_inside(path))
        .order_by(u.path)
    ).all()
    paths = [unit.path for unit in units]
    sums: dict[int, tuple[float, float, int]] = {}
    for lon, lat, where in _speakers(connection, path):
        at = bisect_right(paths, where) - 1
        if at >= 0 and where.startswith(paths[at]):
            east, north, n = sums.get(at, (0.0, 0.0, 0))
            sums[at] = (east + lon, north + lat, n + 1)
    return tuple(
        Place(
            code=units[at].code,
            name=units[at].name,
            path=units[at].path,
            lon=east / n,
            lat=north / n,
        )
        for at, (east, north, n) in sorted(sums.items())
    )


def _speakers(connection: Connection, path: str) -> list[tuple[float, float, str]]:
    c, u = t.terminal.c, t.unit.c
    rows = connection.execute(
        select(c.lon, c.lat, u.path)
        .join(t.unit, and_(u.no == c.unit_no, u.to_version == FOREVER))
        .where(c.to_version == FOREVER, c.lon.is_not(None), c.lat.is_not(None), *_inside(path))
    )
    return [(row.lon, row.lat, row.path) for row in rows]


def _inside(path: str) -> list[ColumnElement[bool]]:
    return [below(t.unit.c.path, [path])] if path else []
