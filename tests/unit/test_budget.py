"""What a route may still carry today."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.decide.budget import Account, fitting, is_budgeted, is_spent, left, plan, repeats
from tests.city import sms_route


def test_parts_are_counted_whether_booked_or_not() -> None:
    route = sms_route(parts_per_day=10)
    assert left(route, Account(1, spent=3, unbooked=2)) == 5
    assert left(route, Account(1, spent=3, unbooked=9)) == 0


def test_what_leaves_is_counted_before_it_is_written_down() -> None:
    account = Account(1, spent=3, unbooked=2).carry(4)
    assert account == Account(1, spent=3, unbooked=6)
    assert left(sms_route(parts_per_day=10), account) == 1


def test_money_is_counted_in_parts() -> None:
    assert left(sms_route(cost_per_part=0.1, cost_per_day=0.3), Account(1)) == 3
    assert left(sms_route(cost_per_part=0.04, cost_per_day=1.0), Account(1, spent=20)) == 5


def test_what_costs_nothing_is_not_bounded_by_money() -> None:
    assert left(sms_route(cost_per_day=1.0, cost_per_part=0.0), Account(1)) is None


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
    assert plan(80, routes, {"a": Account(1, spent=20)}).short == {}, "just enough is enough"
    none = plan(90, [], {})
    assert (none.cost, none.short) == (0.0, {})


def test_a_plans_cost_is_in_cents() -> None:
    assert plan(1, [sms_route(cost_per_part=0.033)], {}).cost == 0.03


@pytest.mark.parametrize("bound", [{"parts_per_day": 5}, {"cost_per_part": 0.2, "cost_per_day": 1}])
def test_a_budget_is_spent_with_its_last_part(bound: dict[str, float]) -> None:
    route = sms_route(**bound)
    assert is_budgeted(route)
    assert not is_spent(route, Account(1, spent=4))
    assert is_spent(route, Account(1, spent=5))


@pytest.mark.parametrize("bounds", [{}, {"cost_per_part": 0.5}])
def test_without_a_bound_there_is_no_end(bounds: dict[str, float]) -> None:
    route = sms_route(**bounds)
    assert not is_budgeted(route)
    assert left(route, Account(1, spent=10**9)) is None
    assert not is_spent(route, Account(1, spent=10**9))


SAID = st.tuples(st.integers(1, 3), st.sampled_from([b"a", b"b"]))


@given(
    most=st.integers(1, 4),
    before=st.dictionaries(SAID, st.integers(0, 5)),
    wanted=st.lists(SAID, max_size=30),
)
def test_a_text_leaves_for_a_number_as_often_as_its_gateway_takes_it(
    most: int, before: dict[tuple[int, bytes], int], wanted: list[tuple[int, bytes]]
) -> None:
    fits = fitting(most, before, wanted)
    asked = Counter(wanted)
    leave = Counter(said for said, does in zip(wanted, fits, strict=True) if does)
    for said, n in asked.items():
        assert leave[said] == min(n, max(0, most - before.get(said, 0)))
        mine = [does for each, does in zip(wanted, fits, strict=True) if each == said]
        assert mine == sorted(mine, reverse=True)  # the first of them, and no later one


@pytest.mark.parametrize(
    ("sharing", "limits", "over"),
    [
        ({1: 100}, {"a": 1}, {}),
        ({1: 100, 2: 10, 5: 1}, {"a": 1}, {"a": 14}),
        ({1: 100, 2: 10, 5: 1}, {"a": 2, "b": None}, {"a": 3}),
        ({3: 7}, {"a": 2, "b": 3}, {"a": 7}),
    ],
)
def test_a_plan_says_how_many_share_a_number_that_takes_no_more(
    sharing: dict[int, int], limits: dict[str, int | None], over: dict[str, int]
) -> None:
    routes = [sms_route(name, same_text_per_day=most) for name, most in limits.items()]
    spare = sms_route("spare", same_text_per_day=1, rank=2)
    assert repeats(sharing, [*routes, spare]) == over
