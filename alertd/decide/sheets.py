"""A printed sheet's number, and what is written on it when it comes back. Pure.

A number is five characters and a check character, read from a photograph or over the radio: of
31 digits and letters, none of which is taken for another (no 0 O 1 I L). As 31 is a prime and each
place has a weight of its own, one wrong character is always found, and so are two that changed
places.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alertd.errors import InvalidInputError, ProblemsError
from alertd.i18n import N_
from alertd.model import AckKind

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH: Final = 6
_BODY: Final = LENGTH - 1
_PLACES: Final = {letter: value for value, letter in enumerate(ALPHABET)}

MOST_ROWS: Final = 999
MOST_TEXT: Final = 4_000  # characters of one entry


class Result(StrEnum):
    """What became of a row, by the letter that is marked on paper."""

    REACHED = "y"  # was told, and said so
    ON_POST = "p"
    NOBODY = "n"  # nobody there, or nobody answered the telephone
    HELP = "h"
    REFUSED = "r"  # was told, and won't go
    AWAY = "u"  # isn't on duty: the alternate is to take over
    MISTAKE = "x"  # what was entered of this row was wrong


ACK_OF: Final = {
    Result.REACHED: AckKind.RECEIVED,
    Result.ON_POST: AckKind.ON_POST,
    Result.HELP: AckKind.HELP,
    Result.AWAY: AckKind.UNAVAILABLE,
}
"""What a result counts as. Nobody there, and a refusal, answer nothing: they are on record."""


class Entry(StrEnum):
    """What becomes of a row that is entered."""

    COUNTS = "counts"  # it is on record, and what it answers is answered
    KNOWN = "known"  # it says what was entered before
    TAKEN_BACK = "taken-back"
    NOTHING_BEFORE = "nothing-before"  # nothing that could be taken back
    DIFFERS = "differs"  # it was entered as reached: that has to be taken back first
    HOLDER_CHANGED = "holder-changed"  # whoever stands on the sheet has that duty no more


_COVERS: Final = frozenset({Result.REACHED, Result.ON_POST})
_CONTRADICTS: Final = frozenset({Result.NOBODY, Result.REFUSED, Result.AWAY})


def entry(before: Result | None, new: Result, *, holds: bool) -> Entry:
    """What becomes of a result.

    Args:
        before: What was entered of the row and still stands.
        new: What is entered now.
        holds: Whether the person still holds the duty that the sheet names.
    """
    if new is Result.MISTAKE:
        return Entry.TAKEN_BACK if before is not None else Entry.NOTHING_BEFORE
    if before is new or (before is Result.ON_POST and new is Result.REACHED):
        return Entry.KNOWN
    if before in _COVERS and new in _CONTRADICTS:
        return Entry.DIFFERS
    # A call for help is a person's, whatever they hold.
    if not holds and new in ACK_OF and new is not Result.HELP:
        return Entry.HOLDER_CHANGED
    return Entry.COUNTS


@dataclass(frozen=True, slots=True)
class Mark:
    """One row's result, as it was read."""

    row: int
    result: Result


def sheet_code(seed: bytes) -> str:
    """A sheet's number, made of something that no other sheet is made of."""
    number = int.from_bytes(hashlib.sha256(seed).digest()[:8])
    body = ""
    for _ in range(_BODY):
        number, place = divmod(number, len(ALPHABET))
        body += ALPHABET[place]
    return body + _check(body)


def written(code: str) -> str:
    """As it is printed: in two halves."""
    half = LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


def read_code(text: str) -> str:
    """A number as somebody typed it: in either case, with or without blanks and hyphens.

    Raises:
        InvalidInputError: No sheet can have it; the message says what is wrong.
    """
    code = re.sub(r"[\s\-·.]", "", unicodedata.normalize("NFKC", text)).upper()
    if len(code) != LENGTH:
        raise InvalidInputError(
            "A sheet's number has six characters.",
            field="sheet",
            hint="It stands in the upper right corner, such as K7M-4QX.",
        )
    if any(letter not in _PLACES for letter in code):
        raise InvalidInputError(
            "A sheet's number never holds 0, O, 1, I or L.",
            field="sheet",
            hint="Look again: it may be a D, a Q, a 7 or a J.",
        )
    if _check(code[:_BODY]) != code[_BODY]:
        raise InvalidInputError(
            "That number is misread: its check character doesn't fit.",
            field="sheet",
            hint="Compare it with the sheet, character by character.",
        )
    return code


def _check(body: str) -> str:
    total = sum(place * _PLACES[letter] for place, letter in enumerate(body, start=2))
    return ALPHABET[-total % len(ALPHABET)]  # the last place has the weight 1


_SEPARATORS: Final = re.compile(r"[\s,;、。]+")
_MARK: Final = re.compile(r"([0-9]{1,3})(?:[-~]([0-9]{1,3}))?([A-Z])")


def read_marks(text: str, rows: int) -> tuple[Mark, ...]:
    """What was typed from a sheet: "3y 4n 7-9y", in any order, one result a row.

    Args:
        text: Numbers of rows, each with the letter of its result.
        rows: How many the sheet has.

    Raises:
        ProblemsError: Something of it can't be read, every such thing named; nothing counts then.
    """
    read = text if len(text) <= MOST_TEXT else ""
    folded = unicodedata.normalize("NFKC", read).upper().strip()
    if not folded:
        raise InvalidInputError(
            "Type the rows with their results.", field="marks", hint="Such as: 3y 4n 7h"
        )
    # "3 y" is as good as "3y": the letter belongs to the number before it.
    folded = re.sub(r"(?<=[0-9])\s+(?=[A-Z])", "", folded)
    found: dict[int, Result] = {}
    problems: list[str] = []
    for word in filter(None, _SEPARATORS.split(folded)):
        problem = _take(word, rows, found)
        if problem:
            problems.append(problem)
    if problems:
        raise ProblemsError("Some of it can't be read, and nothing was entered.", problems)
    return tuple(Mark(row, result) for row, result in sorted(found.items()))


def _take(word: str, rows: int, found: dict[int, Result]) -> str:
    """Read one word into `found`; returns what is wrong with it, or ""."""
    match = _MARK.fullmatch(word)
    if match is None or match[3].lower() not in set(Result):
        return N_("{word}: a row's number and one of y p n h r u x").format(word=word[:20])
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= rows:
        return N_("{word}: the sheet has the rows 1 to {rows}").format(word=word[:20], rows=rows)
    result = Result(match[3].lower())
    for row in range(first, last + 1):
        if found.setdefault(row, result) is not result:
            return N_("row {row}: two different results").format(row=row)
    return ""
