"""One text for one number, as often in a day as a gateway takes it; by the whole engine."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from alertd.lanes import BY_SMS
from alertd.model import DeliveryState, Policy, Stage, StageRule, Step, numbers_of
from alertd.provision import planned, route_config
from alertd.settings.route import RouteSettings
from alertd.store import tables as t
from channels.base import Fault, Outgoing, SendError
from tests.city import City, sms_route
from tests.unit.roster_moves import share_number
from tests.unit.web_city import Loopback

DAY_S = 24 * 3600
REMINDING = Policy(
    name="red",
    stages=(StageRule(stage=Stage.RECEIVED, due_min=60),),
    steps=tuple(Step(after_min=n, do=("remind",)) for n in (2, 4, 6, 8)),
)


def reminding(tmp_path: Path, *routes: Any) -> City:
    return City(tmp_path, routes=routes, policies=dict.fromkeys(("red", "blue"), REMINDING))


def alert_is(alert: int) -> Any:
    return t.delivery.c.id.between(*numbers_of(alert))


def left_by(city: City, route: str) -> Counter[tuple[str, str]]:
    """How often each text has left for each number by a route."""
    by = dict(city.rows(select(t.delivery.c.id, t.delivery.c.route)))
    return Counter((m.address, m.text) for m in city.sent if by[m.delivery] == route)


def test_a_text_that_is_used_up_goes_by_another_route(tmp_path: Path) -> None:
    city = reminding(tmp_path, sms_route("a", same_text_per_day=2), sms_route("b", rank=2))
    city.issue(roles=("grid_leader",))
    city.forward(minutes=9, tick_s=10.0)
    assert max(left_by(city, "a").values()) == 2
    reminders = Counter(m.address for m in city.sent if m.kind == "reminder")
    assert set(reminders.values()) == {4}
    assert max(left_by(city, "b").values()) == 2
    city.store.close()


def test_where_no_other_is_left_it_fails_and_the_ladder_knows(tmp_path: Path) -> None:
    city = reminding(tmp_path, sms_route("a", same_text_per_day=2))
    city.issue(roles=("grid_leader",))
    city.forward(minutes=9, tick_s=10.0)
    assert max(left_by(city, "a").values()) == 2
    c = t.delivery.c
    failed = select(c.reason).where(c.state == int(DeliveryState.FAILED), c.lane.in_(BY_SMS))
    assert {row.reason for row in city.rows(failed)} == {"same-text-used-up"}
    waiting = select(c.id).where(c.state == int(DeliveryState.PENDING))
    assert city.rows(waiting) == []
    city.store.close()


def test_two_who_share_a_number_read_whom_each_text_is_for(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(sms_route("a", same_text_per_day=1),))
    (_, one), (_, two), *_ = city.leaders()
    phone = share_number(city, one, two)
    city.issue(roles=("grid_leader",))
    names = [
        row.name for row in city.rows(select(t.person.c.name).where(t.person.c.no.in_((one, two))))
    ]
    assert sorted(m.text.split(":")[0] for m in city.to(phone)) == sorted(
        f"【余姚市防指】{name}" for name in names
    )
    alone = city.phone_of(city.leaders()[2][1])
    assert [m.text.split(":")[0] for m in city.to(alone)] == ["【余姚市防指】红色台风A1"]
    city.store.close()


def test_what_has_left_is_remembered_over_a_restart_and_forgotten_the_next_day(
    tmp_path: Path,
) -> None:
    city = reminding(tmp_path, sms_route("a", same_text_per_day=1), sms_route("b", rank=2))
    city.issue(roles=("grid_leader",))
    city.forward(minutes=2, seconds=30, tick_s=10.0)
    city.restart()
    city.forward(minutes=2, tick_s=10.0)
    assert max(left_by(city, "a").values()) == 1
    assert left_by(city, "b")
    days = {row.day for row in city.rows(select(t.route_text.c.day))}
    city.now += DAY_S * 1000
    city.settle()
    assert len(days) == 1
    assert city.rows(select(t.route_text.c.day).where(t.route_text.c.day.in_(days))) == []
    city.store.close()


def test_a_try_that_never_left_counts_for_nothing(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(sms_route("a", same_text_per_day=1),))
    busy = 20

    def behave(message: Outgoing) -> Any:
        nonlocal busy
        busy -= 1
        if busy < 0:
            return accepted(message)
        return SendError(Fault.BUSY, "busy", retry_after_s=1.0)

    accepted = city.behave
    city.behave = behave
    alert = city.issue(roles=("grid_leader",))
    city.forward(minutes=1)
    c = t.delivery.c
    left = city.rows(select(c.state).where(c.lane.in_(BY_SMS), alert_is(alert)).distinct())
    assert [row.state for row in left] == [DeliveryState.ACCEPTED]
    city.store.close()


def test_a_call_for_help_is_tried_all_the_same(tmp_path: Path) -> None:
    city = City(tmp_path, routes=(sms_route("a", same_text_per_day=1),))
    city.issue(roles=("grid_leader",))
    _, leader = city.leaders()[0]
    city.reply(city.phone_of(leader), "3")
    city.forward(minutes=40, tick_s=30.0)
    told = Counter((m.address, m.text) for m in city.sent if m.kind == "help")
    assert max(told.values()) > 1
    city.store.close()


def test_it_is_a_setting_of_the_route() -> None:
    given = RouteSettings(type="handsets", same_text_per_number_per_day=2)
    channel = Loopback("sms-1")
    channel.config = route_config("sms-1", given)
    assert planned(channel, speed=1.0).same_text_per_day == 2
    with pytest.raises(ValidationError):
        RouteSettings(type="handsets", same_text_per_number_per_day=0)
