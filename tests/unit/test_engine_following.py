"""What follows an alert: to whom, by which routes, and what became of the alert meanwhile."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, update

from alertd.errors import ConflictError, InvalidInputError
from alertd.model import AlertState
from alertd.report.make import gather
from alertd.store import tables as t
from tests.city import OFFICER, City, sms_route
from tests.unit.roster_moves import asked, new_number

MakeCity = Callable[..., City]
TOWN, OTHER = "330281001", "330281002"


@pytest.fixture
def make_city(tmp_path: Path) -> MakeCity:
    return partial(City, tmp_path)


def state_of(city: City, alert_no: int) -> AlertState:
    return AlertState(city.one(select(t.alert.c.state).where(t.alert.c.no == alert_no)).state)


def test_what_ends_two_alerts_reaches_all_who_were_told_of_either(make_city: MakeCity) -> None:
    city = make_city()
    ended = [city.issue(areas=[TOWN]), city.issue("flood", areas=[OTHER])]
    told = {message.address for message in city.sent}
    city.sent.clear()
    references = [city.reference(no) for no in ended]
    city.issue("all-clear", areas=[TOWN, OTHER], references=references)
    assert {state_of(city, no) for no in ended} == {AlertState.ALL_CLEAR}
    heard = [message.address for message in city.sent]
    assert set(heard) == told
    assert len(heard) == len(told)


def test_the_report_of_each_alert_that_is_ended_names_what_ended_it(make_city: MakeCity) -> None:
    city = make_city()
    ended = [city.issue(areas=[TOWN]), city.issue("flood", areas=[OTHER])]
    other = city.issue(areas=[OTHER])
    last = city.issue(
        "all-clear", areas=[TOWN, OTHER], references=[city.reference(no) for no in ended]
    )
    with city.store.read() as connection:
        followed = {
            no: gather(connection, no).figures.course.followed_by for no in (*ended, other, last)
        }
    for no in ended:
        (found,) = followed[no]
        assert (found["alert_no"], found["purpose"]) == (last, "all-clear")
        assert found["issued_at"] == city.now
    assert followed[other] == followed[last] == ()


def test_an_update_that_ran_out_while_it_waited_ends_nothing(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    update_ = city.draft(areas=[TOWN], references=[city.reference(alert)])
    city.approve(update_, actor=OFFICER, break_glass=True)
    with city.store.transaction(city.now) as tx:
        short = update(t.alert).where(t.alert.c.no == update_["no"])
        tx.connection.execute(short.values(expires_at=city.now + 200_000))
    city.now += 400_000  # the node was off, over its delay and its end
    city.restart()
    city.settle()
    assert state_of(city, update_["no"]) == AlertState.EXPIRED
    assert state_of(city, alert) == AlertState.ISSUED


def test_an_all_clear_goes_to_the_number_that_is_theirs_now(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    (_, person), *_ = asked(city)
    before = city.phone_of(person)
    new_number(city, person, "+8613900000001")
    city.sent.clear()
    city.issue("all-clear", areas=[TOWN], references=[city.reference(alert)])
    assert city.to("+8613900000001")
    assert not city.to(before)


def test_what_follows_a_drill_leaves_by_the_drills_own_routes(make_city: MakeCity) -> None:
    routes = (sms_route("real", simulated=False), sms_route("asked"), sms_route("other"))
    city = make_city(routes=routes)
    drill = city.issue(status="Exercise", areas=[TOWN], simulated=True, routes=("asked",))
    city.issue("all-clear", status="Exercise", areas=[TOWN], references=[city.reference(drill)])
    c = t.delivery.c
    tried = city.rows(select(c.route, c.state).where(c.attempt > 0).distinct())
    assert {row.route for row in tried} == {"asked"}
    assert city.states(drill + 1) == city.states(drill)


def test_a_live_alert_is_never_sent_to_simulated_phones_alone(make_city: MakeCity) -> None:
    city = make_city(routes=(sms_route("real", simulated=False), sms_route("sim")))
    with pytest.raises(InvalidInputError, match="simulated"):
        city.draft(simulated=True)


def test_nobody_is_told_that_it_is_over_while_what_took_its_place_is_out(
    make_city: MakeCity,
) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    waiting = city.draft("all-clear", areas=[TOWN], references=[city.reference(alert)])
    city.issue(areas=[TOWN], references=[city.reference(alert)])
    city.sent.clear()
    with pytest.raises(ConflictError, match="replaced"):
        city.approve(waiting)
    assert not city.sent


@pytest.mark.parametrize("template", ["cancel", "all-clear"])
def test_broken_glass_tells_nobody_that_it_is_over_where_another_took_its_place(
    make_city: MakeCity, template: str
) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    waiting = city.draft(template, areas=[TOWN], references=[city.reference(alert)])
    city.approve(waiting, actor=OFFICER, break_glass=True)
    update_ = city.issue(areas=[TOWN], references=[city.reference(alert)])
    city.sent.clear()
    city.forward(minutes=6, tick_s=10)
    assert state_of(city, waiting["no"]) is AlertState.CANCELLED
    assert state_of(city, update_) is AlertState.ISSUED
    assert "alert" not in {message.kind for message in city.sent}


def test_a_warning_that_broke_the_glass_goes_out_though_another_took_its_place(
    make_city: MakeCity,
) -> None:
    """Nobody is there to be asked, and its areas may be others."""
    city = make_city()
    alert = city.issue(areas=[TOWN])
    waiting = city.draft(areas=[TOWN, OTHER], references=[city.reference(alert)])
    city.approve(waiting, actor=OFFICER, break_glass=True)
    city.issue(areas=[TOWN], references=[city.reference(alert)])
    city.forward(minutes=6, tick_s=10)
    assert state_of(city, waiting["no"]) is AlertState.ISSUED


@pytest.mark.parametrize("meanwhile", ["typhoon", "correction", "cancel", "all-clear"])
def test_a_second_update_isnt_sent_beside_what_took_the_alerts_place(
    make_city: MakeCity, meanwhile: str
) -> None:
    """Two would be out, and whoever answers 1 would have answered neither."""
    city = make_city()
    alert = city.issue(areas=[TOWN])
    second = city.draft(areas=[TOWN], references=[city.reference(alert)])
    first = city.issue(meanwhile, areas=[TOWN], references=[city.reference(alert)])
    with pytest.raises(ConflictError, match="replaced or ended"):
        city.approve(second)
    assert state_of(city, first) is AlertState.ISSUED
    assert state_of(city, second["no"]) is AlertState.DRAFT


def test_an_update_of_what_ran_out_meanwhile_goes_out(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(areas=[TOWN])
    update_ = city.draft(areas=[TOWN], references=[city.reference(alert)])
    with city.store.transaction(city.now) as tx:
        short = update(t.alert).where(t.alert.c.no == alert)
        tx.connection.execute(short.values(expires_at=city.now + 1_000))
    city.forward(minutes=1, tick_s=10)
    assert state_of(city, alert) is AlertState.EXPIRED
    city.approve(update_)
    assert state_of(city, update_["no"]) is AlertState.ISSUED


def test_what_ends_one_danger_ends_none_that_another_alert_took_over(make_city: MakeCity) -> None:
    city = make_city()
    first, flood = city.issue(areas=[TOWN]), city.issue("flood", areas=[OTHER])
    references = [city.reference(no) for no in (first, flood)]
    waiting = city.draft("cancel", areas=[TOWN, OTHER], references=references)
    standing = city.issue(areas=[TOWN], references=references[:1])
    city.sent.clear()
    with pytest.raises(ConflictError, match="replaced"):
        city.approve(waiting)
    with pytest.raises(InvalidInputError, match="A1: another alert took its place"):
        city.draft("cancel", areas=[TOWN, OTHER], references=references)
    assert not city.sent
    both = [*references, city.reference(standing)]
    city.issue("cancel", areas=[TOWN, OTHER], references=both)
    assert state_of(city, standing) == state_of(city, flood) == AlertState.CANCELLED


def test_a_drill_behind_broken_glass_is_withdrawn_where_a_live_alert_overtakes_it(
    make_city: MakeCity,
) -> None:
    city = make_city(routes=(sms_route(simulated=False),))
    drill = city.draft(status="Exercise", areas=[TOWN])
    city.approve(drill, actor=OFFICER, break_glass=True)
    city.issue(areas=[TOWN])
    city.now += 400_000
    city.settle()
    assert not [message for message in city.sent if message.status == "Exercise"]
    assert state_of(city, drill["no"]) == AlertState.CANCELLED
