"""When a route's gateway is no longer trusted, and when it is again."""

import pytest

from alertd.decide.breaker import CLOSED, FAILURES, Breaker, after
from alertd.model import Channel
from channels.base import Fault

NOW = 1_000_000


def failing(times: int, fault: Fault = Fault.UNKNOWN, now: int = NOW) -> Breaker:
    breaker = CLOSED
    for _ in range(times):
        breaker = after(breaker, Channel.SMS, fault, now)
    return breaker


@pytest.mark.parametrize("fault", [Fault.UNKNOWN, Fault.RETRY])
def test_so_many_failures_in_a_row_open_it(fault: Fault) -> None:
    assert not failing(FAILURES - 1, fault).is_open
    assert failing(FAILURES, fault).is_open


def test_a_gateway_that_is_not_there_opens_it_at_once() -> None:
    assert failing(1, Fault.AWAY).is_open


@pytest.mark.parametrize("fault", [None, Fault.DEAD, Fault.REFUSED, Fault.OPTED_OUT, Fault.BUSY])
def test_any_word_of_the_gateway_closes_it(fault: Fault | None) -> None:
    assert after(failing(FAILURES), Channel.SMS, fault, NOW) == CLOSED
    assert after(failing(FAILURES - 1), Channel.SMS, fault, NOW) == CLOSED


@pytest.mark.parametrize("channel", [Channel.CHAT, Channel.LOUDSPEAKER, Channel.PAPER])
def test_one_group_or_loudspeaker_says_nothing_of_the_others(channel: Channel) -> None:
    breaker = CLOSED
    for _ in range(50):
        breaker = after(breaker, channel, Fault.UNKNOWN, NOW)
    assert breaker == CLOSED


def test_what_was_in_flight_together_counts_once() -> None:
    assert failing(50).trips == 1
    assert failing(50, Fault.AWAY).trips == 1


def test_while_open_one_try_at_a_time_and_none_before_its_time() -> None:
    breaker = failing(FAILURES)
    assert breaker.allows(NOW, 0, 20) == 0
    assert breaker.allows(breaker.until, 0, 20) == 1
    assert breaker.allows(breaker.until, 1, 20) == 0
    assert CLOSED.allows(NOW, 19, 20) == 20


@pytest.mark.parametrize(("fault", "longest_s"), [(Fault.AWAY, 10), (Fault.UNKNOWN, 60)])
def test_the_waits_grow_to_a_bound(fault: Fault, longest_s: int) -> None:
    breaker, now, waits = failing(FAILURES, fault), NOW, []
    for _ in range(9):
        now = breaker.until
        breaker = after(breaker, Channel.SMS, fault, now)
        waits.append((breaker.until - now) / 1000)
    assert waits == [min(2.0**n, longest_s) for n in range(1, 10)]


def test_the_only_way_is_used_though_nothing_answers() -> None:
    silent, away = failing(FAILURES), failing(1, Fault.AWAY)
    assert silent.allows(NOW, 7, 20, only_way=True) == 20
    assert away.allows(NOW, 0, 20, only_way=True) == 0


def test_a_gateway_that_came_back_and_says_nothing_is_used_where_it_is_the_only_way() -> None:
    away = failing(1, Fault.AWAY)
    silent = after(away, Channel.SMS, Fault.UNKNOWN, away.until)
    assert silent.is_open
    assert silent.allows(away.until, 7, 20, only_way=True) == 20
    assert failing(FAILURES).failures == FAILURES


def test_a_clock_that_was_set_moves_it_along() -> None:
    breaker = failing(FAILURES)
    assert breaker.moved(-5_000).until == breaker.until - 5_000
