"""A roster file as rows of cells under known columns."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from rosters.cells import Cells
from rosters.columns import FileKind, Header, column_name, find_header, read_header
from rosters.files import Inspected, read_rows
from rosters.problems import FileReport, Severity, quote

# A title or two may stand above the header.
_HEADER_WITHIN = 5


def read_cells(
    kind: FileKind, path: Path, inspected: Inspected, report: FileReport
) -> Iterator[Cells]:
    """Yield the rows below the header; a header that won't do is reported and yields nothing."""
    errors_before = report.problems.counts[Severity.ERROR]
    rows = read_rows(kind, path, inspected, report)
    first = list(islice(rows, _HEADER_WITHIN))
    place = find_header(kind, [row for _, row in first])
    if place is None:
        if report.problems.counts[Severity.ERROR] == errors_before:
            report.error(0, "", "header-missing", rows=_HEADER_WITHIN, headers_of=kind.value)
        return
    line, cells = first[place]
    header = read_header(kind, cells)
    _report_header(header, line, report)
    if header.missing or header.repeated:
        return
    empty = True
    for row_line, row in chain(first[place + 1 :], rows):
        empty = False
        yield Cells(report, row_line, header.columns, row)
    if empty:  # a city may have no loudspeakers; without people there is no roster
        tell = report.error if kind is FileKind.PEOPLE else report.warn
        tell(0, "", "no-rows")


def _report_header(header: Header, line: int, report: FileReport) -> None:
    for key in header.missing:
        report.error(line, key, "column-missing", what=key, zh=column_name(key))
    for key in header.repeated:
        report.error(line, key, "column-repeated")
    for word in header.unknown:
        if header.missing:  # told beside what is missing: it may be just that
            report.error(line, "", "header-unknown", header=quote(word))
        else:
            report.warn(line, "", "column-unknown", header=quote(word))
