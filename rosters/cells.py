"""One row's cells, read as what they mean; what can't be read goes to the report."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from rosters.columns import Column
from rosters.problems import FileReport, holds_phone, quote
from rosters.workbook_cells import ERRORS, UNCOMPUTED

T = TypeVar("T")

# Control characters, lone surrogates, invisible marks and overrides of the writing direction:
# they break databases, SMS or the reader's eye.
_BAD = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_ESCAPED = re.compile(r"'[=+\-@']")
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]*")
_SPOILT_CODE = re.compile(r"\d+\.\d+[eE][+-]?\d+|\d+[eE]\+\d+")
_POINT_ZERO = re.compile(r"(\d+)\.0+")
_COUNT = re.compile(r"(\d{1,9})(?:\.0+)?")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T].*)?|(\d{4})(\d{2})(\d{2})")
_SERIAL_DATE = re.compile(r"([45]\d{4})(?:\.\d+)?")  # days since 1899-12-30: 2009 to 2064
_SERIAL_EPOCH = dt.date(1899, 12, 30)
_BETWEEN = re.compile(r"[;;、,,|]")
_RANKS = {"a": 1, "b": 2, "c": 3, "a角": 1, "b角": 2, "c角": 3, "主岗": 1, "备岗": 2}
_FLAGS = {
    **dict.fromkeys(
        ("是", "1", "1.0", "y", "yes", "true", "√", "党员", "中共党员", "预备党员"), True
    ),
    **dict.fromkeys(("", "否", "0", "0.0", "n", "no", "false", "×", "群众"), False),
}
_PHONES = frozenset({"phone", "phone2"})
# Offices write them in several lines (Alt+Enter), and a page or an SMS has one for each.
_PROSE = frozenset({"note", "shelter", "unit_name"})
_BREAK = re.compile("[\t\n\r]")
_PHONE_LENGTHS = range(10, 16)
_MAX_RANK = 999
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,12})?")


class Cells:
    """The cells of one row by column key.

    Every method gives a value of its kind, or that kind's "nothing" after reporting the problem;
    `failed` then says that the row can't be taken as it is.
    """

    __slots__ = ("_bad", "_report", "_texts", "line")

    def __init__(
        self, report: FileReport, line: int, columns: Sequence[Column | None], row: Sequence[str]
    ) -> None:
        self._report = report
        self.line = line
        self._bad: set[str] = set()
        self._texts = {
            column.key: self._clean(column, cell)
            for column, cell in zip(columns, row, strict=False)
            if column and cell
        }
        if len(row) > len(columns) and any(cell.strip() for cell in row[len(columns) :]):
            self.error("", "cells-beyond-header")

    def _clean(self, column: Column, cell: str) -> str:
        text = cell.strip()
        if text == UNCOMPUTED or (text.startswith("#") and text.casefold() in ERRORS):
            self.error(column.key, "cell-formula", value=quote(text))
            return ""
        if column.key in _PHONES:
            # Address books wrap a number in marks of direction when it is copied out of them. Two
            # in a cell, one below the other, are told as two.
            text = " ".join(_UNSEEN.sub("", text).split())
        elif column.key in _PROSE and _BREAK.search(text):
            text = " ".join(text.split())
        if _BAD.search(text):
            self.error(column.key, "cell-control")
            return ""
        if text.startswith("'") and _ESCAPED.match(text):  # as export writes what looks a formula
            text = text[1:]
        if len(text) > column.limit:
            self.error(column.key, "cell-too-long", limit=column.limit)
            return ""
        return text

    @property
    def failed(self) -> bool:
        """Whether an error was reported in this row."""
        return bool(self._bad)

    def error(self, key: str, code: str, **params: object) -> None:
        """Report an error in this row."""
        self._bad.add(key)
        self._report.error(self.line, key, code, **params)

    def warn(self, key: str, code: str, **params: object) -> None:
        """Report something in this row to look at."""
        self._report.warn(self.line, key, code, **params)

    def note(self, key: str, code: str, **params: object) -> None:
        """Report something that was mended."""
        self._report.note(self.line, key, code, **params)

    def text(self, key: str) -> str:
        """The text, as it is."""
        return self._texts.get(key, "")

    def required(self, key: str) -> str:
        """The text, which has to be there."""
        text = self._texts.get(key, "")
        if not text and key not in self._bad:
            self.error(key, "cell-required")
        return text

    def _folded(self, key: str) -> str:
        text = self._texts.get(key, "")
        return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()

    def code(self, key: str) -> str:
        """An area code: text that no spreadsheet has spoilt."""
        text = self._folded(key)
        if len(text) in _PHONE_LENGTHS and holds_phone(text):
            self.error(key, "id-private")
            return ""
        if not text or (text.isascii() and text.isdecimal()):
            return text
        mended = _POINT_ZERO.fullmatch(text)
        if mended:
            self.note(key, "code-mended")
            return mended.group(1)
        if _SPOILT_CODE.fullmatch(text):
            self.error(key, "code-spoilt", value=quote(text, code=True))
            return ""
        if not _CODE.fullmatch(text):
            self.error(key, "code-invalid", value=quote(text, code=True))
            return ""
        return text

    def word(self, key: str, find: Callable[[str], T | None], problem: str) -> T | None:
        """What a word means by a table; None where the cell is blank or means nothing."""
        text = self._texts.get(key, "")
        if not text:
            return None
        found = find(text)
        if found is None:
            self.error(key, problem, value=quote(text))
        return found

    def words(self, key: str) -> list[str]:
        """The words of a list, parted by a comma, semicolon or bar of either width."""
        text = self._texts.get(key, "")
        return [word for part in _BETWEEN.split(text) if (word := part.strip())] if text else []

    def count(self, key: str) -> int | None:
        """A whole number from 0 up; None where the cell is blank."""
        text = self._folded(key)
        if not text:
            return None
        match = _COUNT.fullmatch(text)
        if not match:
            self.error(key, "count-invalid", value=quote(text))
            return None
        return int(match.group(1))

    def rank(self, key: str) -> int:
        """A rank from 1 up, or the A and B of AB角; blank is 1, for a duty with one holder."""
        text = self._folded(key).casefold()
        if not text:
            return 1
        rank = _RANKS.get(text)
        if rank is None:
            match = _COUNT.fullmatch(text)
            rank = int(match.group(1)) if match else 0
        if not 1 <= rank <= _MAX_RANK:
            self.error(key, "rank-invalid", value=quote(text))
            return 1
        return rank

    def flag(self, key: str) -> bool:
        """Yes or no; blank is no."""
        text = self._folded(key).casefold()
        flag = _FLAGS.get(text)
        if flag is None:
            self.error(key, "flag-invalid", value=quote(text))
        return bool(flag)

    def number(self, key: str, low: float, high: float) -> float | None:
        """A number from `low` to `high`; None where the cell is blank."""
        text = self._folded(key)
        if not text:
            return None
        match = _NUMBER.fullmatch(text)
        value = float(text) if match else None
        if value is None or not low <= value <= high:
            self.error(key, "number-invalid", value=quote(text), low=f"{low:g}", high=f"{high:g}")
            return None
        return value

    def time(self, key: str) -> str:
        """A time of day as HH:MM, or "" where the cell is blank; 24:00 is 00:00."""
        text = self._folded(key)
        if not text:
            return ""
        match = _TIME.fullmatch(text)
        hour, minute = (int(match.group(1)), int(match.group(2))) if match else (99, 0)
        if (hour, minute) == (24, 0):
            hour = 0
        if hour > 23 or minute > 59:  # noqa: PLR2004 - a clock's own numbers
            self.error(key, "time-invalid", value=quote(text))
            return ""
        return f"{hour:02d}:{minute:02d}"

    def date(self, key: str) -> dt.date | None:
        """A date in any usual way of writing, a spreadsheet's day number included."""
        text = self._folded(key)
        if not text:
            return None
        day = read_date(text)
        if day is None:
            self.error(key, "date-invalid", value=quote(text))
        return day


@lru_cache(maxsize=1024)
def read_date(text: str) -> dt.date | None:
    """A date written with -, /, ., 年月日, as eight digits or as a spreadsheet's day number."""
    serial = _SERIAL_DATE.fullmatch(text)
    if serial:
        return _SERIAL_EPOCH + dt.timedelta(days=int(serial.group(1)))
    match = _DATE.fullmatch(text)
    if not match:
        return None
    year, month, day = (int(group) for group in match.groups() if group is not None)
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
