"""The world of a random week: its city, the gateways and their weather, and all handed to them."""

import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from alertd.decide.expand import Pieces
from alertd.decide.plan import Route
from alertd.decide.shares import Part
from alertd.engine.core import Agenda
from alertd.engine.turn import Turn
from alertd.errors import AlertdError
from alertd.model import Channel, Policy, Stage, StageRule, Status, Step
from alertd.store import tables as t
from alertd.store.links import PLACEHOLDER
from alertd.store.roster import InMemory, import_roster
from channels.base import Accepted, Fault, Outcome, Outgoing, Receipt, SendError
from tests.city import RED, START, ZONE, City, sms_route
from tests.faults.random_node import Machine, Node, Process
from tests.faults.random_roster import RandomRoster
from tests.weather import ENDINGS

HANGS_MS = 120_000
LINK = "https://alertd.invalid/a/"
WHEN = (
    (ZONE, START),
    (
        ZoneInfo("America/New_York"),
        1_762_061_400_000,
    ),  # 01:30, half an hour before that hour comes again
    (
        ZoneInfo("America/New_York"),
        1_772_951_400_000,
    ),  # 01:30, half an hour before an hour is left out
    (ZoneInfo("Europe/Berlin"), 1_761_435_000_000),  # 01:30, before 02:00 to 03:00 comes twice
)
"""Where a city is, and when its week begins."""

STAGED = Policy(
    name="staged",
    stages=(
        StageRule(stage=Stage.RECEIVED, due_min=10),
        StageRule(stage=Stage.ON_POST, due_min=30, start_min=4),
    ),
    steps=(
        Step(after_min=1, do=("remind",), channels=("other",)),
        Step(after_min=2, do=("remind", "parent")),
        Step(after_min=4, do=("alternate",)),
        Step(after_min=6, do=("door_knock", "duty_desk")),
    ),
    update_wants_fresh_answer=False,
)
POST_ALONE = replace(
    STAGED,
    name="post-alone",
    stages=(StageRule(stage=Stage.ON_POST, due_min=10),),
    update_wants_fresh_answer=True,
)
POLICIES = {
    "red": RED,
    "orange": replace(RED, name="carry", update_wants_fresh_answer=False),
    "yellow": replace(RED, name="every", tell="everyone", max_attempts=3),
    "blue": STAGED,
}

# Of the whole gateway: whether a number is dead is the number's own.
WEATHER = tuple(name for name in ENDINGS if name != "dead")
MIXED = ("accepts", "accepts", "delivers", "hangs", "unknown", "retry", "refused")


@dataclass
class Handed:
    """One message that was handed over, and how the world ended it."""

    at: int
    route: str
    message: Outgoing
    process: Process
    lived: int  # as Process has it
    ending: str = ""  # accepted, delivered, hangs, lost, late, or a Fault's value
    forgotten: bool = False  # a backup of before it was gone back to

    @property
    def may_have_left(self) -> bool:
        """Whether somebody may have got it."""
        return self.ending in ("accepted", "delivered", "hangs", "lost", "unknown")


@dataclass
class World:
    """One week's; `watch` sees each hand-over before the gateway answers."""

    seed: int
    postgresql: bool | None
    watch: "Callable[[World, Handed], None]"
    show: Callable[[str], None]
    several: bool = False
    handed: list[Handed] = field(default_factory=list)
    tries: dict[int, list[Handed]] = field(default_factory=lambda: defaultdict(list))
    hanging: list[Handed] = field(default_factory=list)
    weather: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    opted_out: set[str] = field(default_factory=set)
    drafts: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    closed_help: set[int] = field(default_factory=set)
    backups: list[Any] = field(default_factory=list)
    calm: bool = False  # before the season: mostly drills
    calendar: Callable[[], Agenda] | None = None  # once there was a drill by a plan
    gone: list[Route] = field(default_factory=list)  # that the settings don't name any more
    codes: dict[str, bytes] = field(default_factory=dict)  # whose each is that was handed over
    replies: int = 0  # that came, by any process: a gateway's numbers are its own
    gathered: list[Callable[[Turn], Any]] | None = None
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = dice = random.Random(f"{self.seed}")
        self.roster = RandomRoster(dice)
        self.folder = tempfile.TemporaryDirectory(prefix="alertd-week-")
        zone, now = dice.choice(WHEN)
        self.calm = dice.random() < 0.3
        common = {
            "routes": _routes(dice),
            "policies": POLICIES | {"blue": dice.choice([STAGED, STAGED, POST_ALONE])},
            "pieces": dice.choice([Pieces(), Pieces(first_people=3, most=5)]),
            "zone": zone,
            "now": now,
            "link": LINK + PLACEHOLDER if dice.random() < 0.7 else "",
        }
        machine = Machine()
        processes = [
            self._process(machine, number, part, common)
            for number, part in enumerate(_parts(dice, self.several, common["routes"]))
        ]
        self.node = Node(processes, processes[0])
        self.bring_in("first")

    def _process(self, machine: Machine, number: int, part: Part, common: Any) -> Process:
        city = City(
            Path(self.folder.name),
            fresh=False,
            postgresql=self.postgresql,
            synchronous="OFF",
            part=part,
            boot=number * 1_000,
            name=f"test-{number}",
            **common,
        )
        process = Process(city, machine)
        city.gateways = partial(self._gateway, process)
        return process

    @property
    def city(self) -> City:
        """The process at which things are done at the moment."""
        return self.node.current.city

    def known_tries(self, delivery: int) -> list[Handed]:
        """Those of a message that alertd may know of: none that a restore went back before."""
        return [each for each in self.tries.get(delivery, []) if not each.forgotten]

    def roll(self, name: str) -> None:
        """Throw dice of one act's own: what it does hangs on no other act's throws."""
        self.dice = self.roster.dice = random.Random(f"{self.seed} {name}")

    def say(self, line: str) -> None:
        """Go on with the story."""
        self.story.append(line)
        self.show(line)

    def hand_in(self, item: Callable[[Turn], Any]) -> Any:
        """Have the engine take one input; None where it refused it, which it may."""
        if self.gathered is not None:
            self.gathered.append(item)
            return None
        try:
            return self.city.hand_in(item)
        except AlertdError as error:
            self.say(f"   refused: {error}")
            return None

    def hand_in_gathered(self) -> None:
        """All that was to be handed in since `gathered` was begun, in one step."""
        items, self.gathered = self.gathered or [], None
        step = self.city._step(items)
        self.city._hand_over(step.handovers)
        for answer in step.answers:
            if answer.error is not None and not isinstance(answer.error, AlertdError):
                raise answer.error

    def bring_in(self, why: str) -> None:
        """Import the roster as it is now."""
        new, take_in = InMemory(self.roster.roster()), partial(import_roster, by="test", why=why)
        self.city.hand_in(lambda turn: take_in(turn.tx, new, ids=turn.ids, now=turn.now))

    def alerts(self) -> list[Any]:
        """All of them, the oldest first."""
        return self.city.rows(select(t.alert).order_by(t.alert.c.no))

    def live(self) -> list[Any]:
        return [each for each in self.alerts() if each.state == "issued"]

    def halts(self) -> dict[int, Any]:
        """By alert."""
        return {each.alert_no: each for each in self.city.rows(select(t.halt))}

    # The gateways.

    def _gateway(
        self, process: Process, route: str, message: Outgoing
    ) -> Accepted | SendError | None:
        handed = Handed(process.city.now, route, message, process, process.lived)
        self.watch(self, handed)
        self.handed.append(handed)
        self.tries[message.delivery].append(handed)
        result = self._result(handed)
        handed.ending = "hangs" if result is None else word(result)
        if result is None:
            self.hanging.append(handed)
        return result

    def _result(self, handed: Handed) -> Accepted | SendError | None:
        if handed.message.address in self.dead:
            return ENDINGS["dead"]()
        if handed.message.address in self.opted_out:
            return SendError(Fault.OPTED_OUT, "opted-out")
        weather = self.weather.get(handed.route, "accepts")
        return ENDINGS[self.dice.choice(MIXED) if weather == "mixed" else weather]()

    def end_hanging(self, handed: Handed, result: Accepted | SendError) -> None:
        """What hung ends after all."""
        self.hanging.remove(handed)
        handed.ending = word(result)
        message = handed.message
        handed.process.city.end(handed.route, [Outcome(message.delivery, message.attempt, result)])

    def end_old_hangings(self) -> None:
        """A channel ends what hangs by a bound of its own, as engine/runner.py does for it."""
        now = self.node.current.lived
        for handed in [each for each in self.hanging if each.lived + HANGS_MS < now]:
            self.end_hanging(handed, SendError(Fault.UNKNOWN, "no-outcome-from-channel"))

    def killed(self, process: Process) -> None:
        """What hung in it has no end."""
        process.alive = False
        process.city.store.close()
        for handed in [each for each in self.hanging if each.process is process]:
            handed.ending = "lost"
            self.hanging.remove(handed)

    def start(self, process: Process, away_ms: int = 0) -> None:
        """After it was killed, and away for a while."""
        process.start(self.node.current.lived + away_ms)

    def kill_all(self) -> None:
        for process in list(self.node.alive()):
            self.killed(process)

    def start_all(self) -> None:
        for process in [each for each in self.node.processes if not each.alive]:
            self.start(process)

    def close(self) -> None:
        for process in self.node.processes:
            process.city.store.close()
        self.folder.cleanup()


def word(result: Accepted | SendError) -> str:
    """How a try ended."""
    if isinstance(result, SendError):
        return str(result.fault.value)
    return "delivered" if result.delivered else "accepted"


def _parts(dice: random.Random, several: bool, routes: Sequence[Route]) -> list[Part]:
    """What each process does: the first one all of it."""
    names = [route.name for route in routes]
    more = [
        Part(),
        Part(decides=False),
        Part(routes=frozenset(dice.sample(names, 2))),
        Part(decides=False, routes=frozenset()),
    ]
    return [Part(), *(dice.choices(more, k=dice.choice([1, 2, 3])) if several else [])]


def _routes(dice: random.Random) -> tuple[Route, ...]:
    """A gateway, fast or slow; speakers and chats; perhaps more."""
    slow = {
        "in_flight": dice.choice([2, 10_000]),
        "rate_per_s": dice.choice([1.0, 5.0, 1e6]),
        "burst": dice.choice([2, 10_000]),
    }
    real = partial(sms_route, simulated=False)
    some = [
        (1.0, real("sms-1", **slow)),
        (1.0, sms_route("speakers", channel=Channel.LOUDSPEAKER)),
        (1.0, sms_route("groups", channel=Channel.CHAT)),
        (0.6, real("sms-2", rank=dice.choice([1, 2]))),
        (0.5, sms_route("sms-sim", carries=frozenset({Status.EXERCISE, Status.TEST}))),
        (0.4, real("calls", channel=Channel.VOICE)),
    ]
    return tuple(route for odds, route in some if dice.random() < odds)
