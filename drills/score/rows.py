"""Reach, answer and on-post times by level, unit, channel and way of answering."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from alertd.model import Millis, Stage
from alertd.report.figures.spread import spread
from alertd.report.figures.values import Share
from drills.score.tree import line
from drills.score.values import Asked, ChannelRow, Row, Seen, WayRow

_LEVELS = ("city", "subdistrict", "community", "grid", "building")
_OF_UNITS = ("subdistrict", "community", "grid")  # of whom each unit has a row


@dataclass(slots=True)
class Tally:
    """The duties of one row while they are counted."""

    asked: int = 0
    reached: int = 0
    on_time: int = 0
    answers: list[Millis] = field(default_factory=list)
    posts_asked: int = 0
    posts: list[Millis] = field(default_factory=list)
    people: set[int] = field(default_factory=set)
    heard: set[int] = field(default_factory=set)

    def row(self, level: str, unit_no: int) -> Row:
        """What they come to."""
        return Row(
            level=level,
            unit_no=unit_no,
            asked=self.asked,
            people=Share(len(self.heard), len(self.people)),
            reached=Share(self.reached, self.asked),
            answered=Share(len(self.answers), self.asked),
            on_time=Share(self.on_time, self.asked),
            answer=spread(self.answers),
            on_post=Share(len(self.posts), self.posts_asked),
            post=spread(self.posts),
        )


@dataclass(frozen=True, slots=True)
class Counting:
    """Tallies by level, and by unit with all below it; `whole` is all of them."""

    whole: Tally
    levels: Mapping[str, Tally]
    units: Mapping[int, Tally]


def count(seen: Seen, first: Sequence[Asked], posts: Sequence[Asked]) -> Counting:
    """Count duties of the first stage, and of the stage on post."""
    told = {person.person_no for person in seen.told}
    reached = {
        person.person_no for person in seen.told if person.arrived or person.answered_ms is not None
    }
    due_ms = _due_ms(seen)
    whole, levels, units = Tally(), dict[str, Tally](), dict[int, Tally]()
    for each in first:
        people = told.intersection(each.holders)
        for tally in (whole, *_tallies(seen, each, levels, units)):
            tally.asked += 1
            tally.people |= people
            tally.heard |= people & reached
            done = each.covered_ms
            tally.reached += done is not None or not reached.isdisjoint(each.holders)
            if done is not None:
                tally.answers.append(done)
                tally.on_time += due_ms is not None and done <= due_ms
    for each in posts:
        for tally in (whole, *_tallies(seen, each, levels, units)):
            tally.posts_asked += 1
            if each.covered_ms is not None:
                tally.posts.append(each.covered_ms)
    return Counting(whole, levels, units)


def _due_ms(seen: Seen) -> Millis | None:
    return seen.figures.stages[0].due_ms if seen.figures.stages else None


def _tallies(
    seen: Seen, each: Asked, levels: dict[str, Tally], units: dict[int, Tally]
) -> Iterator[Tally]:
    own = seen.places.get(each.unit_no)
    yield levels.setdefault(own.level if own else "", Tally())
    for unit_no in line(seen.places, each.unit_no):
        place = seen.places.get(unit_no)
        if place and place.level in _OF_UNITS:
            yield units.setdefault(unit_no, Tally())


def level_rows(counted: Counting) -> tuple[Row, ...]:
    """One row a level, from the top."""
    order = {level: place for place, level in enumerate(_LEVELS)}
    found = sorted(counted.levels.items(), key=lambda item: order.get(item[0], len(order)))
    return tuple(tally.row(level, 0) for level, tally in found)


def unit_rows(seen: Seen, counted: Counting) -> tuple[Row, ...]:
    """One row a subdistrict, a community and a grid; by level, then by number."""
    order = {level: place for place, level in enumerate(_OF_UNITS)}
    found = sorted(
        counted.units.items(), key=lambda item: (order[seen.places[item[0]].level], item[0])
    )
    return tuple(tally.row(seen.places[no].level, no) for no, tally in found)


def grids(seen: Seen, first: Sequence[Asked]) -> Share:
    """Grids whose own duties were all answered, of those that were asked."""
    whole: dict[int, bool] = {}
    for each in first:
        place = seen.places.get(each.unit_no)
        if place and place.level == "grid":
            done = each.covered_ms is not None
            whole[each.unit_no] = whole.get(each.unit_no, True) and done
    return Share(sum(whole.values()), len(whole))


def channel_rows(seen: Seen) -> tuple[ChannelRow, ...]:
    """One row a channel."""
    rows = []
    for channel, found in seen.figures.channels.items():
        muted = seen.muted.get(channel, 0)
        rows.append(
            ChannelRow(
                channel=channel,
                made=found.made,
                muted=muted,
                arrived=Share(found.delivered, max(0, found.made - muted)),
                failed=found.failed,  # what was muted is cancelled and hasn't failed
            )
        )
    return tuple(rows)


def way_rows(seen: Seen) -> tuple[WayRow, ...]:
    """One row a way of answering, the commonest first."""
    times: dict[str, list[Millis]] = {}
    for person in seen.told:
        if person.answered_ms is not None:
            times.setdefault(person.via, []).append(person.answered_ms)
    ordered = sorted(times.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(WayRow(via=via, answers=spread(found)) for via, found in ordered)


def of_stage(asked: Sequence[Asked], stage: Stage) -> list[Asked]:
    """The duties that were asked at a stage."""
    return [each for each in asked if each.stage is stage]
