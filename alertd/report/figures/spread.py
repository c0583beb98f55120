"""Percentiles and curves of times."""

from collections.abc import Sequence

from alertd.model import Millis
from alertd.report.figures.values import Spread

_CURVE_STEPS = 120


def rank(ordered: Sequence[int], share: float) -> int | None:
    """The nearest-rank percentile: the smallest value that `share` of all don't exceed."""
    if not ordered:
        return None
    return ordered[needed(len(ordered), share) - 1]


def needed(total: int, share: float) -> int:
    """How many of `total` make up at least `share`; 1 at least."""
    # In thousandths, so that 0.9 of 10 is 9 and not the 10 that binary fractions make of it.
    return max(1, -(-total * round(share * 1000) // 1000))


def spread(values: Sequence[int]) -> Spread:
    """Median, P90 and maximum."""
    ordered = sorted(values)
    return Spread(
        n=len(ordered),
        median=rank(ordered, 0.5),
        p90=rank(ordered, 0.9),
        most=ordered[-1] if ordered else None,
    )


def reached(ordered: Sequence[Millis], total: int, share: float) -> Millis | None:
    """When `share` of `total` was there, where `ordered` has each one's time; None: never."""
    wanted = needed(total, share)
    return ordered[wanted - 1] if total and wanted <= len(ordered) else None


def curve(ordered: Sequence[Millis]) -> tuple[tuple[Millis, int], ...]:
    """How many were there by when, in even steps up to the last one's time."""
    if not ordered:
        return ()
    step = max(1, -(-ordered[-1] // _CURVE_STEPS))
    points: list[tuple[Millis, int]] = [(0, 0)]
    place = 0
    for end in range(0, ordered[-1] + step, step):
        while place < len(ordered) and ordered[place] <= end:
            place += 1
        if place != points[-1][1]:
            points.append((end, place))
    return tuple(points)
