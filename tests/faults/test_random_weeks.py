"""Random weeks of a small city keep every promise, whatever is issued, ended and answered."""

import pytest

from tests.faults import random_weeks

QUICK = (1, 2, 3)
OF_SEVERAL = 7
SOAK, SOAK_ON_POSTGRESQL = 1_000, 100
AT_ONCE = 25


@pytest.mark.parametrize("seed", QUICK)
def test_a_week_keeps_its_promises(seed: int) -> None:
    assert random_weeks.play(seed, postgresql=False)


def test_a_week_of_several_processes_keeps_its_promises() -> None:
    assert random_weeks.play(OF_SEVERAL, postgresql=True, several=True)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, SOAK, AT_ONCE))
def test_each_of_a_thousand_weeks_keeps_its_promises(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        random_weeks.play(seed, postgresql=False)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, SOAK_ON_POSTGRESQL, AT_ONCE))
def test_each_of_a_hundred_weeks_keeps_its_promises_on_postgresql(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        random_weeks.play(seed, postgresql=True)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, SOAK_ON_POSTGRESQL, AT_ONCE))
def test_each_of_a_hundred_weeks_of_several_processes_keeps_its_promises(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        random_weeks.play(seed, postgresql=True, several=True)
