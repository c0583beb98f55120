"""Who guesses passwords has to wait, and nobody else."""

import pytest

from alertd.web.throttle import (
    FREE_FOR_ADDRESS,
    FREE_FOR_NAME,
    MOST_KEPT,
    WINDOW_MS,
    Throttle,
    TooManyTriesError,
)

NOW = 1_760_000_000_000


def guess(throttle: Throttle, name: str, address: str, times: int, now: int = NOW) -> None:
    for _ in range(times):
        throttle.failed(name, address, now)


def test_a_name_is_locked_at_one_address_only() -> None:
    throttle = Throttle()
    guess(throttle, "officer", "10.0.0.1", FREE_FOR_NAME - 1)
    throttle.check("officer", "10.0.0.1", NOW)
    guess(throttle, "officer", "10.0.0.1", 1)
    with pytest.raises(TooManyTriesError) as refused:
        throttle.check("officer", "10.0.0.1", NOW)
    assert refused.value.retry_after_s == WINDOW_MS // 1000
    # The officer at the console is not shut out by somebody who guesses elsewhere.
    throttle.check("officer", "10.0.0.2", NOW)
    throttle.check("second", "10.0.0.1", NOW)


def test_an_address_that_tries_many_names_is_locked() -> None:
    throttle = Throttle()
    for n in range(FREE_FOR_ADDRESS):
        throttle.failed(f"name-{n}", "10.0.0.1", NOW)
    with pytest.raises(TooManyTriesError):
        throttle.check("officer", "10.0.0.1", NOW)


def test_a_lock_ends_by_itself_and_a_right_password_ends_the_count() -> None:
    throttle = Throttle()
    guess(throttle, "officer", "10.0.0.1", FREE_FOR_NAME)
    throttle.check("officer", "10.0.0.1", NOW + WINDOW_MS)
    guess(throttle, "officer", "10.0.0.1", FREE_FOR_NAME - 1, NOW + WINDOW_MS)
    throttle.check("officer", "10.0.0.1", NOW + WINDOW_MS)
    guess(throttle, "second", "10.0.0.1", FREE_FOR_NAME - 1)
    throttle.passed("second", "10.0.0.1")
    guess(throttle, "second", "10.0.0.1", FREE_FOR_NAME - 1)
    throttle.check("second", "10.0.0.1", NOW)


def test_a_clock_that_was_set_back_locks_nobody_for_ever() -> None:
    throttle = Throttle()
    guess(throttle, "officer", "10.0.0.1", FREE_FOR_NAME)
    throttle.check("officer", "10.0.0.1", NOW - 3_600_000)


@pytest.mark.parametrize(
    ("later_ms", "wait_s", "minutes"),
    [
        (0, 900, 15),
        (1, 899, 15),
        (60_000, 840, 14),
        (WINDOW_MS - 61_000, 61, 2),
        (WINDOW_MS - 60_000, 60, 1),
        (WINDOW_MS - 1_000, 1, 1),
        (WINDOW_MS - 1, 1, 1),
    ],
)
def test_who_has_to_wait_is_told_how_long(later_ms: int, wait_s: int, minutes: int) -> None:
    throttle = Throttle()
    guess(throttle, "officer", "10.0.0.1", FREE_FOR_NAME)
    with pytest.raises(TooManyTriesError) as refused:
        throttle.check("officer", "10.0.0.1", NOW + later_ms)
    assert refused.value.retry_after_s == wait_s
    assert isinstance(refused.value.retry_after_s, int)
    assert str(refused.value) == f"Too many wrong passwords; try again in {minutes} min."
    assert refused.value.hint == "An administrator can give you a new password."


def test_a_right_password_at_once_is_nothing_to_count() -> None:
    throttle = Throttle()
    throttle.passed("officer", "10.0.0.1")
    assert not throttle.failures


def test_memory_stays_bounded() -> None:
    throttle = Throttle()
    for n in range(MOST_KEPT + 500):
        throttle.failed("x", f"10.0.{n // 256}.{n % 256}", NOW)
    assert len(throttle.failures) == MOST_KEPT
    # The oldest is forgotten, so that whoever guesses isn't by having guessed much.
    guess(throttle, "officer", "10.9.9.9", FREE_FOR_NAME)
    with pytest.raises(TooManyTriesError):
        throttle.check("officer", "10.9.9.9", NOW)
    assert len(throttle.failures) == MOST_KEPT
