"""The calendar begins drills, reminds their owners, gives way to live alerts, and keeps secrets."""

import hashlib
import re
from pathlib import Path

import pytest
from sqlalchemy import select, update

from alertd.errors import ConflictError, ForbiddenError, InvalidInputError
from alertd.i18n import sentence
from alertd.messages.marks import EXERCISE_MARK
from alertd.model import AlertState, DrillState, RequirementState
from alertd.store import access
from alertd.store import tables as t
from alertd.store.backup.waiting import waiting
from alertd.web.commands import drilling
from drills import holding, keeping, moment
from drills.calendar import LATEST_MS
from drills.mistakes import PlanError
from tests.city import sms_route
from tests.unit.drill_city import AT, CLOSES, OPENS, TOWN, DrillCity, plan_of

REAL = {
    "routes": (sms_route(simulated=False),),
}


@pytest.fixture
def drills(tmp_path: Path) -> DrillCity:
    return DrillCity(tmp_path / "city")


@pytest.fixture
def real(tmp_path: Path) -> DrillCity:
    return DrillCity(tmp_path / "city", **REAL)


def alert_state(drills: DrillCity, no: int) -> AlertState:
    number = drills.row(no).alert_no
    return AlertState(drills.city.one(select(t.alert.c.state).where(t.alert.c.no == number)).state)


def in_calendar(drills: DrillCity) -> int:
    with drills.city.store.read() as connection:
        return waiting(connection, drills.city.now).drills


def test_a_drill_begins_on_its_date_and_its_owner_is_reminded(drills: DrillCity) -> None:
    city = drills.city
    no = drills.schedule(plan_of(when={"at": AT, "remind_h": [1, 0.5]}))
    city.forward(minutes=66, tick_s=300)
    assert drills.state(no) is DrillState.SCHEDULED
    reminders = drills.texts(status="Test")
    assert len(reminders) == 2
    assert all("汛前演练" in text for text in reminders)
    assert {m.address for m in city.sent} == {city.phone_of(drills.admin.person_no or 0)}
    city.forward(minutes=1, tick_s=10)
    assert drills.state(no) is DrillState.RUNNING
    texts = drills.texts(status="Exercise")
    assert texts
    assert all(text.startswith(EXERCISE_MARK) for text in texts)
    assert 0 <= drills.row(no).started_at - drills.row(no).opens_at <= 10_000


def test_injects_come_at_their_minute_to_those_whom_they_name(drills: DrillCity) -> None:
    city = drills.city
    no = drills.run(
        plan_of(
            injects=[
                {"at_min": 2, "text": "通镇道路中断", "to": [TOWN]},
                {"at_min": 1, "text": "只给导调看"},
            ],
            losses=[{"kind": "road", "area": TOWN, "from_min": 1, "to_min": 3}],
        )
    )
    city.forward(minutes=1.9, tick_s=6)
    assert not drills.texts(holding="道路")
    city.forward(minutes=0.2, tick_s=6)
    told = drills.texts(holding="通镇道路中断")
    assert told
    assert all(text.startswith(EXERCISE_MARK) for text in told)
    city.forward(minutes=2, tick_s=6)
    assert not drills.texts(holding="只给导调看")
    items = [item[:2] for body in drills.facts("drill.stepped") for item in body["items"]]
    assert items == [["lost", 0], ["inject", 1], ["inject", 0], ["mended", 0]]
    assert drills.row(no).step == 4


def test_a_live_alert_interrupts_a_drill_at_once(drills: DrillCity) -> None:
    city = drills.city
    no = drills.run(plan_of(injects=[{"at_min": 30, "text": "不会再说", "to": [TOWN]}]))
    city.forward(seconds=5)
    drill_alert = drills.row(no).alert_no
    told, sent = drills.told(drill_alert), len(city.sent)
    live = city.issue(areas=["330281001"])
    assert drills.state(no) is DrillState.INTERRUPTED, "in the step in which it came"
    city.forward(seconds=5)
    (end,) = drills.facts("drill.ended")
    assert (end["state"], end["actual_no"]) == ("interrupted", live)
    assert alert_state(drills, no) is AlertState.CANCELLED
    assert drills.told(end["notice_no"]) == told
    notices = drills.texts(sent, status="Exercise")
    assert all("演练中止,以实际预警为准" in text for text in notices)
    assert all(text.startswith(EXERCISE_MARK) for text in notices)
    assert len(drills.texts(sent, status="Test", holding="已中止")) == 1
    c = t.requirement.c
    mine = c.no.between(drill_alert << 32, (drill_alert + 1 << 32) - 1)
    states = {row.state for row in city.rows(select(c.state).where(mine))}
    assert RequirementState.OPEN not in states
    sent = len(city.sent)
    city.forward(minutes=40, tick_s=300)
    assert not drills.texts(sent, status="Exercise")


def test_an_all_clear_is_no_live_alert(drills: DrillCity) -> None:
    city = drills.city
    live = city.issue(areas=[TOWN])
    with pytest.raises(ConflictError, match="live alert"):
        drills.run(plan_of())
    city.issue("all-clear", "red", areas=[TOWN], references=[city.reference(live)])
    no = drills.run(plan_of())
    assert drills.state(no) is DrillState.RUNNING


def test_a_drill_is_postponed_where_a_live_alert_is_out(drills: DrillCity) -> None:
    city = drills.city
    no = drills.schedule(plan_of(when={"at": AT, "remind_h": []}))
    city.forward(minutes=60, tick_s=600)
    city.issue(areas=[TOWN])
    city.forward(minutes=10, tick_s=120)
    assert drills.state(no) is DrillState.POSTPONED
    assert drills.row(no).reason == "live-alert"
    assert drills.row(no).alert_no is None
    assert drills.texts(status="Test", holding="未能按期举行")


def test_two_drills_never_run_at_once(drills: DrillCity) -> None:
    no = drills.schedule(plan_of(when={"at": AT}))
    drills.city.forward(minutes=60, tick_s=300)
    drills.run(plan_of(name="另一个"))
    with pytest.raises(ConflictError, match="Another drill"):
        drills.run(plan_of(name="第三个"))
    drills.city.forward(minutes=10, tick_s=60)
    assert (drills.state(no), drills.row(no).reason) == (DrillState.POSTPONED, "another-drill")


def test_a_window_keeps_its_moment_over_a_restart_and_proves_it_afterwards(
    drills: DrillCity,
) -> None:
    city = drills.city
    no = drills.schedule(plan_of(when={"window": [OPENS, CLOSES], "remind_h": [1]}))
    row, keyed = drills.row(no), city.store.vault.blind
    drawn = moment.draw(keyed, row.id, row.opens_at, row.closes_at)
    assert row.opens_at <= drawn < row.closes_at
    city.forward(minutes=(drawn - city.now) / 60_000 - 2, tick_s=600)
    city.restart()
    drills.watch()
    assert drills.state(no) is DrillState.SCHEDULED
    secret = drills.everything()
    assert str(drawn) not in secret
    assert str(drawn // 1000) not in secret
    assert moment.salt_of(keyed, row.id) not in secret
    # Who takes part may read a Test alert; on the console its owner alone is reminded.
    assert (drills.row(no).reminded, drills.texts(status="Test")) == (1, [])
    city.forward(minutes=3, tick_s=20)
    assert drills.state(no) is DrillState.RUNNING
    assert 0 <= drills.row(no).started_at - drawn <= 30_000
    (begun,) = drills.facts("drill.started")
    assert begun["moment"] == drawn
    assert moment.commitment(begun["moment"], begun["salt"]) == row.commitment
    with city.store.read() as connection:
        proof = drilling.shown(connection, drills.admin, no)["proof"]
    assert proof == {"moment": drawn, "salt": begun["salt"], "holds": True}


def test_moments_are_spread_over_the_window() -> None:
    keyed = drawn_by(b"key")
    opens, closes = 0, 10_000
    found = {moment.draw(keyed, bytes([n]) * 16, opens, closes) for n in range(100)}
    assert found == set(range(0, 10_000, 1_000))


def drawn_by(key: bytes) -> moment.Keyed:
    return lambda text: hashlib.sha256(key + text.encode()).digest()


def test_one_that_was_missed_isnt_begun_late(drills: DrillCity) -> None:
    city = drills.city
    no = drills.schedule(plan_of(when={"at": AT, "remind_h": []}))
    late = drills.schedule(plan_of(name="晚些", when={"at": "2025-10-09T10:10:00Z"}))
    city.now = drills.row(no).opens_at + LATEST_MS + 60_000
    city.restart()
    drills.watch()
    city.forward(seconds=2)
    assert (drills.state(no), drills.row(no).reason) == (DrillState.POSTPONED, "missed")
    assert drills.state(late) is DrillState.RUNNING


def test_one_whose_route_has_left_isnt_held_with_nobody_told(drills: DrillCity) -> None:
    city = drills.city
    no = drills.schedule(plan_of(when={"at": AT, "remind_h": []}))
    city.routes = (sms_route("sms-2"),)
    city.restart()
    drills.watch()
    city.forward(minutes=67, tick_s=60)
    assert drills.state(no) is DrillState.POSTPONED
    told = "refused: The plan names a route that isn't there any more: sms-1."
    assert drills.row(no).reason == told
    assert "已不存在" in sentence("zh-CN", told.removeprefix("refused: "))


def test_one_that_reaches_people_waits_for_a_second_person(real: DrillCity) -> None:
    wanted = plan_of(channels={"sms-1": "real"})
    no = real.run(wanted)
    assert real.state(no) is DrillState.DRAFTED
    assert not real.city.sent
    drafted = real.city.one(select(t.alert.c.id).where(t.alert.c.no == real.row(no).alert_no))
    real.city.approve({"id": drafted.id.hex()}, real.second)
    real.city.forward(seconds=2)
    assert real.state(no) is DrillState.RUNNING
    assert real.texts(status="Exercise")


def test_a_drill_that_still_waits_for_a_second_person_gives_way_too(real: DrillCity) -> None:
    no = real.run(plan_of(channels={"sms-1": "real"}))
    sent = len(real.city.sent)
    real.city.issue(areas=[TOWN])
    real.city.forward(seconds=1)
    assert real.state(no) is DrillState.INTERRUPTED
    assert alert_state(real, no) is AlertState.CANCELLED
    assert not real.texts(sent, status="Exercise"), "nobody was told of it"


def test_in_the_calendar_a_second_person_agrees_beforehand(real: DrillCity) -> None:
    wanted = plan_of(channels={"sms-1": "real"}, when={"at": AT, "remind_h": []})
    alone, agreed = real.schedule(wanted), real.schedule(wanted)
    with pytest.raises(ConflictError, match="second person"):
        real.agree(agreed, real.admin)
    real.agree(agreed)
    with pytest.raises(ConflictError, match="already"):
        real.agree(agreed)
    real.city.forward(minutes=70, tick_s=300)
    assert (real.state(alone), real.row(alone).reason) == (DrillState.POSTPONED, "nobody-agreed")
    assert real.state(agreed) is DrillState.RUNNING
    assert real.texts(status="Exercise")


def test_rights_are_asked_for_again_when_it_begins(real: DrillCity) -> None:
    wanted = plan_of(channels={"sms-1": "real"}, when={"at": AT, "remind_h": []})
    no = real.schedule(wanted)
    real.agree(no)
    with real.city.store.transaction(real.city.now) as tx:
        access.disable_principal(tx, real.second.no, by="cli")
    real.city.forward(minutes=70, tick_s=300)
    assert (real.state(no), real.row(no).reason) == (DrillState.POSTPONED, "account-closed")
    assert not real.texts(status="Exercise")


def test_somebody_stops_it_and_those_who_were_told_hear_that(drills: DrillCity) -> None:
    no = drills.run(plan_of())
    drills.city.forward(seconds=2)
    told, sent = drills.told(drills.row(no).alert_no), len(drills.city.sent)
    drills.stop(no)
    assert (drills.state(no), drills.row(no).reason) == (DrillState.ENDED, "enough")
    drills.city.forward(seconds=2)
    (end,) = drills.facts("drill.ended")
    assert drills.told(end["notice_no"]) == told
    assert all("演练结束" in text for text in drills.texts(sent))
    with pytest.raises(ConflictError, match="isn't under way"):
        drills.stop(no)


def test_it_ends_with_its_alert(drills: DrillCity) -> None:
    no = drills.run(plan_of(alert={**_alert(), "valid_min": 5}))
    drills.city.forward(minutes=6, tick_s=30)
    assert (drills.state(no), drills.row(no).reason) == (DrillState.ENDED, "expired")


def test_it_can_be_called_off(drills: DrillCity) -> None:
    no = drills.schedule(plan_of(when={"at": AT}))
    assert in_calendar(drills) == 1, "which somebody is told who restores it"
    drills.city.take(lambda turn: holding.call_off(turn, drills.admin, no, "rain"))
    assert in_calendar(drills) == 0
    drills.city.forward(minutes=80, tick_s=600)
    assert (drills.state(no), drills.row(no).reason) == (DrillState.CALLED_OFF, "rain")
    with pytest.raises(ConflictError, match="calendar"):
        drills.city.take(lambda turn: holding.call_off(turn, drills.admin, no, "x"))


def test_what_cant_be_held_isnt_scheduled(drills: DrillCity) -> None:
    with pytest.raises(InvalidInputError, match="no date"):
        drills.schedule(plan_of())
    with pytest.raises(InvalidInputError, match="is over"):
        drills.schedule(plan_of(when={"at": "2025-10-09T08:00:00Z"}))
    with pytest.raises(ForbiddenError):
        drills.schedule(plan_of(when={"at": AT}), drills.second)
    with pytest.raises(PlanError) as wrong:
        drills.schedule(
            plan_of(
                owner="nobody",
                alert={**_alert(), "template": "typhoon-pink", "areas": ["999999"]},
                channels={"no-such-route": "real"},
                when={"at": AT},
            )
        )
    keys = [key for key, _, _ in wrong.value.mistakes]
    assert sorted(keys) == ["alert.areas", "alert.template", "channels.no-such-route", "owner"]
    with pytest.raises(PlanError) as outside:
        drills.schedule(
            plan_of(
                injects=[
                    {"at_min": 1, "text": "这不是演练", "to": [TOWN]},
                    {"at_min": 1, "text": "a", "to": ["330281001", "330281999"]},
                ],
                when={"at": AT},
            )
        )
    assert [key for key, _, _ in outside.value.mistakes] == [
        "injects[0].text",
        "injects[1].to",
        "injects[1].to",
    ]
    late = plan_of(
        alert={**_alert(), "valid_min": 60},
        injects=[{"at_min": at, "text": "太晚了"} for at in (59, 60)],
        losses=[{"kind": "node", "from_min": 90}],
        when={"at": AT},
    )
    with pytest.raises(PlanError) as too_late:
        drills.schedule(late)
    keys = [key for key, _, _ in too_late.value.mistakes]
    assert keys == ["injects[1].at_min", "losses[0].from_min"]
    assert drills.city.rows(select(t.drill)) == []


def test_a_drill_that_cant_be_read_any_more_holds_up_nothing(drills: DrillCity) -> None:
    city = drills.city
    scheduled = drills.schedule(plan_of(when={"at": AT}))
    running = drills.run(plan_of(injects=[{"at_min": 1, "text": "不会再说"}]))
    with city.store.transaction(city.now) as tx:
        tx.connection.execute(update(t.drill).values(content='{"of": "another version"}'))
    city.restart()
    drills.watch()
    city.forward(minutes=2, tick_s=20)
    assert drills.state(running) is DrillState.RUNNING
    live = city.issue(areas=[TOWN])
    assert drills.state(running) is DrillState.INTERRUPTED
    city.forward(seconds=5)
    assert drills.told(live)
    city.forward(minutes=70, tick_s=600)
    assert drills.state(scheduled) is DrillState.POSTPONED
    assert drills.row(scheduled).reason == "refused: its plan can't be read"


def test_who_may_not_begin_a_drill_isnt_told_what_is_under_way(drills: DrillCity) -> None:
    drills.city.issue(areas=["330281002001001"])
    with pytest.raises(ConflictError, match="live alert is out"):
        drills.run(plan_of())
    with pytest.raises(ForbiddenError):
        drills.run(plan_of(), drills.second)


def test_a_plan_is_saved_replaced_and_removed(drills: DrillCity) -> None:
    city, admin = drills.city, drills.admin
    city.take(lambda turn: keeping.save(turn, admin, plan_of(note="first")))
    city.take(lambda turn: keeping.save(turn, admin, plan_of(note="second")))
    no = drills.run(plan_of(note="second"))
    with city.store.read() as connection:
        assert keeping.find(connection, "汛前演练").note == "second"
    with pytest.raises(ForbiddenError):
        city.take(lambda turn: keeping.save(turn, drills.second, plan_of()))
    city.take(lambda turn: keeping.remove(turn, admin, "汛前演练"))
    assert drills.view(no).content["note"] == "second"
    assert not re.search(r"\badmin\b", drills.everything()), "no body holds an account's name"


def test_how_far_a_ladder_climbs_is_the_plans(tmp_path: Path) -> None:
    found = {}
    for climb_to in ("none", "town", "city"):
        drills = DrillCity(tmp_path / climb_to)
        no = drills.run(plan_of(alert={**_alert(), "climb_to": climb_to}))
        drills.city.forward(minutes=20, tick_s=60)
        c, levels = t.digest_entry.c, {}
        mine = c.alert_no == drills.row(no).alert_no
        for row in drills.city.rows(
            select(t.unit.c.level)
            .join(t.duty, t.duty.c.unit_no == t.unit.c.no)
            .join(t.digest_entry, c.duty_no == t.duty.c.no)
            .where(mine)
        ):
            levels[row.level] = True
        reasons = {item[5] for body in drills.facts("climbed") for item in body["items"]}
        states = {item[4] for body in drills.facts("climbed") for item in body["items"]}
        assert int(RequirementState.EXHAUSTED) in states, "silence still ends at a door"
        found[climb_to] = set(levels), "climb-limit" in reasons
        drills.city.store.close()
    assert found["none"] == (set(), True)
    assert found["town"][1]
    assert "city" not in found["town"][0]
    assert "subdistrict" in found["town"][0]
    assert "city" in found["city"][0]
    assert not found["city"][1]


def _alert() -> dict[str, object]:
    return {
        "template": "typhoon-red",
        "areas": [TOWN],
        "roles": ["grid_leader", "building_lead"],
    }
