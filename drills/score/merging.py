"""A drill that was followed up by hand: several alerts, one drill.

Times count from when a duty was asked first, or a person was told first, whichever of the alerts
that was; so what took long isn't made short by asking again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace

from alertd.model import Millis, Stage
from alertd.report.figures.values import Deliveries, Figures, RosterFaults
from drills.score.values import Asked, Said, Seen, Told


def together(parts: Sequence[Seen]) -> Seen:
    """One drill of its alerts, in their order; the first is its own."""
    own, last = parts[0], parts[-1]
    if own is last:
        return own
    asked = _asked(each for part in parts for each in part.asked)
    return replace(
        own,
        figures=_figures([part.figures for part in parts]),
        over=last.over,
        expired=last.expired,
        ran_ms=last.ran_ms,
        places={no: place for part in parts for no, place in part.places.items()},
        asked=_answered(asked, [said for part in parts for said in part.said]),
        told=_told(each for part in parts for each in part.told),
        # What a loudspeaker did last is how it stands.
        sounded=tuple({each.terminal_no: each for part in parts for each in part.sounded}.values()),
        vacant=tuple(dict.fromkeys(each for part in parts for each in part.vacant)),
        muted=sum((Counter(part.muted) for part in parts), Counter()),
        said=(),
    )


def _asked(every: Iterable[Asked]) -> list[Asked]:
    found: dict[tuple[int, Stage], Asked] = {}
    for each in every:
        key = each.duty_no, each.stage
        known = found.get(key)
        if known is None:
            found[key] = each
            continue
        done = _first(known.covered_ms, _since(each.covered_ms, each.asked_ms, known.asked_ms))
        holders = tuple(dict.fromkeys((*known.holders, *each.holders)))
        found[key] = replace(known, covered_ms=done, holders=holders)
    return list(found.values())


def _answered(asked: Iterable[Asked], said: Sequence[Said]) -> list[Asked]:
    """A correction asks nobody anew: who answers it answers for what was asked before."""
    if not said:
        return list(asked)
    first: dict[tuple[int, Stage, int | None], Millis] = {}
    for one in sorted(said, key=lambda answer: answer.at_ms, reverse=True):
        for duty in one.duties or (None,):
            first.update(((one.person_no, stage, duty), one.at_ms) for stage in one.stages)
    found = []
    for each in asked:
        keys = [(no, each.stage, duty) for no in each.holders for duty in (None, each.duty_no)]
        times = [first[key] for key in keys if key in first]
        late = _since(min(times), 0, each.asked_ms) if times else None
        found.append(replace(each, covered_ms=_first(each.covered_ms, late)))
    return found


def _told(every: Iterable[Told]) -> list[Told]:
    found: dict[int, Told] = {}
    for each in every:
        known = found.get(each.person_no)
        if known is None:
            found[each.person_no] = each
            continue
        again = _since(each.answered_ms, each.told_ms, known.told_ms)
        sooner = _first(known.answered_ms, again)
        found[each.person_no] = replace(
            known,
            messages=known.messages + each.messages,
            arrived=known.arrived or each.arrived,
            answered_ms=sooner,
            via=known.via if sooner == known.answered_ms else each.via,
            refused=known.refused or each.refused,
        )
    return list(found.values())


def _since(at: Millis | None, began: Millis, first: Millis) -> Millis | None:
    """A time after `began` as one after `first`; both are times of the drill."""
    return None if at is None else max(0, at + began - first)


def _first(one: Millis | None, other: Millis | None) -> Millis | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _figures(parts: Sequence[Figures]) -> Figures:
    """What a score takes from reports: channels, and what the roster must mend."""
    names = dict.fromkeys(name for part in parts for name in part.channels)
    channels = {
        name: _sum([part.channels[name] for part in parts if name in part.channels])
        for name in names
    }
    faults = [part.roster_faults for part in parts]
    numbers: Counter[str] = sum((Counter(each.numbers) for each in faults), Counter())
    return replace(
        parts[0],
        channels=channels,
        roster_faults=RosterFaults(
            numbers=numbers,
            deliveries=tuple(no for each in faults for no in each.deliveries),
            unreachable_duties=tuple(no for each in faults for no in each.unreachable_duties),
        ),
    )


def _sum(parts: Sequence[Deliveries]) -> Deliveries:
    values = {}
    for name in (field.name for field in fields(Deliveries)):
        found = [getattr(part, name) for part in parts]
        counts = isinstance(found[0], Mapping)
        values[name] = sum(map(Counter, found), Counter()) if counts else sum(found)
    return Deliveries(**values)
