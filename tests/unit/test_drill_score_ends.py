"""The score of a drill that was cut short, and of one that was followed up, worked out by hand.

The drill is that of test_drill_score: six duties, due in 15 minutes, on post in 60.
"""

from dataclasses import replace

import pytest

from alertd.model import MINUTE_MS, DeliveryState, Played, Stage
from alertd.report.figures.values import Share, Spread
from drills.plan import Marks
from drills.score import score
from drills.score.merging import together
from drills.score.values import Asked, Kind, Said, Seen, Sounded, Told, Verdict
from tests.unit.test_drill_score import EAST, FIRST, MARKS, POSTS, SEEN, SPEAKERS, WEST

M = MINUTE_MS
ENDED = replace(SEEN, over=True)


def verdicts(seen: Seen, marks: Marks = MARKS) -> dict[str, str]:
    return {mark.name: mark.verdict.value for mark in score(seen, marks).marks}


def test_one_that_ran_for_ten_minutes_has_missed_nothing_yet() -> None:
    cut = replace(ENDED, ran_ms=10 * M, interrupted=True)
    found = score(cut, MARKS)
    assert (found.cut_short, found.result, found.ran_ms) == (True, Verdict.UNDECIDED, 10 * M)
    assert verdicts(cut) == {
        "reach_rate": "kept",  # 5 of 7 are reached, and stay so
        "answer_rate": "undecided",  # 3 of 6, with 5 of the 15 minutes left
        "answered_within_min": "undecided",  # 20 minutes were asked for
        "covered_grids": "kept",
        "on_post_within_min": "undecided",
        "loudspeakers": "kept",
    }
    # Nobody is silent yet; the dead number, the vacant post and what failed stand.
    assert found.counts() == {
        "silent": 0,
        "vacant": 1,
        "no-contact": 1,
        "number": 1,
        "loudspeaker": 1,  # the one that is offline, not those that may still play
        "messages": 1,
        "mark": 0,
    }


@pytest.mark.parametrize(
    ("minutes", "rate", "post"), [(15, "missed", "undecided"), (60, "missed", "missed")]
)
def test_what_had_its_time_is_decided(minutes: int, rate: str, post: str) -> None:
    cut = replace(ENDED, ran_ms=minutes * M, interrupted=True)
    found = verdicts(cut)
    assert (found["answer_rate"], found["on_post_within_min"]) == (rate, post)
    assert score(cut, MARKS).counts()["silent"] == 2


def test_when_nine_in_ten_answered_can_be_told_once_all_have() -> None:
    answered = tuple(replace(each, covered_ms=2 * M) for each in FIRST)
    marks = Marks(answered_within_min=20)
    some = replace(ENDED, ran_ms=5 * M, interrupted=True)
    assert verdicts(some, marks) == {"answered_within_min": "undecided"}
    assert verdicts(replace(some, asked=answered), marks) == {"answered_within_min": "kept"}
    over = replace(some, ran_ms=20 * M)
    assert verdicts(over, marks) == {"answered_within_min": "kept"}


@pytest.mark.parametrize(
    ("how", "short"),
    [
        ({"ran_ms": 15 * M}, False),  # stopped when everybody had had their time
        ({"ran_ms": 14 * M}, True),
        ({"ran_ms": 14 * M, "expired": True}, False),  # its plan gave it no more
        ({"ran_ms": 15 * M, "script_left": 1}, True),
        ({"ran_ms": 15 * M, "interrupted": True}, True),
        ({"ran_ms": None, "over": False}, False),  # under way
    ],
)
def test_cut_short_or_not(how: dict[str, object], short: bool) -> None:
    assert score(replace(ENDED, **how), MARKS).cut_short is short


def test_one_that_everybody_has_answered_may_end_early() -> None:
    answered = tuple(replace(each, covered_ms=2 * M) for each in FIRST)
    assert not score(replace(ENDED, asked=answered, ran_ms=3 * M), MARKS).cut_short


# After 10 minutes somebody updated it. EAST (silent so far) and its stairwell answer the update
# 2 and 8 minutes after it; WEST answered the first alert late, 20 minutes after it; the update
# reaches one more stairwell, 52, whose lead answers at once.
LATER = Seen(
    figures=SEEN.figures,
    over=True,
    ran_ms=30 * M,
    asked=(
        Asked(
            duty_no=2,
            unit_no=EAST,
            role="grid_leader",
            stage=Stage.RECEIVED,
            asked_ms=10 * M,
            covered_ms=2 * M,
            holders=(3, 4),
        ),
        Asked(
            duty_no=3,
            unit_no=WEST,
            role="grid_leader",
            stage=Stage.RECEIVED,
            asked_ms=10 * M,
            holders=(5,),
        ),
        Asked(
            duty_no=4,
            unit_no=50,
            role="building_lead",
            stage=Stage.RECEIVED,
            asked_ms=10 * M,
            covered_ms=8 * M,
            holders=(6,),
        ),
        Asked(
            duty_no=7,
            unit_no=51,
            role="building_lead",
            stage=Stage.RECEIVED,
            asked_ms=10 * M,
            covered_ms=1 * M,
            holders=(9,),
        ),
    ),
    told=(
        Told(person_no=3, messages=1, answered_ms=2 * M, via="sms", told_ms=10 * M),
        Told(person_no=5, messages=1, told_ms=10 * M),
        Told(person_no=6, messages=1, arrived=True, answered_ms=8 * M, via="page", told_ms=10 * M),
        Told(person_no=9, messages=1, answered_ms=1 * M, via="sms", told_ms=10 * M),
    ),
    sounded=(
        Sounded(terminal_no=2, unit_no=EAST, state=DeliveryState.DELIVERED, played=Played.PLAYED),
    ),
)
BOTH = together([replace(SEEN, over=True, ran_ms=10 * M), LATER])


def test_a_drill_of_two_alerts_is_one_drill() -> None:
    found = score(BOTH, MARKS)
    totals = found.totals
    assert (found.over, found.ran_ms, found.cut_short) == (True, 30 * M, False)
    # Seven duties: 1, 2, 3, 4, 5 and the new 7 are answered, the town's 6 has no contact.
    assert totals.answered == Share(6, 7)
    # Minutes since each was asked first: 2, 10+2, 20, 10+8, 4 and, new, 1. Within 15: 2, 12, 4, 1.
    assert totals.on_time == Share(4, 7)
    # Eight people: reached are 1, 2, 3, 5, 6, 7, 9; not 4.
    assert totals.reached == Share(7, 8)
    # First answers of 1, 3, 5, 6, 7, 9 since each was told first: 2, 12, 20, 18, 4, 1.
    assert totals.answer == Spread(n=6, median=4 * M, p90=20 * M, most=20 * M)
    assert totals.messages == 16 + 4
    # Loudspeaker 2 played the second time; 1 did, 3 and 4 never.
    assert totals.speakers == Share(2, 4)
    assert totals.grids == Share(2, 2)
    assert found.counts()["silent"] == 0
    (channel,) = found.channels
    assert channel.made == 14  # 7 a report


def test_who_is_asked_later_has_their_time_from_then() -> None:
    silent = replace(LATER.asked[3], covered_ms=None)
    told = tuple(
        replace(each, answered_ms=None) if each.person_no == 9 else each for each in LATER.told
    )
    later = replace(LATER, asked=(*LATER.asked[:3], silent), told=told, ran_ms=24 * M)
    both = together([replace(SEEN, over=True, ran_ms=10 * M), later])
    assert score(both, MARKS).cut_short, "asked 10 minutes after the start, it has 25"
    assert 7 not in {d.subject for d in score(both, MARKS).defects if d.kind is Kind.SILENT}
    whole = score(replace(both, ran_ms=25 * M), MARKS)
    assert not whole.cut_short
    assert 7 in {d.subject for d in whole.defects if d.kind is Kind.SILENT}


def test_who_answers_a_correction_answers_for_what_was_asked() -> None:
    said = (
        Said(person_no=4, at_ms=13 * M, stages=(Stage.RECEIVED,)),
        Said(person_no=4, at_ms=12 * M, stages=(Stage.RECEIVED, Stage.ON_POST)),
        Said(person_no=5, at_ms=11 * M, stages=(Stage.RECEIVED,)),
    )
    later = Seen(figures=SEEN.figures, over=True, ran_ms=30 * M, said=said)
    found = {(each.duty_no, each.stage): each.covered_ms for each in together([ENDED, later]).asked}
    assert found[2, Stage.RECEIVED] == 12 * M  # by the alternate, at their first word
    assert found[2, Stage.ON_POST] == 12 * M
    assert found[3, Stage.RECEIVED] == 11 * M  # earlier than the 20 minutes of the first alert
    assert found[3, Stage.ON_POST] == POSTS[2].covered_ms
    assert found[1, Stage.RECEIVED] == FIRST[0].covered_ms


def test_who_names_a_duty_in_answer_to_a_correction_answers_for_no_other() -> None:
    said = (
        Said(person_no=4, at_ms=1 * M, stages=(Stage.RECEIVED,), duties=(99,)),
        Said(person_no=5, at_ms=1 * M, stages=(Stage.RECEIVED,), duties=(99, 3)),
    )
    later = Seen(figures=SEEN.figures, over=True, ran_ms=30 * M, said=said)
    before = {(each.duty_no, each.stage): each.covered_ms for each in ENDED.asked}
    found = {(each.duty_no, each.stage): each.covered_ms for each in together([ENDED, later]).asked}
    assert found == before | {(3, Stage.RECEIVED): 1 * M}


def test_one_alert_alone_is_left_as_it_is() -> None:
    assert together([SEEN]) is SEEN
    muted = [replace(SEEN, muted={"chat": 2}), replace(LATER, muted={"chat": 1, "sms": 4})]
    assert together(muted).muted == {"chat": 3, "sms": 4}
    assert SEEN.sounded == SPEAKERS
