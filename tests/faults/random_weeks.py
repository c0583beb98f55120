"""Random weeks of a small city: one seed is one week, the same wherever it is played.

    python -m tests.faults.random_weeks SEED [--shrink] [--postgresql | --several]

plays one, tells its story, and says what promise it broke; `--shrink` leaves out what isn't needed
for it. 1 where it broke one.
"""

import argparse
import sys
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import structlog

from alertd.engine import halting
from tests import databases
from tests.city import OFFICER
from tests.faults import (
    random_acts,
    random_backups,
    random_clock,
    random_drills,
    random_pages,
    random_settings,
)
from tests.faults.random_world import World
from tests.faults.week_ends import in_the_end
from tests.faults.week_promises import after_each_act, at_hand_over
from tests.faults.week_recount import faces_agree

LENGTHS = (15, 25, 40, 60)
OF_THE_MOMENTS = 0.2
BURSTS = 0.1
ACTS: dict[Callable[[World], None], int] = {
    random_acts.issue: 10,
    random_acts.issue_for_minutes: 1,
    random_acts.follow: 12,
    random_acts.approve: 5,
    random_acts.discard: 1,
    random_acts.halt: 7,
    random_acts.urge: 4,
    random_acts.change_roster: 7,
    random_acts.reply: 22,
    random_acts.written_down: 4,
    random_acts.withdraw: 5,
    random_acts.help_arrives: 3,
    random_acts.weather: 9,
    random_acts.phone: 3,
    random_acts.receipts: 9,
    random_acts.hanging_ends: 5,
    random_acts.time: 22,
    random_acts.restart: 5,
    random_acts.connections_lost: 1,
    random_backups.back_up: 3,
    random_backups.restore: 2,
    random_settings.settings: 4,
    random_drills.drill: 2,
    random_drills.drill_ends: 2,
    random_clock.clock_leaps: 4,
    random_clock.clock_accepted: 3,
    random_pages.tap: 6,
    random_pages.print_doors: 4,
    random_pages.paper_comes_back: 5,
}
"""How often each happens, among the others."""
CALM = {random_drills.drill: 20, random_drills.drill_ends: 4}
SHORT = (
    *(random_acts.reply, random_acts.reply, random_acts.reply, random_acts.receipts),
    *(random_acts.approve, random_acts.approve, random_acts.halt, random_acts.withdraw),
    *(random_acts.urge, random_acts.help_arrives, random_acts.written_down),
    *(random_pages.tap, random_pages.paper_comes_back),
)
"""Those that hang on no answer."""


class BrokenWeekError(AssertionError):
    """Why, the story so far, and how to play it again."""

    def __init__(self, world: World, why: Exception) -> None:
        self.why = f"{type(why).__name__}: {why}"
        self.kind = self.why[:60].rsplit(":", 1)[0]
        on = " --several" if world.several else " --postgresql" if world.postgresql else ""
        again = f"python -m tests.faults.random_weeks {world.seed} --shrink{on}"
        story = "\n".join(world.story)
        super().__init__(f"{story}\nseed {world.seed}: {self.why}\nto play it again: {again}")


def play(
    seed: int,
    *,
    postgresql: bool | None = None,
    several: bool = False,
    without: Collection[int] = (),
    show: Callable[[str], None] = lambda _line: None,
) -> int:
    """Play a week, leaving out the acts of some numbers; returns how many there were.

    Raises:
        BrokenWeekError: A promise was broken, or the engine raised what is no refusal.
    """
    world = World(seed, postgresql, at_hand_over, show, several)
    try:
        return _play(world, without)
    except Exception as why:
        raise BrokenWeekError(world, why) from why
    finally:
        world.close()


def _play(world: World, without: Collection[int]) -> int:
    length = world.dice.choice(LENGTHS)
    for number in range(length):
        if number not in without:
            _act(world, number)
            after_each_act(world)
            _recount(world)
    world.roll("end")
    _come_to_rest(world)
    after_each_act(world)
    in_the_end(world)
    for alert in _issued(world):
        faces_agree(world, alert)
    return length


def at_once(world: World) -> None:
    """Several things come while a step runs, and are taken by one."""
    world.gathered = []
    for act in world.dice.choices(SHORT, k=world.dice.choice([2, 3, 5])):
        world.say(f"   - {act.__name__}")
        act(world)
    world.hand_in_gathered()


def _issued(world: World) -> list[Any]:
    return [each for each in world.alerts() if each.issued_at is not None]


def _recount(world: World) -> None:
    """Now and then, of one alert."""
    if (issued := _issued(world)) and world.dice.random() < OF_THE_MOMENTS:
        faces_agree(world, world.dice.choice(issued))


def _act(world: World, number: int) -> None:
    world.end_old_hangings()
    world.roll(f"act {number}")
    if world.several:
        world.node.current = world.dice.choice(list(world.node.alive()))
    odds = ACTS | CALM if world.calm else ACTS
    (act,) = world.dice.choices(list(odds), list(odds.values()))
    act = at_once if world.dice.random() < BURSTS else act
    world.say(f"{number}. {act.__name__}")
    act(world)
    if world.dice.random() < 0.6:
        world.city.settle()


def _come_to_rest(world: World) -> None:
    """Gateways are there and well, most pauses end, and nobody does anything more for an hour."""
    world.say("the end")
    random_settings.all_come_back(world)
    world.start_all()
    world.weather.clear()
    halts = world.halts()
    for alert in world.live():
        paused = alert.no in halts and halts[alert.no].paused_at is not None
        if paused and world.dice.random() < 0.8:
            alert_id = alert.id
            world.hand_in(
                partial(halting.resume, actor=OFFICER, alert_id=alert_id, reason="the end")
            )
    # In the end by small ticks: a route of few tokens fills up again at each.
    for minutes, tick_s in [(2, 20)] * 5 + [(5, 120)] * 8 + [(5, 1)]:
        world.end_old_hangings()
        world.node.forward(minutes * 60, tick_s=tick_s)


def shrink(seed: int, *, postgresql: bool | None = None, several: bool = False) -> set[int]:
    """The acts of a week that breaks a promise which aren't needed for that.

    Raises:
        ValueError: It breaks none.
    """
    kind = _breaks(seed, postgresql, several, ())
    if not kind:
        raise ValueError(f"seed {seed} breaks no promise")
    left_out: set[int] = set()
    for size in (8, 4, 2, 1):
        for first in range(max(LENGTHS) - size, -1, -size):
            more = set(range(first, first + size)) - left_out
            if more and _breaks(seed, postgresql, several, left_out | more) == kind:
                left_out |= more
    return left_out


def _breaks(seed: int, postgresql: bool | None, several: bool, without: Collection[int]) -> str:
    try:
        play(seed, postgresql=postgresql, several=several, without=without)
    except BrokenWeekError as broken:
        return broken.kind
    return ""


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--several", action="store_true", help="processes, on PostgreSQL")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    where = {"postgresql": options.postgresql or options.several, "several": options.several}
    with databases.of_a_command():
        try:
            without = shrink(options.seed, **where) if options.shrink else ()
            play(options.seed, **where, without=without, show=partial(print, flush=True))
        except BrokenWeekError as broken:
            print(broken.why)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
