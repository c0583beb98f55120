"""A reply cut into parts."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alertd.decide.grammar import numbers
from alertd.decide.grammar.lexicon import MUST_NOT_BE_IN_A_UNIT, NAME_MARKS, PARTS, PATTERN, Part

MAX_NAMES = 32
_FIRST_MARK = ord(NAME_MARKS[0])


@dataclass(frozen=True, slots=True)
class Token:
    """One part.

    Attributes:
        part: Its class.
        text: As written, folded.
        gap: The punctuation and white space before it; empty where it is glued to what is before.
    """

    part: Part
    text: str
    gap: str

    @property
    def figures(self) -> tuple[int, ...]:
        """The numbers in it."""
        return numbers.figures(self.text)

    @property
    def digit(self) -> str:
        """`0` to `9` where the token is a single digit that could be a reply code."""
        alone = self.part is Part.NUMBER and len(self.text) == 1
        return str(self.figures[0]) if alone else ""

    @property
    def letter(self) -> str:
        """What the token is in the reply's shape: reply codes are themselves."""
        return self.digit if self.digit and self.digit in "01234" else self.part.value


def tokens(text: str, names: Sequence[str] = ()) -> Iterator[Token]:
    """Cut a squeezed text, in which names were marked by `mark_names`."""
    gap = ""
    for found in PATTERN.finditer(text):
        part = PARTS[(found.lastindex or 1) - 1]
        if part is Part.GAP:
            gap = found[0]
            continue
        yield _token(part, found[0], gap, names)
        gap = ""


def _token(part: Part, text: str, gap: str, names: Sequence[str]) -> Token:
    if part is Part.UNIT and MUST_NOT_BE_IN_A_UNIT.search(text):
        part = Part.UNKNOWN
    if part is Part.NAME:
        return Token(part, names[ord(text) - _FIRST_MARK], gap)
    return Token(part, text, gap)


def mark_names(text: str, names: Sequence[str]) -> str:
    """Replace each name, longest first, by one private character; one character is no name."""
    numbered = sorted(enumerate(names[:MAX_NAMES]), key=lambda pair: -len(pair[1]))
    for number, name in numbered:
        if len(name) > 1:
            text = re.sub(re.escape(name), chr(_FIRST_MARK + number), text)
    return text
