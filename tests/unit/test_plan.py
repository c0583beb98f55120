"""Which route may take what, and how much of it."""

from dataclasses import replace
from itertools import product

import pytest

from alertd.decide.plan import (
    LOST,
    MUTED,
    STANDBY_MS,
    Bucket,
    Leave,
    Route,
    Terms,
    Way,
    covers,
    meet,
    others,
    patience_ms,
    reaches,
    reaches_people,
    ready_at,
    refusal,
    resolve,
    room,
    served,
    stuck,
    without_pretence,
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


def test_nothing_live_goes_by_a_simulated_route_beside_a_real_one() -> None:
    real, drills = route(), route("drills", simulated=True)
    calls = replace(route("calls", simulated=True), channel=Channel.VOICE)
    found = without_pretence({each.name: each for each in (real, drills, calls)})
    assert found["sms-1"] == real
    assert found["drills"].carries == {Status.EXERCISE}
    assert found["calls"] == calls  # its channel has no real one: all is simulated there
    sample = {"sms": drills, "calls": calls}
    assert without_pretence(sample) == sample
    exercises = route("exercises", (Status.EXERCISE,))  # carries nothing live itself
    assert without_pretence({"a": exercises, "b": drills})["b"] == drills


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


# Which numbers a route is for, and who waits for whom.


@pytest.mark.parametrize(
    ("numbers", "address", "may"),
    [
        ((), "+8613800000001", True),
        (("+86",), "+8613800000001", True),
        (("+1", "+44"), "+442000000000", True),
        (("+1", "+44"), "+8613800000001", False),
        (("+86",), "", False),
    ],
)
def test_a_route_takes_only_the_numbers_that_it_is_for(
    numbers: tuple[str, ...], address: str, *, may: bool
) -> None:
    assert reaches(replace(route(), numbers=numbers), address) is may


@pytest.mark.parametrize(
    ("other", "mine", "does"),
    [
        ((), (), True),
        ((), ("+86",), True),
        (("+86",), ("+86138", "+86139"), True),
        (("+86",), ("+86138", "+1"), False),
        (("+86",), (), False),  # mine reaches everybody, the other doesn't
        (("+86138",), ("+86",), False),
    ],
)
def test_one_waits_only_for_a_route_that_reaches_all_of_its_own_numbers(
    other: tuple[str, ...], mine: tuple[str, ...], *, does: bool
) -> None:
    assert covers(replace(route(), numbers=other), replace(route(), numbers=mine)) is does


def test_a_message_waits_for_a_preferred_route_of_its_lane_and_for_no_other() -> None:
    lane = lane_of(Channel.SMS, Status.ACTUAL)
    first, second = replace(route("sms-1"), rank=1), replace(route("sms-2"), rank=2)
    elsewhere = replace(route("drills", (Status.EXERCISE,)), rank=0)
    assert patience_ms(second, lane, [first, second]) == STANDBY_MS
    assert patience_ms(first, lane, [first, second]) == 0
    assert patience_ms(first, lane, [first, replace(second, rank=1)]) == 0
    assert patience_ms(first, lane, [first, elsewhere]) == 0
    assert patience_ms(first, lane, []) == 0


# Drills made from plans.

LANE = lane_of(Channel.SMS, Status.EXERCISE)


def drill(*, lost: tuple[str, ...] = (), **ways: Way) -> Leave:
    return Leave(
        status=Status.EXERCISE,
        routes=None,
        simulated=False,
        ways={name.replace("_", "-"): way for name, way in ways.items()},
        lost=frozenset(lost),
    )


def test_a_drills_plan_decides_for_each_route() -> None:
    real, sim = route(), route("sim", simulated=True)
    assert refusal(real, drill(sms_1=Way.REAL)) is None
    assert refusal(real, drill(sms_1=Way.MUTED)) == MUTED
    assert refusal(real, drill(sms_1=Way.SIMULATED)) == MUTED
    assert refusal(sim, drill(sim=Way.SIMULATED)) is None
    assert refusal(sim, drill(sim=Way.REAL)) is None
    assert refusal(real, drill(sim=Way.SIMULATED)) == MUTED, "not named is muted"
    assert refusal(real, drill(lost=("sms-1",), sms_1=Way.REAL)) == LOST
    assert refusal(real, drill(lost=("sms-2",), sms_1=Way.REAL)) is None
    live = replace(drill(sms_1=Way.MUTED), status=Status.ACTUAL, lost=frozenset({"sms-1"}))
    assert refusal(real, live) is None, "a drill's script touches no live alert"


def test_what_a_plan_mutes_or_loses_is_planned_and_what_nobody_carries_is_not() -> None:
    assert served([route()], LANE, drill(sms_1=Way.REAL))
    assert served([route()], LANE, drill(sms_1=Way.MUTED))
    assert served([route()], LANE, drill(lost=("sms-1",), sms_1=Way.REAL))
    assert not served([route()], lane_of(Channel.CHAT, Status.EXERCISE), drill(sms_1=Way.REAL))
    elsewhere = replace(drill(sms_1=Way.REAL), routes=frozenset({"x"}))
    assert not served([route()], LANE, elsewhere)
    assert served([route("x"), route()], LANE, replace(elsewhere, ways=None))
    assert not served([], LANE, drill())


def test_why_nothing_may_carry_it_is_said_by_the_gravest_reason() -> None:
    both = [route(), route("sms-2")]
    assert stuck(both, drill(sms_1=Way.REAL)) is None
    assert stuck(both, drill()) == MUTED
    assert stuck(both, drill(lost=("sms-1",), sms_1=Way.REAL)) == LOST
    outside = Leave(status=Status.EXERCISE, routes=frozenset({"x"}), simulated=False)
    assert stuck(both, outside) == "no-route"
    assert stuck([], drill()) == "no-route"


def test_a_plan_says_what_is_done_with_every_route_there_is() -> None:
    real, other = route("sms-1"), replace(route("chat-1"), channel=Channel.CHAT)
    sim = route("sim-sms", simulated=True)
    chat_sim = replace(route("sim-chat", simulated=True), channel=Channel.CHAT)
    there = [real, other, sim, chat_sim]
    assert resolve(there, {"sms-1": Way.SIMULATED}) == {
        "sms-1": Way.SIMULATED,
        "chat-1": Way.MUTED,
        "sim-sms": Way.SIMULATED,  # stands in for the real one of its channel
        "sim-chat": Way.MUTED,
    }
    named = {"sms-1": Way.SIMULATED, "sim-sms": Way.MUTED}
    assert resolve([real, sim], named) == {"sms-1": Way.SIMULATED, "sim-sms": Way.MUTED}
    assert resolve([real, sim], {"sms-1": Way.REAL}) == {"sms-1": Way.REAL, "sim-sms": Way.MUTED}
    # A real route of the channel doesn't stand in for another: it would reach people.
    assert resolve([real, route("sms-2")], {"sms-1": Way.SIMULATED})["sms-2"] is Way.MUTED
    assert resolve(iter([real]), {}) == {"sms-1": Way.MUTED}


def test_a_route_is_lost_from_its_minute_to_its_minute() -> None:
    terms = Terms(
        drill=1, ways={}, climb_to=None, lost=(("sms-1", 1_000, 5_000), ("sms-2", 3_000, 4_000))
    )
    assert terms.lost_at(999) == frozenset()
    assert terms.lost_at(1_000) == {"sms-1"}
    assert terms.lost_at(3_500) == {"sms-1", "sms-2"}
    assert terms.lost_at(4_000) == {"sms-1"}
    assert terms.lost_at(5_000) == frozenset()


def test_a_new_process_begins_with_a_seconds_worth_and_not_with_a_burst() -> None:
    by_second = replace(route(), rate_per_s=5.0, burst=100)
    assert Bucket.begin(by_second, 7) == Bucket(5.0, 7)
    assert Bucket.begin(replace(by_second, burst=3), 7) == Bucket(3.0, 7)
    assert Bucket.begin(replace(by_second, rate_per_s=0.1), 7) == Bucket(1.0, 7)  # a modem's


@pytest.mark.parametrize(
    ("ours", "theirs", "common"),
    [
        (["/city/town/"], ["/city/town/"], True),
        (["/city/"], ["/city/town/"], True),
        (["/city/town/grid/"], ["/city/town/"], True),
        (["/city/town/"], ["/city/other/"], False),
        (["/city/town/"], ["/city/other/", "/city/"], True),
        (["/city/far/", "/city/town/"], ["/city/town/"], True),
        ([], ["/city/"], False),
        (["/city/"], [], False),
    ],
)
def test_areas_meet_where_one_lies_in_the_other(
    ours: list[str], theirs: list[str], common: bool
) -> None:
    assert meet(ours, theirs) is common
