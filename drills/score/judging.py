"""Pass marks: what was wanted, what was measured, kept or missed."""

from collections.abc import Sequence
from dataclasses import replace

from alertd.model import MINUTE_MS, Millis
from alertd.report.figures.spread import reached
from alertd.report.figures.values import Share
from drills.plan import Marks
from drills.score.cutting import Time
from drills.score.values import Mark, Totals, Verdict

_MOST_OF_THEM = 0.9  # of those asked, for a time


def judge(
    marks: Marks, totals: Totals, posts: Sequence[Millis], time: Time | None = None
) -> tuple[Mark, ...]:
    """Every mark that the plan sets, in the plan's order.

    Args:
        marks: The plan's.
        totals: What was measured.
        posts: When each duty was on post.
        time: How much there was for it.
    """
    time = time or Time()
    within = None if totals.answer.p90 is None else totals.answer.p90 / MINUTE_MS
    found = (
        _share("reach_rate", marks.reach_rate, totals.reached),
        _share("answer_rate", marks.answer_rate, totals.answered),
        _minutes("answered_within_min", marks.answered_within_min, within),
        _share("covered_grids", marks.covered_grids, totals.grids),
        _on_post(marks.on_post_within_min, totals.on_post, posts),
        _share("loudspeakers", marks.loudspeakers, totals.speakers),
    )
    all_answered = bool(totals.answered.of) and totals.answered.n == totals.answered.of
    return tuple(_decided(mark, time, all_answered=all_answered) for mark in found if mark)


def _decided(mark: Mark, time: Time, *, all_answered: bool) -> Mark:
    """The mark, or that nobody can tell: the drill ended before its time was over.

    A share that is kept stays kept. Of those who answer, nine in ten can be told when the minutes
    are over, or nobody is left to answer.
    """
    early = mark.name == "answered_within_min" and not all_answered
    if mark.verdict is Verdict.UNMEASURED or (mark.verdict is Verdict.KEPT and not early):
        return mark
    in_minutes = mark.name.endswith("_min")
    if time.had(round(mark.wanted * MINUTE_MS) if in_minutes else time.due_ms):
        return mark
    return replace(mark, verdict=Verdict.UNDECIDED)


def result(marks: Sequence[Mark]) -> Verdict:
    """Of all marks together: one that is missed fails the drill, one undecided leaves it open."""
    verdicts = {mark.verdict for mark in marks}
    order = (Verdict.MISSED, Verdict.UNDECIDED, Verdict.KEPT)
    return next((verdict for verdict in order if verdict in verdicts), Verdict.UNMEASURED)


def _share(name: str, wanted: float | None, share: Share) -> Mark | None:
    if wanted is None:
        return None
    # By the counts: the rate is rounded, and 0.94996 isn't 0.95.
    kept = share.n >= wanted * share.of - 1e-9
    return _mark(name, wanted, share.rate, kept=kept)


def _minutes(name: str, wanted: float | None, minutes: float | None) -> Mark | None:
    if wanted is None:
        return None
    kept = minutes is not None and minutes <= wanted
    return _mark(name, wanted, None if minutes is None else round(minutes, 2), kept=kept)


def _on_post(wanted: float | None, asked: Share, posts: Sequence[Millis]) -> Mark | None:
    """When nine in ten of those *asked* were on post: one who never came isn't left out.

    Where fewer ever were, the mark is missed and nothing is measured.
    """
    name = "on_post_within_min"
    if wanted is None:
        return None
    at = reached(sorted(posts), asked.of, _MOST_OF_THEM)
    if at is None and asked.of:
        return Mark(name=name, wanted=wanted, measured=None, verdict=Verdict.MISSED)
    return _minutes(name, wanted, None if at is None else at / MINUTE_MS)


def _mark(name: str, wanted: float, measured: float | None, *, kept: bool) -> Mark:
    judged = Verdict.KEPT if kept else Verdict.MISSED
    verdict = Verdict.UNMEASURED if measured is None else judged
    return Mark(name=name, wanted=wanted, measured=measured, verdict=verdict)
