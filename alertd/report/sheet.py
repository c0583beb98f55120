"""The report as CSV for a spreadsheet: summary, units, the un-woken and those never told.

UTF-8 with a byte-order mark, which Excel needs to read Chinese.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import tzinfo

from alertd.i18n import N_, translator
from alertd.report.figures import Figures
from alertd.report.figures.values import Share
from alertd.report.names import Names
from alertd.report.rollup import unit_rows
from alertd.report.silent import never, unwoken
from alertd.report.summary import summary
from alertd.report.values import percent
from alertd.report.words import Say, level_word, role_word, word

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DIGITS = (
    11  # a spreadsheet shows a longer number as 3.30281E+17, and past 15 digits loses the rest
)


def sheet(figures: Figures, names: Names, *, language: str, zone: tzinfo) -> bytes:
    """Three to five tables, an empty row between them."""
    say = translator(language)
    tables = [
        _summary(figures, say, zone),
        _units(figures, names, say, language),
        _unwoken(figures, names, say, language),
    ]
    if figures.telling and figures.telling.never:
        tables.append(_never(figures, names, say, language))
    if figures.escalations.unanswerable:
        tables.append(_nobody(figures, names, say, language))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for place, rows in enumerate(tables):
        if place:
            writer.writerow(())
        writer.writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


Rows = Iterable[Sequence[object]]


def safe(cell: object) -> object:
    """What a spreadsheet would take for a formula, or spoil as a number, is kept a text.

    Codes of stairwells differ in their last digits alone: as numbers all of a grid's are one.
    """
    if not isinstance(cell, str):
        return cell
    spoilt = cell.isdecimal() and (len(cell) > _DIGITS or (cell[0] == "0" and len(cell) > 1))
    return f"'{cell}" if spoilt or cell.startswith(_FORMULA) else cell


def _summary(figures: Figures, say: Say, zone: tzinfo) -> Rows:
    yield (
        say(N_("Section")),
        say(N_("Figure")),
        say(N_("Value")),
        say(N_("Out of")),
        say(N_("Rate")),
    )
    yield say(N_("Course")), say(N_("Headline")), figures.course.headline, "", ""
    for group in summary(figures, say, zone):
        for line in group.lines:
            of = "" if line.share is None else line.share.of
            rate = "" if line.share is None else percent(line.share)
            yield group.title, line.label, line.value, of, rate


def _units(figures: Figures, names: Names, say: Say, language: str) -> Rows:
    yield (
        say(N_("Unit code")),
        say(N_("Unit")),
        say(N_("Level")),
        say(N_("Stage")),
        say(N_("Asked")),
        say(N_("Answered")),
        say(N_("Rate")),
        say(N_("On time")),
        say(N_("Not woken")),
    )
    for row in unit_rows(figures.units, names):
        yield (
            row.code,
            row.name,
            level_word(language, row.level),
            word(say, row.stage),
            row.asked,
            row.covered,
            percent(Share(row.covered, row.asked)),
            row.on_time,
            row.exhausted,
        )


def _unwoken(figures: Figures, names: Names, say: Say, language: str) -> Rows:
    heads = (N_("Not woken"), N_("Unit"), N_("Role"), N_("Stage"), N_("Holder"), N_("Phone"))
    yield [say(head) for head in (*heads, N_("Told"))]
    yield from map(astuple, unwoken(figures, names, say, language))


def _never(figures: Figures, names: Names, say: Say, language: str) -> Rows:
    heads = (N_("Never told"), N_("Unit"), N_("Role"), N_("Stage"), N_("Holder"), N_("Phone"))
    yield [say(head) for head in (*heads, N_("Why"))]
    yield from map(astuple, never(figures, names, say, language))


def _nobody(figures: Figures, names: Names, say: Say, language: str) -> Rows:
    yield [say(head) for head in (N_("Nobody is answerable"), N_("Unit"), N_("Role"))]
    for unit_no, role in figures.escalations.unanswerable:
        yield names.unit(unit_no).code, names.place(unit_no), role_word(language, role)
