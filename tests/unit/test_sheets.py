"""A sheet's number, and what is typed from it: misread numbers are found, marks are read whole."""

import re

import pytest

from alertd.decide.sheets import (
    ALPHABET,
    Entry,
    Mark,
    Result,
    entry,
    read_code,
    read_marks,
    sheet_code,
    written,
)
from alertd.errors import InvalidInputError, ProblemsError

CODES = [sheet_code(n.to_bytes(4)) for n in range(200)]


def test_a_number_is_read_however_it_is_typed() -> None:
    code = CODES[0]
    shown = written(code)
    assert re.fullmatch(r"[2-9A-Z]{3}-[2-9A-Z]{3}", shown)
    assert len(set(CODES)) == len(CODES)
    for typed in (shown, shown.lower(), code, f" {code[:2]} {code[2:]} ", shown.replace("-", "－")):
        assert read_code(typed) == code


def test_every_single_slip_is_found() -> None:
    for code in CODES[:20]:
        for place in range(len(code)):
            for other in ALPHABET.replace(code[place], ""):
                with pytest.raises(InvalidInputError, match="misread"):
                    read_code(code[:place] + other + code[place + 1 :])
            swapped = code[:place] + code[place : place + 2][::-1] + code[place + 2 :]
            if swapped != code:
                with pytest.raises(InvalidInputError, match="misread"):
                    read_code(swapped)


@pytest.mark.parametrize(
    "typed", ["", "K7M4Q", "K7M-4QXX", "K0M-4QX", "K1M-4QX", "LOI-000", "单号"]
)
def test_what_no_sheet_can_have_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInputError):
        read_code(typed)


def test_marks_are_read_in_any_order_and_spelling() -> None:
    expected = (
        *(Mark(row, Result.REACHED) for row in (1, 2, 3)),
        Mark(4, Result.NOBODY),
        Mark(7, Result.HELP),
    )
    for text in ("4n 1-3y 7h", "1y,2Y，3y、4N;7H", "７ｈ 4 n\n1 y 2y 3y", "1y 1y 2y 3y 4n 7h"):
        assert read_marks(text, 7) == expected


def test_everything_wrong_is_named_and_nothing_is_read() -> None:
    with pytest.raises(ProblemsError) as refused:
        read_marks("3y 4k 9y y 2-1y 3n 0y", 7)
    assert [line.partition(":")[0] for line in refused.value.problems] == [
        *("4K", "9Y", "Y", "2-1Y", "row 3", "0Y")
    ]
    for empty in ("", "  ", "y" * 5_000):
        with pytest.raises(InvalidInputError):
            read_marks(empty, 7)


Y, P, N, H, R, U, X = (Result(letter) for letter in "ypnhrux")


@pytest.mark.parametrize(
    ("before", "new", "holds", "outcome"),
    [
        (None, Y, True, Entry.COUNTS),
        (None, N, True, Entry.COUNTS),
        (Y, Y, True, Entry.KNOWN),
        (P, Y, True, Entry.KNOWN),
        (Y, P, True, Entry.COUNTS),
        (N, Y, True, Entry.COUNTS),  # somebody went again
        (R, Y, True, Entry.COUNTS),
        (Y, N, True, Entry.DIFFERS),
        (P, R, True, Entry.DIFFERS),
        (Y, U, True, Entry.DIFFERS),
        (Y, H, True, Entry.COUNTS),  # a call for help always counts
        (H, H, True, Entry.KNOWN),
        (None, X, True, Entry.NOTHING_BEFORE),
        (Y, X, True, Entry.TAKEN_BACK),
        (N, X, False, Entry.TAKEN_BACK),
        (None, Y, False, Entry.HOLDER_CHANGED),
        (None, U, False, Entry.HOLDER_CHANGED),
        (None, H, False, Entry.COUNTS),
        (None, N, False, Entry.COUNTS),
        (Y, Y, False, Entry.KNOWN),
    ],
)
def test_what_becomes_of_a_row(
    before: Result | None, new: Result, holds: bool, outcome: Entry
) -> None:
    assert entry(before, new, holds=holds) is outcome
