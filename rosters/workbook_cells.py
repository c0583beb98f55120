"""What a sheet shows in cells that the reading library gives as empty, and rows that it hides.

The library says nothing of a formula that came to an error (`#N/A`), or that nobody has computed
(a program wrote the file and no spreadsheet has saved it since), and gives a cell that is merged
over several rows to the first of them. A phone number would be lost so, and nobody told.
"""

import re
import struct
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lxml import etree

UNCOMPUTED: Final = "=?"
"""Stands for the value of a formula that has none."""
ERRORS: Final = frozenset(
    ("#n/a", "#ref!", "#value!", "#div/0!", "#name?", "#null!", "#num!", "#spill!", "#calc!")
)
"""What spreadsheets write where a formula came to nothing; folded."""

_CHUNK: Final = 1 << 20
_ONE_LETTER: Final = 26
_CELL: Final = re.compile(rb"<(?:\w+:)?c\b([^>]*[^/>])>(.*?)</(?:\w+:)?c>", re.DOTALL)
_PLACE: Final = re.compile(rb'\br="([A-Z]+)([0-9]+)"')
_VALUE: Final = re.compile(rb"<(?:\w+:)?v\b[^>]*>([^<]+)<")
_FORMULA: Final = re.compile(rb"<(?:\w+:)?f\b")
_NO_VALUE: Final = re.compile(
    rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f\b[^>]*/>)\s*(?:<(?:\w+:)?v\b[^>]*>\s*)?</"
)
_OLE: Final = b"\xd0\xcf\x11\xe0"
_CODES: Final = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
}
_CODE: Final = b"([\\x00\\x07\\x0f\\x17\\x1d\\x24\\x2a])"
# [MS-XLS] 2.4.24 BoolErr and 2.4.127 Formula with its 2.5.133 value: row, column, format, error.
_RECORD: Final = re.compile(
    b"\\x05\\x02\\x08\\x00(..)(..).." + _CODE + b"\\x01"
    b"|\\x06\\x00..(..)(..)..\\x02." + _CODE + b"...\\xff\\xff",
    re.DOTALL,
)
_ROW_END: Final = b"row>"
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_HIDDEN: Final = re.compile(rb'<(?:\w+:)?row\b(?=[^>]*\bhidden="(?:1|true)")[^>]*\br="([0-9]+)"')
Spoilt = Mapping[int, Sequence[tuple[int, str]]]


@dataclass(frozen=True, slots=True)
class Unsaid:
    """What the reading library doesn't say of a sheet.

    Args:
        spoilt: Formulas without a value: line → [(column from 0, what stands there)].
        hidden: Lines that nobody sees who looks at it: hidden by hand, or by a filter.
    """

    spoilt: Spoilt = field(default_factory=dict)
    hidden: frozenset[int] = frozenset()


def unsaid(path: Path, sheet: str) -> Unsaid:
    """What a workbook says of a sheet beyond its values.

    Of an xls the spoilt cells of all its sheets, found by the shape of their records: what the
    reader has a value for is none of them. Nothing for another format, or a package that isn't
    laid out as spreadsheets do it.
    """
    spoilt: dict[int, list[tuple[int, str]]] = defaultdict(list)
    hidden: set[int] = set()
    try:
        with path.open("rb") as file:
            if file.read(len(_OLE)) == _OLE:
                return Unsaid(_spoilt_records(file.read()))
        with zipfile.ZipFile(path) as archive:
            for rows in _pieces(archive, _part(archive, sheet)):
                hidden.update(int(line) for line in _HIDDEN.findall(rows))
                for line, column, text in _spoilt_in(rows):
                    spoilt[line].append((column, text))
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, etree.XMLSyntaxError):
        return Unsaid()
    return Unsaid(spoilt, frozenset(hidden))


def _spoilt_records(book: bytes) -> Spoilt:
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for record in _RECORD.finditer(book):
        line, column, code = struct.unpack("<HHB", b"".join(filter(None, record.groups())))
        found[line + 1].append((column, _CODES[code]))
    return found


def _part(archive: zipfile.ZipFile, sheet: str) -> str:
    """Where a sheet stands in the package."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    book = etree.fromstring(archive.read("xl/workbook.xml"), parser)
    ids = {each.get("name"): _id(each) for each in book.iter("{*}sheet")}
    links = etree.fromstring(archive.read("xl/_rels/workbook.xml.rels"), parser)
    targets = {each.get("Id"): each.get("Target") for each in links.iter("{*}Relationship")}
    target = targets[ids[sheet]] or ""
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _id(sheet: etree._Element) -> str | None:
    """Its relation, in the usual namespace or the strict one."""
    named = (str(value) for key, value in sheet.attrib.items() if str(key).endswith("}id"))
    return sheet.get(_RELATION) or next(named, None)


def _pieces(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """A sheet as it is written, cut between rows."""
    with archive.open(part) as sheet:
        rest = bytearray()
        while piece := sheet.read(_CHUNK):
            # Looked for in what is new alone: an endless row would cost the square of its length.
            new = len(rest)
            rest += piece
            end = rest.rfind(_ROW_END, new) + len(_ROW_END)
            if end < len(_ROW_END):
                continue
            yield bytes(rest[:end])
            del rest[:end]
        yield bytes(rest)


def _spoilt_in(rows: bytes) -> Iterator[tuple[int, int, str]]:
    if b't="e"' not in rows and not _NO_VALUE.search(rows):
        return
    for cell in _CELL.finditer(rows):
        attributes, inner = cell.groups()
        text = _shown(attributes, inner)
        place = _PLACE.search(attributes) if text else None
        if place:
            yield int(place[2]), _column(place[1]), text


def _shown(attributes: bytes, inner: bytes) -> str:
    """What stands in a cell that is no value, or ""."""
    value = _VALUE.search(inner)
    if b't="e"' in attributes:
        return value[1].decode(errors="replace") if value else UNCOMPUTED
    # A text that a formula made may well be empty; what is no formula is the library's to read.
    computed = value or b't="str"' in attributes or not _FORMULA.search(inner)
    return "" if computed else UNCOMPUTED


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * _ONE_LETTER + letter - ord("A") + 1
    return number - 1


class Filled:
    """Rows with what a cell merged over several of them says to each.

    Args:
        merged: Ranges as ((line, column), (line, column)), from 0.
        left: The column that the rows begin with.
    """

    def __init__(
        self, merged: Iterable[tuple[tuple[int, int], tuple[int, int]]], left: int
    ) -> None:
        self._starts: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._open: dict[int, tuple[int, str]] = {}  # column → last line, text
        for (top, column), (bottom, last) in merged:
            if column == last and bottom > top:  # wider ones are titles
                self._starts[top + 1].append((column - left, bottom + 1))

    def fill(self, line: int, row: list[str]) -> None:
        """Fill in the row of a line; one that has nothing of its own stays blank."""
        own = any(cell.strip() for cell in row)
        for column, (last, text) in list(self._open.items()):
            if line > last:
                del self._open[column]
            elif own and column < len(row) and not row[column].strip():
                row[column] = text
        for column, last in self._starts.pop(line, ()):
            if 0 <= column < len(row):
                self._open[column] = (last, row[column])
