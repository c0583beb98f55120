"""The figures as a pure function: facts in, numbers out, each number worked out beside it."""

from datetime import UTC
from typing import Any

import pytest

from alertd.model import (
    ALERT_SHIFT,
    MINUTE_MS,
    Channel,
    Played,
    RequirementState,
    Stage,
    Status,
    duty_of,
    requirement_no,
)
from alertd.report.figures import SOURCES, NotInJournalError, kinds, trace
from alertd.report.figures.values import Share, StageFigures, Transfer, UnitFigures
from alertd.report.names import Names
from alertd.report.page import page, tiles_of
from alertd.report.summary import interim, summary
from alertd.store.fold import _FOLDS, RECORD_ONLY
from tests.unit.fact_story import ALERT, BASE, COMMUNITY, GRID, ISSUED, S, Story


@pytest.fixture
def story() -> Story:
    found = Story()
    found.draft()
    found.issue()
    return found


def test_there_is_no_report_without_a_draft() -> None:
    with pytest.raises(NotInJournalError):
        Story().figures()


def test_a_draft_alone_has_a_report_of_nothing() -> None:
    story = Story()
    story.draft(status=int(Status.TEST))
    found = story.figures()
    assert (found.course.status, found.course.state) == ("Test", "draft")
    assert found.rates.answer == Share(0, 0)
    assert found.rates.answer.rate is None
    assert found.pace.curve == ()
    assert found.burden.per_person is None


def test_figures_of_an_alert_under_way_say_that_they_are_not_final(story: Story) -> None:
    story.ack(1, 61, [], after_s=30)
    running = story.figures()
    assert running.course.as_of == ISSUED + 30_000
    note = interim(running, str, UTC)
    assert note == "Not final: the alert was still under way, counted up to 1970-01-01 00:17:10"
    assert note in {line.value for group in summary(running, str, UTC) for line in group.lines}
    assert note in page(running, Names({}, {}), (), language="en", zone=UTC)
    story.tell("alert.ended", {"state": "expired", "reason": "expired"}, at=ISSUED + 60_000)
    over = story.figures()
    assert (over.course.as_of, interim(over, str, UTC)) == (ISSUED + 60_000, "")
    assert "Not final" not in page(over, Names({}, {}), (), language="en", zone=UTC)


def test_latencies(story: Story) -> None:
    course = story.figures().course
    assert (course.approval_ms, course.issue_ms, course.correction_ms) == (60_000, 30_000, None)


def test_the_first_correction_that_went_out_counts(story: Story) -> None:
    for number, purpose, after in ((6, "update", 5), (7, "correction", 20), (8, "correction", 30)):
        story.draft(alert_no=number, purpose=purpose, references_no=ALERT)
        story.issue(alert_no=number, at=ISSUED + after * MINUTE_MS)
    story.draft(alert_no=9, purpose="correction", references_no=ALERT)
    story.draft(alert_no=10, purpose="correction", references_no=4)
    story.issue(alert_no=10, at=ISSUED + 1)
    course = story.figures().course
    assert course.correction_ms == 20 * MINUTE_MS
    assert [f["alert_no"] for f in course.followed_by] == [6, 7, 8, 9]
    assert course.followed_by[-1]["issued_at"] is None


def test_a_forecast_is_held_against_each_level(story: Story) -> None:
    times = {"first_ms": 0, "most_ms": 4_000, "last_ms": 5_000}
    grid = {"level": "grid", "messages": 3, "late": 0, **times}
    building = {"level": "building", "messages": 2, "late": 1, **times}
    whole = {"channel": "sms", "messages": 5, "late": 1, "ahead": 7, "due_ms": 2_000, **times}
    story.tell("alert.forecast", {"channels": [whole | {"levels": [grid, building]}]})
    story.select(1, [[1, 4]], levels=[[3, 2], [4, 2]])
    story.select(5, [[1, 1]], levels=[[3, 1]])
    sms = Channel.SMS
    story.settle(1, 4, state=S.ACCEPTED, after_ms=1_000, channel=sms)
    story.settle(2, state=S.DELIVERED, after_ms=2_000, channel=sms)
    story.settle(3, state=S.FAILED, after_ms=2_500, channel=sms)
    story.settle(5, state=S.ACCEPTED, after_ms=3_000, channel=sms)
    (found,) = story.figures().forecast
    assert (found.handed_over, found.ahead, found.late, found.late_was) == (4, 7, 1, 2)
    assert (found.first_was_ms, found.most_was_ms, found.last_was_ms) == (1_000, None, None)
    first, second = found.levels
    assert (first.level, first.messages, first.handed_over, first.late_was) == ("grid", 3, 3, 1)
    assert (first.first_was_ms, first.last_was_ms) == (1_000, 3_000)
    assert (second.level, second.late, second.late_was) == ("building", 1, 1)
    assert (second.first_was_ms, second.last_was_ms) == (1_000, None)


def test_a_forecast_of_an_earlier_version_has_no_levels(story: Story) -> None:
    times = {"first_ms": 0, "most_ms": 4_000, "last_ms": 5_000}
    said = {"channel": "sms", "messages": 2, "late": 0, **times}
    story.tell("alert.forecast", {"channels": [said]})
    story.select(1, [[1, 2]])
    story.settle(1, 2, state=S.ACCEPTED, after_ms=700, channel=Channel.SMS)
    (found,) = story.figures().forecast
    assert (found.levels, found.ahead, found.last_was_ms, found.late_was) == ((), 0, 700, None)


def test_another_alerts_facts_change_nothing(story: Story) -> None:
    story.select(1, [[1, 3]], [[1, GRID, 3, 0]])
    story.claim(Channel.SMS, 1, 2, 3)
    before = story.figures()
    other = 6 << ALERT_SHIFT
    story.tell("claimed", {"items": [[other + 1, 1]], "counts": [[6, 1, 0, -1]]}, alert_no=0)
    story.tell(
        "settled",
        {"items": [[other + 1, 1, 4, None, "x", None, 0, None]], "counts": []},
        alert_no=0,
    )
    story.tell("climbed", {"items": []}, alert_no=6)
    after = story.figures()
    assert after.to_dict() | {"heads": []} == before.to_dict() | {"heads": []}


def test_deliveries_end_where_the_last_word_left_them(story: Story) -> None:
    story.select(1, [[2, 2]])
    story.select(3, [[1, 6]], [[1, GRID, 6, 0]])
    story.claim(Channel.SMS, 3, 4, 5, 6)
    story.settle(3, 4, state=S.ACCEPTED)
    story.settle(5, state=S.FAILED, reason="no-such-number")
    story.settle(6, state=S.UNKNOWN, reason="timeout")
    story.settle(6, state=S.PENDING, reason="resend-after-unknown", duplicate=1)
    story.claim(Channel.SMS, 6, attempt=2)
    story.settle(6, state=S.FAILED, reason="gave-up-after-2-x", duplicate=1)
    story.receipt(3, S.DELIVERED)
    story.settle(7, state=S.FAILED, reason="outside-plan")
    found = story.figures()
    sms, all_of_them = found.channels["sms"], found.deliveries
    assert (sms.made, sms.submitted, sms.attempts) == (6, 4, 5)
    assert (sms.pending, sms.accepted, sms.delivered, sms.failed, sms.unknown) == (1, 1, 1, 3, 0)
    assert sms.marked_duplicates == 1
    assert sms.failed_by_cause == {
        "gave-up-after-2-x": 1,
        "no-such-number": 1,
        "outside-plan": 1,
    }
    assert (all_of_them.made, all_of_them.pending) == (8, 3)
    assert found.roster_faults.numbers == {"no-such-number": 1}
    assert found.roster_faults.deliveries == (BASE + 5,)
    assert found.targets.excluded == {"outside-plan": 1}
    assert found.rates.reach == Share(1, 6)
    assert found.rates.handed_over == Share(2, 6)


def test_a_second_number_counts_for_its_person_once(story: Story) -> None:
    story.select(1, [[1, 2]], [[1, GRID, 2, 0]])
    story.claim(Channel.SMS, 1, 2)
    story.settle(1, 2, state=S.FAILED, reason="no-such-number")
    story.told(3, "alert", [71], same_as=1)
    story.told(4, "alert", [72], same_as=2)
    story.told(5, "alert", [71], same_as=1)
    story.claim(Channel.SMS, 3, 4, 5)
    story.settle(3, 4, 5, state=S.ACCEPTED)
    story.receipt(3, S.DELIVERED)
    story.receipt(5, S.DELIVERED)
    found = story.figures()
    assert found.rates.reach == Share(1, 2)
    assert found.rates.handed_over == Share(2, 2)
    assert found.burden.extra_by_kind == {"alert": 3}
    assert (found.burden.most_extra, found.burden.per_person) == (2, 2.5)


def test_nobody_is_reached_twice_and_no_alternate_for_whoever_was_not(story: Story) -> None:
    """Of two people one got it; neither her second number nor an alternate's is the other's."""
    story.select(1, [[1, 2]], [[1, GRID, 2, 0]], levels=[[3, 2]])
    story.claim(Channel.SMS, 1, 2)
    story.settle(1, 2, state=S.ACCEPTED)
    story.receipt(1, S.DELIVERED)
    story.told(3, "reminder", [71, 72])
    story.told(5, "takeover", [73])
    story.claim(Channel.SMS, 3, 4, 5)
    story.settle(3, 5, state=S.FAILED, reason="no-such-number")
    story.told(6, "alert", [71], same_as=1)  # her reminder failed
    story.told(7, "alert", [73], same_as=5)  # the alternate's take-over did
    story.claim(Channel.SMS, 6, 7)
    story.settle(6, 7, state=S.DELIVERED)
    rates = story.figures().rates
    assert rates.reach == Share(1, 2)
    assert rates.reach_by_level == {"grid": Share(1, 2)}


def test_a_second_number_is_reach_at_its_persons_level(story: Story) -> None:
    story.select(1, [[1, 2]], [[1, GRID, 2, 0]], levels=[[1, 1], [3, 1]])
    story.claim(Channel.SMS, 1, 2)
    story.settle(2, state=S.FAILED, reason="no-such-number")
    story.told(3, "alert", [72], same_as=2)
    story.claim(Channel.SMS, 3)
    story.settle(3, state=S.DELIVERED)
    assert story.figures().rates.reach_by_level == {"subdistrict": Share(0, 1), "grid": Share(1, 1)}


def test_a_group_that_is_reminded_burdens_no_person_of_the_same_number(story: Story) -> None:
    story.select(1, [[1, 1]], [[1, GRID, 1, 0]])
    story.claim(Channel.SMS, 1)
    story.told(2, "reminder", [71])
    story.told(3, "group_reminder", [71], channel=Channel.CHAT)
    story.claim(Channel.SMS, 2)
    story.claim(Channel.CHAT, 3)
    burden = story.figures().burden
    assert (burden.extra_by_kind, burden.most_extra, burden.per_person) == ({"reminder": 1}, 1, 2.0)


def test_what_a_drills_plan_muted_was_not_withdrawn_by_its_end(story: Story) -> None:
    story.select(1, [[1, 3]], [[1, GRID, 3, 0]])
    story.settle(1, 2, state=S.CANCELLED, reason="muted-by-plan", channel=Channel.SMS)
    story.tell("alert.ended", {"state": "expired", "reason": "expired"})
    found = story.figures()
    assert found.targets.excluded == {"alert-ended": 1, "muted-by-plan": 2}
    assert (found.burden.first, found.burden.per_person) == (0, 0.0)
    lines = {line.label: line.value for g in summary(found, str, UTC) for line in g.lines}
    assert lines["Withdrawn when the alert ended"] == "1"


def test_the_end_withdraws_what_waits_but_not_a_call_for_help(story: Story) -> None:
    story.select(1, [[1, 3]], [[1, GRID, 3, 0]])
    story.told(4, "help", [70], priority=0)
    story.claim(Channel.SMS, 1)
    story.tell("alert.ended", {"state": "expired", "reason": "expired"})
    found = story.figures()
    sms = found.deliveries
    assert (sms.sending, sms.expired, sms.pending, sms.cancelled) == (1, 2, 1, 0)
    assert found.targets.excluded == {"alert-ended": 2}


@pytest.mark.parametrize("ended", [False, True])
def test_channels_of_a_mixed_chunk_are_learned_from_the_claims(story: Story, ended: bool) -> None:
    """Whoever was told of an earlier alert is told again: people, loudspeakers, groups in a row."""
    story.select(1, [[1, 2], [2, 3], [3, 1]])
    story.claim(Channel.LOUDSPEAKER, 2)
    story.claim(Channel.SMS, 1, 3)
    story.settle(1, 3, state=S.DELIVERED)
    story.settle(2, state=S.DELIVERED)
    if ended:
        story.tell("alert.ended", {"state": "cancelled", "reason": "x"})
    found = story.figures()
    waiting = {
        name: row.cancelled if ended else row.pending for name, row in found.channels.items()
    }
    assert waiting == {"sms": 0, "loudspeaker": 2, "chat": 1}
    assert {name: row.made for name, row in found.channels.items()} == {
        "sms": 2,
        "loudspeaker": 3,
        "chat": 1,
    }
    assert found.rates.reach == Share(2, 2)


def test_loudspeakers_from_the_broker_to_the_sound(story: Story) -> None:
    story.rows.clear()
    story.tell("presence", {"items": [[1, True, ""], [2, True, ""], [3, False, ""]]}, alert_no=0)
    story.draft()
    story.issue()
    story.tell("presence", {"items": [[2, False, ""], [4, True, "amplifier"]]}, alert_no=0)
    story.select(1, [[2, 7]])
    story.claim(Channel.LOUDSPEAKER, *range(1, 8))
    story.settle(*range(1, 7), state=S.ACCEPTED)
    story.settle(7, state=S.FAILED, reason="no-such-terminal")
    story.receipt(1, S.DELIVERED)
    story.receipt(1, S.DELIVERED, Played.PLAYED)
    story.receipt(2, S.DELIVERED, Played.PARTIAL)
    story.receipt(3, S.DELIVERED, Played.PARTIAL)
    story.receipt(3, S.DELIVERED, Played.PLAYED)
    story.receipt(4, S.DELIVERED)
    story.settle(5, state=S.UNKNOWN, reason="terminal-silent")
    found = story.figures().loudspeakers
    assert (found.known, found.online_at_issue, found.online_at_last) == (4, 2, 2)
    assert found.faulty_at_last == 1
    assert (found.targeted, found.delivered, found.failed, found.unknown) == (7, 4, 1, 1)
    assert (found.played, found.partial, found.silent) == (2, 1, 1)


def test_stages_units_and_times(story: Story) -> None:
    # Four duties in the grid, one of the community, each asked at two stages.
    asked = [[s, u, n, 0] for s in (1, 3) for u, n in ((GRID, 4), (COMMUNITY, 1))]
    story.select(1, [[1, 5]], asked)
    story.ack(1, 61, [11], after_s=30)
    story.ack(2, 62, [12], after_s=60, units=[GRID, COMMUNITY, 1])
    story.ack(3, 63, [13], after_s=61)
    both = [Stage.RECEIVED, Stage.ON_POST, Stage.DONE]
    story.ack(4, 61, [11], after_s=600, stages=both, kind="done", count=35, of=40)
    story.ack(5, 64, [15], after_s=90, units=[COMMUNITY, 1])
    found = story.figures()
    assert found.stages[0] == StageFigures(
        stage="received",
        due_ms=60_000,
        asked=5,
        covered=4,
        carried=0,
        on_time=2,
        exhausted=0,
        closed=0,
        open=1,
    )
    assert (found.stages[1].stage, found.stages[1].covered, found.stages[1].open) == ("done", 1, 4)
    assert found.units == (
        UnitFigures(
            unit_no=COMMUNITY, stage="received", asked=1, covered=1, on_time=0, exhausted=0
        ),
        UnitFigures(unit_no=COMMUNITY, stage="done", asked=1, covered=0, on_time=0, exhausted=0),
        UnitFigures(unit_no=GRID, stage="received", asked=4, covered=3, on_time=2, exhausted=0),
        UnitFigures(unit_no=GRID, stage="done", asked=4, covered=1, on_time=1, exhausted=0),
    )
    assert found.targets.duties == 5
    assert found.pace.covered_50 == 61_000  # 30, 60, 61, 90: the third of five
    assert (found.pace.covered_90, found.pace.covered_100) == (None, None)
    assert found.pace.first_answer.n == 4


def test_an_answer_that_its_phone_dates_before_the_issue_came_at_once(story: Story) -> None:
    story.select(1, [[1, 1]], [[1, GRID, 1, 0]])
    story.ack(1, 61, [11], after_s=-30)
    assert story.figures().pace.first_answer.most == 0
    assert story.figures().pace.covered_100 == 0


def test_early_answers_are_counted_once_their_duty_is_asked(story: Story) -> None:
    story.ack(1, 61, [], after_s=5)
    story.select(1, [[1, 2]], [[1, GRID, 2, 0]])
    answers = [[requirement_no(ALERT, Stage.RECEIVED, 11), [101, GRID]]]
    story.tell("ack.counted", {"no": 1, "person_no": 61, "answers": answers}, at=ISSUED + 9_000)
    found = story.figures()
    assert found.rates.answer == Share(1, 2)
    assert found.pace.covered_50 == 5_000  # when it was said, not when it was counted


def test_a_withdrawn_ack_uncovers_unless_another_covers(story: Story) -> None:
    story.select(1, [[1, 2]], [[1, GRID, 2, 0]])
    story.ack(1, 61, [11], after_s=10)
    story.ack(2, 62, [11], after_s=20)
    story.ack(3, 63, [12], after_s=30)
    for no, duty in ((1, 11), (3, 12)):
        number = requirement_no(ALERT, Stage.RECEIVED, duty)
        body = {"no": no, "answers": [[number, [101, GRID], ISSUED + 1]]}
        story.tell("ack.withdrawn", body, at=ISSUED + 60_000)
    found = story.figures()
    assert found.rates.answer == Share(1, 2)
    assert found.rates.answered_people == 1
    assert (found.answers.total, found.answers.withdrawn) == (1, 2)
    assert found.pace.covered_50 == 20_000  # by the answer that stands


def test_of_one_persons_answers_the_one_that_stands_says_when(story: Story) -> None:
    story.select(1, [[1, 1]], [[1, GRID, 1, 0]])
    story.ack(1, 61, [11], after_s=10)
    story.ack(2, 61, [11], after_s=30)
    story.ack(3, 62, [11], after_s=50)
    number = requirement_no(ALERT, Stage.RECEIVED, 11)
    answers = [[number, [101, GRID]]]
    body = {"no": 1, "answers": [[number, [101, GRID], ISSUED + 1]]}
    story.tell("ack.withdrawn", body, at=ISSUED + 60_000)
    again = {"no": 2, "person_no": 61, "answers": answers}
    story.tell("ack.counted", again, at=ISSUED + 60_000)
    assert story.figures().pace.covered_50 == 30_000


def test_answers_of_the_alert_before_are_carried_and_counted_once(story: Story) -> None:
    carried = requirement_no(ALERT, Stage.RECEIVED, 11)
    story.select(1, [[1, 3]], [[1, GRID, 3, 1]], carried=[carried])
    story.ack(1, 61, [11], after_s=10)
    story.ack(2, 62, [12], after_s=20)
    found = story.figures()
    assert (found.stages[0].covered, found.stages[0].carried, found.stages[0].open) == (2, 1, 1)
    assert (found.units[0].covered, found.units[0].on_time) == (2, 2)
    assert found.escalations.resolved == {"carried": 1, "first": 1}
    assert found.pace.covered_50 == 20_000


def climb(
    story: Story,
    duty: int,
    acts: list[str],
    reason: str = "no-answer",
    *,
    last: bool = False,
    stage: Stage = Stage.RECEIVED,
) -> None:
    state = RequirementState.EXHAUSTED if last else RequirementState.OPEN
    number = requirement_no(ALERT, stage, duty)
    units = [100 + duty, GRID, COMMUNITY, 1] if last else []
    item = [number, 1, None if last else 1, 0, int(state), reason, acts, units]
    story.tell("climbed", {"items": [item]})


def test_ladders_and_where_they_were_resolved(story: Story) -> None:
    story.select(1, [[1, 5]], [[1, GRID, 6, 0]])
    for duty in (11, 12, 13):
        climb(story, duty, ["remind"])
    story.ack(1, 61, [11], after_s=130)
    climb(story, 12, ["alternate", "parent"])
    story.ack(2, 62, [12], after_s=310)
    climb(story, 13, ["door_knock"], "steps-exhausted", last=True)
    climb(story, 14, ["door_knock"], "steps-exhausted", last=True)
    story.ack(3, 63, [14], after_s=2_000)
    story.ack(4, 64, [15], after_s=20)
    story.tell("digest.sent", {"duty_no": 2, "message_no": BASE + 2, "requirements": []})
    story.tell("digest.sent", {"duty_no": 2, "message_no": 0, "requirements": []})
    found = story.figures()
    assert found.escalations.acts == {
        "alternate": 1,
        "door_knock": 2,
        "parent": 1,
        "remind": 3,
    }
    assert found.escalations.resolved == {"first": 1, "remind": 1, "parent": 1, "door_knock": 1}
    assert found.escalations.unwoken == ((requirement_no(ALERT, Stage.RECEIVED, 13), 113),)
    assert (found.escalations.digests_sent, found.escalations.digests_spared) == (1, 1)
    assert (found.stages[0].exhausted, found.stages[0].open) == (1, 1)
    assert found.units[0].exhausted == 1


def test_a_duty_that_answers_at_two_stages_was_resolved_once(story: Story) -> None:
    story.select(1, [[1, 2]], [[1, GRID, 2, 0], [3, GRID, 2, 0]])
    climb(story, 11, ["remind"])
    story.ack(1, 61, [11], after_s=130)
    story.ack(2, 61, [11], after_s=400, stages=[Stage.DONE], kind="done")
    found = story.figures()
    assert [stage.covered for stage in found.stages] == [1, 1]
    assert found.escalations.resolved == {"remind": 1}
    assert sum(found.escalations.resolved.values()) == found.rates.answer.n


def test_who_answered_and_reported_no_more_was_woken(story: Story) -> None:
    story.select(1, [[1, 2]], [[1, GRID, 2, 0], [3, GRID, 2, 0]])
    story.ack(1, 61, [11], after_s=30)
    climb(story, 12, ["door_knock"], "steps-exhausted", last=True)
    for duty in (11, 12):
        climb(story, duty, ["door_knock"], "steps-exhausted", last=True, stage=Stage.DONE)
    found = story.figures()
    assert [duty_of(number) for number, _ in found.unwoken] == [12]
    assert len(found.escalations.unwoken) == 3
    lines = {line.label: line.value for group in summary(found, str, UTC) for line in group.lines}
    assert lines["Not woken: nobody ever answered"] == "1"
    assert lines["Never reported: Done"] == "2"
    assert ("Not woken", "1", "person-duties") in tiles_of(found, str)


def test_a_duty_that_nobody_can_be_told_of_is_one_at_every_stage(story: Story) -> None:
    story.select(1, [], [[1, GRID, 1, 0], [3, GRID, 1, 0]])
    for stage in (Stage.RECEIVED, Stage.DONE):
        climb(story, 11, ["alternate"], "unreachable", stage=stage)
    found = story.figures()
    assert found.roster_faults.unreachable_duties == (requirement_no(ALERT, Stage.RECEIVED, 11),)
    assert found.targets.excluded == {"no-contact": 1}


def test_a_duty_that_nobody_can_be_told_of_is_a_fault_of_the_roster(story: Story) -> None:
    story.select(1, [[1, 1]], [[1, GRID, 2, 0]])
    hurried = requirement_no(ALERT, Stage.RECEIVED, 12)
    climb(story, 11, ["alternate"], "unreachable")
    story.tell("hurried", {"items": [hurried]})  # a dead number: known as such elsewhere
    climb(story, 12, ["alternate"], "unreachable")
    found = story.figures()
    assert found.roster_faults.unreachable_duties == (requirement_no(ALERT, Stage.RECEIVED, 11),)
    assert found.targets.excluded == {"no-contact": 1}


def test_help_and_manual_entries(story: Story) -> None:
    story.ack(1, 61, [], after_s=10, kind="help")
    opened = {"ack_no": 1, "unit_no": 101, "person_no": 61, "due_at": 0, "units": [101]}
    story.tell("help.opened", opened, at=ISSUED + 10_000)
    story.tell("help.climbed", {"ack_no": 1, "climbed": 2, "due_at": 0}, at=ISSUED + 130_000)
    story.tell("help.taken", {"ack_no": 1, "by": "00"}, at=ISSUED + 150_000)
    story.ack(2, 62, [], after_s=20, kind="help")
    story.tell("help.opened", opened | {"ack_no": 2}, at=ISSUED + 20_000)
    for no, via in enumerate(("phone", "radio", "runner", "paper", "paper", "page"), start=3):
        story.ack(no, 60 + no, [], after_s=40, via=via, grade="proxy", late=True)
    answers = story.figures().answers
    first, second = answers.help_calls
    assert (first.climbed, first.taken_ms, first.closed_ms) == (2, 140_000, None)
    assert (second.climbed, second.taken_ms) == (1, None)
    assert answers.manual == {"paper": 2, "phone": 1, "radio": 1, "runner": 1}
    assert answers.by_grade == {"own": 2, "proxy": 6}
    assert answers.late == 6


def test_the_last_reading_of_a_reply_counts(story: Story) -> None:
    for verdict in ("unclear", "counted"):
        story.tell("interpreted", {"items": [[1, verdict, "r", 7]]})
    story.tell("interpreted", {"items": [[2, "ambiguous", "r", None]]})
    story.tell("interpreted", {"items": [[3, "unclear", "r", None]]}, alert_no=0)
    assert story.figures().answers.replies == {"ambiguous": 1, "counted": 1}


def test_people_moved(story: Story) -> None:
    for no, person, count, of in (
        (1, 61, 10, 40),
        (2, 61, 35, 40),  # replaces the first
        (3, 62, 12, None),
        (4, 63, 9, 5),  # more than foreseen: nobody is left
        (5, 64, None, None),
    ):
        story.ack(no, person, [], after_s=no, kind="done", count=count, of=of)
    story.ack(6, 65, [], after_s=9, kind="done", count=100, of=100)
    story.tell("ack.withdrawn", {"no": 6, "answers": []})
    assert story.figures().transfer == Transfer(
        reports=3, with_total=2, should=45, moved=56, left=5
    )


def test_people_moved_are_counted_once_whoever_says_so(story: Story) -> None:
    """A count is of its duties: an alternate's, a shared phone's and one of a unit alone."""
    done: dict[str, Any] = {"kind": "done"}
    story.ack(1, 61, [11], after_s=1, **done, count=35, of=40)
    story.ack(2, 62, [11], after_s=2, **done, count=38, of=40)  # the alternate of the same duty
    for no, person, duty in ((3, 63, 13), (4, 64, 14)):  # husband and wife, one reply
        story.ack(no, person, [duty], after_s=3, **done, count=7, of=9, inbound_no=5)
    # One person, two units: each count names its own, and the later one is of the second alone.
    story.ack(5, 65, [15, 16], after_s=4)
    story.ack(6, 65, [], after_s=5, **done, count=20, of=20, named=[15])
    story.ack(7, 65, [], after_s=6, **done, count=1, of=4, named=[16])
    story.ack(8, 65, [], after_s=7, **done, count=3, of=4, named=[16])
    assert story.figures().transfer == Transfer(
        reports=4, with_total=4, should=40 + 9 + 20 + 4, moved=38 + 7 + 20 + 3, left=2 + 2 + 0 + 1
    )


def test_every_section_says_what_it_rests_on(story: Story) -> None:
    story.ack(1, 61, [], after_s=1)
    found = story.figures()
    sections = set(found.to_dict()) - {"schema", "heads", "sources"}
    assert sections == set(SOURCES)
    assert found.sources["transfer"] == {"acked": 1}
    assert list(trace(story.rows, alert_no=ALERT, figure="transfer")) == [("n", 1, 4)]
    with pytest.raises(KeyError):
        next(trace(story.rows, alert_no=ALERT, figure="weather"))


def test_only_kinds_that_the_journal_knows_are_read() -> None:
    assert kinds() <= set(_FOLDS) | RECORD_ONLY
    assert {kind for read in SOURCES.values() for kind in read} <= kinds()


def test_the_heads_are_the_last_facts_of_each_chain(story: Story) -> None:
    (head,) = story.figures().heads
    assert (head.node, head.writer, head.seq, head.hash) == ("n", 1, 3, "03")
