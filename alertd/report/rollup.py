"""Units' figures summed up the hierarchy, and by level."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from alertd.report.figures.values import UnitFigures
from alertd.report.names import Names

_COUNTS = ("asked", "covered", "on_time", "exhausted")
_LEVELS = ("city", "subdistrict", "community", "grid")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """A unit and all below it, at one stage; counts of person-duties."""

    unit_no: int
    code: str
    name: str
    level: str
    path: str
    stage: str
    asked: int
    covered: int
    on_time: int
    exhausted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow:
    """What was asked of the units of one level themselves (a grid with its buildings)."""

    level: str
    stage: str
    units: int
    asked: int
    covered: int
    on_time: int
    exhausted: int


def unit_rows(units: Sequence[UnitFigures], names: Names) -> list[UnitRow]:
    """Every unit that was asked something, or has one below it, in the hierarchy's order."""
    sums: dict[tuple[int, str], Counter[str]] = {}
    for unit in units:
        for above in names.line(unit.unit_no):
            _add(sums.setdefault((above, unit.stage), Counter()), unit)
    rows = [
        UnitRow(
            unit_no=number,
            stage=stage,
            code=names.unit(number).code,
            name=names.unit(number).name,
            level=names.unit(number).level,
            path=names.unit(number).path,
            **{name: counts[name] for name in _COUNTS},
        )
        for (number, stage), counts in sums.items()
    ]
    return sorted(rows, key=lambda row: (row.stage != _first(units), row.stage, row.path))


def _first(units: Sequence[UnitFigures]) -> str:
    return units[0].stage if units else ""


def level_rows(units: Sequence[UnitFigures], names: Names) -> list[LevelRow]:
    """One row a level and stage, from the top."""
    sums: dict[tuple[str, str], Counter[str]] = {}
    for unit in units:
        counts = sums.setdefault((unit.stage, names.unit(unit.unit_no).level), Counter())
        _add(counts, unit)
        counts["units"] += 1
    order = {level: place for place, level in enumerate(_LEVELS)}
    return [
        LevelRow(
            level=level,
            stage=stage,
            units=counts["units"],
            **{name: counts[name] for name in _COUNTS},
        )
        for (stage, level), counts in sorted(
            sums.items(), key=lambda item: (item[0][0], order.get(item[0][1], len(order)))
        )
    ]


def _add(counts: Counter[str], unit: UnitFigures) -> None:
    for name in _COUNTS:
        counts[name] += getattr(unit, name)
