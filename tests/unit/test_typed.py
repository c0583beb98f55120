"""What must be typed before an alert goes out: a drill's word never sends a live alert."""

import pytest

from alertd.decide.typed import confirms, words_to_type
from alertd.model import Status


def asked(
    status: Status, level: str | None = "III", *, real_routes: bool = True
) -> tuple[str, ...]:
    return words_to_type(status, short_code="A7", level=level, real_routes=real_routes)


def test_a_live_alert_asks_for_its_own_code_and_the_highest_level_for_more() -> None:
    assert {asked(Status.ACTUAL, level) for level in ("II", "III", "IV", None)} == {("A7",)}
    assert asked(Status.ACTUAL, "I") == ("一级响应", "LEVEL ONE")
    assert asked(Status.ACTUAL, "I", real_routes=False) == ("一级响应", "LEVEL ONE")


def test_a_drill_asks_for_its_word_where_it_reaches_people() -> None:
    for level in ("I", "III", None):
        assert asked(Status.EXERCISE, level) == ("演练", "DRILL")
        assert asked(Status.EXERCISE, level, real_routes=False) == ()


def test_no_word_of_a_drill_confirms_a_live_alert_nor_the_other_way_round() -> None:
    drill = asked(Status.EXERCISE)
    for live in (asked(Status.ACTUAL, level) for level in ("I", "III")):
        assert not any(confirms(word, live) for word in drill)
        assert not any(confirms(word, drill) for word in live)


@pytest.mark.parametrize("typed", ["A7", "a7", " A7\n"])
def test_white_space_and_case_do_not_count(typed: str) -> None:
    assert confirms(typed, ("A7",))
    assert confirms("level   one", ("一级响应", "LEVEL ONE"))


@pytest.mark.parametrize("typed", ["", " ", "A", "A77", "A7 A7", "yes"])
def test_nothing_else_confirms(typed: str) -> None:
    assert not confirms(typed, ("A7",))
    assert not confirms(typed, ("演练", "DRILL"))


def test_where_a_press_is_enough_nothing_need_be_typed() -> None:
    assert confirms("", ())
    assert confirms("anything", ())
