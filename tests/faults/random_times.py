"""Random days of a node's clock and of its processes; one seed is one day.

    python -m tests.faults.random_times SEED [--last SEED] [--several]

plays one and tells its story. Every alert must be over when its time is up and not before,
whichever process lives by whichever time, is killed, stands still, or begins while the machine's
clock is wrong. Whatever waits for its time waits as an alert does for its end.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select

from alertd.decide.timekeeping import TOLERANCE_MS
from alertd.engine.timekeeping import PULSE_MS
from alertd.errors import AlertdError, ConflictError
from alertd.store import tables as t
from tests import databases
from tests.city import OFFICER, City
from tests.faults.random_node import Machine, Node, Process

SECOND, MINUTE = 1_000, 60_000
LEAPS = tuple(
    sign * round(minutes * MINUTE)
    for minutes in (1.5, 3, 61, 8 * 60, 26 * 60, 3 * 1440, 400 * 1440)
    for sign in (-1, 1)
)
TICK = 4 * SECOND
SLACK = 15 * SECOND  # two looks at the clock, and a tick
LENGTHS = (10, 20, 30)


@dataclass(eq=False)
class Out:
    """An alert that was issued, and when it must be over by time itself: not before, nor after."""

    number: int
    soonest: int
    latest: int
    over: bool = False


class BrokenDayError(AssertionError):
    """Which promise, and the day so far."""


@dataclass(eq=False)
class Day:
    """One day of one node, of `several` processes on PostgreSQL or of one on SQLite."""

    seed: int
    several: bool
    out: list[Out] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.folder = tempfile.TemporaryDirectory(prefix="alertd-day-")
        self.machine = Machine()
        count = self.dice.choice([2, 3]) if self.several else 1
        processes = [self._process(number) for number in range(count)]
        self.node = Node(processes, processes[0])

    def _process(self, number: int) -> Process:
        city = City(
            Path(self.folder.name),
            postgresql=self.several,
            fresh=not number,
            boot=number * 1_000,
            name=f"p{number}",
            synchronous="OFF",
        )
        return Process(city, self.machine)

    @property
    def lived(self) -> int:
        """Time itself."""
        return self.node.processes[0].lived

    def play(self) -> None:
        """All of it, until every alert is over."""
        for _ in range(self.dice.choice(LENGTHS)):
            (act,) = self.dice.choices(list(ACTS), list(ACTS.values()))
            act(self)
            self.keeps_its_promises()
        if not self.alive():
            self.begin(self.node.processes[0])
        while any(not each.over for each in self.out):
            self.forward(60 * SECOND)
            self.keeps_its_promises()

    def close(self) -> None:
        """What it took."""
        for process in self.node.processes:
            process.city.store.close()
        self.folder.cleanup()

    def alive(self) -> list[Process]:
        return list(self.node.alive())

    def say(self, line: str) -> None:
        """Go on with the story."""
        self.story.append(line)

    def name(self, process: Process) -> str:
        return f"process {self.node.processes.index(process)}"

    # What happens.

    def leap(self) -> None:
        """The machine's clock is set, or put right."""
        back = self.machine.ahead_ms and self.dice.random() < 0.5
        self.machine.ahead_ms = 0 if back else self.machine.ahead_ms + self.dice.choice(LEAPS)
        self.say(f"the machine's clock is {self.machine.ahead_ms / MINUTE:g} min ahead")

    def moments(self) -> None:
        self.forward(self.dice.choice([1, 2, 3, 6]) * SECOND)

    def minutes(self) -> None:
        self.forward(self.dice.choice([30, 90, 240]) * SECOND)

    def stand_still(self) -> None:
        """A process is suspended for a while, the others aren't; then it looks first."""
        if len(alive := self.alive()) > 1:
            process = self.dice.choice(alive)
            self.forward(self.dice.choice([3, 200, 600]) * SECOND, without=process)
            self.forward(PULSE_MS)
            process.keeper.look()

    def forward(self, span: int, without: Process | None = None) -> None:
        """Time passes."""
        self.say(f"{span // SECOND} s" + (f" without {self.name(without)}" if without else ""))
        until = self.lived + span
        while (left := until - self.lived) > 0:
            self._tick(min(left, TICK), without)

    def _tick(self, span: int, without: Process | None) -> None:
        for process in self.node.processes:
            if process is without:
                process.leapt -= span  # its own clock stands still
            else:
                process.city.now += span
        for each in self.out:
            each.latest += 0 if self.alive() else span  # there is nobody who could end it
        for process in self.dice.sample(alive := self.alive(), len(alive)):
            if process is not without:
                if self.dice.random() < 0.8:
                    process.keeper.look()
                process.city.settle()

    def issue(self) -> None:
        """An alert for some minutes, at any process."""
        if alive := self.alive():
            process, valid_min = self.dice.choice(alive), self.dice.choice([2, 4])
            try:
                number = process.city.issue(
                    colour="yellow",
                    areas=["330281001"],
                    roles=["grid_leader"],
                    valid_min=valid_min,
                )
            except ConflictError as error:  # it was drafted by a time that was left meanwhile
                self.say(f"refused: {error}")
                return
            until = self.lived + valid_min * MINUTE
            self.out.append(Out(number, until, until))
            self.say(f"alert {number} for {valid_min} min at {self.name(process)}")

    def die_or_begin(self) -> None:
        """A process is killed, or started anew."""
        process = self.dice.choice(self.node.processes)
        if not process.alive:
            self.begin(process)
            return
        process.alive = False
        process.city.store.close()
        self.say(f"{self.name(process)} is killed")

    def begin(self, process: Process) -> None:
        """It begins by whichever time it finds right."""
        alone = not self.alive()
        process.start(process.lived)
        self.say(f"{self.name(process)} begins, {process.leapt / MINUTE:g} min after time itself")
        for each in self.out:
            each.latest += 2 * SLACK  # a few seconds of it are repeated
            if alone and self._state(each, process) == "issued":
                # What lies between looks like time off; of two days at the most it is believed.
                left = max(0, self._row(each, process).expires_at - process.city.now)
                each.soonest = min(each.soonest, self.lived + left)

    def accept(self) -> None:
        """An operator says that the machine's clock is right."""
        if not (alive := self.alive()):
            return
        process = self.dice.choice(alive)
        wish = process.keeper.ask(OFFICER, process.wall())
        while not wish.done():
            process.keeper.look()
        try:
            moved = wish.result(timeout=0)
        except AlertdError as error:
            self.say(f"refused: {error}")
            return
        ahead = moved.now - moved.was
        self.say(f"accepted at {self.name(process)}, which goes {ahead / MINUTE:g} min ahead")
        for each in self.out:
            each.soonest = min(each.soonest, max(self.lived, each.soonest - ahead))
            each.latest = min(each.latest, max(self.lived, each.latest - ahead))

    # What must hold.

    def keeps_its_promises(self) -> None:
        """No alert is over before its time, and none is still out after it."""
        for each in self.out:
            if each.over or not self.alive():
                continue
            state = self._state(each, self.alive()[0])
            each.over = state != "issued"
            early, late = each.soonest - self.lived, self.lived - each.latest
            if each.over and early > TOLERANCE_MS + SLACK:
                raise BrokenDayError(self._told(f"{state}, {early / MINUTE:g} min early", each))
            if not each.over and late > TOLERANCE_MS + SLACK:
                raise BrokenDayError(self._told(f"still out, {late / MINUTE:g} min late", each))

    def _told(self, how: str, out: Out) -> str:
        kind = " --several" if self.several else ""
        again = f"python -m tests.faults.random_times {self.seed}{kind}"
        return "\n".join([*self.story, f"alert {out.number} is {how}", f"once more: {again}"])

    def _row(self, out: Out, process: Process) -> Any:
        return process.city.one(select(t.alert).where(t.alert.c.no == out.number))

    def _state(self, out: Out, process: Process) -> str:
        return str(self._row(out, process).state)


ACTS: dict[Callable[[Day], None], int] = {
    Day.leap: 5,
    Day.moments: 12,
    Day.minutes: 3,
    Day.stand_still: 2,
    Day.issue: 5,
    Day.die_or_begin: 4,
    Day.accept: 1,
}
"""How often each happens, among the others."""


def play(seed: int, *, several: bool) -> int:
    """Play a day; returns how many alerts it had.

    Raises:
        BrokenDayError: A promise was broken.
    """
    day = Day(seed, several)
    try:
        day.play()
    finally:
        day.close()
    return len(day.out)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--last", type=int)
    parser.add_argument("--several", action="store_true", help="processes, on PostgreSQL")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with databases.of_a_command():
        try:
            for seed in range(options.seed, (options.last or options.seed) + 1):
                alerts = play(seed, several=options.several)
                print(f"day {seed}: {alerts} alerts, each over in time", flush=True)
        except BrokenDayError as broken:
            print(broken)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
