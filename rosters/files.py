"""A roster file as rows of text: CSV in any encoding that a spreadsheet writes, or a workbook."""

import codecs
import csv
import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOBase
from pathlib import Path

from rosters import workbook
from rosters.columns import FileKind, required_in
from rosters.problems import FileReport

# Twice what 2,000,000 full rows need; more is a mistake or an attack.
MAX_TEXT_MB = 2048
_CHUNK = 1 << 20
_HEAD = 512
# All columns at their limits are 3,000 characters; a longer line isn't a row of a roster.
_MAX_LINE = 1 << 16
_DELIMITERS = ",\t;"
_SNIFFED_LINES = 5
_WEB_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|meta|table|style|\?xml)\b", re.IGNORECASE
)
_MAX_COLUMNS = 200
_ENCODINGS = ("utf-8", "gb18030")

Rows = Iterator[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a file is, before it is read.

    Args:
        sha256: Of its bytes, hex; a later read of the same file is known by it.
        encoding: Python's name of it, or "" for a workbook.
    """

    sha256: str
    encoding: str


def inspect(path: Path, report: FileReport) -> Inspected | None:
    """Tell what a file is; None, and an error in the report, where it can't be read at all."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        size = path.stat().st_size
    except OSError as error:
        report.error(0, "", _unopened(path, error))
        return None
    if not head:
        report.error(0, "", "file-empty")
        return None
    is_workbook = head.startswith(workbook.MAGICS)
    limit = workbook.MAX_FILE_MB if is_workbook else MAX_TEXT_MB
    if size > limit << 20:
        report.error(0, "", "file-too-large", limit=limit)
        return None
    if is_workbook:
        return Inspected(sha256=_sha256(path), encoding="")
    if _WEB_PAGE.match(head):  # as old systems give out an ".xls"
        report.error(0, "", "file-web-page")
        return None
    encoding = _encoding(path, head, report)
    return Inspected(sha256=_sha256(path), encoding=encoding) if encoding else None


def _unopened(path: Path, error: OSError) -> str:
    """Why a file can't be opened, as a problem's code."""
    if isinstance(error, FileNotFoundError):
        alone = path.name == f"{FileKind.PEOPLE}.csv" and path.parent.is_dir()
        book = path.with_suffix(".xlsx")
        return "file-no-people" if alone and not book.exists() else "file-missing"
    if isinstance(error, IsADirectoryError):
        return "file-folder"
    return "file-forbidden" if isinstance(error, PermissionError) else "file-unreadable"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def _encoding(path: Path, head: bytes, report: FileReport) -> str:
    """By BOM, else the first encoding that the whole file is valid in."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        tried: tuple[str, ...] = ("utf-16",)
    elif head.startswith(codecs.BOM_UTF8):
        tried = ("utf-8-sig",)
    elif head.count(0) * 5 > len(head):  # UTF-16 without its mark, or no text at all
        tried = ()
    else:
        tried = _ENCODINGS
    bad_lines = []
    for encoding in tried:
        bad_line = _first_bad_line(path, encoding)
        if bad_line is None:
            return encoding
        bad_lines.append(bad_line)
    report.error(0, "", "file-not-text", bad_line=max(bad_lines, default=1))
    return ""


def _first_bad_line(path: Path, encoding: str) -> int | None:
    """The line of the first byte that isn't of an encoding; None where all is well."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    for chunk in _chunks(path):
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return lines + error.object[: error.start].count(b"\n")
        lines += text.count("\n")
    with suppress(UnicodeDecodeError):
        decoder.decode(b"", final=True)
        return None
    return lines


def read_rows(kind: FileKind, path: Path, inspected: Inspected, report: FileReport) -> Rows:
    """Yield every row that isn't blank, with its line number, the header included.

    A text file is streamed. What stops the reading is reported, and then nothing more comes.
    """
    if not inspected.encoding:
        yield from workbook.read_rows(kind, path, report)
        return
    with path.open(encoding=inspected.encoding, newline="") as text:
        delimiter = _delimiter(text, kind)
        text.seek(0)
        yield from _csv_rows(text, delimiter, report)


def _delimiter(text: TextIOBase, kind: FileKind) -> str:
    """Comma, tab or semicolon: by which of them the first lines give a header."""
    lines = [text.readline(_MAX_LINE).strip() for _ in range(_SNIFFED_LINES)]

    def columns(delimiter: str) -> int:
        return max(
            required_in(kind, (cell.strip('"') for cell in line.split(delimiter)[:_MAX_COLUMNS]))
            for line in lines
        )

    return max(_DELIMITERS, key=columns)


def _csv_rows(text: TextIOBase, delimiter: str, report: FileReport) -> Rows:
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if any(row) and any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error:
        report.error(line, "", "file-cut")


def _lines(text: TextIOBase) -> Iterator[str]:
    while line := text.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise csv.Error("line too long")
        yield line
