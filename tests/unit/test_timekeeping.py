"""Which time a node goes by; the decision alone."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alertd.decide.timekeeping import (
    GAP_MS,
    TOLERANCE_MS,
    Refusal,
    Resumed,
    Why,
    accept,
    follow,
    in_our_time,
    joined,
    resume,
    standing,
)

DAY = 24 * 3_600_000
LIVED = 1_760_000_000_000
TIMES = st.integers(LIVED - 500 * DAY, LIVED + 500 * DAY)


@pytest.mark.parametrize(
    ("gone", "under_way", "begins", "why"),
    [
        (0, True, 0, Why.WALL),
        (20 * 60_000, True, 20 * 60_000, Why.WALL),
        (GAP_MS, True, GAP_MS, Why.WALL),
        (GAP_MS + 1, True, 0, Why.AHEAD),
        (400 * DAY, True, 0, Why.AHEAD),
        (400 * DAY, False, 400 * DAY, Why.IDLE),
        (-TOLERANCE_MS, True, 0, Why.NEAR),
        (-TOLERANCE_MS - 1, True, 0, Why.BEHIND),
        (-400 * DAY, True, 0, Why.BEHIND),
        (-400 * DAY, False, 0, Why.BEHIND),
    ],
)
def test_where_a_start_begins(gone: int, under_way: bool, begins: int, why: Why) -> None:
    found = resume(LIVED, LIVED + gone, under_way=under_way)
    assert (found.at - LIVED, found.why) == (begins, why)
    assert found.believed is (why not in {Why.AHEAD, Why.BEHIND})


def test_a_new_node_has_only_the_wall_clock() -> None:
    assert resume(None, LIVED, under_way=False) == Resumed(LIVED, Why.WALL)


@given(wall=TIMES, under_way=st.booleans(), gap=st.integers(60_000, 30 * DAY))
@example(wall=LIVED - 1, under_way=True, gap=60_000)
@example(wall=LIVED + 60_001, under_way=True, gap=60_000)
def test_a_start_is_never_before_what_was_lived(wall: int, under_way: bool, gap: int) -> None:
    found = resume(LIVED, wall, under_way=under_way, gap_ms=gap)
    assert found.at >= LIVED
    assert found.at in {LIVED, wall}
    if under_way:
        # What waits keeps what it had left, but for a time off that can be believed.
        assert found.at - LIVED <= max(gap, TOLERANCE_MS)
    if not found.believed:
        assert standing(found.at, wall) is found.why


@given(wall=TIMES, under_way=st.booleans(), since=st.integers(0, 30 * DAY))
def test_a_running_node_goes_over_only_with_nothing_under_way(
    wall: int, under_way: bool, since: int
) -> None:
    goes = follow(LIVED, wall, last_fact=LIVED - since, under_way=under_way)
    if goes:
        assert not under_way
        assert wall >= LIVED - since
        assert standing(LIVED, wall) is not Why.WALL
    elif not under_way:
        assert wall < LIVED - since or standing(LIVED, wall) is Why.WALL


def test_a_node_may_go_back_to_its_last_fact_and_not_before() -> None:
    wall = LIVED - DAY
    assert follow(LIVED, wall, last_fact=wall, under_way=False)
    assert not follow(LIVED, wall, last_fact=wall + 1, under_way=False)


@pytest.mark.parametrize(
    ("leapt", "back", "under_way", "goes"),
    [
        (400 * DAY, 400 * DAY, False, True),
        (400 * DAY, 400 * DAY - TOLERANCE_MS, False, True),
        (400 * DAY, 400 * DAY - TOLERANCE_MS - 1, False, False),
        (400 * DAY, 400 * DAY, True, False),
        (-400 * DAY, 400 * DAY, False, False),
        (0, 400 * DAY, False, False),
    ],
)
def test_back_by_as_much_as_it_leapt_ahead_is_believed(
    leapt: int, back: int, *, under_way: bool, goes: bool
) -> None:
    wall = LIVED - back
    assert follow(LIVED, wall, last_fact=LIVED, under_way=under_way, leapt_ms=leapt) is goes


def test_a_node_without_a_record_follows_anywhere() -> None:
    assert follow(LIVED, LIVED - 400 * DAY, last_fact=None, under_way=False)


@pytest.mark.parametrize(
    ("told", "ahead", "ours"),
    [
        (-DAY, -DAY, 0),  # ours is ahead, and the peer has the machine's time
        (DAY, DAY, 0),  # ours is behind
        (-1, -DAY, -1),  # the peer has ours
        (-1, DAY, -1),
        (-DAY - 5, -DAY, -5),
        (DAY + 5, DAY, DAY + 5),  # by neither: told as it is
    ],
)
def test_what_a_peer_says_is_read_by_the_clock_it_may_have(
    told: int, ahead: int, ours: int
) -> None:
    assert in_our_time(LIVED + told, LIVED, ahead) == LIVED + ours


@given(wall=TIMES, said=TIMES, under_way=st.booleans())
def test_an_operators_word_needs_a_second_witness(wall: int, said: int, under_way: bool) -> None:
    refused = accept(LIVED, wall, said=said, under_way=under_way)
    if abs(said - wall) > TOLERANCE_MS:
        assert refused is Refusal.NOT_THE_TIME
    elif under_way and wall < LIVED - TOLERANCE_MS:
        assert refused is Refusal.BACK_UNDER_WAY
    else:
        assert refused is None


def test_time_goes_back_by_an_operators_word_only_with_nothing_under_way() -> None:
    back = LIVED - DAY
    assert accept(LIVED, back, said=back, under_way=True) is Refusal.BACK_UNDER_WAY
    assert accept(LIVED, back, said=back, under_way=False) is None


def test_clocks_that_agree_by_the_tolerance_agree() -> None:
    assert standing(LIVED, LIVED + TOLERANCE_MS + 1) is Why.AHEAD
    assert standing(LIVED, LIVED - TOLERANCE_MS - 1) is Why.BEHIND
    for apart in (-TOLERANCE_MS, 0, TOLERANCE_MS):
        assert standing(LIVED, LIVED + apart) is Why.WALL
        assert accept(LIVED, LIVED, said=LIVED + apart, under_way=True) is None
    assert accept(LIVED, LIVED - TOLERANCE_MS, said=LIVED, under_way=True) is None


@pytest.mark.parametrize(
    ("others", "wall", "goes_to"),
    [
        (DAY, DAY, DAY),
        (DAY, DAY + TOLERANCE_MS, DAY + TOLERANCE_MS),  # they wrote it down a moment ago
        (DAY, DAY + TOLERANCE_MS + 1, DAY),
        (DAY, 0, DAY),
        (-DAY, 0, -DAY),
    ],
)
def test_one_of_several_goes_where_the_others_are(others: int, wall: int, goes_to: int) -> None:
    assert joined(LIVED + wall, LIVED + others) == LIVED + goes_to
