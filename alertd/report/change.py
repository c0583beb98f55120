"""What changed from one report to another: the same figure of both, side by side."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from alertd.errors import InvalidInputError
from alertd.i18n import N_, translator
from alertd.report.figures import Figures
from alertd.report.figures.values import Share
from alertd.report.values import NOTHING, duration, percent
from alertd.report.words import Say

KIND = "alertd.comparison"


@dataclass(frozen=True, slots=True)
class Change:
    """One figure: before, now, and whether it got better (1), worse (-1) or neither (0)."""

    key: str
    label: str
    before: str
    now: str
    better: int


# A figure's key, its name, its value, and what more of it is: better (1), worse (-1), neither (0).
_Figure = tuple[str, str, Callable[[Figures], Any], int]
_FIGURES: tuple[_Figure, ...] = (
    ("duties", N_("Person-duties asked"), lambda f: f.targets.duties, 0),
    ("people", N_("Unique people told first"), lambda f: f.targets.people, 0),
    ("reach", N_("Reach rate"), lambda f: f.rates.reach, 1),
    ("answer", N_("Answer rate"), lambda f: f.rates.answer, 1),
    ("on_time", N_("On-time rate"), lambda f: f.rates.on_time, 1),
    ("first_median", N_("First answer, median"), lambda f: _ms(f.pace.first_answer.median), -1),
    (
        "first_p90",
        N_("First answer, nine in ten within"),
        lambda f: _ms(f.pace.first_answer.p90),
        -1,
    ),
    ("covered_50", N_("Half of the duties covered after"), lambda f: _ms(f.pace.covered_50), -1),
    ("covered_90", N_("90% covered after"), lambda f: _ms(f.pace.covered_90), -1),
    ("covered_100", N_("All covered after"), lambda f: _ms(f.pace.covered_100), -1),
    ("unwoken", N_("Not woken"), lambda f: len(f.unwoken), -1),
    ("played", N_("Loudspeakers that played"), lambda f: Share(*_speakers(f)), 1),
    (
        "faults",
        N_("Numbers that refused the message"),
        lambda f: len(f.roster_faults.deliveries),
        -1,
    ),
    (
        "unreachable",
        N_("Duties whose holder cannot be told"),
        lambda f: len(f.roster_faults.unreachable_duties),
        -1,
    ),
    ("approval", N_("Draft to approval"), lambda f: _ms(f.course.approval_ms), -1),
    ("per_person", N_("Messages per person targeted"), lambda f: f.burden.per_person, -1),
)


@dataclass(frozen=True, slots=True)
class _Millis:
    ms: int | None


def _ms(value: int | None) -> _Millis:
    return _Millis(value)


def _speakers(figures: Figures) -> tuple[int, int]:
    return figures.loudspeakers.played, figures.loudspeakers.targeted


def require_same_kind(before: Figures, now: Figures) -> None:
    """Live alerts, drills and tests never mix.

    Raises:
        InvalidInputError: One is a live alert, say, and the other a drill.
    """
    if before.course.status != now.course.status:
        raise InvalidInputError(
            "A live alert, a drill and a test can't be compared with one another.",
            hint="Compare a drill with a drill.",
        )


def changes(before: Figures, now: Figures, say: Say) -> tuple[Change, ...]:
    """Every figure that is worth comparing; raises InvalidInputError where they may not be."""
    require_same_kind(before, now)
    return tuple(
        Change(
            key=key,
            label=say(label),
            before=_shown(read(before), say),
            now=_shown(read(now), say),
            better=_better(read(before), read(now), more_is),
        )
        for key, label, read, more_is in _FIGURES
    )


def to_json(before: Figures, now: Figures, language: str) -> Mapping[str, Any]:
    """The comparison as a file, or in a report's; texts in the language."""
    return {
        "kind": KIND,
        "before": before.course.no,
        "now": now.course.no,
        "status": now.course.status,
        "language": language,
        "changes": [asdict(change) for change in changes(before, now, translator(language))],
    }


def lines(found: tuple[Change, ...]) -> Iterator[tuple[str, str, str, str]]:
    """(name, before, now, mark): ▲ better, ▼ worse, nothing where neither can be said."""
    marks = {1: "▲", -1: "▼", 0: ""}
    for change in found:
        yield change.label, change.before, change.now, marks[change.better]


def _shown(value: Any, say: Say) -> str:
    if isinstance(value, Share):
        return percent(value)
    if isinstance(value, _Millis):
        return duration(say, value.ms)
    return NOTHING if value is None else str(value)


def _better(before: Any, now: Any, more_is: int) -> int:
    one, other = _number(before), _number(now)
    if one == other or not more_is:
        return 0
    # What never came took longer than anything that did; a share of nothing says nothing.
    if one is None or other is None:
        if not isinstance(before, _Millis):
            return 0
        return -1 if other is None else 1
    return more_is if other > one else -more_is


def _number(value: Any) -> float | None:
    if isinstance(value, Share):
        return value.rate
    return value.ms if isinstance(value, _Millis) else value
