"""Percentiles are values that occurred, by nearest rank; curves never come down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.report.compare import differences
from alertd.report.figures.spread import curve, needed, reached, spread
from alertd.report.figures.values import Spread


@pytest.mark.parametrize(
    ("values", "median", "p90", "most"),
    [
        ([], None, None, None),
        ([7], 7, 7, 7),
        ([3, 1], 1, 3, 3),
        ([5, 1, 3], 3, 5, 5),
        (list(range(1, 11)), 5, 9, 10),
        (list(range(1, 101)), 50, 90, 100),
    ],
)
def test_spread(values: list[int], median: int | None, p90: int | None, most: int | None) -> None:
    assert spread(values) == Spread(len(values), median, p90, most)


@pytest.mark.parametrize(
    ("total", "share", "wanted"),
    [(10, 0.9, 9), (11, 0.9, 10), (10, 0.5, 5), (11, 0.5, 6), (7, 1.0, 7), (1, 0.5, 1)],
)
def test_a_share_is_whole_people(total: int, share: float, wanted: int) -> None:
    assert needed(total, share) == wanted


def test_reached() -> None:
    assert reached([10, 20, 30], 4, 0.5) == 20
    assert reached([10, 20, 30], 4, 0.9) is None
    assert reached([], 0, 0.5) is None


@given(st.lists(st.integers(0, 10**8), max_size=400))
def test_a_curve_is_short_rises_and_ends_with_all(times: list[int]) -> None:
    ordered = sorted(times)
    points = curve(ordered)
    assert len(points) <= 122
    assert [n for _, n in points] == sorted(n for _, n in points)
    if ordered:
        assert points[0] == (0, 0)
        assert points[-1][1] == len(ordered)
        for at, n in points[1:]:
            assert n == sum(time <= at for time in ordered)


def test_differences_are_named_by_their_place() -> None:
    expected = {"a": [1, {"b": 2.0}], "c": False, "d": "x"}
    assert list(differences(expected, {"a": [1, {"b": 2}], "c": False, "d": "x"})) == []
    found = {"a": [1, {"b": 3}, 4], "c": 0, "e": None}
    assert list(differences(expected, found)) == [
        ("a.length", "2", "3"),
        ("a[1].b", "2.0", "3"),
        ("c", "False", "0"),
        ("d", "'x'", "nothing"),
        ("e", "nothing", "None"),
    ]
    ((_, shown, _),) = differences("x" * 1000, "")
    assert len(shown) == 78
