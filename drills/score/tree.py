"""The hierarchy as a call tree: who is above whom, who answered, where it breaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from drills.score.values import Asked, Defect, Kind, Place, Seen, Superior


def line(places: Mapping[int, Place], unit_no: int) -> Iterator[int]:
    """A unit and all above it, from itself upward; each once, whatever the roster says."""
    passed: set[int] = set()
    current: int | None = unit_no
    while current is not None and current not in passed:
        yield current
        passed.add(current)
        current = places[current].parent_no if current in places else None


def above(places: Mapping[int, Place], unit_no: int) -> int:
    """The unit above, or 0 where there is none."""
    place = places.get(unit_no)
    return (place.parent_no or 0) if place else 0


@dataclass(slots=True)
class _Below:
    silent: int = 0
    asked: int = 0


def breaks(seen: Seen, asked: Sequence[Asked], told: frozenset[int]) -> Iterator[Defect]:
    """Duties of the first stage that were told and stayed silent, principal and alternates alike.

    Each says what the nearest asked duty above did: where that answered, the chain broke between
    the two; where it was silent too, the break is further up.

    Args:
        seen: Of it the places.
        asked: The duties of the first stage.
        told: People to whom a message left.
    """
    answered: dict[int, bool] = {}  # by unit: whether any of its duties was
    below: dict[int, _Below] = {}
    for each in asked:
        done = each.covered_ms is not None
        answered[each.unit_no] = answered.get(each.unit_no, False) or done
        for unit_no in list(line(seen.places, each.unit_no))[1:]:
            counted = below.setdefault(unit_no, _Below())
            counted.asked += 1
            counted.silent += not done
    for each in asked:
        if each.covered_ms is not None or told.isdisjoint(each.holders):
            continue
        counted = below.get(each.unit_no, _Below())
        yield Defect(
            kind=Kind.SILENT,
            subject=each.duty_no,
            unit_no=each.unit_no,
            cause=_superior(seen.places, each.unit_no, answered),
            below=(counted.silent, counted.asked),
        )


def _superior(places: Mapping[int, Place], unit_no: int, answered: Mapping[int, bool]) -> Superior:
    upward = line(places, unit_no)
    next(upward)
    nearest = next((no for no in upward if no in answered), None)
    if nearest is None:
        return Superior.NONE
    return Superior.ANSWERED if answered[nearest] else Superior.SILENT
