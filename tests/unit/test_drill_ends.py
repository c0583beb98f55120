"""How drills end: followed up by hand, or because a live alert came; who is told."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from alertd.decide.expand import Pieces
from alertd.engine import approving
from alertd.engine.answering import acknowledge
from alertd.engine.counting import Answered
from alertd.errors import ConflictError
from alertd.model import (
    AckKind,
    AlertState,
    DeliveryState,
    DrillState,
    Grade,
    RequirementState,
    Stage,
    Via,
)
from alertd.store import journal
from alertd.store import tables as t
from channels.base import Fault, SendError
from drills.calendar import Calendar
from drills.evidence import _part
from drills.score.values import Kind, Score, Verdict
from drills.scoring import look, record, terms_of
from tests.city import OFFICER, SECOND, ZONE
from tests.unit.drill_city import OFFICE, TOWN, DrillCity, plan_of

OTHER = "330281001"
TOLD = "演练中止,以实际预警为准"
ROLES = ["grid_leader", "building_lead"]


@pytest.fixture
def drills(tmp_path: Path) -> Iterator[DrillCity]:
    made = DrillCity(tmp_path / "city")
    yield made
    made.city.store.close()


@pytest.fixture(params=[False, True], ids=["sqlite", "postgresql"])
def either(tmp_path: Path, request: pytest.FixtureRequest) -> DrillCity:
    return DrillCity(tmp_path / "city", postgresql=request.param)


def followed(drills: DrillCity, alert_no: int, template: str = "typhoon", **more: Any) -> int:
    """Somebody follows an alert up by hand; the follower's number."""
    wanted = {"areas": [TOWN], "status": "Exercise", **more}
    return drills.city.issue(template, references=[drills.city.reference(alert_no)], **wanted)


def state_of(drills: DrillCity, alert_no: int) -> AlertState:
    row = drills.city.one(select(t.alert.c.state).where(t.alert.c.no == alert_no))
    return AlertState(row.state)


def score_of(drills: DrillCity, alert_no: int) -> Score:
    with drills.city.store.read() as connection:
        return look(connection, alert_no, terms_of(connection, alert_no)).score


def leads(drills: DrillCity, alert_no: int) -> list[int]:
    """The principals of the stairwells that an alert asks, in the order of their duties."""
    asked = drills.city.leaders("building_lead")
    return [p for d, p in asked if drills.city.requirement_or_none(d, alert_no) is not None]


def answer(drills: DrillCity, person: int, alert_no: int) -> None:
    code = drills.city.one(select(t.alert.c.short_code).where(t.alert.c.no == alert_no)).short_code
    drills.city.reply(drills.city.phone_of(person), f"1 {code}")


def entered(drills: DrillCity, person: int, alert_no: int, **said: Any) -> None:
    """An answer that an operator enters, on paper unless `said` has it otherwise."""
    given = {"kind": AckKind.RECEIVED, "via": Via.PAPER, "grade": Grade.PROXY, **said}
    at = {"alert_no": alert_no, "person_no": person, "occurred_at": drills.city.now}
    drills.city.take(partial(acknowledge, answered=Answered(**at, **given), confirm=False))


# Followed up by hand.


def test_an_update_by_hand_goes_on_as_the_same_drill(drills: DrillCity) -> None:
    city = drills.city
    injects = [{"at_min": at, "text": f"第{at}分钟", "to": [TOWN]} for at in (1, 4, 30)]
    lost = [{"kind": "gateway", "route": "sms-1", "from_min": 6, "to_min": 8}]
    no = drills.run(plan_of(injects=injects, losses=lost))
    own = drills.row(no).alert_no
    city.forward(minutes=2, tick_s=20)
    later = followed(drills, own)
    city.forward(minutes=1, tick_s=20)
    assert (drills.state(no), drills.row(no).alert_no) == (DrillState.RUNNING, own)
    view = drills.view(no)
    assert view.followed_by == (city.one(_code(later)).short_code,)
    # The script's clock goes on: nothing comes twice, nothing too early.
    assert len(drills.texts(holding="第1分钟")) > 0
    assert not drills.texts(holding="第4分钟")
    sent = len(city.sent)
    city.forward(minutes=1.2, tick_s=12)
    assert len(drills.texts(sent, holding="第4分钟")) > 0
    assert not drills.texts(sent, holding="第1分钟")
    city.forward(minutes=3.3, tick_s=20)
    assert "lost-by-script" in _reasons(drills, later), "its gateway fails by the same clock"
    # It is one drill still: stopped, it tells whoever was told.
    told = drills.told(later)
    drills.stop(no)
    city.forward(seconds=5)
    (ended,) = drills.facts("drill.ended")
    assert ended["notice_no"]
    assert state_of(drills, later) is AlertState.CANCELLED
    assert drills.told(own) <= told
    with city.store.read() as connection:
        where = t.alert.c.no == ended["notice_no"]
        assert connection.execute(select(t.alert.c.references_no).where(where)).scalar() == later


def _code(alert_no: int) -> Any:
    return select(t.alert.c.short_code).where(t.alert.c.no == alert_no)


def _reasons(drills: DrillCity, alert_no: int) -> set[str]:
    c = t.delivery.c
    mine = c.id.between(alert_no << 32, (alert_no + 1 << 32) - 1)
    return {row.reason for row in drills.city.rows(select(c.reason).where(mine).distinct())}


def test_what_an_update_goes_on_as_gives_way_to_a_live_alert(drills: DrillCity) -> None:
    city = drills.city
    no = drills.run(plan_of())
    city.forward(seconds=5)
    # In the very next step, before the calendar's own look at what is due.
    later = followed(drills, drills.row(no).alert_no)
    live = city.issue(areas=[OTHER])
    assert drills.state(no) is DrillState.INTERRUPTED
    assert state_of(drills, later) is AlertState.CANCELLED
    (ended,) = drills.facts("drill.ended")
    assert ended["actual_no"] == live
    city.forward(seconds=5)
    assert drills.told(ended["notice_no"]) == drills.told(later)


def test_who_was_told_before_hears_of_the_end_of_what_was_still_being_expanded(
    tmp_path: Path,
) -> None:
    drills = DrillCity(tmp_path / "city", pieces=Pieces(first_people=3, most=7))
    city = drills.city
    no = drills.run(plan_of())
    own = drills.row(no).alert_no
    later = city.draft(areas=[TOWN], status="Exercise", references=[city.reference(own)])
    live = city.draft(areas=[OTHER])
    for drafted in (later, live):
        approve = partial(approving.approve, actor=SECOND, alert_id=bytes.fromhex(drafted["id"]))
        city.engine.step(city.now, [approve], claim=False)
    assert drills.state(no) is DrillState.INTERRUPTED
    (ended,) = drills.facts("drill.ended")
    city.forward(seconds=5)
    assert drills.told(later["no"]) == set() < drills.told(own)
    assert drills.told(ended["notice_no"]) == drills.told(own)


def test_a_drill_is_scored_over_all_of_its_alerts(drills: DrillCity) -> None:
    city = drills.city
    no = drills.run(plan_of(marks={"answer_rate": 0.1}))
    own = drills.row(no).alert_no
    first, second, *_ = leads(drills, own)
    city.forward(minutes=2, tick_s=30)
    answer(drills, first, own)
    city.forward(minutes=3, tick_s=30)
    later = followed(drills, own)
    city.forward(minutes=4, tick_s=30)
    answer(drills, second, later)
    answer(drills, first, later)  # once more: it has answered long ago
    city.forward(minutes=7, tick_s=60)
    drills.stop(no)
    found = score_of(drills, own)
    assert score_of(drills, later) == found, "whichever of them is asked for"
    assert (found.alert_no, found.over, found.cut_short) == (own, True, False)
    assert found.followed_by == (city.one(_code(later)).short_code,)
    assert found.ran_ms == 16 * 60_000
    asked = len({number & 0xFFFFFFF for number in _asked(drills, own) | _asked(drills, later)})
    assert (found.totals.answered.n, found.totals.answered.of) == (2, asked)
    # 2 minutes after the drill's start, and 5 + 4; none of them as long after the update.
    assert (found.totals.answer.median, found.totals.answer.most) == (2 * 60_000, 9 * 60_000)
    assert found.totals.messages == sum(
        drills.city.one(_tries(number)).n for number in (own, later)
    )
    assert (found.result, found.counts()["silent"]) == (Verdict.KEPT, asked - 2)


def _asked(drills: DrillCity, alert_no: int) -> set[int]:
    c = t.requirement.c
    mine = c.no.between(alert_no << 32, (alert_no + 1 << 32) - 1)
    return {row.no for row in drills.city.rows(select(c.no).where(mine))}


def _tries(alert_no: int) -> Any:
    c = t.delivery.c
    mine = c.id.between(alert_no << 32, (alert_no + 1 << 32) - 1)
    return select(func.count().label("n")).where(mine, c.recipient_kind == 1, c.attempt > 0)


def test_who_answers_after_the_end_has_no_part_in_it_but_for_what_is_entered_by_hand(
    drills: DrillCity,
) -> None:
    city = drills.city
    no = drills.run(plan_of())
    own = drills.row(no).alert_no
    first, second, third, *_ = leads(drills, own)
    city.forward(minutes=2, tick_s=30)
    answer(drills, first, own)
    city.forward(minutes=14, tick_s=60)
    drills.stop(no)
    ended = score_of(drills, own)
    city.forward(minutes=5, tick_s=60)
    answer(drills, second, own)
    later = score_of(drills, own)
    assert (later.totals.answered.n, later.totals.answer) == (1, ended.totals.answer)
    assert later.counts() == ended.counts()
    entered(drills, third, own)
    assert score_of(drills, own).totals.answered.n == 2


def test_who_answers_a_correction_answers_for_the_drill(drills: DrillCity) -> None:
    city = drills.city
    no = drills.run(plan_of())
    own = drills.row(no).alert_no
    first, *_ = leads(drills, own)
    city.forward(minutes=1, tick_s=20)
    later = followed(drills, own, "correction")
    city.forward(minutes=1, tick_s=20)
    assert (state_of(drills, own), drills.state(no)) == (AlertState.UPDATED, DrillState.RUNNING)
    assert _asked(drills, later) == set()
    answer(drills, first, later)
    # Half done is received and not done, and for the one duty that it names.
    entered(drills, first, later, kind=AckKind.DONE, count=35, of=40, duties=(7,))
    with city.store.read() as connection:
        said = _part(connection, later, 0, None).said
    assert [(each.stages, each.duties) for each in said] == [
        ((Stage.RECEIVED,), None),
        ((Stage.RECEIVED,), (7,)),
    ]
    city.forward(minutes=14, tick_s=60)
    drills.stop(no)
    found = score_of(drills, own)
    assert (found.totals.answered.n, found.totals.answer.most) == (1, 2 * 60_000)
    assert found.totals.answered.of == len(_asked(drills, own))


@pytest.mark.parametrize("reason", ["all-clear", "cancelled"])
def test_what_ends_its_alert_by_hand_ends_the_drill(drills: DrillCity, reason: str) -> None:
    no = drills.run(plan_of(injects=[{"at_min": 9, "text": "不会再说", "to": [TOWN]}]))
    drills.city.forward(seconds=5)
    followed(drills, drills.row(no).alert_no, reason.removesuffix("led"))
    drills.city.forward(seconds=5)
    assert (drills.state(no), drills.row(no).reason) == (DrillState.ENDED, reason)
    drills.city.forward(minutes=10, tick_s=60)
    assert not drills.texts(holding="不会再说")
    assert score_of(drills, drills.row(no).alert_no).cut_short


# A drill without a plan.


def test_6_a_drill_without_a_plan_gives_way_in_the_live_alerts_own_commit(
    either: DrillCity,
) -> None:
    city = either.city
    drill = city.issue(areas=[TOWN], roles=ROLES, status="Exercise")
    told, sent = either.told(drill), len(city.sent)
    live = city.issue(areas=["330281002001"])  # a community of the drill's town
    assert state_of(either, drill) is AlertState.CANCELLED, "in the step in which it came"
    (gave_way,) = either.facts("drill.gave-way")
    assert gave_way["actual_no"] == live
    assert turns(either, {("alert.issued", live), ("alert.ended", drill)}) == 1
    city.forward(seconds=5)
    assert either.told(gave_way["notice_no"]) == told, "everybody who was told, and nobody else"
    notices = [m for m in city.sent[sent:] if m.status == "Exercise"]
    assert all("演练中止" in m.text for m in notices)
    people = [m for m in notices if m.address.startswith("+")]
    assert all(m.text.startswith("【演练】") and TOLD in m.text for m in people)
    assert len(people) == len({m.address for m in people}) == len(told), "once each"
    assert open_ladders(either, drill) == 0
    sent = len(city.sent)
    city.forward(minutes=20, tick_s=120)
    late = {m.delivery >> 32 for m in city.sent[sent:] if m.status == "Exercise"}
    assert late <= {gave_way["notice_no"]}, "nothing of the drill itself"
    assert len(either.facts("drill.gave-way")) == 1
    assert state_of(either, live) is AlertState.ISSUED
    city.store.close()


def turns(drills: DrillCity, wanted: set[tuple[str, int]]) -> int:
    """In how many commits facts about alerts were recorded."""
    with drills.city.store.read() as connection:
        rows = list(journal.stream(connection))
    found = [row for row in rows if (row.fact.kind, row.fact.alert_no) in wanted]
    assert len(found) == len(wanted)
    return len({row.turn for row in found})


def open_ladders(drills: DrillCity, alert_no: int) -> int:
    c = t.requirement.c
    mine = c.no.between(alert_no << 32, (alert_no + 1 << 32) - 1)
    query = select(func.count().label("n")).where(mine, c.state == int(RequirementState.OPEN))
    return int(drills.city.one(query).n)


def test_what_has_not_left_of_a_drill_without_a_plan_never_does(drills: DrillCity) -> None:
    city = drills.city
    city.behave = lambda _message: None  # the gateway hangs
    drill = city.issue(areas=[TOWN], roles=ROLES, status="Exercise")
    c = t.delivery.c
    waits = select(func.count().label("n")).where(
        c.id.between(drill << 32, (drill + 1 << 32) - 1),
        c.state == int(DeliveryState.PENDING),
    )
    city.issue(areas=[TOWN])
    assert city.one(waits).n == 0
    assert state_of(drills, drill) is AlertState.CANCELLED


def test_elsewhere_and_after_the_danger_drills_go_on(drills: DrillCity) -> None:
    city = drills.city
    drill = city.issue(areas=[TOWN], roles=ROLES, status="Exercise")
    live = city.issue(areas=[OTHER])
    city.forward(seconds=5)
    assert state_of(drills, drill) is AlertState.ISSUED, "another town's live alert"
    city.issue("all-clear", areas=[OTHER, TOWN], references=[city.reference(live)])
    city.forward(seconds=5)
    assert state_of(drills, drill) is AlertState.ISSUED, "an all-clear is no danger"
    whole = city.issue(areas=["330281"])
    assert state_of(drills, drill) is AlertState.CANCELLED
    assert [body["actual_no"] for body in drills.facts("drill.gave-way")] == [whole]


def test_only_what_still_asks_is_ended_of_drills_that_followed_one_another(
    drills: DrillCity,
) -> None:
    city = drills.city
    first = city.issue(areas=[TOWN], roles=ROLES, status="Exercise")
    second = followed(drills, first)
    over = city.issue(areas=[TOWN], roles=ROLES, status="Exercise")
    end = followed(drills, over, "cancel")
    sent = len(city.sent)
    city.issue(areas=[TOWN])
    states = [state_of(drills, no) for no in (first, second, over, end)]
    assert states == [
        AlertState.UPDATED,
        AlertState.CANCELLED,
        AlertState.CANCELLED,
        AlertState.ISSUED,  # it says that the other one is over, and asks nothing
    ]
    city.forward(seconds=5)
    people = [m.address for m in city.sent[sent:] if TOLD in m.text and m.address.startswith("+")]
    assert len(people) == len(set(people)) > 0


def test_no_drill_begins_beside_a_live_alert(drills: DrillCity) -> None:
    city = drills.city
    drafted = city.draft(areas=[TOWN], status="Exercise")
    live = city.issue(areas=["330281002001001"])
    with pytest.raises(ConflictError, match="live alert is out in its areas"):
        city.approve(drafted)
    city.issue(areas=[OTHER], status="Exercise")
    city.issue("all-clear", areas=[TOWN], references=[city.reference(live)])
    city.approve(drafted)
    assert state_of(drills, drafted["no"]) is AlertState.ISSUED


def test_a_drill_without_a_plan_that_gave_way_can_be_scored(drills: DrillCity) -> None:
    city = drills.city
    drill = city.issue(areas=[TOWN], roles=ROLES, status="Exercise")
    city.forward(minutes=1, tick_s=20)
    city.issue(areas=[TOWN])
    with city.store.read() as connection:
        found = look(connection, drill, terms_of(connection, drill))
    assert (found.score.over, found.score.cut_short, found.score.ran_ms) == (True, True, 60_000)
    assert Kind.SILENT not in {defect.kind for defect in found.score.defects}
    city.take(partial(record, found=found, begins="06-01", zone=ZONE, source=OFFICER.source))
    assert city.one(select(t.drill_score.c.cut_short)).cut_short == 1


def test_2_what_waits_to_be_sent_again_stays_unknown_where_no_notice_can_be_made(
    drills: DrillCity,
) -> None:
    city = drills.city
    city.behave = lambda message: SendError(
        Fault.RETRY if message.possible_duplicate else Fault.UNKNOWN, "no-answer"
    )
    drill = city.issue(areas=[TOWN], roles=ROLES, status="Exercise")
    city.forward(minutes=3, tick_s=20)
    assert (DeliveryState.PENDING, 1) in waiting(drills, drill)
    city.engine.agenda = Calendar(replace(OFFICE, sender="not a sender, no"))
    city.issue(areas=["330281002001"])
    assert state_of(drills, drill) is AlertState.CANCELLED
    (gave_way,) = drills.facts("drill.gave-way")
    assert gave_way["notice_no"] == 0
    again = {state for state, duplicate in waiting(drills, drill) if duplicate}
    assert again == {DeliveryState.UNKNOWN}, "it may have arrived: nobody can call it cancelled"


def waiting(drills: DrillCity, alert_no: int) -> set[tuple[DeliveryState, int]]:
    """The states of an alert's deliveries, each with whether it may be a duplicate."""
    c = t.delivery.c
    mine = c.id.between(alert_no << 32, (alert_no + 1 << 32) - 1)
    found = drills.city.rows(select(c.state, c.duplicate).where(mine).distinct())
    return {(DeliveryState(row.state), row.duplicate) for row in found}
