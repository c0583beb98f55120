"""Which route may take what, and how much of it."""

from itertools import product

import pytest

from alertd.decide.plan import (
    Bucket,
    Leave,
    Route,
    others,
    reaches_people,
    ready_at,
    refusal,
    room,
)
from alertd.lanes import lane_of
from alertd.model import Channel, Status


def route(
    name: str = "sms-1", carries: tuple[Status, ...] = tuple(Status), *, simulated: bool = False
) -> Route:
    return Route(
        name=name,
        channel=Channel.SMS,
        carries=frozenset(carries),
        simulated=simulated,
        in_flight=10,
        rate_per_s=50.0,
        burst=5,
        timeout_s=10.0,
    )


def test_room_is_bounded_by_flight_and_by_tokens() -> None:
    assert room(route(), Bucket(100.0, 0), 3) == 7
    assert room(route(), Bucket(2.9, 0), 0) == 2
    assert room(route(), Bucket(5.0, 0), 12) == 0


def test_a_bucket_fills_by_the_rate_up_to_the_burst() -> None:
    bucket = Bucket(0.0, 0)
    assert bucket.fill(route(), 40).tokens == pytest.approx(2.0)
    assert bucket.fill(route(), 10_000).tokens == 5.0
    assert ready_at(route(), bucket) == 20


def test_a_clock_that_went_back_takes_no_tokens_away() -> None:
    assert Bucket(1.0, 5_000).fill(route(), 1_000).tokens == 1.0


ALL = list(product(Status, [True, False], [None, frozenset({"sms-1"}), frozenset({"x"})]))


@pytest.mark.parametrize(("status", "simulated", "plan"), ALL)
@pytest.mark.parametrize("carries", [(Status.ACTUAL,), (Status.EXERCISE,), tuple(Status)])
def test_a_route_carries_what_it_is_marked_for_and_the_plan_names(
    status: Status,
    plan: frozenset[str] | None,
    carries: tuple[Status, ...],
    *,
    simulated: bool,
) -> None:
    leave = Leave(status=status, routes=plan, simulated=simulated)
    real = refusal(route(carries=carries), leave)
    allowed = status in carries and (plan is None or "sms-1" in plan) and not simulated
    assert (real is None) == allowed


def test_a_simulated_drill_never_takes_a_real_route() -> None:
    leave = Leave(status=Status.EXERCISE, routes=None, simulated=True)
    assert refusal(route(), leave) == "real-route-in-simulated-drill"
    assert refusal(route(simulated=True), leave) is None


def test_a_drill_on_simulated_routes_reaches_nobody_real() -> None:
    drill = Leave(status=Status.EXERCISE, routes=None, simulated=False)
    assert reaches_people([route()], drill)
    assert not reaches_people([route(simulated=True)], drill)
    assert not reaches_people([route(carries=(Status.ACTUAL,))], drill)


def test_another_route_must_serve_the_lane() -> None:
    lane = lane_of(Channel.SMS, Status.ACTUAL)
    exercise_only = route("sms-2", (Status.EXERCISE,))
    assert not others([route(), exercise_only], lane, "sms-1")
    assert others([route(), route("sms-2")], lane, "sms-1")
