"""Names for the numbers that figures carry: of units and roles, as the alert found them.

Of people there is what the report's guise lets through: a surname and two digits, or all of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Row, select

from alertd.model import duty_of
from alertd.report.figures import Figures
from alertd.store import tables as t
from alertd.store.batches import batches
from alertd.store.fold.scope import in_force
from alertd.store.reads import report_rows
from alertd.store.reads.report_rows import Guise, Who


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit of the hierarchy. `path` is the codes from the root, each followed by "/"."""

    no: int
    code: str
    name: str
    level: str  # city, subdistrict, community, grid, building
    parent_no: int | None
    path: str


@dataclass(frozen=True, slots=True)
class Names:
    """Units by number, with all above them, and duties' roles by the duty's number.

    `homes`: duties' units, of those that were looked up with their holders.
    """

    units: Mapping[int, Unit]
    roles: Mapping[int, str]
    holders: Mapping[int, tuple[Who, ...]] = field(default_factory=dict)
    homes: Mapping[int, int] = field(default_factory=dict)

    def unit(self, number: int) -> Unit:
        """The unit, or one that bears its number where it isn't known."""
        unknown = Unit(
            no=number, code="", name=f"#{number}", level="", parent_no=None, path=f"#{number}/"
        )
        return self.units.get(number, unknown)

    def holder(self, duty_no: int) -> Who:
        """Who holds a duty; nobody where it is vacant, or where nobody was looked up."""
        first, *_ = (*self.holders.get(duty_no, ()), Who("", ""))
        return first

    def line(self, number: int) -> list[int]:
        """A unit and all above it, from itself upward."""
        found: list[int] = []
        current: int | None = number
        while current is not None and current not in found:
            found.append(current)
            current = self.units[current].parent_no if current in self.units else None
        return found

    def place(self, number: int) -> str:
        """A unit's name with the two above it, from above: enough to find the door."""
        return " ".join(self.unit(no).name for no in reversed(self.line(number)[:3]))


def read_names(connection: Connection, figures: Figures) -> Names:
    """The names that a report on `figures` needs, from the roster version of the alert."""
    version = figures.course.roster_version
    if version is None:
        return Names({}, {})
    wanted = {unit.unit_no for unit in figures.units}
    wanted |= {call.unit_no for call in figures.answers.help_calls}
    wanted |= {unit_no for _, unit_no in figures.unwoken}
    wanted |= {unit_no for unit_no, _ in figures.escalations.unanswerable}
    duties = {duty_of(number) for number, _ in figures.unwoken}
    return Names(_units(connection, version, wanted), _roles(connection, version, duties))


def with_holders(
    connection: Connection, names: Names, figures: Figures, guise: Guise, most: int
) -> Names:
    """The same names, and who holds the first `most` duties that stayed silent, or weren't told."""
    version = figures.course.roster_version
    if version is None:
        return names
    never = figures.telling.never[:most] if figures.telling else ()
    untold = [duty_of(number) for number, _ in never]
    duties = {*untold, *(duty_of(number) for number, _ in figures.unwoken[:most])}
    found = list(_duties(connection, version, untold))
    homes = {row.no: row.unit_no for row in found}
    return replace(
        names,
        units={**_units(connection, version, homes.values()), **names.units},
        roles={**{row.no: row.role for row in found}, **names.roles},
        holders=report_rows.holders(connection, version, sorted(duties), guise),
        homes=homes,
    )


def _units(connection: Connection, version: int, wanted: Iterable[int]) -> dict[int, Unit]:
    c = t.unit.c
    columns = (c.no, c.code, c.name, c.level, c.parent_no, c.path)
    found: dict[int, Unit] = {}
    asked: set[int] = set()
    missing = set(wanted)
    while missing:
        asked |= missing
        for batch in batches(missing):
            rows = connection.execute(
                select(*columns).where(c.no.in_(batch), in_force(t.unit, version))
            )
            found.update((row.no, Unit(**row._mapping)) for row in rows)  # noqa: SLF001 - SQLAlchemy's public name for it
        above = {unit.parent_no for unit in found.values() if unit.parent_no is not None}
        missing = above - asked
    return found


def _roles(connection: Connection, version: int, wanted: Iterable[int]) -> dict[int, str]:
    return {row.no: row.role for row in _duties(connection, version, wanted)}


def _duties(
    connection: Connection, version: int, wanted: Iterable[int]
) -> Iterator[Row[int, str, int]]:
    c = t.duty.c
    for batch in batches(wanted):
        yield from connection.execute(
            select(c.no, c.role, c.unit_no).where(c.no.in_(batch), in_force(t.duty, version))
        )
