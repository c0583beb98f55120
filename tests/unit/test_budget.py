"""What a route may still carry today."""

import pytest

from alertd.decide.budget import Account, is_budgeted, is_spent, left, plan
from tests.city import sms_route


def test_parts_are_counted_whether_booked_or_not() -> None:
    route = sms_route(parts_per_day=10)
    assert left(route, Account(1, spent=3, unbooked=2)) == 5
    assert left(route, Account(1, spent=3, unbooked=9)) == 0


def test_money_is_counted_in_parts() -> None:
    assert left(sms_route(cost_per_part=0.1, cost_per_day=0.3), Account(1)) == 3
    assert left(sms_route(cost_per_part=0.04, cost_per_day=1.0), Account(1, spent=20)) == 5


def test_the_tighter_bound_counts() -> None:
    route = sms_route(parts_per_day=100, cost_per_part=1.0, cost_per_day=7.5)
    assert left(route, Account(1)) == 7


def test_a_plan_says_which_preferred_routes_fall_short() -> None:
    routes = [
        sms_route("a", parts_per_day=100, cost_per_part=0.05),
        sms_route("b", cost_per_part=0.04),
        sms_route("c", parts_per_day=1, rank=2),
    ]
    found = plan(90, routes, {"a": Account(1, spent=20)})
    assert (found.parts, found.cost, found.short) == (90, 3.6, {"a": 80})
    assert plan(90, [], {}).short == {}


@pytest.mark.parametrize("bounds", [{}, {"cost_per_part": 0.5}])
def test_without_a_bound_there_is_no_end(bounds: dict[str, float]) -> None:
    route = sms_route(**bounds)
    assert not is_budgeted(route)
    assert left(route, Account(1, spent=10**9)) is None
    assert not is_spent(route, Account(1, spent=10**9))
