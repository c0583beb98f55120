"""A plan of the city: coordinates as places on a sheet, without any map behind them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from alertd.errors import InvalidInputError
from alertd.store.reads.places import Place

WIDTH: Final = 1000
_MARGIN: Final = 20
_MOST_CORNERS: Final = 200


@dataclass(frozen=True, slots=True)
class Mark:
    """A unit on the sheet; `x` from the left and `y` from the top, in its units."""

    code: str
    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """A plan to be drawn.

    Args:
        width: Of the sheet.
        height: The same.
        marks: What is on it.
    """

    width: int
    height: int
    marks: tuple[Mark, ...]


def draw(places: Sequence[Place]) -> Sheet | None:
    """Places on a sheet, north above, a degree east as long as it is there; None without two."""
    if len({(place.lon, place.lat) for place in places}) < 2:  # noqa: PLR2004 - a line at least
        return None
    west, east = min(p.lon for p in places), max(p.lon for p in places)
    south, north = min(p.lat for p in places), max(p.lat for p in places)
    shrink = math.cos(math.radians((south + north) / 2))
    span = max((east - west) * shrink, (north - south) / 2, 1e-6)
    scale = (WIDTH - 2 * _MARGIN) / span
    marks = tuple(
        Mark(
            place.code,
            place.name,
            round(_MARGIN + (place.lon - west) * shrink * scale, 1),
            round(_MARGIN + (north - place.lat) * scale, 1),
        )
        for place in places
    )
    height = math.ceil(max(mark.y for mark in marks)) + _MARGIN
    return Sheet(WIDTH, height, marks)


def inside(sheet: Sheet, corners: Sequence[tuple[float, float]]) -> list[Mark]:
    """The marks within a polygon of the sheet, its edge included.

    Raises:
        InvalidInputError: It isn't one.
    """
    # With NumPy a tenth of a server's memory, for what most cities never draw.
    from shapely import Point, Polygon  # noqa: PLC0415 - see above
    from shapely.prepared import prep  # noqa: PLC0415 - the same

    finite = all(math.isfinite(value) for corner in corners for value in corner)
    if not 3 <= len(corners) <= _MOST_CORNERS or not finite:  # noqa: PLR2004 - a triangle
        raise InvalidInputError(
            f"A polygon has from 3 to {_MOST_CORNERS} corners.", field="polygon"
        )
    drawn = Polygon(corners).buffer(0)  # one that crosses itself becomes its parts
    holds = prep(drawn)
    return [mark for mark in sheet.marks if holds.intersects(Point(mark.x, mark.y))]


def read_corners(text: str) -> list[tuple[float, float]]:
    """`x,y x,y …` as pairs.

    Raises:
        InvalidInputError: It is something else.
    """
    try:
        pairs = [corner.split(",") for corner in text.split()]
        return [(float(x), float(y)) for x, y in pairs]
    except ValueError:
        raise InvalidInputError("A polygon is x,y x,y …", field="polygon") from None
