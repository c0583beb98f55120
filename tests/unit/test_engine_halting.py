"""A person pauses, resumes or stops an alert in mid-send; DESIGN §6 holds all the same."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from alertd.engine import halting
from alertd.engine.authority import Actor
from alertd.errors import ConflictError, ForbiddenError
from alertd.model import HURRIED, DeliveryState, RequirementState, Told
from alertd.report.make import gather
from alertd.store import rebuild
from alertd.store import tables as t
from channels.base import Outgoing
from tests.city import OFFICER, RED, City, accepts, sms_route
from tests.unit.roster_moves import asked
from tests.unit.test_store_rebuild import rebuilt

MakeCity = Callable[..., City]
# Ten a second: so an alert can be halted in mid-send.
SLOW = (
    sms_route(rate_per_s=10, burst=10),
    sms_route("speakers", channel=2),
    sms_route("groups", channel=3),
)


@pytest.fixture(params=[False, True], ids=["sqlite", "postgresql"])
def make_city(tmp_path: Path, request: pytest.FixtureRequest) -> MakeCity:
    return partial(City, tmp_path, postgresql=request.param)


def hangs(_message: Outgoing) -> None:
    return None


def halt(city: City, act: Callable[..., None], alert: int, actor: Actor = OFFICER) -> None:
    row = city.one(select(t.alert.c.id).where(t.alert.c.no == alert))
    city.take(partial(act, actor=actor, alert_id=row.id, reason="wrong street"))


def in_mid_send(make_city: MakeCity, **how: Any) -> tuple[City, int]:
    """Some of an alert has left, and most of it waits."""
    city = make_city(routes=SLOW, **how)
    alert = city.issue()
    assert city.states(alert)["pending"] > 50
    return city, alert


def test_1_a_paused_alert_hands_over_nothing_and_goes_on_whole_when_resumed(
    make_city: MakeCity,
) -> None:
    city, alert = in_mid_send(make_city, behave=hangs)
    under_way, total = len(city.sent), sum(city.states(alert).values())
    halt(city, halting.pause, alert)
    city.behave = accepts
    city.sent.clear()
    city.forward(minutes=5, tick_s=20)
    assert not city.sent
    # What was under way ended: without a word, at its deadline. It isn't stuck, and it waits.
    assert city.states(alert) == {"pending": total}
    city.restart()  # a pause outlives the process
    city.forward(seconds=5)
    assert not city.sent
    halt(city, halting.resume, alert)
    city.forward(seconds=60)
    # A loudspeaker that says nothing of what it played is unknown after its grace.
    assert set(city.states(alert)) == {"accepted", "unknown"}
    assert len({message.delivery for message in city.sent}) == total
    assert sum(message.possible_duplicate for message in city.sent) == under_way


def test_1_while_one_alert_is_paused_another_passes_it(make_city: MakeCity) -> None:
    city, paused = in_mid_send(make_city)
    halt(city, halting.pause, paused)
    other = city.issue("rainstorm", "red", areas=["330281001"])
    city.engine.alerts.clear()  # as after an input that was refused: it is read anew
    city.forward(seconds=40)
    assert city.states(other).get("pending") is None
    assert city.states(paused)["pending"] > 50


def test_1_of_several_paused_alerts_none_hands_anything_over(make_city: MakeCity) -> None:
    city, first = in_mid_send(make_city)
    halt(city, halting.pause, first)
    second = city.issue("rainstorm", "red", areas=["330281001"])
    halt(city, halting.pause, second)
    before = city.states(first), city.states(second)
    city.now += 100  # before the next tick, which would read both
    with pytest.raises(ConflictError):  # and what this process knew of them is forgotten
        halt(city, halting.pause, first)
    assert (city.states(first), city.states(second)) == before


def test_5_a_cry_for_help_goes_out_of_a_paused_alert(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue(roles=("grid_leader", "building_lead", "community_lead"))
    halt(city, halting.pause, alert)
    city.sent.clear()
    _, person = city.leaders()[0]
    city.reply(city.phone_of(person), "3 水进屋了")
    assert {message.kind for message in city.sent} == {"help", "heard"}
    city.sent.clear()
    city.forward(minutes=2, seconds=5)
    assert {message.kind for message in city.sent} == {"help"}


def test_9_nobody_is_silent_for_what_a_pause_kept_from_them(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue()
    city.forward(minutes=1)
    duty, person = city.leaders()[0]
    before = city.requirement(duty)
    halt(city, halting.pause, alert)
    city.sent.clear()
    city.forward(minutes=30, tick_s=30)
    assert {message.kind for message in city.sent} == {"paused"}  # to the duty desk
    assert city.requirement(duty).step == 0
    city.reply(city.phone_of(person), "1")  # an answer counts all the same
    assert city.requirement(duty).state == RequirementState.COVERED
    halt(city, halting.resume, alert)
    other = city.requirement(city.leaders()[1][0])
    half_an_hour = 30 * 60_000
    assert other.start_at == before.start_at + half_an_hour
    assert other.due_at == before.due_at + half_an_hour
    city.forward(seconds=55)
    assert not any(message.kind == "reminder" for message in city.sent)
    city.forward(seconds=10)
    assert any(message.kind == "reminder" for message in city.sent)


def test_9_who_cannot_come_is_replaced_at_once_when_it_goes_on(make_city: MakeCity) -> None:
    city = make_city()
    alert = city.issue()
    halt(city, halting.pause, alert)
    city.forward(minutes=9, tick_s=30)
    duty, person = city.leaders()[0]
    city.reply(city.phone_of(person), "0")
    city.forward(seconds=5)
    assert city.requirement(duty).told == HURRIED  # kept for the next climb, and nobody told
    halt(city, halting.resume, alert)
    city.forward(seconds=1)
    assert city.requirement(duty).told & Told.ALTERNATES


def test_1_stopped_means_withdrawn_and_whoever_was_told_is_told(make_city: MakeCity) -> None:
    city, alert = in_mid_send(make_city)
    told = {message.address for message in city.sent}
    halt(city, halting.stop, alert)
    c = t.delivery.c
    left = city.rows(select(c.reason, c.attempt).where(c.state == int(DeliveryState.CANCELLED)))
    assert {(row.reason, row.attempt) for row in left} == {("alert-stopped", 0)}
    city.sent.clear()
    city.forward(minutes=20, tick_s=20)
    assert not city.sent
    assert set(city.states(alert)) == {"cancelled", "accepted", "unknown"}
    r = t.requirement.c
    states = city.rows(select(r.state).distinct())
    assert [row.state for row in states] == [RequirementState.CLOSED]
    # It is still the alert that a correction takes the place of; that goes to those it reached.
    city.issue("correction", "red", references=[city.reference(alert)])
    city.forward(seconds=40)
    assert {message.address for message in city.sent} == told
    with city.store.read() as connection:
        figures = gather(connection, alert).figures
    assert figures.targets.excluded == {"alert-ended": len(left)}
    assert figures.deliveries.cancelled == len(left)


def test_whoever_cries_for_help_after_a_paused_alerts_end_hears_that_it_was_heard(
    make_city: MakeCity,
) -> None:
    city = make_city()
    alert = city.issue(areas=["330281001"])
    code = city.one(select(t.alert.c.short_code)).short_code
    _, person = asked(city)[0]
    halt(city, halting.pause, alert)
    city.issue("cancel", areas=["330281001"], references=[city.reference(alert)])
    city.reply(city.phone_of(person), f"3 {code}")
    assert "heard" in {message.kind for message in city.to(city.phone_of(person))}
    city.restart()
    city.reply(city.phone_of(person), f"1 {code}")
    assert "pending" not in city.states(alert)


def test_a_halt_asks_for_the_right_and_for_a_time_that_fits(make_city: MakeCity) -> None:
    city = make_city()
    drafted = city.draft()
    with pytest.raises(ConflictError):
        halt(city, halting.pause, drafted["no"])
    city.approve(drafted)
    alert = drafted["no"]
    viewer = Actor(no=9, id=b"v" * 16, name="viewer", role="viewer", path="")
    elsewhere = Actor(no=8, id=b"e" * 16, name="town", role="area_administrator", path="/1/2/")
    for act in (halting.pause, halting.resume, halting.stop):
        for actor in (viewer, elsewhere):
            with pytest.raises(ForbiddenError):
                halt(city, act, alert, actor)
    with pytest.raises(ConflictError, match="isn't paused"):
        halt(city, halting.resume, alert)
    halt(city, halting.pause, alert)
    with pytest.raises(ConflictError, match="paused already"):
        halt(city, halting.pause, alert)
    halt(city, halting.stop, alert)
    for act in (halting.pause, halting.resume, halting.stop):
        with pytest.raises(ConflictError, match="stopped for good"):
            halt(city, act, alert)


def test_6_no_word_of_a_pause_leaves_once_its_alert_is_over(make_city: MakeCity) -> None:
    city = make_city(routes=SLOW)
    alert = city.issue(valid_min=15)
    city.forward(minutes=1.5, tick_s=5)
    halt(city, halting.pause, alert)
    city.behave = hangs
    city.forward(minutes=13.5, tick_s=5)  # the desk is told, and nobody knows whether it came
    assert told_of_the_pause(city)
    assert city.one(select(t.alert.c.state).where(t.alert.c.no == alert)).state == "expired"
    city.sent.clear()
    city.forward(minutes=10, tick_s=5)
    assert [each.kind for each in city.sent] == []


def test_the_tables_are_still_what_the_journal_makes_of_them(tmp_path: Path) -> None:
    city = City(tmp_path / "city", routes=SLOW, policies={"red": RED})
    city.behave = hangs
    first, second = city.issue(), city.issue(areas=["330281002"])
    city.behave = accepts
    halt(city, halting.pause, first)
    city.forward(minutes=3, tick_s=20)
    halt(city, halting.resume, first)
    city.forward(minutes=3, tick_s=20)
    halt(city, halting.pause, second)
    city.forward(minutes=1, tick_s=20)
    halt(city, halting.stop, second)
    with rebuilt(city, tmp_path) as (live, again):
        assert live.execute(select(func.count()).select_from(t.halt)).scalar_one() == 2
        assert rebuild.compare(live, again) == []
    city.store.close()


def told_of_the_pause(city: City) -> list[str]:
    """What the desk was told, each once, however many sit there."""
    found = {each.created_at: each.text for each in city.sent if each.kind == "paused"}
    return [text for _, text in sorted(found.items())]


def test_a_forgotten_pause_is_told_to_the_duty_desk_by_sms_and_told_again(
    make_city: MakeCity, tmp_path: Path
) -> None:
    city, alert = in_mid_send(make_city)
    halt(city, halting.pause, alert)
    city.sent.clear()
    city.forward(minutes=9, tick_s=30)
    assert not city.sent
    city.forward(minutes=2, tick_s=30)
    (text,) = told_of_the_pause(city)
    waiting = city.states(alert)["pending"]
    assert "暂停发送已10分钟" in text
    assert f"{waiting}条未发" in text
    city.forward(minutes=31, tick_s=30)
    assert len(told_of_the_pause(city)) == 2
    assert {each.kind for each in city.sent} == {"paused"}  # the pause holds all the same
    halt(city, halting.resume, alert)
    halt(city, halting.pause, alert)
    city.forward(minutes=9, tick_s=30)
    assert len(told_of_the_pause(city)) == 2
    city.forward(minutes=2, tick_s=30)
    assert len(told_of_the_pause(city)) == 3  # another pause, counted from its own beginning
    told = city.rows(select(t.journal.c.kind).where(t.journal.c.kind == "pause.told"))
    assert len(told) == 3
    with rebuilt(city, tmp_path) as (live, again):
        assert rebuild.compare(live, again) == []
