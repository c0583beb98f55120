"""A sheet's number, and what is typed from it: misread numbers are found, marks are read whole."""

import re

import pytest

from alertd.decide.sheets import (
    ALPHABET,
    MOST_TEXT,
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


def test_a_sheet_keeps_its_number_over_an_update() -> None:
    """It is printed anew under the same number, and may hang on a wall when we are updated."""
    assert sheet_code(b"alert 7, grid 3") == read_code("G7VDUP") == "G7VDUP"


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


SIX = (
    "A sheet's number has six characters.",
    "It stands in the upper right corner, such as K7M-4QX.",
)
NEVER = (
    "A sheet's number never holds 0, O, 1, I or L.",
    "Look again: it may be a D, a Q, a 7 or a J.",
)
MISREAD = (
    "That number is misread: its check character doesn't fit.",
    "Compare it with the sheet, character by character.",
)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        *((typed, SIX) for typed in ("", "K7M4Q", "K7M-4QXX", "单号")),
        *((typed, NEVER) for typed in ("K0M-4QX", "K1M-4QX", "LOI-000")),
        *((code[:-1] + ("3" if code[-1] == "2" else "2"), MISREAD) for code in CODES[:3]),
    ],
)
def test_what_no_sheet_can_have_is_refused(typed: str, said: tuple[str, str]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_code(typed)
    assert (str(refused.value), refused.value.hint) == said
    assert refused.value.field == "sheet"


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
    assert str(refused.value) == "Some of it can't be read, and nothing was entered."
    assert refused.value.problems[1] == "9Y: the sheet has the rows 1 to 7"
    assert refused.value.problems[4] == "row 3: two different results"
    told = [f"{'K' * 20}: a row's number and one of y p n h r u x"]
    with pytest.raises(ProblemsError) as refused:
        read_marks("K" * 30, 7)
    assert refused.value.problems == told
    with pytest.raises(ProblemsError) as refused:
        read_marks("1y 100-200y", 100)
    assert refused.value.problems == ["100-200Y: the sheet has the rows 1 to 100"]


@pytest.mark.parametrize("typed", ["", "  ", "1y " * MOST_TEXT])
def test_what_is_nothing_or_too_much_is_asked_for_again(typed: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_marks(typed, 7)
    said = (str(refused.value), refused.value.field, refused.value.hint)
    assert said == ("Type the rows with their results.", "marks", "Such as: 3y 4n 7h")


def test_an_entry_may_be_as_long_as_it_says() -> None:
    assert read_marks("1y" + " " * (MOST_TEXT - 2), 7) == (Mark(1, Result.REACHED),)
    with pytest.raises(InvalidInputError):
        read_marks("1y" + " " * (MOST_TEXT - 1), 7)


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
