"""A small drill's score, each figure worked out beside it: facts and rows in, verdicts out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from alertd.model import (
    ALERT_SHIFT,
    MINUTE_MS,
    DeliveryState,
    Fact,
    Played,
    Policy,
    Recorded,
    Stage,
    StageRule,
    Status,
    requirement_no,
)
from alertd.report.figures import figures
from alertd.report.figures.values import Figures, Share, Spread
from drills.plan import Marks
from drills.score import compare, score
from drills.score.defects import MOST_MESSAGES
from drills.score.mending import due_at, owner
from drills.score.values import Asked, Kind, Place, Seen, Sounded, Told, Verdict

ALERT, ISSUED, M = 5, 1_000_000, MINUTE_MS
CITY, TOWN, VILLAGE, EAST, WEST = 1, 10, 30, 40, 41
PLACES = {
    place.no: place
    for place in (
        Place(no=CITY, level="city", parent_no=None),
        Place(no=TOWN, level="subdistrict", parent_no=CITY),
        Place(no=VILLAGE, level="community", parent_no=TOWN),
        Place(no=EAST, level="grid", parent_no=VILLAGE),
        Place(no=WEST, level="grid", parent_no=VILLAGE),
        Place(no=50, level="building", parent_no=EAST),
        Place(no=51, level="building", parent_no=WEST),
    )
}


def figures_of(*unreachable: int) -> Figures:
    """The figures of a drill that asked for an answer in 15 minutes and a post in 60."""
    policy = Policy(
        name="red",
        stages=(
            StageRule(stage=Stage.RECEIVED, due_min=15),
            StageRule(stage=Stage.ON_POST, due_min=60),
        ),
    )
    draft = {
        "id": "ab" * 16,
        "status": int(Status.EXERCISE),
        "purpose": "alert",
        "short_code": "A5",
        "colour": "red",
        "severity": 1,
        "headline": "演练",
        "policy": policy.to_dict(),
        "selection": {"simulated": False},
        "references_no": None,
    }
    issued = {"roster_version": 3, "roster_digest": "d" * 64, "message": {}}
    selected = {"phase": "x", "first": (ALERT << ALERT_SHIFT) + 1, "asked": [], "made": [[1, 7]]}
    told: list[tuple[str, dict[str, Any]]] = [
        ("alert.drafted", draft),
        ("alert.issued", issued),
        ("alert.selected", selected),
    ]
    items = [
        [requirement_no(ALERT, Stage.RECEIVED, duty), 1, 0, 0, 0, "unreachable", [], []]
        for duty in unreachable
    ]
    told.append(("climbed", {"items": items}))
    told.append(("alert.ended", {"state": "all-clear", "reason": "by-all-clear"}))
    rows = [
        Recorded(
            fact=Fact(kind=kind, occurred_at=ISSUED, body=body, alert_no=ALERT),
            node="n",
            writer=1,
            seq=seq,
            turn=seq,
            recorded_at=ISSUED,
            prev_hash=b"",
            hash=bytes([seq]),
        )
        for seq, (kind, body) in enumerate(told, 1)
    ]
    return figures(iter(rows), alert_no=ALERT)


def asked(duty: int, unit: int, role: str, done: float | None, *holders: int) -> Asked:
    """A duty of the first stage, answered after so many minutes or never."""
    return Asked(
        duty_no=duty,
        unit_no=unit,
        role=role,
        stage=Stage.RECEIVED,
        covered_ms=None if done is None else round(done * M),
        holders=holders,
    )


# Seven duties. The town, the village and two grids, two stairwells, and a second duty of EAST.
#   village lead (person 1, 2)    answered after 2 min
#   EAST leader  (person 3, 4)    silent, both told: the chain broke below the village
#   WEST leader  (person 5)       answered after 20 min: late by 5
#   stairwell 50 (person 6)       silent, and its superior EAST too
#   stairwell 51 (person 7)       answered after 4 min
#   town lead    (nobody to tell) no contact
FIRST = (
    asked(1, VILLAGE, "community_lead", 2, 1, 2),
    asked(2, EAST, "grid_leader", None, 3, 4),
    asked(3, WEST, "grid_leader", 20, 5),
    asked(4, 50, "building_lead", None, 6),
    asked(5, 51, "building_lead", 4, 7),
    asked(6, TOWN, "subdistrict_lead", None, 8),
)
POSTS = tuple(
    replace(each, stage=Stage.ON_POST, covered_ms=None if minutes is None else minutes * M)
    for each, minutes in zip(FIRST[:3], (10, None, 40), strict=True)
)
PEOPLE = (
    Told(person_no=1, messages=2, arrived=True, answered_ms=2 * M, via="sms"),
    Told(person_no=2, messages=1, arrived=True),
    Told(person_no=3, messages=3, arrived=True),
    Told(person_no=4, messages=1, refused="no-such-number"),
    Told(person_no=5, messages=6, answered_ms=20 * M, via="phone"),
    Told(person_no=6, messages=2),
    Told(person_no=7, messages=1, arrived=True, answered_ms=4 * M, via="sms"),
)
SPEAKERS = (
    Sounded(terminal_no=1, unit_no=VILLAGE, state=DeliveryState.DELIVERED, played=Played.PLAYED),
    Sounded(terminal_no=2, unit_no=EAST, state=DeliveryState.DELIVERED, played=Played.PARTIAL),
    Sounded(
        terminal_no=3,
        unit_no=WEST,
        state=DeliveryState.FAILED,
        played=Played.SILENT,
        reason="offline",
    ),
    Sounded(terminal_no=4, unit_no=WEST, state=DeliveryState.DELIVERED, played=Played.SILENT),
)
SEEN = Seen(
    figures=figures_of(6),
    plan="汛前演练",
    places=PLACES,
    asked=(*FIRST, *POSTS),
    told=PEOPLE,
    sounded=SPEAKERS,
    vacant=((51, "building_lead"),),
)
MARKS = Marks(
    reach_rate=0.7,
    answer_rate=0.6,
    answered_within_min=20,
    covered_grids=0.5,
    on_post_within_min=60,
    loudspeakers=0.25,
)


def test_the_drill_in_figures() -> None:
    found = score(SEEN, MARKS).totals
    assert found.people == 7
    # Reached: 1, 2, 3, 7 by receipt; 5 answered by phone though no receipt came. Not 4 and 6.
    assert found.reached == Share(5, 7)
    assert found.answered == Share(3, 6)  # duties 1, 3, 5
    assert found.on_time == Share(2, 6)  # within 15 min: 2 and 4; not 20
    assert found.answer == Spread(n=3, median=4 * M, p90=20 * M, most=20 * M)
    assert found.on_post == Share(2, 3)
    assert found.post == Spread(n=2, median=10 * M, p90=40 * M, most=40 * M)
    assert found.grids == Share(1, 2)
    assert found.speakers == Share(1, 4)
    # 2 + 1 + 3 + 1 + 6 + 2 + 1 = 16 messages to 7 people: 16 / 7 = 2.2857…
    assert (found.messages, found.most_messages, found.per_person) == (16, 6, 2.29)


def test_marks_kept_missed_and_not_measured() -> None:
    found = {mark.name: mark for mark in score(SEEN, MARKS).marks}
    assert {name: mark.verdict.value for name, mark in found.items()} == {
        "reach_rate": "kept",  # 5/7 = 0.714
        "answer_rate": "missed",  # 3/6 = 0.5
        "answered_within_min": "kept",  # 20 of 20
        "covered_grids": "kept",  # 1/2
        "on_post_within_min": "missed",  # two of three asked came: nine in ten never were there
        "loudspeakers": "kept",  # 1/4
    }
    assert found["reach_rate"].measured == 0.7143
    assert found["on_post_within_min"].measured is None
    assert score(SEEN, MARKS).result is Verdict.MISSED
    kept = score(SEEN, Marks(loudspeakers=0.25))
    assert ([mark.name for mark in kept.marks], kept.result) == (["loudspeakers"], Verdict.KEPT)
    assert score(SEEN, Marks()).result is Verdict.UNMEASURED


def test_a_mark_is_held_against_counts_and_not_against_a_rounded_rate() -> None:
    # 23,749 of 25,000 is 0.94996, which rounds to 0.95.
    people = [Told(person_no=no, messages=1, arrived=no < 23_749) for no in range(25_000)]
    (mark,) = score(replace(SEEN, told=people), Marks(reach_rate=0.95)).marks
    assert (mark.measured, mark.verdict) == (0.95, Verdict.MISSED)


def test_on_post_in_time_when_nine_in_ten_came() -> None:
    posts = tuple(
        Asked(
            duty_no=no,
            unit_no=EAST,
            role="grid_leader",
            stage=Stage.ON_POST,
            covered_ms=None if no == 10 else no * M,
            holders=(no,),
        )
        for no in range(1, 11)
    )
    seen = replace(SEEN, asked=(*FIRST, *posts))
    (mark,) = score(seen, Marks(on_post_within_min=9)).marks
    assert (mark.measured, mark.verdict) == (9.0, Verdict.KEPT)
    (mark,) = score(seen, Marks(on_post_within_min=8.9)).marks
    assert mark.verdict is Verdict.MISSED


def test_by_level_and_unit() -> None:
    found = score(SEEN, MARKS)
    levels = {row.level: row for row in found.levels}
    assert list(levels) == ["subdistrict", "community", "grid", "building"]
    grid = levels["grid"]
    # EAST was silent but person 3's phone confirmed; WEST answered late.
    assert (grid.asked, grid.reached, grid.answered) == (2, Share(2, 2), Share(1, 2))
    assert (grid.on_time, grid.answer.most, grid.on_post) == (Share(0, 2), 20 * M, Share(1, 2))
    town, village, east, west = found.units
    assert (town.level, town.unit_no, town.asked) == ("subdistrict", TOWN, 6)
    assert (village.unit_no, village.asked, village.answered) == (VILLAGE, 5, Share(3, 5))
    assert [(row.level, row.unit_no, row.asked) for row in (east, west)] == [
        ("grid", EAST, 2),  # its leader, and stairwell 50
        ("grid", WEST, 2),
    ]


def test_reach_by_unit_counts_its_people_once_each() -> None:
    found = score(SEEN, MARKS)
    by_unit = {row.unit_no: (row.people, row.reached) for row in found.units}
    assert by_unit == {
        # Person 8 of the town was never told; of the rest 1, 2, 3, 5, 7 were reached: not 4, not 6.
        TOWN: (Share(5, 7), Share(4, 6)),
        VILLAGE: (Share(5, 7), Share(4, 5)),
        EAST: (Share(1, 3), Share(1, 2)),  # 3 of 3, 4 and 6; duty 2 by person 3
        WEST: (Share(2, 2), Share(2, 2)),  # 5 by telephone, and 7
    }
    both = replace(FIRST[4], holders=(5, 7))  # who holds two duties is one person
    (west,) = [
        row
        for row in score(replace(SEEN, asked=(*FIRST[:4], both)), MARKS).units
        if row.unit_no == WEST
    ]
    assert (west.asked, west.people) == (2, Share(2, 2))
    levels = {row.level: row.people for row in found.levels}
    assert levels == {
        "subdistrict": Share(0, 0),
        "community": Share(2, 2),
        "grid": Share(2, 3),
        "building": Share(1, 2),
    }


def test_a_grid_is_covered_by_all_of_its_own_duties() -> None:
    second = asked(8, WEST, "grid_member", None, 5)  # the leader answered, the member didn't
    found = score(replace(SEEN, asked=(*FIRST, second)), MARKS).totals
    assert found.grids == Share(0, 2)


def test_by_way_of_answering() -> None:
    ways = [(row.via, row.answers.n, row.answers.median) for row in score(SEEN, MARKS).ways]
    assert ways == [("sms", 2, 2 * M), ("phone", 1, 20 * M)]


def test_by_channel_what_the_plan_mutes_is_apart() -> None:
    (row,) = score(replace(SEEN, muted={"sms": 3}), MARKS).channels
    assert (row.channel, row.made, row.muted, row.arrived) == ("sms", 7, 3, Share(0, 4))
    sms = replace(SEEN.figures.channels["sms"], failed=2)
    figures = replace(SEEN.figures, channels={"sms": sms})
    (row,) = score(replace(SEEN, figures=figures, muted={"sms": 3}), MARKS).channels
    assert (row.failed, row.arrived) == (2, Share(0, 4))


def test_the_call_tree_breaks_where_the_superior_answered() -> None:
    silent = {d.subject: d for d in score(SEEN, MARKS).defects if d.kind is Kind.SILENT}
    assert {no: defect.cause for no, defect in silent.items()} == {
        2: "superior-answered",  # the village answered, EAST didn't
        4: "superior-silent",  # the stairwell's superior is EAST
    }
    assert silent[2].below == (1, 1)  # its one stairwell is silent too


def test_everything_that_is_wrong() -> None:
    found = score(SEEN, MARKS)
    assert found.counts() == {
        "silent": 2,
        "vacant": 1,
        "no-contact": 1,
        "number": 1,
        "loudspeaker": 3,
        "messages": 1,
        "mark": 2,
    }
    causes = {(d.kind.value, d.subject): d.cause for d in found.defects}
    assert causes["number", 4] == "no-such-number"
    assert [causes["loudspeaker", no] for no in (2, 3, 4)] == ["partial", "offline", "silent"]
    (burden,) = (d for d in found.defects if d.kind is Kind.MESSAGES)
    assert (burden.subject, burden.n, burden.unit_no) == (5, MOST_MESSAGES + 1, WEST)


def test_a_muted_channel_proves_nothing() -> None:
    seen = replace(SEEN, told=(), sounded=(), muted={"sms": 9, "loudspeaker": 4})
    found = score(replace(seen, asked=FIRST[1:2]), MARKS)
    assert {mark.verdict for mark in found.marks} == {Verdict.UNMEASURED}
    assert not [d for d in found.defects if d.kind in {Kind.SILENT, Kind.SPEAKER, Kind.MARK}]


def test_what_was_open_is_mended_only_by_what_was_tried() -> None:
    works = {
        (Kind.SILENT, 1, ""),
        (Kind.NUMBER, 7, ""),
        (Kind.SPEAKER, 1, ""),
        (Kind.MESSAGES, 1, ""),
        (Kind.VACANT, WEST, "grid_leader"),
        (Kind.MARK, 0, "reach_rate"),
    }
    still = {
        (Kind.SILENT, 2, ""),  # silent again
        (Kind.SILENT, 99, ""),  # wasn't asked
        (Kind.NUMBER, 6, ""),  # told, and nobody knows whether it arrived
        (Kind.NUMBER, 4, ""),
        (Kind.SPEAKER, 2, ""),
        (Kind.NO_CONTACT, 6, ""),
        (Kind.MARK, 0, "answer_rate"),
    }
    gone = (Kind.SILENT, 5, "")
    seen = replace(SEEN, open=frozenset({*works, *still, gone}), gone=frozenset({gone}))
    found = score(seen, MARKS)
    assert set(found.mended) == works
    assert found.gone == (gone,)


def test_beside_the_last_drill() -> None:
    before = score(SEEN, MARKS)
    better = tuple(replace(each, covered_ms=3 * M) for each in FIRST)
    people = tuple(replace(person, messages=1, refused="") for person in PEOPLE)
    now = score(replace(SEEN, asked=better, told=people, vacant=()), MARKS, before)
    assert now.against is not None
    moved = {each.name: (each.before, each.now, each.better) for each in now.against.changes}
    assert moved["answered"] == (0.5, 1.0, True)
    assert moved["per_person"] == (2.29, 1.0, True)
    assert moved["speakers"] == (0.25, 0.25, None)
    assert moved["on_post"] == (0.6667, None, None)  # not asked this time
    # Before: 11 defects. Three loudspeakers and the town without a contact are still there.
    assert moved["defects"] == (11.0, 4.0, True)
    assert (now.against.new, now.against.still, now.against.gone) == (0, 4, 7)
    assert compare(before, now).new == 7


def test_nothing_at_all_is_scored_too() -> None:
    found = score(Seen(figures=figures_of()), MARKS)
    assert {mark.verdict for mark in found.marks} == {Verdict.UNMEASURED}
    assert found.result is Verdict.UNMEASURED
    assert found.to_dict()["totals"]["per_person"] is None


def test_whoever_is_above_mends_it() -> None:
    owners = {
        (d.kind, d.subject): owner(d, PLACES) for d in score(SEEN, MARKS).defects if d.subject
    }
    assert owners[Kind.SILENT, 4] == EAST  # the stairwell's
    assert owners[Kind.SILENT, 2] == VILLAGE
    assert owners[Kind.NUMBER, 4] == VILLAGE  # person 4 is EAST's alternate
    assert owners[Kind.NO_CONTACT, 6] == CITY
    assert owners[Kind.SPEAKER, 3] == VILLAGE
    assert owners[Kind.MESSAGES, 5] == 0  # the plan's owner


def test_due_before_the_season_and_in_it_at_once() -> None:
    zone = timezone(timedelta(hours=8))

    def due(month: int, day: int, hour: int = 0) -> datetime:
        at = datetime(2027, month, day, hour, tzinfo=zone)
        ms = due_at(round(at.timestamp() * 1000), "06-01", zone)
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)

    assert due(3, 1) == datetime(2027, 5, 31, 23, 59, 59, tzinfo=zone)
    assert due(5, 25, 9) == datetime(2027, 6, 8, 9, tzinfo=zone)  # a week is too short to mend
    assert due(7, 15) == datetime(2027, 7, 29, tzinfo=zone)  # in the season
    assert due(12, 1) == datetime(
        2028, 5, 31, 23, 59, 59, tzinfo=zone
    )  # 183 days after it began: the next
