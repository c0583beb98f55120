"""The node of a random week: one process, or several on one PostgreSQL, and the time they go by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alertd.engine.core import Agenda
from alertd.engine.timekeeping import Timekeeper
from alertd.model import Millis
from tests.city import City

PULSE_S = 5.0
TICKS_S = (4.0, 8.0)  # of several; nobody is taken for dead who counts so often: STALE_MS


@dataclass
class Machine:
    """What the wall clock says beyond time itself."""

    ahead_ms: int = 0


@dataclass(eq=False)
class Process:
    """One process, and its clock as alertd.clock.SteadyClock has it."""

    city: City
    machine: Machine
    leapt: int = 0  # the process's time, of time itself
    alive: bool = True
    keeper: Timekeeper = field(init=False)
    pause: Callable[[float], None] = lambda _: None
    agenda: Callable[[], Agenda] | None = None  # of each start

    def __post_init__(self) -> None:
        self._keep_time()

    def __call__(self) -> Millis:
        return self.city.now

    @property
    def lived(self) -> Millis:
        """Time itself, the same in all processes."""
        return self.city.now - self.leapt

    def wall(self) -> Millis:
        return self.lived + self.machine.ahead_ms

    def move(self, to: Millis) -> None:
        self.leapt, self.city.now = self.leapt + to - self.city.now, to

    def _keep_time(self) -> None:
        """As bootstrap has it done."""
        self.keeper = Timekeeper(self.city.store, self, pause=self.pause)
        self.keeper.start()
        self.city.keeper = self.keeper
        self.keeper.moved = self.city.engine.leapt

    def start(self, lived: Millis) -> None:
        """Begin anew, by the wall clock."""
        self.alive, self.city.now = True, lived + self.leapt
        self.move(self.wall())
        self.city.keeper = None
        self.city.restart()
        self.city.engine.agenda = self.agenda and self.agenda()
        self._keep_time()

    def cut_off(self) -> None:
        """Have it find out that its connection has gone."""
        step = partial(self.city.engine.step, claim=False)
        try:
            self.keeper.in_time(step)
        except DBAPIError:
            self.keeper.in_time(step)


@dataclass
class Node:
    """All of its processes; what an operator does is done at the `current` one."""

    processes: list[Process]
    current: Process

    def __post_init__(self) -> None:
        for process in self.processes:
            process.pause = partial(self._go_on_beside, process)

    def _go_on_beside(self, starting: Process, seconds: float) -> None:
        """The others work while one begins and waits."""
        for process in self.processes:
            process.city.now += round(seconds * 1000)
        for process in self.alive():
            if process is not starting:
                process.keeper.look()
                process.city.settle()

    def alive(self) -> Iterator[Process]:
        return (each for each in self.processes if each.alive)

    def forward(self, seconds: float, *, tick_s: float) -> None:
        """As City.forward, with a look at the machine's clock now and then."""
        until = self.current.lived + round(seconds * 1000)
        while (left := (until - self.current.lived) / 1000) > 0:
            if len(self.processes) == 1:
                span = min(left, max(PULSE_S, tick_s))
                self.current.city.forward(seconds=span, tick_s=tick_s)
            else:
                shortest, longest = TICKS_S
                self._tick(min(left, max(shortest, min(tick_s, longest))))
            self.look_at_the_clock()

    def _tick(self, seconds: float) -> None:
        for process in self.alive():
            process.city.now += round(seconds * 1000)
        for process in self.alive():
            process.city.settle()

    def look_at_the_clock(self) -> None:
        """What each process's writer does between two steps."""
        for process in self.alive():
            process.keeper.look()

    def lose_connections(self) -> None:
        """The database ends them all, as it does where it is started anew."""
        ends: Any = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with self.current.city.store.read() as connection:
            connection.execute(ends).all()
        for process in self.alive():
            process.cut_off()
