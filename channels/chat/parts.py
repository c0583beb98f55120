"""Cutting a text into parts of so many bytes, never within what a reader sees as one sign. Pure."""

import unicodedata
from collections.abc import Iterator

_NUMBER_BYTES = len("(99/99)")
_MOST_PARTS = 99
_GOOD_ENDS = "\n。!?;.!?;"
_JOINER = "\u200d"  # makes one emoji of several
_MARKS = frozenset({"Mn", "Mc", "Me"})  # accents, variation selectors, keycaps
_REGIONAL = range(0x1F1E6, 0x1F200)  # letters that are a flag in pairs
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)  # of flags such as Scotland's


class TooLongError(Exception):
    """The text takes more parts than a group can be asked to read."""


def split(text: str, most_bytes: int, tail: str = "") -> list[str]:
    """Cut `text` so that each part has at most `most_bytes` of UTF-8.

    Several parts are numbered in front, `(1/2)`; without the numbers and the tail they are the
    text again, unchanged. A cut falls behind a line or a sentence where there is one near the
    end, so that no time or number is torn apart without need.

    Args:
        text: Any text.
        most_bytes: At least 64 more than `tail` has.
        tail: Stands at the end of the last part, whole.

    Raises:
        TooLongError: It takes more than 99 parts.
    """
    tail_bytes = len(tail.encode())
    if len(text.encode()) + tail_bytes <= most_bytes:
        return [text + tail]
    pieces = list(_pieces(text, most_bytes - _NUMBER_BYTES - tail_bytes))
    if len(pieces) > _MOST_PARTS:
        raise TooLongError
    parts = [f"({number}/{len(pieces)}){piece}" for number, piece in enumerate(pieces, 1)]
    return [*parts[:-1], parts[-1] + tail]


def _pieces(text: str, most_bytes: int) -> Iterator[str]:
    piece: list[str] = []
    size = 0
    for sign in _signs(text, most_bytes):
        sign_bytes = len(sign.encode())
        if size + sign_bytes > most_bytes:
            end = _good_end(piece)
            yield "".join(piece[:end])
            piece = piece[end:]
            size = len("".join(piece).encode())
        piece.append(sign)
        size += sign_bytes
    yield "".join(piece)


def _good_end(piece: list[str]) -> int:
    """Where to cut: behind the last line or sentence that ends in the last third, or at the end."""
    least = len(piece) * 2 // 3
    for end in range(len(piece), least, -1):
        if piece[end - 1] in _GOOD_ENDS:
            return end
    return len(piece)


def _signs(text: str, most_bytes: int) -> Iterator[str]:
    """What a reader sees as one: a letter with its accents, an emoji of several characters.

    Unicode's clusters (UAX 29) but for Korean letters spelt out; a sign that is longer than a
    whole part is given in pieces.
    """
    sign = ""
    for character in text:
        joined = bool(sign) and _continues(sign, character)
        if joined and len((sign + character).encode()) <= most_bytes:
            sign += character
            continue
        if sign:
            yield sign
        sign = character
    if sign:
        yield sign


def _continues(sign: str, character: str) -> bool:
    code = ord(character)
    if character == _JOINER or sign[-1] == _JOINER or unicodedata.category(character) in _MARKS:
        return True
    if code in _SKIN_TONES or code in _TAGS:
        return True
    if code in _REGIONAL:
        return len(sign) == 1 and ord(sign) in _REGIONAL
    return (sign, character) == ("\r", "\n")
