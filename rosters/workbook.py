"""The first sheet of a workbook (xlsx, xls, ods) as rows of text."""

import datetime as dt
import zipfile
from collections.abc import Iterator
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from rosters.problems import FileReport, quote

MAGICS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
# A sheet holds 1,048,576 rows at most, and all of it is in memory while it is read.
MAX_FILE_MB = 256
_MAX_UNPACKED_MB = 2048
# A spreadsheet keeps 15 significant digits; a longer number is no longer the one that was typed.
_EXACT = 10**15


def read_rows(path: Path, report: FileReport) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first visible sheet that aren't blank, with their line numbers."""
    sheet = _open(path, report)
    if sheet is None:
        return
    for line, cells in enumerate(sheet.iter_rows(), 1):
        row = [as_text(cell) for cell in cells]
        if any(cell.strip() for cell in row):
            yield line, row


def _open(path: Path, report: FileReport) -> CalamineSheet | None:
    if _unpacked_mb(path) > _MAX_UNPACKED_MB:
        report.error(0, "", "file-too-large", limit=_MAX_UNPACKED_MB)
        return None
    try:
        return _first_sheet(_book(path), report)
    except PasswordError:
        report.error(0, "", "file-encrypted")
    except (CalamineError, OSError, ValueError):
        report.error(0, "", "file-broken")
    except BaseException as error:
        # A panic in the Rust library isn't an Exception; a damaged file must not end the process.
        if type(error).__name__ != "PanicException":
            raise
        report.error(0, "", "file-broken")
    return None


def _book(path: Path) -> CalamineWorkbook:
    """By what is in it where that isn't what its name says: an .xls may be an .xlsx renamed."""
    try:
        return CalamineWorkbook.from_path(str(path))
    except PasswordError:
        raise
    except CalamineError:
        with path.open("rb") as file:
            return CalamineWorkbook.from_filelike(file)


def _unpacked_mb(path: Path) -> int:
    """What a zip says that it unpacks to, MB; 0 for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist()) >> 20
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return 0


def _first_sheet(book: CalamineWorkbook, report: FileReport) -> CalamineSheet | None:
    names = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible
    ]
    if not names:
        report.error(0, "", "file-empty")
        return None
    rest = [name for name in names[1:] if book.get_sheet_by_name(name).height]
    if rest:
        report.warn(0, "", "sheet-ignored", sheets=quote(", ".join(rest)))
    return book.get_sheet_by_name(names[0])


def as_text(cell: object) -> str:
    """A cell's value as a text file would have it.

    A whole number loses its `.0`; one beyond a spreadsheet's precision is written so that it is
    recognised as spoilt.
    """
    if isinstance(cell, str):
        text = cell
    elif isinstance(cell, bool):
        text = "1" if cell else "0"
    elif isinstance(cell, int | float):
        text = _number(float(cell))
    elif isinstance(cell, dt.time):
        text = cell.strftime("%H:%M")
    elif isinstance(cell, dt.timedelta):
        minutes = int(cell.total_seconds()) // 60
        text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    else:  # a date or a date with a time
        text = str(cell)
    return text


def _number(value: float) -> str:
    if abs(value) >= _EXACT:
        return f"{value:.5E}"
    return str(int(value)) if value.is_integer() else repr(value)
