"""What many nights say together; pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from alertd.report.figures.spread import needed
from drills.plan import Plan
from drills.simulate.figures import NightFigures
from drills.simulate.scripted import Scripted, marks, scripted

SHARES: Final = (0.5, 0.9, 1.0)
WORST: Final = 0.95
MINUTES: Final = (5, 10, 15, 30, 60)
_MOST_SILENT: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """Minutes until a share of the grids is covered; None: never, in that night.

    Args:
        median: In the middle night.
        worst: Only in the worst 5% of nights it takes longer.
        reached: In which share of nights it is reached at all.
    """

    share: float
    median: float | None
    worst: float | None
    reached: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The share of grids covered by a minute: in the middle night, and within 90% of nights."""

    minute: float
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of a batch.

    Args:
        nights: How many.
        grids: Asked in each.
        duties: The same.
        times: To 50, 90 and 100% of the grids.
        by_minute: The mean share of grids covered, and in the worst 5% of nights.
        waited_min: How long a duty waited for its answer, in the mean; silent ones to the end.
        ends: Where ladders ended, as shares of all.
        acts: How often ladders did each thing, a night.
        messages: By kind, a night.
        most_a_person: The most that one person was sent, in any night.
        routes: Handed over by each route, a night.
        speakers: The share of loudspeakers that said they played to the end.
        silent: The units that stayed silent most often: (unit, share of nights).
        bands: Coverage over time.
        broken: (promise, what, seeds) that weren't kept.
        script: What came of the plan's script, in its order.
    """

    nights: int
    grids: int
    duties: int
    times: tuple[Time, ...]
    by_minute: tuple[tuple[int, float, float], ...]
    waited_min: float
    ends: Mapping[str, float]
    acts: Mapping[str, float]
    messages: Mapping[str, float]
    most_a_person: int
    routes: Mapping[str, float]
    speakers: float | None
    silent: tuple[tuple[int, float], ...]
    bands: tuple[Band, ...]
    broken: tuple[tuple[int, str, tuple[int, ...]], ...]
    script: tuple[Scripted, ...] = ()


def summarise(
    nights: Sequence[NightFigures], until_min: float, plan: Plan | None = None
) -> Summary:
    """Add nights up.

    Args:
        nights: At least one.
        until_min: How long each was looked at.
        plan: Whose script is told of; None: of none.
    """
    script = _script(nights, plan)
    shown_min = max((each.at_min for each in marks(script)), default=0.0)
    return Summary(
        nights=len(nights),
        grids=nights[0].grids,
        duties=nights[0].duties,
        times=tuple(_time(nights, share) for share in SHARES),
        by_minute=tuple(_by_minute(nights, minute) for minute in MINUTES),
        waited_min=round(_mean([waited(night, until_min) for night in nights]), 2),
        ends=_shares(nights),
        acts=_means(nights, lambda night: night.acts),
        messages=_means(nights, lambda night: night.messages),
        most_a_person=max(night.most_a_person for night in nights),
        routes=_means(nights, lambda night: night.routes),
        speakers=_speakers(nights),
        silent=_silent(nights),
        bands=bands(nights, until_min, shown_min),
        broken=_broken(nights),
        script=script,
    )


def waited(night: NightFigures, until_min: float) -> float:
    """How long a duty waited for its answer, in the mean; a silent one to the end."""
    if not night.duties:
        return 0.0
    silent = night.duties - len(night.covered_duties)
    return (sum(night.covered_duties) + silent * until_min) / night.duties


def quantile(values: Sequence[float | None], share: float) -> float | None:
    """The smallest value that a share of them don't exceed (nearest rank, as in a report).

    None is above all others.
    """
    ordered = sorted((value is None, value or 0.0) for value in values)
    if not ordered:
        return None
    never, value = ordered[needed(len(ordered), share) - 1]
    return None if never else round(value, 2)


def _time(nights: Sequence[NightFigures], share: float) -> Time:
    values = [night.minutes_to(share) for night in nights]
    return Time(
        share=share,
        median=quantile(values, 0.5),
        worst=quantile(values, WORST),
        reached=round(sum(value is not None for value in values) / len(values), 4),
    )


def _by_minute(nights: Sequence[NightFigures], minute: int) -> tuple[int, float, float]:
    shares = [night.covered_by(minute) for night in nights]
    return minute, round(_mean(shares), 4), round(quantile(shares, 1 - WORST) or 0.0, 4)


def _script(nights: Sequence[NightFigures], plan: Plan | None) -> tuple[Scripted, ...]:
    """What came of the script, each beside the coverage that there was when it was done."""
    if plan is None:
        return ()
    found = []
    for place, line in enumerate(scripted(plan, [night.script for night in nights])):
        shares = [
            night.covered_by(night.script[place].minute)
            for night in nights
            if place < len(night.script)
        ]
        middle, worst = (quantile(shares, at) or 0.0 for at in (0.5, 1 - WORST))
        found.append(replace(line, covered=round(middle, 4), covered_worst=round(worst, 4)))
    return tuple(found)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _means(
    nights: Sequence[NightFigures], of: Callable[[NightFigures], Mapping[str, int]]
) -> dict[str, float]:
    total: Counter[str] = Counter()
    for night in nights:
        total.update(of(night))
    return {name: round(n / len(nights), 2) for name, n in sorted(total.items())}


def _shares(nights: Sequence[NightFigures]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for night in nights:
        total.update(night.ends)
    whole = max(sum(total.values()), 1)
    return {name: round(n / whole, 4) for name, n in total.most_common()}


def _speakers(nights: Sequence[NightFigures]) -> float | None:
    asked = sum(night.speakers[0] for night in nights)
    return round(sum(night.speakers[1] for night in nights) / asked, 4) if asked else None


def _silent(nights: Sequence[NightFigures]) -> tuple[tuple[int, float], ...]:
    often = Counter(unit for night in nights for unit in night.silent)
    ordered = sorted(often.items(), key=lambda each: (-each[1], each[0]))[:_MOST_SILENT]
    return tuple((unit, round(n / len(nights), 4)) for unit, n in ordered)


def _broken(nights: Sequence[NightFigures]) -> tuple[tuple[int, str, tuple[int, ...]], ...]:
    found: dict[tuple[int, str], list[int]] = {}
    for night in nights:
        for breach in night.broken:
            found.setdefault(breach, []).append(night.seed)
    return tuple((promise, what, tuple(seeds)) for (promise, what), seeds in sorted(found.items()))


_STEPS: Final = 120


def bands(
    nights: Sequence[NightFigures], until_min: float, least_min: float = 0.0
) -> tuple[Band, ...]:
    """Coverage over time, from the alert until nearly all nights have all that they will have.

    Args:
        nights: At least one.
        until_min: How long each was looked at.
        least_min: What is to be seen in any case.
    """
    last = max((night.covered_grids[-1] for night in nights if night.covered_grids), default=1.0)
    until = min(max(last * 1.05, least_min * 1.05, 1.0), until_min)
    found = []
    for step in range(_STEPS + 1):
        minute = until * step / _STEPS
        shares = [night.covered_by(minute) for night in nights]
        low, middle, high = (quantile(shares, at) or 0.0 for at in (1 - WORST, 0.5, WORST))
        found.append(Band(minute=round(minute, 2), low=low, middle=middle, high=high))
    return tuple(found)


def plain(summary: Summary) -> dict[str, Any]:
    """The JSON shape."""
    return asdict(summary)
