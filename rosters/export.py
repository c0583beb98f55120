"""Values → the files that they came from: `parse.read` of what is written gives the same values.

Phone numbers, webhooks and secrets are masked unless asked for; a masked file is for reading and
is refused at import.
"""

import csv
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rosters.columns import COLUMNS, FileKind, headers
from rosters.model import (
    CHINA,
    NO_FACTS,
    ChatGroup,
    Holding,
    Person,
    Roster,
    RosterRow,
    Terminal,
    UnitFacts,
)
from rosters.parse import RosterFiles
from rosters.phones import mask, national
from rosters.problems import hide_phones
from rosters.words import role_name

# What a spreadsheet would run as a formula gets an apostrophe, which reading takes off again.
_FORMULA = ("=", "+", "-", "@", "'=", "'+", "'-", "'@", "''")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How files are written.

    Args:
        language: Of headers and of known words, `zh-CN` or `en`.
        unmasked: Whether phones, webhooks and secrets are written in full.
        encoding: Of the file; with a BOM, a double click in Excel opens it right.
    """

    language: str = "en"
    unmasked: bool = False
    encoding: str = "utf-8-sig"


def write_people(rows: Iterable[RosterRow], path: Path, style: Style) -> int:
    """Write a people file, row by row as they come; returns how many."""
    cells = (_people_cells(row, style) for row in rows)
    if not style.unmasked:  # notes and names of places hold numbers too
        cells = ([hide_phones(cell) for cell in row] for row in cells)
    return _write(FileKind.PEOPLE, cells, path, style)


def write_terminals(terminals: Iterable[Terminal], path: Path, style: Style) -> int:
    """Write a loudspeakers' file; returns how many."""
    return _write(FileKind.TERMINALS, map(_terminal_cells, terminals), path, style)


def write_groups(groups: Iterable[ChatGroup], path: Path, style: Style) -> int:
    """Write a chat groups' file; returns how many."""
    return _write(FileKind.GROUPS, (_group_cells(group, style) for group in groups), path, style)


def write_roster(roster: Roster, directory: Path, style: Style) -> RosterFiles:
    """Write a roster's three files into a folder, which is made if need be."""
    directory.mkdir(parents=True, exist_ok=True)
    files = roster_files(directory)
    write_people(rows_of(roster), files.people, style)
    if files.terminals and files.groups:
        write_terminals(roster.terminals.values(), files.terminals, style)
        write_groups(roster.groups.values(), files.groups, style)
    return files


def roster_files(directory: Path) -> RosterFiles:
    """The three files' usual names in a folder."""
    return RosterFiles(
        people=directory / "people.csv",
        terminals=directory / "terminals.csv",
        groups=directory / "groups.csv",
    )


def rows_of(roster: Roster) -> Iterator[RosterRow]:
    """A roster's rows: units in their order, each with its holdings, or alone without any."""
    by_unit: dict[str, list[Holding]] = {code: [] for code in roster.units}
    for holding in roster.holdings.values():
        by_unit[holding.unit_code].append(holding)
    for unit in roster.units.values():
        facts = roster.facts.get(unit.code, NO_FACTS)
        for holding in by_unit[unit.code]:
            yield RosterRow(unit, facts, roster.people[holding.person_id], holding)
        if not by_unit[unit.code]:
            yield RosterRow(unit, facts)


def cells_of(row: RosterRow) -> dict[str, str]:
    """A row of the people file by column key, in full."""
    cells = _people_cells(row, Style(unmasked=True))
    keys = (column.key for column in COLUMNS[FileKind.PEOPLE])
    return dict(zip(keys, cells, strict=True))


def _write(kind: FileKind, rows: Iterable[Sequence[str]], path: Path, style: Style) -> int:
    count = 0
    with path.open("w", encoding=style.encoding, newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(headers(kind, style.language))
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last count is the answer
            writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row])
    return count


def _people_cells(row: RosterRow, style: Style) -> list[str]:
    unit = row.unit
    person = _person_cells(row.person, style) if row.person else [""] * 9
    holding = _holding_cells(row.holding, style) if row.holding else [""] * 7
    return [
        *person[:2],
        unit.code,
        unit.name,
        unit.level.name_in(style.language),
        unit.parent_code,
        unit.official_code,
        *holding[:3],
        *person[2:],
        *holding[3:5],
        *_fact_cells(row.facts),
        *holding[5:],
    ]


def _person_cells(person: Person, style: Style) -> list[str]:
    show = national if style.unmasked else mask
    phones = [show(phone) for phone in person.phones]
    return [
        person.person_id,
        person.name,
        _yes_no(person.party_member, style),
        *(*phones, "", "")[:2],
        person.short_phone if style.unmasked else mask(person.short_phone),
        person.chat_id if style.unmasked else mask(person.chat_id),
        ";".join(person.channels),
        person.language,
    ]


def _yes_no(flag: bool, style: Style) -> str:
    if style.language.startswith("zh"):
        return "是" if flag else "否"
    return "yes" if flag else "no"


def _holding_cells(holding: Holding, style: Style) -> list[str]:
    return [
        _role(holding.post, style),
        str(holding.rank),
        ";".join(_role(role, style) for role in holding.roles),
        holding.on_duty_from,
        holding.on_duty_to,
        _date(holding.verified_at),
        holding.note,
    ]


def _role(role: str, style: Style) -> str:
    return role_name(role, style.language) if style.language.startswith("zh") else role


def _date(at: int | None) -> str:
    return "" if at is None else dt.datetime.fromtimestamp(at // 1000, CHINA).date().isoformat()


def _fact_cells(facts: UnitFacts) -> list[str]:
    return [
        *(_count(n) for n in (facts.households, facts.vulnerable, facts.should_transfer)),
        facts.shelter,
    ]


def _count(number: int | None) -> str:
    return "" if number is None else str(number)


def _terminal_cells(terminal: Terminal) -> list[str]:
    place = [terminal.lon, terminal.lat]
    return [
        terminal.terminal_id,
        terminal.unit_code,
        terminal.name,
        *("" if degrees is None else _degrees(degrees) for degrees in place),
        str(terminal.volume),
    ]


def _degrees(degrees: float) -> str:
    whole, _, rest = f"{degrees:.12f}".partition(".")
    return f"{whole}.{rest.rstrip('0') or '0'}"


def _group_cells(group: ChatGroup, style: Style) -> list[str]:
    if style.unmasked:
        return [group.group_id, group.unit_code, group.kind, group.url, group.secret]
    parts = urlsplit(group.url)
    url = f"{parts.scheme}://{parts.hostname}/***"
    return [group.group_id, group.unit_code, group.kind, url, mask(group.secret)]
