"""What is wrong with a drill's plan: each mistake with its key and its line."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from alertd.cap.problems import path_of
from alertd.errors import ProblemsError
from alertd.i18n import N_

MOST_SHOWN: Final = 50
Mistake = tuple[str, int, str]
"""A key such as `losses[0].kind`, its line (0: unknown), and an English clause that goes on."""

_REASONS: Final[Mapping[str, str]] = {
    "missing": N_("is missing"),
    "unexpected_keyword_argument": N_("is unknown"),
    "string_type": N_("must be text"),
    "string_too_short": N_("must not be empty"),
    "string_too_long": N_("must be at most {max_length} characters long"),
    "string_pattern_mismatch": N_("isn't written as it must be; docs/drills.md shows how"),
    "int_type": N_("must be a whole number"),
    "float_type": N_("must be a number"),
    "finite_number": N_("must be a finite number"),
    "greater_than": N_("must be more than {gt}"),
    "greater_than_equal": N_("must be at least {ge}"),
    "less_than_equal": N_("must be at most {le}"),
    "too_short": N_("must not be empty"),
    "too_long": N_("must hold at most {max_length}"),
    "tuple_type": N_("must be a list"),
    "dict_type": N_("must be a table"),
    "dataclass_type": N_("must be a table"),
    "dataclass_exact_type": N_("must be a table"),
}


class PlanError(ProblemsError):
    """A plan was refused whole.

    Args:
        mistakes: All of them, by line.
    """

    _MANY: ClassVar[str] = N_("The drill's plan was refused for {count} reasons.")
    _ONE: ClassVar[str] = N_("The drill's plan was refused: {reason}.")

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        shown = [sentence_of(mistake) for mistake in self.mistakes[:MOST_SHOWN]]
        count = len(self.mistakes)
        message = self._MANY.format(count=count)
        if count == 1:
            message = self._ONE.format(reason=shown[0])
        super().__init__(message, shown)
        self.field = self.mistakes[0][0] or None
        self.hint = N_("Correct what is named, and try again.")


class FileError(PlanError):
    """A file beside a plan was refused whole: a scenario, or rules of how people answer."""

    _MANY: ClassVar[str] = N_("The file was refused for {count} reasons.")
    _ONE: ClassVar[str] = N_("The file was refused: {reason}.")


def sentence_of(mistake: Mistake) -> str:
    """One line for a reader."""
    key, line, reason = mistake
    if not key:
        whole = N_("line {line}: the text {reason}") if line else N_("the text {reason}")
        return whole.format(line=line, reason=reason)
    if line:
        return N_("line {line}: {key} {reason}").format(line=line, key=key, reason=reason)
    return f"{key} {reason}"


def refuse(mistakes: Sequence[Mistake]) -> PlanError:
    """The error for mistakes, by line."""
    return PlanError(by_line(mistakes))


def by_line(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """In the order in which they stand."""
    return sorted(mistakes, key=lambda each: each[1])


def not_toml(error: tomllib.TOMLDecodeError) -> Mistake:
    """A text that isn't TOML at all: where, and why."""
    why, at, place = str(error).partition(" (at ")
    line = re.search(r"line (\d+)", place) if at else None
    return "", int(line[1]) if line else 0, N_("isn't TOML: {reason}").format(reason=why)


def problems_of(error: ValidationError, lines: Mapping[str, int]) -> list[Mistake]:
    """What pydantic found; a value is never quoted."""
    found: dict[tuple[str, int], Mistake] = {}
    for detail in error.errors(include_url=False, include_input=False):
        key = _key(detail["loc"])
        line = line_of(key, lines)
        found.setdefault((key, line), (key, line, _reason(detail)))
    return list(found.values())


def line_of(key: str, lines: Mapping[str, int]) -> int:
    """A key's line, or that of the table it should stand in; 0 for the file as a whole."""
    while key and key not in lines:
        key = re.sub(r"(\.[^.\[]+|\[\d+\]|^[^.\[]+)$", "", key)
    return lines.get(key, 0)


def _key(location: Sequence[Any]) -> str:
    """Pydantic puts the names of alternatives into the path; they are none of the reader's."""
    kept = [part for part in location if not (isinstance(part, str) and _INNER.search(part))]
    return path_of(kept) if kept else ""


_INNER: Final = re.compile(r"^(\[key\]|str|int|dict\[.*|function-.*|constrained-.*|nullable.*)$")


def _reason(detail: ErrorDetails) -> str:
    context: dict[str, Any] = detail.get("ctx", {})
    if detail["type"] == "plan":
        return str(context.get("reason") or detail["msg"])
    template = _REASONS.get(detail["type"])
    return template.format(**context) if template else N_("is invalid")
