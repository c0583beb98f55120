"""The roster's sheet of a workbook (xlsx, xls, ods) as rows of text, read in a process of its own.

`python -m rosters.workbook_child KIND FILE PARENT`, for the process with that id, writes a line of
JSON for each: `[line, [cell, …]]` for a row that isn't blank, `{"severity": …, "code": …,
"params": {…}}` for a problem, with its `line` where it has one, and `null` in the end. Where that
is missing, it died: of its bounds, or of a file that the library can't stand.

The library makes room for every cell from the first to the last, so that a single one that strayed
to the sheet's far corner asks for 400 GB, and then aborts its process.
"""

import ctypes
import datetime as dt
import json
import os
import resource
import signal
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from rosters.columns import FileKind, find_header
from rosters.problems import Severity, quote
from rosters.workbook_cells import Filled, unsaid

# A sheet holds 1,048,576 rows at most, and all of it is in memory while it is read.
_MAX_UNPACKED_MB: Final = 2048
_MAX_MEMORY: Final = 4 << 30  # twice what a full sheet of a roster needs
_MAX_CPU_S: Final = 600
# A spreadsheet keeps 15 significant digits; a longer number is no longer the one that was typed.
_EXACT: Final = 10**15
# All columns at their limits are 3,000 characters. A cell of a gigabyte, packed into one megabyte,
# would go over to whoever reads us: a server.
_LONGEST_ROW: Final = 1 << 16
_PR_SET_PDEATHSIG: Final = 1
_LOOKED_AT: Final = 50  # rows; a title or two may stand above the header


class _UnreadError(Exception):
    """Why the file isn't read, as a problem's code."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def rows(kind: FileKind, path: Path) -> Iterator[Any]:
    """Yield what goes over the pipe, but for the `null` in the end."""
    try:
        sheet, ignored = _open(kind, path)
    except _UnreadError as error:
        yield _problem(Severity.ERROR, error.code, **error.params)
        return
    if ignored:
        yield _problem(Severity.WARNING, "sheet-ignored", sheets=quote(", ".join(ignored)))
    left = sheet.start[1] if sheet.start else 0
    merged = Filled(sheet.merged_cell_ranges or (), left)
    more, hidden = unsaid(path, sheet.name), []
    for line, cells in enumerate(sheet.iter_rows(), 1):
        row = [as_text(cell) for cell in cells]
        if sum(map(len, row)) > _LONGEST_ROW:
            yield {**_problem(Severity.ERROR, "file-cut"), "line": line}
            return
        for column, text in more.spoilt.get(line, ()):
            if 0 <= column - left < len(row) and not row[column - left]:
                row[column - left] = text
        merged.fill(line, row)
        if any(cell.strip() for cell in row):
            yield [line, row]
            hidden += [line] if line in more.hidden else []
    if hidden:
        yield _problem(Severity.WARNING, "rows-hidden", count=len(hidden), first=hidden[0])


def _problem(severity: Severity, code: str, **params: object) -> dict[str, Any]:
    return {"severity": severity.value, "code": code, "params": params}


def _open(kind: FileKind, path: Path) -> tuple[CalamineSheet, list[str]]:
    """The sheet to read, and the names of further visible ones that hold something."""
    if _unpacked_mb(path) > _MAX_UNPACKED_MB:
        raise _UnreadError("file-too-large", limit=_MAX_UNPACKED_MB)
    try:
        return _sheet(kind, _book(path))
    except PasswordError:
        raise _UnreadError("file-encrypted") from None
    except (CalamineError, OSError, ValueError):
        raise _UnreadError("file-broken") from None
    except BaseException as error:
        # A panic in the Rust library isn't an Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise _UnreadError("file-broken") from None


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


def _sheet(kind: FileKind, book: CalamineWorkbook) -> tuple[CalamineSheet, list[str]]:
    """The visible sheet with the header, else the first.

    Two with a header are two parts of a city: whoever stands on the second would be told nothing.
    """
    names = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible
    ]
    if not names:
        raise _UnreadError("file-empty")
    held = [name for name in names if book.get_sheet_by_name(name).height]
    headed = [n for n in held if _has_header(kind, book.get_sheet_by_name(n))] if held[1:] else []
    if len(headed) > 1:
        raise _UnreadError(
            "sheet-second", sheet=quote(headed[0]), others=quote(", ".join(headed[1:]))
        )
    chosen = (*headed, *held, *names)[0]
    return book.get_sheet_by_name(chosen), [name for name in held if name != chosen]


def _has_header(kind: FileKind, sheet: CalamineSheet) -> bool:
    first = sheet.to_python(nrows=_LOOKED_AT)
    return find_header(kind, [[as_text(cell) for cell in row] for row in first]) is not None


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


def _bound() -> None:
    """Keep to a share of the machine: a server works beside us, and on the day of a storm."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = min(_MAX_MEMORY, memory // 4 * 3)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (_MAX_CPU_S, _MAX_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it would hold everybody's number
    with suppress(OSError):  # where memory runs out all the same, this goes and not the server
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")


def _outlive_nobody(parent: int) -> None:
    """Go with whoever reads us: a killed server would leave gigabytes at work for minutes."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def _main() -> None:
    _outlive_nobody(int(sys.argv[3]))
    _bound()
    for each in rows(FileKind(sys.argv[1]), Path(sys.argv[2])):
        sys.stdout.write(json.dumps(each) + "\n")
    sys.stdout.write("null\n")


if __name__ == "__main__":
    _main()
