"""What is wrong with a roster file, or worth a look: values with both wordings.

A problem never quotes a phone number, a name or a secret: `quote` sees to what is quoted.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rosters.columns import COLUMNS, FileKind, column_name, required_headers
from rosters.wordings import WORDINGS
from rosters.words import role_name

_QUOTED = 40
# A phone number standing alone: a mobile with or without +86, or a fixed line with its area code.
_PHONE = re.compile(
    r"(?<![0-9A-Za-z])(?:\+?(?:00)?86[- ]?)?"
    r"(?:1[3-9]\d[- ]?\d{4}[- ]?\d{4}|\(?0\d{2,3}\)?[- ]?\d{7,8})(?:\.0+)?(?!\d)"
)
_FIELD = re.compile(r"[a-z_]+[0-9]?")
_PEOPLE = {column.key: column.zh for column in COLUMNS[FileKind.PEOPLE]}
_LONG_NUMBER = re.compile(r"\d[\d -]{5,}\d")


class Severity(StrEnum):
    """What a problem does to the import."""

    ERROR = "error"  # the whole set of files is refused
    WARNING = "warning"  # imported; somebody should look
    NOTE = "note"  # mended, and said so


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to tell.

    Args:
        severity: Whether it refuses the import.
        file: The file's name, without its folder.
        line: Counted from 1 as an editor or a spreadsheet does; 0 for the file as a whole.
        field: The column's key, or "".
        code: A stable word, key of `WORDINGS`.
        params: What the wording names, safe to show.
    """

    severity: Severity
    file: str
    line: int
    field: str
    code: str
    params: tuple[tuple[str, str], ...] = ()

    def reason(self, language: str = "zh-CN") -> str:
        """The reason alone, one sentence."""
        zh, en = WORDINGS[self.code]
        params = dict(self.params)
        if "post" in params:
            params["post"] = role_name(params["post"], language)
        if "headers_of" in params:
            params["wanted"] = required_headers(FileKind(params["headers_of"]), language)
        chinese = language.startswith("zh")
        if chinese and "fields" in params:
            params["fields"] = _FIELD.sub(lambda key: _PEOPLE[key[0]], params["fields"])
        return (zh if chinese else en).format_map(params)

    def text(self, language: str = "zh-CN") -> str:
        """The whole line: file, line, column, reason."""
        chinese = language.startswith("zh")
        place = self.file
        if self.line:
            place += f" 第{self.line}行" if chinese else f" line {self.line}"
        if self.field:
            place += f" {column_name(self.field)}" if chinese else f", {self.field}"
        return (
            f"{place}:{self.reason(language)}" if chinese else f"{place}: {self.reason(language)}"
        )


class Problems:
    """Collects problems: of each severity the first by file and line; the rest are counted.

    Args:
        limit: How many of each severity are kept.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._kept: dict[Severity, list[Problem]] = {severity: [] for severity in Severity}
        self.counts: Counter[Severity] = Counter()
        self.by_code: Counter[str] = Counter()

    def add(self, problem: Problem) -> None:
        """Count it, and keep it where it comes before what would be too many."""
        self.counts[problem.severity] += 1
        self.by_code[problem.code] += 1
        kept = self._kept[problem.severity]
        kept.append(problem)
        if len(kept) > 2 * self._limit:
            kept.sort(key=_place)
            del kept[self._limit :]

    def of(self, severity: Severity) -> list[Problem]:
        """Those kept of one severity, by file and line."""
        return sorted(self._kept[severity], key=_place)[: self._limit]

    @property
    def errors(self) -> list[Problem]:
        """What refuses the import, by file and line."""
        return self.of(Severity.ERROR)

    @property
    def warnings(self) -> list[Problem]:
        """What somebody should look at, by file and line."""
        return self.of(Severity.WARNING)

    @property
    def notes(self) -> list[Problem]:
        """What was mended, by file and line."""
        return self.of(Severity.NOTE)

    def lines(self, severity: Severity, language: str = "zh-CN") -> list[str]:
        """The texts of one severity, and a last line that counts what isn't listed."""
        texts = [problem.text(language) for problem in self.of(severity)]
        more = self.counts[severity] - len(texts)
        if more > 0:
            zh = language.startswith("zh")
            texts.append(f"另有{more}条未列出" if zh else f"{more} more not listed")
        return texts


def _place(problem: Problem) -> tuple[str, int, str, str]:
    return (problem.file, problem.line, problem.field, problem.code)


class FileReport:
    """Where the checks of one file put what they find."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.file = file
        self.problems = problems

    def error(self, line: int, column: str, code: str, **params: object) -> None:
        """Something that refuses the import."""
        self._add(Severity.ERROR, line, column, code, params.items())

    def warn(self, line: int, column: str, code: str, **params: object) -> None:
        """Something to look at."""
        self._add(Severity.WARNING, line, column, code, params.items())

    def note(self, line: int, column: str, code: str, **params: object) -> None:
        """Something that was mended."""
        self._add(Severity.NOTE, line, column, code, params.items())

    def _add(
        self,
        severity: Severity,
        line: int,
        column: str,
        code: str,
        params: Iterable[tuple[str, object]],
    ) -> None:
        texts = tuple((name, str(value)) for name, value in params)
        self.problems.add(Problem(severity, self.file, line, column, code, texts))


def holds_phone(text: str) -> bool:
    """Whether a text has what looks like a phone number standing alone."""
    return bool(_PHONE.search(unicodedata.normalize("NFKC", text)))


def hide_phones(text: str) -> str:
    """A text without what looks like a phone number; unchanged where there is none."""
    return _PHONE.sub("***", unicodedata.normalize("NFKC", text)) if holds_phone(text) else text


def quote(value: str, *, code: bool = False) -> str:
    """A cell as a problem may show it: short, printable, without anything like a phone number.

    Args:
        value: The cell.
        code: Whether it is an area code, whose long numbers are needed to find it.
    """
    text = unicodedata.normalize("NFKC", value[: 4 * _QUOTED])
    text = _PHONE.sub("***", text)
    if not code:
        text = _LONG_NUMBER.sub("***", text)
    text = "".join(char if char.isprintable() else "�" for char in text)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
