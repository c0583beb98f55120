"""The heat grid: a cell a unit, its state by shape as well as by colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from alertd.i18n import N_
from alertd.report.rollup import UnitRow

# From the best to the worst: what a shape stands for. The worse, the heavier it is in black and
# white: an empty ring, a ring with a dot, half a disc, a full triangle, a full square with a cross.
KINDS: Final[Mapping[str, str]] = {
    "all": N_("all answered"),
    "most": N_("90% or more"),
    "half": N_("half or more"),
    "few": N_("less than half"),
    "none": N_("nobody"),
}
MOST_CELLS = 1_000
_LEVELS = ("grid", "community", "subdistrict", "city")
_MOST, _HALF = 0.9, 0.5
_LABEL = 6  # digits: a community's and a grid's


@dataclass(frozen=True, slots=True)
class Cell:
    """One unit: `kind` of KINDS, `label` the end of its code, which the tables have whole."""

    kind: str
    label: str
    name: str
    covered: int
    asked: int


@dataclass(frozen=True, slots=True)
class Block:
    """The cells of one subdistrict; of the city where the cells are subdistricts."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Heat:
    """`level`: of the cells; the deepest of which there are at most MOST_CELLS."""

    level: str
    blocks: tuple[Block, ...]


def heat(rows: Sequence[UnitRow], most: int = MOST_CELLS) -> Heat | None:
    """The grid of the first stage's rows; None where nothing was asked.

    Args:
        rows: From `unit_rows`: in the hierarchy's order, each with all below it.
        most: Cells; with more a level higher is shown.
    """
    first = [row for row in rows if row.stage == rows[0].stage]
    for level in _LEVELS:
        cells = [row for row in first if row.level == level and row.asked]
        if cells and len(cells) <= most:
            return Heat(level, _blocks(cells, first))
    return None


def _blocks(cells: Sequence[UnitRow], rows: Sequence[UnitRow]) -> tuple[Block, ...]:
    """Cells by the subdistrict that holds them."""
    high = [row for row in rows if row.level in {"city", "subdistrict"}]
    above = {row.path: row for row in high}
    found: dict[str, list[UnitRow]] = {}
    for row in cells:
        found.setdefault(_holder(row, above), []).append(row)
    return tuple(
        Block(
            above[path].name if path else "",
            tuple(_cell(row, above[path].code if path else "") for row in mine),
        )
        for path, mine in found.items()
    )


def _holder(row: UnitRow, above: Mapping[str, UnitRow]) -> str:
    """The path of the nearest of `above` over a row; "" where there is none."""
    path = row.path
    while path:
        path = "".join(f"{code}/" for code in path.split("/")[:-2])
        if path in above:
            return path
    return ""


def _cell(row: UnitRow, prefix: str) -> Cell:
    label = row.code.removeprefix(prefix).lstrip("-")[-_LABEL:]
    return Cell(kind_of(row.covered, row.asked), label, row.name, row.covered, row.asked)


def kind_of(covered: int, asked: int) -> str:
    """What a share looks like."""
    if covered >= asked:
        return "all"
    if covered == 0:
        return "none"
    share = covered / asked
    return "most" if share >= _MOST else "half" if share >= _HALF else "few"
