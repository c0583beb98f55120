"""Random weeks of a small city: one seed is one week, the same wherever it is played.

    python -m tests.faults.random_weeks SEED [--shrink] [--postgresql]

plays one, tells its story, and says what promise it broke; `--shrink` leaves out what isn't needed
for it. 1 where it broke one.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import structlog

from alertd.engine import halting
from tests import databases
from tests.city import OFFICER
from tests.faults.random_acts import ACTS
from tests.faults.random_world import World
from tests.faults.week_ends import in_the_end
from tests.faults.week_promises import after_each_act, at_hand_over

LENGTHS = (15, 25, 40, 60)


class BrokenWeekError(AssertionError):
    """Why, the story so far, and how to play it again."""

    def __init__(self, world: World, why: Exception) -> None:
        self.why = f"{type(why).__name__}: {why}"
        self.kind = self.why[:60].rsplit(":", 1)[0]
        on = " --postgresql" if world.postgresql else ""
        again = f"python -m tests.faults.random_weeks {world.seed} --shrink{on}"
        story = "\n".join(world.story)
        super().__init__(f"{story}\nseed {world.seed}: {self.why}\nto play it again: {again}")


def play(
    seed: int,
    *,
    postgresql: bool | None = None,
    without: Collection[int] = (),
    show: Callable[[str], None] = lambda _line: None,
) -> int:
    """Play a week, leaving out the acts of some numbers; returns how many there were.

    Raises:
        BrokenWeekError: A promise was broken, or the engine raised what is no refusal.
    """
    world = World(seed, postgresql, at_hand_over, show)
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
    world.roll("end")
    _come_to_rest(world)
    after_each_act(world)
    in_the_end(world)
    return length


def _act(world: World, number: int) -> None:
    world.end_old_hangings()
    world.roll(f"act {number}")
    (act,) = world.dice.choices(list(ACTS), list(ACTS.values()))
    world.say(f"{number}. {act.__name__}")
    act(world)
    if world.dice.random() < 0.6:
        world.city.settle()


def _come_to_rest(world: World) -> None:
    """The gateways are well again, most pauses end, and nobody does anything more for an hour."""
    world.say("the end")
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
        world.city.forward(minutes=minutes, tick_s=tick_s)


def shrink(seed: int, *, postgresql: bool | None = None) -> set[int]:
    """The acts of a week that breaks a promise which aren't needed for that.

    Raises:
        ValueError: It breaks none.
    """
    kind = _breaks(seed, postgresql, ())
    if not kind:
        raise ValueError(f"seed {seed} breaks no promise")
    left_out: set[int] = set()
    for size in (8, 4, 2, 1):
        for first in range(max(LENGTHS) - size, -1, -size):
            more = set(range(first, first + size)) - left_out
            if more and _breaks(seed, postgresql, left_out | more) == kind:
                left_out |= more
    return left_out


def _breaks(seed: int, postgresql: bool | None, without: Collection[int]) -> str:
    try:
        play(seed, postgresql=postgresql, without=without)
    except BrokenWeekError as broken:
        return broken.kind
    return ""


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault(databases.PLACE, str(Path(folder) / "place.postgres"))
        on = options.postgresql
        without = shrink(options.seed, postgresql=on) if options.shrink else ()
        try:
            play(options.seed, postgresql=on, without=without, show=partial(print, flush=True))
        except BrokenWeekError as broken:
            print(broken.why)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
