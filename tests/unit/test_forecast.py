"""When messages will have been handed over, by what routes carry; figures made by hand."""

from typing import Any

import pytest

from alertd.decide.forecast import outlook, rate_per_s
from alertd.decide.plan import Leave
from alertd.model import Channel, Status
from tests.city import sms_route

ACTUAL = Leave(status=Status.ACTUAL, routes=None, simulated=False)


def slow(**changes: Any) -> Any:
    return sms_route(**({"rate_per_s": 10.0, "burst": 1, "in_flight": 50} | changes))


def test_a_queue_of_known_length_at_a_known_rate() -> None:
    seen = outlook(Channel.SMS, [("all", 101)], [slow()], ACTUAL)
    assert seen.whole is not None
    assert seen.whole.first_s == 0.0
    assert seen.whole.most_s == pytest.approx(9.0)  # the 91st: one at once, 90 at ten a second
    assert seen.whole.last_s == pytest.approx(10.0)


def test_the_more_urgent_are_reckoned_first() -> None:
    seen = outlook(Channel.SMS, [("first", 51), ("others", 50)], [slow()], ACTUAL)
    (first, early), (others, later) = seen.groups
    assert (first, others) == ("first", "others")
    assert early.last_s == pytest.approx(5.0)
    assert later.first_s == pytest.approx(5.1)
    assert later.last_s == pytest.approx(10.0)


def test_who_comes_too_late_is_counted() -> None:
    seen = outlook(Channel.SMS, [("all", 101)], [slow()], ACTUAL, due_s=4.0)
    assert seen.whole is not None
    assert seen.whole.late == 60  # one at once and forty in four seconds are in time


def test_a_route_that_stands_by_joins_after_twenty_seconds() -> None:
    routes = [slow(), slow(name="sms-2", rank=2)]
    seen = outlook(Channel.SMS, [("all", 401)], routes, ACTUAL)
    assert seen.whole is not None
    assert seen.whole.last_s == pytest.approx(30.0)  # 200 by 20 s, then twenty a second


def test_a_sim_card_is_bounded_by_parts() -> None:
    modem = slow(parts_per_min=12.0)
    assert rate_per_s(modem, 1) == pytest.approx(0.2)
    assert rate_per_s(modem, 2) == pytest.approx(0.1)
    assert rate_per_s(slow(), 3) == 10.0


@pytest.mark.parametrize(
    "routes", [[], [slow(carries=frozenset({Status.EXERCISE}))], [slow(channel=Channel.CHAT)]]
)
def test_what_no_route_carries_has_no_time(routes: list[Any]) -> None:
    assert outlook(Channel.SMS, [("all", 5)], routes, ACTUAL).whole is None


def test_a_drill_reckons_with_the_routes_of_its_plan() -> None:
    plan = Leave(status=Status.EXERCISE, routes=frozenset({"sms-2"}), simulated=False)
    routes = [slow(rate_per_s=1000.0), slow(name="sms-2", rate_per_s=1.0)]
    seen = outlook(Channel.SMS, [("all", 11)], routes, plan)
    assert seen.whole is not None
    assert seen.whole.last_s == pytest.approx(10.0)
