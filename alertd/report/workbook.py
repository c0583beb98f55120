"""The report as XLSX: a sheet a table, and charts that the spreadsheet draws itself.

Everything is written as the text or number that it is: a name that begins with `=` stays a name.
Rows leave memory as they are written, so that a city's deliveries fit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from alertd.i18n import N_
from alertd.model import MINUTE_MS
from alertd.report.change import Change, lines
from alertd.report.figures import Figures
from alertd.report.rows import Long, Manner
from alertd.report.summary import summary
from alertd.report.words import word

MOST_ROWS: Final = 1_000_000  # of a sheet; Excel's own limit is 1,048,576
_WIDEST: Final = 42
_PLAIN: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


@dataclass
class _Book:
    """A workbook with the few formats that it needs."""

    book: Any
    manner: Manner
    bold: Any = field(init=False)
    share: Any = field(init=False)
    title: Any = field(init=False)

    def __post_init__(self) -> None:
        font = {"font_name": "Microsoft YaHei", "font_size": 10}
        self.bold = self.book.add_format({**font, "bold": True, "bg_color": "#E9EDF1", "bottom": 1})
        self.share = self.book.add_format({**font, "num_format": "0.00%"})
        self.title = self.book.add_format({**font, "bold": True, "font_size": 14})

    def sheet(self, name: str, widths: Sequence[int]) -> Any:
        """A sheet that prints on A4, its columns as wide as their text."""
        sheet = self.book.add_worksheet(name[:31])
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&C&P / &N")
        return sheet

    def row(self, sheet: Any, at: int, cells: Iterable[object], style: Any = None) -> None:
        """One row; text is never taken for a formula, a number or an address."""
        for column, cell in enumerate(cells):
            if cell is None or cell == "":
                continue
            if isinstance(cell, int | float):
                shown = self.share if isinstance(cell, float) else style
                sheet.write_number(at, column, cell, shown)
            else:
                sheet.write_string(at, column, str(cell), style)


def workbook(
    path: Path,
    figures: Figures,
    tables: Iterable[Long],
    manner: Manner,
    *,
    band: str = "",
    compared: tuple[Change, ...] = (),
    comparison_of: str = "",
    most_rows: int = MOST_ROWS,
) -> None:
    """Write the workbook.

    Args:
        path: The file.
        figures: For the summary and the charts.
        tables: From `rows.long_tables`; each is read once.
        manner: Language and zone.
        band: What stands over everything in a drill; "" in a live alert.
        compared: Changes against another report; a sheet of its own where there are any.
        comparison_of: The other report's short code and headline.
        most_rows: Of a sheet; then it says that it ends.
    """
    with xlsxwriter.Workbook(str(path), _PLAIN) as book:
        book.set_properties(
            {
                "title": figures.course.headline,
                "comments": band,
                # The same journal gives the same bytes.
                "created": datetime.fromtimestamp((figures.course.issued_at or 0) / 1000, UTC),
            }
        )
        made = _Book(book, manner)
        _summary(made, figures, band)
        if compared:
            _changes(made, compared, comparison_of)
        for table in tables:
            _long(made, table, most_rows)
        _curve(made, figures)


def _summary(made: _Book, figures: Figures, band: str) -> None:
    say = made.manner.say
    sheet = made.sheet(say(N_("Summary")), (18, 46, 24, 12, 10))
    made.row(sheet, 0, [f"{band} {figures.course.headline}".strip()], made.title)
    heads = (N_("Section"), N_("Figure"), N_("Value"), N_("Out of"), N_("Rate"))
    made.row(sheet, 1, (say(head) for head in heads), made.bold)
    at = 2
    for group in summary(figures, say, made.manner.zone):
        for line in group.lines:
            of = line.share.of if line.share else ""
            rate = line.share.rate if line.share else ""
            value = int(line.value) if line.value.isdecimal() else line.value
            made.row(sheet, at, (group.title, line.label, value, of, rate))
            at += 1
    sheet.freeze_panes(2, 0)
    at = _channels(made, sheet, figures, at + 1)


def _channels(made: _Book, sheet: Any, figures: Figures, at: int) -> int:
    """Messages by channel, and their chart beside the summary."""
    say = made.manner.say
    heads = (N_("Channel"), N_("Messages made"), N_("Delivered"), N_("Accepted only"), N_("Failed"))
    made.row(sheet, at, (say(head) for head in heads), made.bold)
    first = at + 1
    for at, (channel, n) in enumerate(figures.channels.items(), start=first):  # noqa: PLR1704
        made.row(sheet, at, (word(say, channel), n.made, n.delivered, n.accepted, n.failed))
    if not figures.channels:
        return at
    chart = made.book.add_chart({"type": "column"})
    colours = ("#5C6773", "#1F6F54", "#7FB69F", "#A3281C")
    for column, colour in enumerate(colours, start=1):
        chart.add_series(
            {
                "name": [sheet.name, first - 1, column],
                "categories": [sheet.name, first, 0, at, 0],
                "values": [sheet.name, first, column, at, column],
                "fill": {"color": colour},
            }
        )
    chart.set_title({"name": say(N_("By channel")), "name_font": {"size": 11}})
    chart.set_legend({"position": "bottom"})
    sheet.insert_chart(1, 6, chart, {"description": say(N_("By channel"))})
    return at


def _changes(made: _Book, compared: tuple[Change, ...], of: str) -> None:
    say = made.manner.say
    sheet = made.sheet(say(N_("Change")), (42, 20, 20, 6))
    made.row(sheet, 0, [say(N_("Change from {what}")).format(what=of)], made.title)
    heads = (N_("Figure"), N_("Before"), N_("Now"), N_("Better or worse"))
    made.row(sheet, 1, (say(head) for head in heads), made.bold)
    for at, cells in enumerate(lines(compared), start=2):
        made.row(sheet, at, cells)


def _long(made: _Book, table: Long, most: int) -> None:
    widths = [min(_WIDEST, max(10, 2 * len(head) + 4)) for head in table.heads]
    sheet = made.sheet(table.title, widths)
    made.row(sheet, 0, table.heads, made.bold)
    sheet.freeze_panes(1, 0)
    last = 0
    for last, cells in enumerate(table.rows, start=1):
        if last > most:
            say = made.manner.say
            note = say(N_("The sheet ends here; the CSV file has every row."))
            made.row(sheet, last, [note], made.bold)
            break
        made.row(sheet, last, cells)
    sheet.autofilter(0, 0, last, len(table.heads) - 1)


def _curve(made: _Book, figures: Figures) -> None:
    """Coverage over time, with its chart."""
    say = made.manner.say
    sheet = made.sheet(say(N_("Coverage")), (24, 24))
    heads = (N_("Minutes after the issue"), N_("Person-duties answered"))
    made.row(sheet, 0, (say(head) for head in heads), made.bold)
    points = figures.pace.curve
    for at, (ms, n) in enumerate(points, start=1):
        sheet.write_number(at, 0, round(ms / MINUTE_MS, 2))
        sheet.write_number(at, 1, n)
    if not points:
        return
    chart = made.book.add_chart({"type": "scatter", "subtype": "straight"})
    chart.add_series(
        {
            "name": say(N_("Person-duties answered")),
            "categories": [sheet.name, 1, 0, len(points), 0],
            "values": [sheet.name, 1, 1, len(points), 1],
            "line": {"color": "#1F6F54", "width": 2},
        }
    )
    chart.set_title({"name": say(N_("Coverage over time")), "name_font": {"size": 11}})
    chart.set_x_axis({"name": say(N_("Minutes after the issue")), "min": 0})
    chart.set_y_axis({"name": say(N_("Person-duties answered")), "min": 0})
    chart.set_legend({"none": True})
    sheet.insert_chart(0, 3, chart, {"description": say(N_("Coverage over time")), "x_scale": 1.6})
