"""A score beside an earlier drill's."""

from typing import Final

from alertd.model import MINUTE_MS, Millis
from drills.score.values import Change, Comparison, Score, Totals

_FALLS: Final = frozenset(
    {"answer_median_min", "answer_p90_min", "post_p90_min", "per_person", "defects"}
)
"""Figures of which less is better; of all others more is."""


def compare(now: Score, before: Score) -> Comparison:
    """What moved from `before` to `now`."""
    earlier = _figures(before)
    changes = tuple(
        Change(
            name=name,
            before=earlier[name],
            now=value,
            better=_better(name, earlier[name], value),
        )
        for name, value in _figures(now).items()
    )
    mine = {defect.key for defect in now.defects}
    theirs = {defect.key for defect in before.defects}
    return Comparison(
        alert_no=before.alert_no,
        short_code=before.short_code,
        issued_at=before.issued_at,
        changes=changes,
        new=len(mine - theirs),
        still=len(mine & theirs),
        gone=len(theirs - mine),
    )


def _figures(score: Score) -> dict[str, float | None]:
    totals: Totals = score.totals
    return {
        "reached": totals.reached.rate,
        "answered": totals.answered.rate,
        "on_time": totals.on_time.rate,
        "grids": totals.grids.rate,
        "on_post": totals.on_post.rate,
        "speakers": totals.speakers.rate,
        "answer_median_min": _minutes(totals.answer.median),
        "answer_p90_min": _minutes(totals.answer.p90),
        "post_p90_min": _minutes(totals.post.p90),
        "per_person": totals.per_person,
        "defects": float(len(score.defects)),
    }


def _minutes(ms: Millis | None) -> float | None:
    return None if ms is None else round(ms / MINUTE_MS, 2)


def _better(name: str, before: float | None, now: float | None) -> bool | None:
    if before is None or now is None or before == now:
        return None
    return (now < before) is (name in _FALLS)
