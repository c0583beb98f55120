"""A small alert worked out by hand: every figure of the report, with the arithmetic beside it."""

import json

import pytest

from alertd.errors import InvalidInputError
from alertd.i18n import translator
from alertd.model import Channel, Played, RequirementState, Stage, requirement_no
from alertd.report.change import changes, to_json
from alertd.report.figures import Figures
from alertd.report.figures.values import Share, Spread, Transfer, WayFigures
from alertd.report.heat import heat, kind_of
from alertd.report.names import Names, Unit
from alertd.report.rollup import unit_rows
from alertd.report.story import shortened, story
from alertd.report.values import CITY_TIME
from tests.unit.fact_story import ALERT, BASE, GRID, ISSUED, S, Story

OTHER = 41  # the second grid
EN = translator("en")


def climb(number: int, acts: list[str], state: RequirementState, units: list[int]) -> list[object]:
    reason = "steps-exhausted" if state is RequirementState.EXHAUSTED else "no-answer"
    return [number, 1, None, 0, int(state), reason, acts, units]


def duty(number: int) -> int:
    return requirement_no(ALERT, Stage.RECEIVED, number)


def told_by_hand(status: int = 1) -> Story:
    """Ten people are asked in two grids, six and four; two loudspeakers are commanded.

    The first stage is due after one minute. Drafted 90 s before the issue, approved 30 s before it.
    """
    told = Story()
    told.tell("presence", {"items": [[1, True, ""], [2, True, ""], [3, False, ""]]}, alert_no=0)
    told.draft(status=status)
    told.issue()
    told.select(1, [[2, 2]])  # deliveries 1 and 2: loudspeakers
    asked = [[1, GRID, 6, 0], [1, OTHER, 4, 0]]
    # Deliveries 3 to 12: people; two of them answer for the subdistrict, eight for a grid.
    told.select(3, [[1, 10]], asked, levels=[[1, 2], [3, 8]])
    told.claim(Channel.LOUDSPEAKER, 1, 2)
    told.settle(1, 2, state=S.ACCEPTED)
    told.receipt(1, S.DELIVERED, Played.PLAYED)
    told.receipt(2, S.DELIVERED, Played.PARTIAL)
    told.claim(Channel.SMS, *range(3, 13))
    told.settle(*range(3, 12), state=S.ACCEPTED)  # nine of ten
    told.settle(12, state=S.FAILED, reason="no-such-number")
    for place in (3, 5, 6, 7, 8, 9):  # six arrive; 3 is of the subdistrict's two
        told.receipt(place, S.DELIVERED)
    # Answers in seconds after the issue: 10, 20, 30 and 60 are on time, 61 and 240 are not.
    told.ack(1, 101, [11], after_s=10, units=[GRID])
    told.ack(2, 102, [12], after_s=20, units=[GRID], via="page")
    told.ack(3, 103, [13], after_s=30, units=[GRID], kind="done", count=30, of=40)
    told.ack(4, 104, [14], after_s=60, units=[GRID])
    told.ack(5, 105, [15], after_s=61, units=[GRID], via="phone", grade="proxy")
    climbing = [climb(duty(n), ["remind"], RequirementState.OPEN, []) for n in (16, 21, 22, 23, 24)]
    told.tell("climbed", {"items": climbing}, at=ISSUED + 120_000)
    told.told(13, "reminder", [106, 121, 122, 123, 124])
    told.ack(6, 106, [16], after_s=240, units=[GRID])
    told.ack(7, 103, [], after_s=250, units=[GRID], kind="done", count=35, of=40)
    told.ack(8, 121, [], after_s=260, kind="help")
    opened = {"ack_no": 8, "unit_no": OTHER, "person_no": 121, "due_at": 0, "units": [OTHER]}
    told.tell("help.opened", opened, at=ISSUED + 260_000)
    told.tell("help.taken", {"ack_no": 8, "by": "00"}, at=ISSUED + 290_000)
    told.tell(
        "help.closed", {"ack_no": 8, "by": "00", "outcome": "", "units": []}, at=ISSUED + 860_000
    )
    last = [
        climb(duty(n), ["door_knock"], RequirementState.EXHAUSTED, [OTHER])
        for n in (21, 22, 23, 24)
    ]
    told.tell("climbed", {"items": last}, at=ISSUED + 600_000)
    told.tell("alert.ended", {"state": "expired", "reason": "expired"}, at=ISSUED + 3_600_000)
    return told


@pytest.fixture(scope="module")
def found() -> Figures:
    return told_by_hand().figures()


def test_whom_it_was_for_and_what_became_of_the_messages(found: Figures) -> None:
    assert (found.targets.duties, found.targets.people, found.targets.terminals) == (10, 10, 2)
    sms = found.channels["sms"]
    # 10 first ones and 5 reminders; the reminders were never claimed, so the end withdrew them.
    assert (sms.made, sms.submitted) == (10 + 5, 10)
    assert (sms.delivered, sms.accepted, sms.failed, sms.expired) == (6, 9 - 6, 1, 5)
    assert sms.failed_by_cause == {"no-such-number": 1}
    assert found.roster_faults.numbers == {"no-such-number": 1}


def test_rates(found: Figures) -> None:
    rates = found.rates
    assert rates.reach == Share(6, 10)  # confirmed at the phone
    assert rates.handed_over == Share(9, 10)  # 10 less the one that was refused
    assert rates.answer == Share(6, 10)  # acks 1 to 6; a second count and a cry cover nothing
    assert rates.on_time == Share(4, 10)  # 10, 20, 30 and 60 s; 60 s is still on time
    assert rates.answered_people == 6
    assert (rates.reach.rate, rates.on_time.rate) == (0.6, 0.4)
    # Deliveries 3 and 4 are the subdistrict's: 3 arrived. Of the grids' eight, 5 to 9 did.
    assert rates.reach_by_level == {"subdistrict": Share(1, 2), "grid": Share(5, 8)}


def test_speed(found: Figures) -> None:
    # First answers 10, 20, 30, 60, 61, 240 s. Nearest rank: the median is the 3rd (0.5 × 6 = 3),
    # nine in ten the 6th (0.9 × 6 = 5.4, rounded up).
    assert found.pace.first_answer == Spread(n=6, median=30_000, p90=240_000, most=240_000)
    # Half of ten duties is the 5th answer; 90 % would be the 9th, which never came.
    assert (found.pace.covered_50, found.pace.covered_90) == (61_000, None)
    assert found.pace.covered_100 is None


def test_by_unit_way_and_rung(found: Figures) -> None:
    received = [unit for unit in found.units if unit.stage == "received"]
    rows = [(u.unit_no, u.asked, u.covered, u.on_time, u.exhausted) for u in received]
    assert rows == [(GRID, 6, 6, 4, 0), (OTHER, 4, 0, 0, 4)]
    assert found.answers.ways == (
        WayFigures(via="page", people=1, on_time=1, median_ms=20_000),
        WayFigures(via="phone", people=1, on_time=0, median_ms=61_000),
        # 10, 30, 60 and 240 s by SMS: the 2nd of four
        WayFigures(via="sms", people=4, on_time=3, median_ms=30_000),
    )
    assert found.escalations.acts == {"remind": 5, "door_knock": 4}
    assert found.escalations.resolved == {"first": 5, "remind": 1}  # duty 16 after its reminder
    assert [no for no, _ in found.escalations.unwoken] == [duty(n) for n in (21, 22, 23, 24)]
    assert found.answers.manual == {"phone": 1}


def test_help_transfer_loudspeakers_latency_and_burden(found: Figures) -> None:
    (call,) = found.answers.help_calls
    # opened at 260 s, taken at 290 s, closed at 860 s
    assert (call.unit_no, call.taken_ms, call.closed_ms) == (OTHER, 30_000, 600_000)
    # Person 103 said 30 of 40, then 35 of 40: the last word counts, 5 are left.
    assert found.transfer == Transfer(reports=1, with_total=1, should=40, moved=35, left=5)
    speakers = found.loudspeakers
    assert (speakers.known, speakers.online_at_issue) == (3, 2)
    assert (speakers.targeted, speakers.played, speakers.partial) == (2, 1, 1)
    course = found.course
    assert (course.approval_ms, course.issue_ms, course.correction_ms) == (60_000, 30_000, None)
    # 10 first messages to 10 people; the five reminders never left, and burdened nobody.
    assert found.burden.per_person == 1.0
    assert found.burden.people_by_extra == ()


def test_the_course_of_events(found: Figures) -> None:
    lines = [((each.at - ISSUED) // 1000, each.what, each.n) for each in found.timeline]
    assert lines == [
        (-90, "alert.drafted", 1),
        (-30, "alert.approved", 1),
        (0, "alert.issued", 1),
        (0, "told:reminder", 5),
        (61, "covered:50", 1),
        (120, "climbed:remind", 5),
        (260, "help.opened", 1),
        (290, "help.taken", 1),
        (600, "climbed:door_knock", 4),
        (860, "help.closed", 1),
        (3600, "alert.ended:expired", 1),
    ]
    names = Names({OTHER: unit(OTHER, "Second grid")}, {})
    told = story(found.timeline, names, EN, CITY_TIME, issued_at=ISSUED)
    texts = [line.text for line in told]
    assert "Call for help · Second grid" in texts
    assert "Ladders climbed, reminders: 5" in texts
    assert texts[-1] == "Ended: expired"
    assert [line.text for line in shortened(told, 3)] == [*texts[:2], texts[-1]]


def unit(no: int, name: str) -> Unit:
    return Unit(no=no, code=f"C{no}", name=name, level="grid", parent_no=None, path=f"C{no}/")


def test_the_heat_grid_has_a_shape_a_share(found: Figures) -> None:
    names = Names({no: unit(no, f"U{no}") for no in (GRID, OTHER)}, {})
    drawn = heat(unit_rows(found.units, names))
    assert drawn is not None
    cells = [cell for block in drawn.blocks for cell in block.cells]
    assert [(cell.kind, cell.covered, cell.asked) for cell in cells] == [
        ("all", 6, 6),
        ("none", 0, 4),
    ]
    assert heat(unit_rows(found.units, names), most=1) is None
    shares = [kind_of(n, 10) for n in (10, 9, 8, 5, 4, 1, 0)]
    assert shares == ["all", "most", "half", "half", "few", "few", "none"]


def test_a_drill_is_compared_with_a_drill_only(found: Figures) -> None:
    later = told_by_hand()
    later.ack(9, 121, [21], after_s=45, units=[OTHER])
    found_now = later.figures()
    by_key = {each.key: each for each in changes(found, found_now, EN)}
    answer, unwoken = by_key["answer"], by_key["unwoken"]
    assert (answer.before, answer.now, answer.better) == ("60.0%", "70.0%", 1)
    assert (unwoken.before, unwoken.now, unwoken.better) == ("4", "3", 1)
    # 45 s comes between 30 and 60: the 5th of ten answers is now the one at 60 s.
    half = by_key["covered_50"]
    assert (half.before, half.now, half.better) == ("1 min 1 s", "1 min 0 s", 1)
    assert by_key["covered_90"].better == 0  # never, and never
    assert by_key["duties"].better == 0
    back = {each.key: each.better for each in changes(found_now, found, EN)}
    assert (back["answer"], back["unwoken"], back["covered_50"]) == (-1, -1, -1)
    assert json.dumps(to_json(found, found_now, "en"))
    with pytest.raises(InvalidInputError, match="can't be compared"):
        changes(found, told_by_hand(status=2).figures(), EN)


def test_nothing_rests_on_deliveries_of_others(found: Figures) -> None:
    story_again = told_by_hand()
    story_again.tell("claimed", {"items": [[BASE * 2 + 3, 1]], "counts": []}, alert_no=0)
    again = story_again.figures()
    assert again.deliveries == found.deliveries
    assert again.timeline == found.timeline
