"""The score of a drill: pure, from the report's figures, the plan's marks and who did what.

Nothing here does I/O, looks at a clock or knows a name.
"""

from dataclasses import replace

from alertd.model import Millis, Played, Stage
from alertd.report.figures.spread import spread
from alertd.report.figures.values import Share
from drills.plan import Marks
from drills.score.comparing import compare
from drills.score.cutting import cut_short, time_of
from drills.score.defects import defects, mended
from drills.score.judging import judge, result
from drills.score.rows import (
    Counting,
    channel_rows,
    count,
    grids,
    level_rows,
    of_stage,
    unit_rows,
    way_rows,
)
from drills.score.values import Asked, Score, Seen, Totals

__all__ = ["Score", "Seen", "compare", "score"]


def score(seen: Seen, marks: Marks, last: Score | None = None) -> Score:
    """Score a drill.

    Args:
        seen: What happened in it.
        marks: What its plan asks for.
        last: The score of the drill to compare it with.
    """
    asked = _tried(seen)
    stage = min((each.stage for each in asked), default=Stage.RECEIVED)
    first, time = of_stage(asked, stage), time_of(seen, stage)
    counted = count(seen, first, of_stage(asked, Stage.ON_POST))
    totals = _totals(seen, counted, first)
    judged = judge(marks, totals, counted.whole.posts, time)
    course = seen.figures.course
    made = Score(
        alert_no=course.no,
        short_code=course.short_code,
        plan=seen.plan,
        issued_at=course.issued_at,
        over=seen.over,
        cut_short=cut_short(seen, first, time),
        ran_ms=seen.ran_ms,
        followed_by=seen.followed_by,
        result=result(judged),
        marks=judged,
        totals=totals,
        levels=level_rows(counted),
        units=unit_rows(seen, counted),
        channels=channel_rows(seen),
        ways=way_rows(seen),
        defects=tuple(defects(seen, first, judged, time)),
        mended=tuple(mended(seen, first, judged)),
        gone=tuple(sorted(seen.gone)),
    )
    return replace(made, against=compare(made, last)) if last else made


def _tried(seen: Seen) -> list[Asked]:
    """Duties that the drill really asked: where all messages were muted, silence says nothing."""
    if not seen.muted:
        return list(seen.asked)
    told = {person.person_no for person in seen.told}
    return [
        each
        for each in seen.asked
        if each.covered_ms is not None or not told.isdisjoint(each.holders)
    ]


def _totals(seen: Seen, counted: Counting, first: list[Asked]) -> Totals:
    people = seen.told
    answers: list[Millis] = [
        person.answered_ms for person in people if person.answered_ms is not None
    ]
    heard = sum(person.arrived or person.answered_ms is not None for person in people)
    whole = counted.whole.row("", 0)
    messages = sum(person.messages for person in people)
    played = sum(1 for speaker in seen.sounded if speaker.played is Played.PLAYED)
    return Totals(
        people=len(people),
        reached=Share(heard, len(people)),
        answered=whole.answered,
        on_time=whole.on_time,
        answer=spread(answers),
        on_post=whole.on_post,
        post=whole.post,
        grids=grids(seen, first),
        speakers=Share(played, len(seen.sounded)),
        messages=messages,
        most_messages=max((person.messages for person in people), default=0),
        per_person=round(messages / len(people), 2) if people else None,
    )
