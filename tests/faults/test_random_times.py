"""Random days of a node's clock and processes: no alert ends early, none stays for ever."""

import pytest

from tests.faults import random_times

QUICK = (9, 191, 192)
OF_SEVERAL = 5
SOAK, AT_ONCE = 400, 25


@pytest.mark.parametrize("seed", QUICK)
def test_a_day_of_one_process_keeps_its_alerts(seed: int) -> None:
    assert random_times.play(seed, several=False)


def test_a_day_of_several_processes_keeps_its_alerts() -> None:
    assert random_times.play(OF_SEVERAL, several=True)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, SOAK, AT_ONCE))
@pytest.mark.parametrize("several", [False, True])
def test_each_of_hundreds_of_days_keeps_its_alerts(first: int, *, several: bool) -> None:
    for seed in range(first, first + AT_ONCE):
        random_times.play(seed, several=several)
