"""When messages will have been handed over, by what routes carry; figures made by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.decide.forecast import Outlook, Wave, ahead, first_rung_s, outlook, rate_per_s
from alertd.decide.plan import Leave
from alertd.lanes import lane_of
from alertd.model import Channel, Policy, Precedence, Status, priority_of
from tests.city import sms_route

ACTUAL = Leave(status=Status.ACTUAL, routes=None, simulated=False)


def slow(**changes: Any) -> Any:
    return sms_route(**({"rate_per_s": 10.0, "burst": 1, "in_flight": 50} | changes))


def wave(n: int, name: str = "all", *, ahead: int = 0) -> Wave:
    return Wave(name=name, levels={"grid": n}, ahead=ahead)


def test_a_queue_of_known_length_at_a_known_rate() -> None:
    seen = outlook(Channel.SMS, [wave(101)], [slow()], ACTUAL)
    assert seen.whole is not None
    assert seen.whole.first_s == 0.0
    assert seen.whole.most_s == pytest.approx(9.0)  # the 91st: one at once, 90 at ten a second
    assert seen.whole.last_s == pytest.approx(10.0)


def test_the_more_urgent_are_reckoned_first() -> None:
    seen = outlook(Channel.SMS, [wave(51, "first"), wave(50, "others")], [slow()], ACTUAL)
    (first, early), (others, later) = seen.groups
    assert (first, others) == ("first", "others")
    assert early.last_s == pytest.approx(5.0)
    assert later.first_s == pytest.approx(5.1)
    assert later.last_s == pytest.approx(10.0)


def test_who_comes_too_late_is_counted() -> None:
    seen = outlook(Channel.SMS, [wave(101)], [slow()], ACTUAL, due_s=4.0)
    assert seen.whole is not None
    assert seen.whole.late == 60  # one at once and forty in four seconds are in time


def test_a_route_that_stands_by_joins_after_twenty_seconds() -> None:
    routes = [slow(), slow(name="sms-2", rank=2)]
    seen = outlook(Channel.SMS, [wave(401)], routes, ACTUAL)
    assert seen.whole is not None
    assert seen.whole.last_s == pytest.approx(30.0)  # 200 by 20 s, then twenty a second


def test_a_sim_card_is_bounded_by_parts() -> None:
    modem = slow(parts_per_min=12.0)
    assert rate_per_s(modem, 1) == pytest.approx(0.2)
    assert rate_per_s(modem, 2) == pytest.approx(0.1)
    assert rate_per_s(slow(), 3) == 10.0


def test_messages_of_two_parts_take_a_sim_card_twice_as_long() -> None:
    modems = [slow(parts_per_min=60.0), slow(name="sms-2", rank=2, parts_per_min=60.0)]
    short = outlook(Channel.SMS, [wave(11)], modems[:1], ACTUAL)
    long = outlook(Channel.SMS, [wave(31)], modems, ACTUAL, parts=2)
    assert short.whole is not None
    assert long.whole is not None
    assert (short.channel, short.whole.last_s) == (Channel.SMS, pytest.approx(10.0))
    # One at once, ten by 20 s, and then one a second by both.
    assert long.whole.last_s == pytest.approx(40.0)


def test_who_comes_too_late_is_counted_with_the_route_that_joined() -> None:
    routes = [slow(), slow(name="sms-2", rank=2, rate_per_s=20.0)]
    seen = outlook(Channel.SMS, [wave(401)], routes, ACTUAL, due_s=25.0)
    assert seen.whole is not None
    assert seen.whole.late == 50  # one, two hundred by 20 s, thirty a second since
    second = outlook(Channel.SMS, [wave(1, ahead=1)], [slow()], ACTUAL).whole
    assert second is not None
    assert second.first_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    "routes", [[], [slow(carries=frozenset({Status.EXERCISE}))], [slow(channel=Channel.CHAT)]]
)
def test_what_no_route_carries_has_no_time(routes: list[Any]) -> None:
    assert outlook(Channel.SMS, [wave(5)], routes, ACTUAL).whole is None


def test_a_drill_reckons_with_the_routes_of_its_plan() -> None:
    plan = Leave(status=Status.EXERCISE, routes=frozenset({"sms-2"}), simulated=False)
    routes = [slow(rate_per_s=1000.0), slow(name="sms-2", rate_per_s=1.0)]
    seen = outlook(Channel.SMS, [wave(11)], routes, plan)
    assert seen.whole is not None
    assert seen.whole.last_s == pytest.approx(10.0)


def test_what_others_have_waiting_goes_first() -> None:
    seen = outlook(Channel.SMS, [wave(10, ahead=100)], [slow()], ACTUAL, due_s=10.0)
    assert seen.whole is not None
    assert seen.ahead == 100
    assert seen.whole.first_s == pytest.approx(10.0)  # the 101st: one at once, 100 at ten a second
    assert seen.whole.last_s == pytest.approx(10.9)
    assert seen.whole.late == 9
    early = outlook(Channel.SMS, [wave(10, ahead=100)], [slow()], ACTUAL, due_s=1.0).whole
    assert early is not None
    assert early.late == 10


def test_less_urgent_waves_have_more_before_them() -> None:
    waves = [wave(10, "first", ahead=20), wave(10, "others", ahead=50)]
    (_, first), (_, others) = outlook(Channel.SMS, waves, [slow()], ACTUAL).groups
    assert first.first_s == pytest.approx(2.0)
    assert others.first_s == pytest.approx(6.0)  # fifty of others, ten of our own


def test_levels_are_spread_evenly_over_a_wave() -> None:
    mixed = Wave(name="first", levels={"city": 1, "grid": 9, "building": 89})
    seen = outlook(Channel.SMS, [mixed], [slow()], ACTUAL)
    (city, one), (grid, nine), (building, most) = seen.levels
    assert (city, grid, building) == ("city", "grid", "building")
    assert one.first_s == one.last_s == pytest.approx(4.9)  # in the middle, the 50th of 99
    assert (nine.first_s, nine.last_s) == pytest.approx((0.9, 8.9))  # each tenth
    assert (most.messages, most.last_s) == (89, pytest.approx(9.8))


def test_a_level_of_two_waves_begins_in_the_first_and_ends_in_the_second() -> None:
    waves = [
        Wave(name="first", levels={"grid": 10}),
        Wave(name="others", levels={"grid": 10, "building": 10}, ahead=30),
    ]
    levels = dict(outlook(Channel.SMS, waves, [slow()], ACTUAL, due_s=1.0).levels)
    assert levels["grid"].first_s == 0.0
    assert levels["grid"].last_s == pytest.approx(
        5.9
    )  # 30 of others, ten of ours, the last but one
    assert levels["grid"].late == 10
    assert levels["building"].first_s == pytest.approx(4.1)


LEVELS = ("city", "community", "grid")
MANY = st.tuples(st.integers(1, 400), st.integers(0, 400), st.integers(0, 5))


@given(
    waves=st.lists(MANY, min_size=1, max_size=3),
    ahead=st.integers(0, 500),
    rate=st.integers(1, 50),
    due_s=st.integers(0, 300),
)
def test_parts_of_a_forecast_agree_with_the_whole(
    waves: list[tuple[int, int, int]], ahead: int, rate: int, due_s: int
) -> None:
    told = [
        Wave(name=str(n), levels=dict(zip(LEVELS, many, strict=True)), ahead=ahead)
        for n, many in enumerate(waves)
    ]
    seen = outlook(Channel.SMS, told, [slow(rate_per_s=rate)], ACTUAL, due_s=due_s)
    assert seen.whole is not None
    for parts in (seen.groups, seen.levels):
        assert sum(one.messages for _, one in parts) == seen.whole.messages
        assert all(0 <= one.late <= one.messages for _, one in parts)
        assert all(one.first_s <= one.most_s <= one.last_s for _, one in parts)
        assert min(one.first_s for _, one in parts) >= seen.whole.first_s
        assert max(one.last_s for _, one in parts) <= seen.whole.last_s
    # A level's share of a wave is rounded; a wave is exact.
    assert sum(one.late for _, one in seen.groups) == seen.whole.late
    assert abs(sum(one.late for _, one in seen.levels) - seen.whole.late) <= 3 * len(waves)


def test_who_goes_first_is_as_in_the_dispatchers_queue() -> None:
    actual, drill = (lane_of(Channel.SMS, s) for s in (Status.ACTUAL, Status.EXERCISE))
    speakers = lane_of(Channel.LOUDSPEAKER, Status.ACTUAL)
    waiting = {
        (actual, priority_of(1)): 1,
        (actual, priority_of(2)): 10,
        (actual, priority_of(2, Precedence.OTHERS)): 100,
        (actual, priority_of(3)): 1_000,
        (drill, priority_of(1)): 10_000,
        (speakers, priority_of(1)): 100_000,
    }
    drilling = Leave(status=Status.EXERCISE, routes=None, simulated=False)
    routes = [slow()]
    assert ahead(waiting, Channel.SMS, routes, ACTUAL, 2) == 11
    assert ahead(waiting, Channel.SMS, routes, ACTUAL, 2, Precedence.OTHERS) == 111
    assert ahead(waiting, Channel.SMS, routes, ACTUAL, 4) == 1_111
    assert ahead(waiting, Channel.SMS, routes, drilling, 4) == 11_111
    only_drills = [slow(carries=frozenset({Status.EXERCISE}))]
    assert ahead(waiting, Channel.SMS, only_drills, drilling, 4) == 10_000


@pytest.mark.parametrize(
    ("policy", "due_s"),
    [
        (Policy(name="").to_dict() | {"steps": []}, 900.0),
        ({"stages": [{"due_min": 15.0}], "steps": [{"after_min": 5.0}, {"after_min": 2.0}]}, 120.0),
        ({"stages": [{"due_min": 9.0, "start_min": 1.0}], "steps": [{"after_min": 2.0}]}, 180.0),
        ({"stages": [], "steps": [{"after_min": 2.0}]}, None),
        ({"stages": [{"due_min": 9.0}]}, 540.0),
        ({}, None),
    ],
)
def test_late_is_what_comes_after_the_first_rung(
    policy: dict[str, Any], due_s: float | None
) -> None:
    assert first_rung_s(policy) == due_s


def test_nobody_to_tell_has_no_time() -> None:
    none = Outlook(channel=Channel.SMS, whole=None)
    assert outlook(Channel.SMS, [Wave(name="first", levels={})], [slow()], ACTUAL) == none
