"""A roster's files → values, or everything that is wrong with them at once.

Reading takes two passes, so that a city of 2,000,000 people needs no more memory than its units
and some numbers a row: `check` finds all problems, then `Checked` streams the values. `read` does
both for what fits into memory.
"""

import datetime as dt
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from alertd.errors import ConflictError, ProblemsError
from rosters.assets import read_group, read_terminal
from rosters.cells import Cells
from rosters.columns import FileKind
from rosters.files import Inspected, inspect
from rosters.hierarchy import check_hierarchy
from rosters.model import NO_FACTS, ChatGroup, Roster, RosterRow, Terminal, Unit, UnitFacts
from rosters.people import PeopleChecks
from rosters.problems import FileReport, Problems, Severity
from rosters.rows import PeopleReader
from rosters.tables import read_cells
from rosters.units import UnitBook

_TOLD_EVERY = 1_000
_COUNTED = ("units", "people", "duties", "holdings", "terminals", "groups")
Asset = TypeVar("Asset", Terminal, ChatGroup)


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterFiles:
    """The files of one roster; loudspeakers and chat groups may be missing."""

    people: Path
    terminals: Path | None = None
    groups: Path | None = None

    def each(self) -> Iterator[tuple[FileKind, Path]]:
        """The files that are given, by kind."""
        for kind, path in zip(FileKind, (self.people, self.terminals, self.groups), strict=True):
            if path is not None:
                yield kind, path


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Files that were read once: what is wrong with them, what is in them, and how to read on.

    Args:
        files: What was read.
        problems: All that was found.
        counts: How many units, people, duties, holdings, terminals and groups.
        inspected: The encoding and digest of each file that can be read.
    """

    files: RosterFiles
    problems: Problems
    counts: Mapping[str, int]
    inspected: Mapping[FileKind, Inspected]
    today: dt.date
    book: UnitBook = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether it may be imported."""
        return not self.problems.counts[Severity.ERROR]

    def require_ok(self, language: str = "zh-CN") -> None:
        """Raise ProblemsError with a line for every error, unless there is none."""
        if not self.ok:
            count = self.problems.counts[Severity.ERROR]
            raise ProblemsError(
                f"the roster has {count} errors and was refused; nothing was changed",
                self.problems.lines(Severity.ERROR, language),
            )

    def units(self) -> Iterator[tuple[Unit, UnitFacts]]:
        """All units with what is known of them, a parent before its children."""
        return self.book.units()

    def rows(self) -> Iterator[RosterRow]:
        """Read the people file again: each row that names a person, in the file's order.

        A person with several duties comes once for each, the same every time; a row that was
        there twice comes twice (`Holding.key` is the same).

        Raises:
            ConflictError: The file isn't the one that was checked.
        """
        reader = PeopleReader(self.today)
        for cells in self._again(FileKind.PEOPLE):
            row = reader.read(cells)
            if row.person and row.holding:
                unit, facts = self.book.unit(row.unit.code), self.book.facts(row.unit.code)
                yield RosterRow(unit, facts, row.person, row.holding)

    def terminals(self) -> Iterator[Terminal]:
        """Read the loudspeakers' file again, as `rows` does."""
        return map(read_terminal, self._again(FileKind.TERMINALS))

    def groups(self) -> Iterator[ChatGroup]:
        """Read the chat groups' file again, as `rows` does."""
        return map(read_group, self._again(FileKind.GROUPS))

    def _again(self, kind: FileKind) -> Iterator[Cells]:
        path = dict(self.files.each()).get(kind)
        if path is None:
            return
        report = FileReport(path.name, Problems(limit=0))
        if inspect(path, report) != self.inspected.get(kind):
            raise ConflictError(f"{path.name} has changed since it was checked")
        yield from read_cells(kind, path, self.inspected[kind], report)


def check(
    files: RosterFiles,
    *,
    today: dt.date,
    limit: int = 1000,
    told: Callable[[int], None] | None = None,
) -> Checked:
    """Read a roster's files once and find all that is wrong with them.

    Args:
        files: The files; CSV or workbook, any encoding that `files.inspect` knows.
        today: From which "verified long ago" is counted.
        limit: How many problems of each severity are kept; the rest are counted.
        told: Is told after each thousand rows of a file how many were read; may end it by raising.
    """
    problems = Problems(limit)
    inspected: dict[FileKind, Inspected] = {}
    book = UnitBook()
    counts = dict.fromkeys(_COUNTED, 0)
    for kind, path in files.each():
        report = FileReport(path.name, problems)
        found = inspect(path, report)
        if found is None:
            continue
        inspected[kind] = found
        rows = _counted(read_cells(kind, path, found, report), told)
        if kind is FileKind.PEOPLE:
            counts |= _check_people(rows, today, book, report)
        elif kind is FileKind.TERMINALS:
            counts["terminals"] = _check_assets(rows, read_terminal, _terminal_id, book)
        else:
            counts["groups"] = _check_assets(rows, read_group, _group_id, book)
    return Checked(
        files=files,
        problems=problems,
        counts=counts,
        inspected=inspected,
        today=today,
        book=book,
    )


def _counted(rows: Iterator[Cells], told: Callable[[int], None] | None) -> Iterator[Cells]:
    for count, cells in enumerate(rows, 1):
        if told and not count % _TOLD_EVERY:
            told(count)
        yield cells


def _check_people(
    rows: Iterator[Cells], today: dt.date, book: UnitBook, report: FileReport
) -> dict[str, int]:
    reader = PeopleReader(today)
    checks = PeopleChecks(book)
    for cells in rows:
        row = reader.read(cells)
        if not row.unit.code:
            continue
        book.add(row.unit, row.line, report)
        if row.reported:
            book.doubt(row.unit.code)
        if row.person and row.holding:
            book.hold(row.unit.code)
            if row.reported:
                checks.doubt(row.holding, row.line)
            else:
                checks.add(row.person, row.holding, row.line)
    check_hierarchy(book.drafts, report)
    checks.report(report)
    return {
        "units": len(book),
        "people": checks.people,
        "duties": checks.duties,
        "holdings": checks.holdings,
    }


def _check_assets(
    rows: Iterator[Cells],
    read_row: Callable[[Cells], Asset],
    key: Callable[[Asset], str],
    units: Container[str],
) -> int:
    seen: dict[str, tuple[int, Asset]] = {}
    for cells in rows:
        asset = read_row(cells)
        if asset.unit_code and asset.unit_code not in units:
            cells.error("unit_code", "unit-unknown", unit=asset.unit_code)
        if cells.failed:
            continue
        line, other = seen.setdefault(key(asset), (cells.line, asset))
        if line != cells.line:
            if other == asset:
                cells.note("", "row-repeated", other=line)
            else:
                cells.error("", "id-repeated", other=line)
    return len(seen)


def _terminal_id(terminal: Terminal) -> str:
    return terminal.terminal_id


def _group_id(group: ChatGroup) -> str:
    return group.group_id


def read(files: RosterFiles, *, today: dt.date, language: str = "zh-CN") -> Roster:
    """Read a whole roster into memory.

    Raises:
        ProblemsError: Something in the files is wrong; all of it is named.
    """
    checked = check(files, today=today)
    checked.require_ok(language)
    rows = [row for row in checked.rows() if row.person and row.holding]
    return Roster(
        units={unit.code: unit for unit, _ in checked.units()},
        facts={unit.code: facts for unit, facts in checked.units() if facts != NO_FACTS},
        people={row.person.person_id: row.person for row in rows if row.person},
        holdings={row.holding.key: row.holding for row in rows if row.holding},
        terminals={terminal.terminal_id: terminal for terminal in checked.terminals()},
        groups={group.group_id: group for group in checked.groups()},
    )
