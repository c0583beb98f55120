"""By which routes a drill leaves: over channel, status, what a route carries, and the plan.

First the decision by itself over every combination, then the engine with a city of routes: whatever
it hands over is what an oracle of a few lines allows, and what is muted never leaves.
"""

from collections.abc import Iterator, Mapping
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alertd.decide.plan import LOST, MUTED, Leave, Route, Terms, Way, refusal, resolve, stuck
from alertd.engine.authority import Actor
from alertd.errors import ConflictError, InvalidInputError
from alertd.lanes import channel_of, status_of
from alertd.messages.marks import EXERCISE_MARK, TEST_MARK
from alertd.model import Channel, DeliveryState, Status
from alertd.store import tables as t
from drills.alerting import TEXTS, open_routes
from tests.city import OFFICER, City, sms_route

CARRIES = tuple(chain.from_iterable(combinations(Status, n) for n in range(len(Status) + 1)))
WAYS = (None, *Way)  # None: the plan doesn't name it
MINUTE = 60_000


def may_leave(route: Route, status: Status, way: Way | None) -> bool:
    """The oracle for an alert with a plan."""
    if status not in route.carries:
        return False
    if status is not Status.EXERCISE:
        return True
    return way is Way.REAL or (way is Way.SIMULATED and route.simulated)


EVERY = list(product(Channel, Status, CARRIES, WAYS, (False, True), (False, True)))


def test_a_plan_is_kept_over_every_channel_status_route_and_way() -> None:
    wrong = []
    for channel, status, carries, way, simulated, woken in EVERY:
        route = sms_route("r", channel=channel, carries=frozenset(carries), simulated=simulated)
        ways = {} if way is None else {"r": way}
        leave = Leave(status=status, routes=None, simulated=not woken, ways=ways)
        allowed = may_leave(route, status, way) and (woken or simulated)
        if (refusal(route, leave) is None) != allowed:
            wrong.append((channel, status, carries, way, simulated, woken))
    assert not wrong
    assert len(EVERY) == 6 * 3 * 8 * 4 * 2 * 2


def test_a_route_that_the_script_takes_away_carries_no_drill_and_every_live_alert() -> None:
    route = sms_route("r", simulated=False)
    for status in Status:
        lost = frozenset({"r"})
        leave = Leave(status=status, routes=None, simulated=False, ways={"r": Way.REAL}, lost=lost)
        assert refusal(route, leave) == (LOST if status is Status.EXERCISE else None)


@pytest.mark.parametrize(
    ("ways", "lost", "why"),
    [
        ({"a": Way.REAL, "b": Way.MUTED}, (), None),
        ({"a": Way.MUTED, "b": Way.MUTED}, (), MUTED),
        ({"a": Way.REAL, "b": Way.MUTED}, ("a",), LOST),
        ({"a": Way.SIMULATED, "b": Way.MUTED}, (), MUTED),  # real ones that the plan simulates
    ],
)
def test_why_nothing_carries_it_is_said(
    ways: Mapping[str, Way], lost: tuple[str, ...], why: str | None
) -> None:
    routes = [sms_route(name, simulated=False) for name in "ab"]
    leave = Leave(
        status=Status.EXERCISE, routes=None, simulated=False, ways=ways, lost=frozenset(lost)
    )
    assert stuck(routes, leave) == why
    assert stuck([], leave) == "no-route"


def test_simulated_routes_stand_in_for_real_ones_of_their_channel() -> None:
    routes = [
        sms_route("modem", simulated=False),
        sms_route("phones"),
        sms_route("muted-phones"),
        sms_route("speakers", channel=Channel.LOUDSPEAKER, simulated=False),
        sms_route("made-speakers", channel=Channel.LOUDSPEAKER),
    ]
    found = resolve(routes, {"modem": Way.SIMULATED, "muted-phones": Way.MUTED})
    assert found == {
        "modem": Way.SIMULATED,
        "phones": Way.SIMULATED,
        "muted-phones": Way.MUTED,
        "speakers": Way.MUTED,
        "made-speakers": Way.MUTED,
    }
    assert open_routes({each.name: each for each in routes}, found) == ("phones",)


def city_of_routes() -> tuple[Route, ...]:
    """For each channel one real route a status, one for all, and a simulated one."""
    found = []
    for channel in (Channel.SMS, Channel.LOUDSPEAKER, Channel.CHAT):
        word = channel.word
        for status in Status:
            carries = frozenset({status})
            name = f"{word}-{status.name.lower()}"
            found.append(sms_route(name, channel=channel, carries=carries, simulated=False))
        found.append(sms_route(f"{word}-real", channel=channel, simulated=False))
        found.append(sms_route(f"{word}-made", channel=channel))
    return tuple(found)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    made = City(tmp_path_factory.mktemp("routes") / "city", routes=city_of_routes())
    yield made
    made.store.close()


AREA = "330281002"  # with a loudspeaker and a chat group even in the smallest sample


def planned(city: City, ways: Mapping[str, Way], **more: Any) -> int:
    """An Exercise by a plan, approved; returns its number."""
    routes = {route.name: route for route in city.routes}
    whole = resolve(routes.values(), ways)
    real = any(way is Way.REAL and not routes[name].simulated for name, way in whole.items())
    terms = Terms(drill=1, ways=whole, climb_to="city", **more)
    number = city.issue(
        status="Exercise",
        areas=[AREA],
        routes=open_routes(routes, whole),
        simulated=not real,
        drill=terms,
        texts=TEXTS,
    )
    city.forward(seconds=1)  # what nothing may carry is settled by a tick
    return number


def deliveries(city: City, alert: int) -> list[Any]:
    c = t.delivery.c
    return city.rows(select(t.delivery).where(c.id.between(alert << 32, (alert + 1 << 32) - 1)))


WORDS = ("sms", "loudspeaker", "chat")
PLANS = [  # every way of every channel, of a real route and of a simulated one
    {f"{word}-{kind}": way for word, way, kind in zip(WORDS, ways, kinds, strict=True)}
    for number, ways in enumerate(product(Way, repeat=3))
    for kinds in [tuple(("real", "made")[number >> place & 1] for place in range(3))]
]


def test_the_engine_keeps_every_plan(city: City) -> None:
    routes = {route.name: route for route in city.routes}
    for ways in PLANS:
        sent = len(city.sent)
        alert = planned(city, ways)
        rows = deliveries(city, alert)
        channels = {channel_of(row.lane) for row in rows}
        assert channels == {Channel.SMS, Channel.LOUDSPEAKER, Channel.CHAT}
        whole = resolve(city.routes, ways)
        for row in rows:
            lanes = [r for r in city.routes if r.channel == channel_of(row.lane)]
            open_ones = {r.name for r in lanes if may_leave(r, Status.EXERCISE, whole[r.name])}
            if open_ones:
                assert row.route in open_ones, (ways, row)
                assert row.state == DeliveryState.ACCEPTED
            else:
                assert (row.state, row.reason) == (DeliveryState.CANCELLED, MUTED), (ways, row)
                assert (row.route, row.attempt) == (None, 0)
        texts = [message.text for message in city.sent[sent:]]
        assert all(text.startswith(EXERCISE_MARK) for text in texts)
        assert not any("不是演练" in text for text in texts)
        assert all(routes[row.route].simulated for row in rows if row.route) or any(
            way is Way.REAL for way in whole.values()
        )


def test_an_actual_and_a_test_go_by_their_own_routes_and_have_no_plan(tmp_path: Path) -> None:
    city = City(tmp_path / "city", routes=city_of_routes())  # while it is out no drill begins
    author = city.leaders()[0][1]
    tester = Actor(no=9, id=b"t" * 16, name="t", role="duty_officer", path="", person_no=author)
    sent = len(city.sent)
    live = city.issue(areas=[AREA])
    drafted = city.draft(status="Test", areas=[AREA], actor=tester)
    city.approve(drafted, tester)
    for alert, status in ((live, Status.ACTUAL), (drafted["no"], Status.TEST)):
        for row in deliveries(city, alert):
            route = next(r for r in city.routes if r.name == row.route)
            assert status in route.carries
            assert status_of(row.lane) == status
    texts = {message.status: message.text for message in city.sent[sent:]}
    assert EXERCISE_MARK not in texts["Actual"]
    assert texts["Test"].startswith(TEST_MARK)
    terms = Terms(drill=1, ways={}, climb_to="city")
    for status in ("Actual", "Test"):
        with pytest.raises(InvalidInputError, match="Only an Exercise"):
            city.draft(status=status, areas=[AREA], actor=tester, drill=terms)


def test_a_plan_that_reaches_people_needs_a_second_person(city: City) -> None:
    routes = {route.name: route for route in city.routes}
    for way, alone in ((Way.SIMULATED, True), (Way.MUTED, True), (Way.REAL, False)):
        ways = resolve(city.routes, {"sms-real": way})
        drafted = city.draft(
            status="Exercise",
            areas=[AREA],
            routes=open_routes(routes, ways),
            simulated=way is not Way.REAL,
            drill=Terms(drill=1, ways=ways, climb_to="city"),
            texts=TEXTS,
        )
        before = len(city.sent)
        if alone:
            city.approve(drafted, OFFICER)
        else:
            with pytest.raises(ConflictError, match="second person"):
                city.approve(drafted, OFFICER)
        assert (len(city.sent) > before) == (way is Way.SIMULATED)


def test_a_gateway_fails_by_the_script_in_the_drill_alone(tmp_path: Path) -> None:
    routes = (sms_route("a", simulated=False), sms_route("phones"))
    city = City(tmp_path / "city", routes=routes)
    lost = (("a", 0, 10 * MINUTE),)
    drill = planned(city, {"a": Way.REAL}, lost=lost)
    rows = [row for row in deliveries(city, drill) if channel_of(row.lane) == Channel.SMS]
    assert (DeliveryState.FAILED, LOST) in {(row.state, row.reason) for row in rows}
    assert {row.route for row in rows} == {None}
    assert not city.sent
    assert city.engine.flows["a"].breaker.until == 0, "a live alert would wait for it"
    live = city.issue(areas=[AREA])
    assert {row.route for row in deliveries(city, live) if row.route} <= {"a", "phones"}
    assert "a" in {row.route for row in deliveries(city, live)}
    city.forward(minutes=11, tick_s=30)
    late = [row for row in deliveries(city, drill) if row.route == "a"]
    assert late, "mended, it carries what the ladder says next"
    city.store.close()
