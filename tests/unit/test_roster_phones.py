"""Phone numbers as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosters.phones import (
    is_fictional,
    mask,
    national,
    read_phone,
    read_short_phone,
    takes_sms,
)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("13800000001", "+8613800000001"),
        ("+86 138-0000-0001", "+8613800000001"),
        ("0086 13800000001", "+8613800000001"),
        ("8613800000001", "+8613800000001"),
        ("\uff11\uff13\uff1800000001", "+8613800000001"),
        ("19203868088", "+8619203868088"),
        ("17405123456", "+8617405123456"),
        ("0574-62712345", "+8657462712345"),
        ("(0574) 6271 2345", "+8657462712345"),
        ("+852 9123 4567", "+85291234567"),
    ],
)
def test_one_number_however_it_is_written(cell: str, number: str) -> None:
    read = read_phone(cell)
    assert (read.number, read.problem, read.remark) == (number, "", "")
    assert read_phone(national(number)).number == number


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("", "phone-invalid"),
        ("110", "phone-invalid"),
        ("95588", "phone-invalid"),
        ("12345678901", "phone-invalid"),
        ("138000000012", "phone-invalid"),
        ("62712345", "phone-invalid"),
        ("139574OOOO1", "phone-invalid"),
        ("13800000001/13800000002", "phone-several"),
        ("0574-62712345转801", "phone-invalid"),
        ("0574-62712345 ext. 801", "phone-invalid"),
        ("١٣٨٠٠٠٠٠٠٠١", "phone-invalid"),
        ("1.38E+10", "phone-spoilt"),
        ("***01", "phone-masked"),
    ],
)
def test_what_cannot_be_dialled_is_refused(cell: str, problem: str) -> None:
    assert read_phone(cell).problem == problem
    assert not read_phone(cell).number


def test_what_a_spreadsheet_added_is_taken_off() -> None:
    read = read_phone("13800000001.0")
    assert (read.number, read.remark) == ("+8613800000001", "phone-mended")


def test_a_block_without_an_operator_is_remarked_except_the_samples_own() -> None:
    assert read_phone("19412345678").remark == "phone-unassigned"
    assert read_phone("15412345678").remark == ""
    assert is_fictional("+8615412345678")
    assert not is_fictional("+8613812345678")


def test_short_numbers_have_five_or_six_digits() -> None:
    assert [read_short_phone(cell) for cell in ("61234", "612345.0", "1234", "x")] == [
        "61234",
        "612345",
        "",
        "",
    ]


def test_only_mobiles_take_sms_in_china() -> None:
    assert takes_sms("+8613800000001")
    assert takes_sms("+85291234567")
    assert not takes_sms("+8657462712345")


def test_a_mask_shows_two_digits() -> None:
    assert mask("+8613800000001") == "***01"
    assert mask("") == ""


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_a_number_or_a_problem(cell: str) -> None:
    read = read_phone(cell)
    assert bool(read.number) != bool(read.problem)
    assert read.number == "" or read.number not in repr(read)
