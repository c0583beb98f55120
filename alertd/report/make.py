"""Write a report: JSON for machines and `verify`, tables for a spreadsheet, pages to read and sign.

Each form is a face of the same figures. What the reader may see of people is the order's guise.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import tzinfo
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import Connection

from alertd.errors import NotFoundError
from alertd.i18n import LANGUAGES, translator
from alertd.report import change, record
from alertd.report.document import MOST_SILENT, document
from alertd.report.figures import Figures, NotInJournalError, figures
from alertd.report.figures.values import SCHEMA, Head
from alertd.report.names import Names, read_names, with_holders
from alertd.report.page import MOST_NAMED, band_of, page
from alertd.report.rollup import unit_rows
from alertd.report.rows import Long, Manner, long_tables
from alertd.report.sheet import safe, sheet
from alertd.report.values import CITY_TIME
from alertd.report.workbook import workbook
from alertd.store.reads import past
from alertd.store.reads.report_rows import MASKED, Guise
from alertd.whole import in_place_of

KIND = "alertd.report"
COMPARISON = "comparison"  # a report file has it where there is something to compare with
Format = Literal["json", "csv", "html", "pdf", "xlsx"]
FORMATS: Final[tuple[Format, ...]] = ("json", "csv", "html", "pdf", "xlsx")
_QUICK: Final[tuple[Format, ...]] = ("json", "csv", "html")
_FILES_OF_ROWS: Final = ("duties", "deliveries", "people")  # the rest stands in report.csv


@dataclass(frozen=True, slots=True)
class Report:
    """A report before it is written."""

    figures: Figures
    names: Names
    ends: tuple[Head, ...]  # where the journal's chains stood


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How a face is wanted.

    Args:
        language: Of i18n.LANGUAGES.
        zone: The city's time.
        guise: How people are shown; masked unless it has the vault.
        before: The report that it is compared with.
        signers: Who drafted the alert and who approved it, by name.
    """

    language: str = LANGUAGES[0]
    zone: tzinfo = CITY_TIME
    guise: Guise = field(default=MASKED)
    before: Report | None = None
    signers: tuple[str, str] = ("", "")


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


def drill_before(connection: Connection, report: Report, *, path: str = "") -> Report | None:
    """What a drill is compared with by itself, the last of its plan; None for a live alert."""
    course = report.figures.course
    if course.status != "Exercise":
        return None
    earlier = past.drill_before(connection, course.no, path=path)
    return None if earlier is None else gather(connection, earlier)


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


def write(connection: Connection, report: Report, form: Format, path: Path, order: Order) -> None:
    """Write one face of a report to a file.

    Args:
        connection: The same view that the report was gathered from.
        report: What it shows.
        form: One of FORMATS.
        path: The file.
        order: Language and the like.

    Raises:
        TypesettingError: The document can't be drawn.
    """
    _FACES[form](connection, report, path, order)


def make_report(
    connection: Connection,
    alert_no: int,
    directory: Path,
    *,
    report: Report | None = None,
    languages: Sequence[str] = LANGUAGES,
    forms: Sequence[Format] = _QUICK,
    order: Order | None = None,
    zone: tzinfo = CITY_TIME,
) -> list[Path]:
    """Write an alert's report; returns the files.

    The first language is that of every file; each further one gets a page and a document of its
    own, report.LANGUAGE.html. The same journal gives the same bytes. Files that were there stay
    until all of the new ones are on the disk.

    Args:
        connection: For reading; one consistent view.
        alert_no: Which alert.
        report: What was gathered of it from this very view, where it was already.
        directory: Made if it isn't there.
        languages: Of i18n.LANGUAGES, at least one.
        forms: Of FORMATS.
        order: What else is wanted; its language is taken from `languages`.
        zone: The city's time, where there is no order.

    Raises:
        NotFoundError: There is no such alert.
    """
    report = report or gather(connection, alert_no)
    wanted = order or Order(zone=zone)
    directory.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    with ExitStack() as drafts:

        def draft(path: Path) -> Path:
            made.append(path)
            return drafts.enter_context(in_place_of(path))

        for place, language in enumerate(languages):
            mine = replace(wanted, language=language)
            for form in forms:
                if place and form not in {"html", "pdf"}:
                    continue
                path = directory / (f"report.{language}.{form}" if place else f"report.{form}")
                write(connection, report, form, draft(path), mine)
                if form == "csv":
                    for name, table in _tables_of_rows(connection, report, mine):
                        _write_rows(draft(directory / name), table)
    return made


def _json(_connection: Connection, report: Report, path: Path, order: Order) -> None:
    made = to_json(report)
    if order.before is not None:
        made[COMPARISON] = change.to_json(order.before.figures, report.figures, order.language)
    text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8")


def _csv(connection: Connection, report: Report, path: Path, order: Order) -> None:
    telling = report.figures.telling
    most = max(len(report.figures.unwoken), len(telling.never) if telling else 0)
    names = with_holders(connection, report.names, report.figures, order.guise, most)
    path.write_bytes(sheet(report.figures, names, language=order.language, zone=order.zone))


def _html(connection: Connection, report: Report, path: Path, order: Order) -> None:
    names = with_holders(connection, report.names, report.figures, order.guise, MOST_NAMED)
    text = page(
        report.figures,
        names,
        report.ends,
        language=order.language,
        zone=order.zone,
        **_comparison(report, order),
    )
    path.write_text(text, encoding="utf-8")


def _pdf(connection: Connection, report: Report, path: Path, order: Order) -> None:
    names = with_holders(connection, report.names, report.figures, order.guise, MOST_SILENT)
    drawn = document(
        report.figures,
        names,
        report.ends,
        language=order.language,
        zone=order.zone,
        signers=order.signers,
        **_comparison(report, order),
    )
    path.write_bytes(drawn)


def _xlsx(connection: Connection, report: Report, path: Path, order: Order) -> None:
    manner = _manner(order)
    tables = long_tables(connection, report.figures, report.names, manner, order.guise)
    band = band_of(report.figures, manner.say)
    workbook(path, report.figures, tables, manner, band=band, **_comparison(report, order))


_FACES: Mapping[Format, Callable[[Connection, Report, Path, Order], None]] = {
    "json": _json,
    "csv": _csv,
    "html": _html,
    "pdf": _pdf,
    "xlsx": _xlsx,
}


def _manner(order: Order) -> Manner:
    return Manner(translator(order.language), order.language, order.zone)


def _comparison(report: Report, order: Order) -> dict[str, Any]:
    if order.before is None:
        return {}
    found = change.changes(order.before.figures, report.figures, translator(order.language))
    other = order.before.figures.course
    return {"compared": found, "comparison_of": f"{other.short_code} {other.headline}"}


def _tables_of_rows(
    connection: Connection, report: Report, order: Order
) -> Iterator[tuple[str, Long]]:
    """The long tables that are a file each, by its name."""
    manner = _manner(order)
    for table in long_tables(connection, report.figures, report.names, manner, order.guise):
        if table.key in _FILES_OF_ROWS:
            yield f"{table.key}.csv", table


def _write_rows(path: Path, table: Long) -> None:
    """A row is written as it is read."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.heads)
        writer.writerows([safe(cell) for cell in row] for row in table.rows)
