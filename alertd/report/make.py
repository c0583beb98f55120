"""Write a report: JSON for machines and for `verify`, CSV for a spreadsheet, a page to print."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from alertd.errors import NotFoundError
from alertd.i18n import LANGUAGES
from alertd.report import record
from alertd.report.figures import Figures, NotInJournalError, figures
from alertd.report.figures.values import SCHEMA, Head
from alertd.report.names import Names, read_names
from alertd.report.page import page
from alertd.report.rollup import unit_rows
from alertd.report.sheet import sheet
from alertd.report.values import CITY_TIME

KIND = "alertd.report"


@dataclass(frozen=True, slots=True)
class Report:
    """A report before it is written."""

    figures: Figures
    names: Names
    ends: tuple[Head, ...]  # where the journal's chains stood


def gather(connection: Connection, alert_no: int) -> Report:
    """Read the journal as it stands and count.

    Raises:
        NotFoundError: There is no such alert.
    """
    ends = record.heads(connection)
    try:
        found = figures(record.facts(connection, alert_no, record.cut_at(ends)), alert_no=alert_no)
    except NotInJournalError:
        raise NotFoundError("There is no such alert.") from None
    return Report(found, read_names(connection, found), ends)


def to_json(report: Report) -> dict[str, Any]:
    """The report file: figures, units with their names, and the journal's heads."""
    return {
        "schema": SCHEMA,
        "kind": KIND,
        "alert_no": report.figures.course.no,
        "figures": report.figures.to_dict(),
        "units": [asdict(row) for row in unit_rows(report.figures.units, report.names)],
        "journal": [asdict(head) for head in report.ends],
    }


def make_report(
    connection: Connection,
    alert_no: int,
    directory: Path,
    *,
    languages: Sequence[str] = LANGUAGES,
    zone: tzinfo = CITY_TIME,
) -> list[Path]:
    """Write an alert's report; returns the files.

    The first language is that of report.csv and report.html; each further one gets a page of its
    own, report.LANGUAGE.html. The same journal gives the same bytes.

    Args:
        connection: For reading; one consistent view.
        alert_no: Which alert.
        directory: Made if it isn't there; files in it are overwritten.
        languages: Of i18n.LANGUAGES, at least one.
        zone: The city's time.

    Raises:
        NotFoundError: There is no such alert.
    """
    report = gather(connection, alert_no)
    first, *others = languages
    text = json.dumps(to_json(report), ensure_ascii=False, indent=1) + "\n"
    contents = {
        "report.json": text.encode(),
        "report.csv": sheet(report.figures, report.names, language=first, zone=zone),
        "report.html": _page(report, first, zone),
    }
    contents |= {f"report.{language}.html": _page(report, language, zone) for language in others}
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    return [directory / name for name in contents]


def _page(report: Report, language: str, zone: tzinfo) -> bytes:
    return page(report.figures, report.names, report.ends, language=language, zone=zone).encode()
