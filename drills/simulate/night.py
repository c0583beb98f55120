"""One night: the engine's own steps, under a clock that jumps from moment to moment."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from alertd.decide.expand import Pieces
from alertd.decide.plan import Route, Terms, Way
from alertd.engine import accept, approving
from alertd.engine.authority import Actor
from alertd.engine.core import Engine, Input, Step
from alertd.errors import AlertdError
from alertd.messages import ShortForm, compose
from alertd.model import Millis, Policy, Status
from alertd.store import due
from alertd.store.database import Store
from alertd.store.identity import SequentialIds
from alertd.store.scratch import Rehearsals
from drills.alerting import TEXTS, form_of, template_of
from drills.simulate.census import Census
from drills.simulate.dice import Dice
from drills.simulate.figures import NightFigures, figures_of
from drills.simulate.hands import OPERATOR, Helpers
from drills.simulate.losses import Losses
from drills.simulate.promises import Watch
from drills.simulate.scenario import Scenario
from drills.simulate.scripted import Script
from drills.simulate.task import Task, coarse
from drills.simulate.world import World

AUTHOR: Final = Actor(no=1, id=OPERATOR, name="author", role="duty_officer", path="")
SECOND: Final = Actor(no=2, id=b"rehearsal-second", name="second", role="approver", path="")
_MOST_STEPS_AT_ONCE: Final = 10_000
_SENDER: Final = "rehearsal@alertd.invalid"


class StuckError(Exception):
    """The engine never comes to rest at one moment: a defect that a night has found."""


@dataclass(slots=True)
class Night:
    """One night of one seed; `run` plays it.

    Args:
        task: What is drilled.
        scenario: The world.
        census: The city.
        rehearsals: Where scratch copies come from.
        seed: Of all chance.
        pieces: How much of an expansion is written at once.
        deep: Also look through all that was written, for every promise.
        keep_ladders: Have the figures say how each ladder climbed.
    """

    task: Task
    scenario: Scenario
    census: Census
    rehearsals: Rehearsals
    seed: int
    pieces: Pieces = field(default_factory=Pieces)
    deep: bool = True
    keep_ladders: bool = False
    now: Millis = 0
    steps: int = 0
    boot: int = 0
    alert_no: int = 0
    routes: dict[str, Route] = field(init=False)
    store: Store = field(init=False)
    peek: Connection = field(init=False)  # begins no transaction: for prepared statements alone
    engine: Engine = field(init=False)
    world: World = field(init=False)
    helpers: Helpers = field(init=False)
    watch: Watch = field(init=False)
    script: Script | None = field(init=False)  # None: nothing of it is to be told
    ids: SequentialIds = field(init=False)

    def run(self) -> NightFigures:
        """Play it to its end; what was broken stands in the figures."""
        self._open()
        try:
            try:
                self._play()
            except StuckError as stuck:
                self.watch.broken(1, str(stuck))
            with self.store.read() as connection:
                self.watch.end(connection, self)
                return figures_of(connection, self, self.watch)
        finally:
            self.peek.close()
            self.store.close()

    def _open(self) -> None:
        self.now = start = self.scenario.start_ms
        self.ids = SequentialIds("rehearsal", at=start)
        dice = Dice(self.seed)
        losses = Losses(
            start,
            self.scenario.phones.battery_min,
            (*self.scenario.losses, *self.task.plan.losses),
        )
        self.routes = {name: self._coarse(route) for name, route in self.task.routes.items()}
        self.world = World(self.scenario, self.census, dice, self.routes, losses)
        zone = self.task.library.zone
        self.helpers = Helpers(self.scenario, self.census, dice, losses, 1, self.ends_at, zone)
        self.watch = Watch(self.task, self.census, self.pieces, losses, start)
        script = Script(self.task.plan, start)
        self.script = script if script and self.task.status is Status.EXERCISE else None
        self.store = self.rehearsals.open()
        self.peek = self.rehearsals.peek()
        self._boot()

    @property
    def policy(self) -> Policy:
        """The one that the alert froze."""
        named = self.task.named_policy or template_of(self.task.plan.alert)[1]
        return self.task.library.policy(named)

    def superiors(self, unit: int, gone: Collection[int]) -> frozenset[int]:
        """Of whom somebody must hear that a unit is silent: nobody where none may be told.

        `gone`: said that they can't come.
        """
        leads = self.census.leads_above(unit, self.policy.ladder_roles, gone)
        drill = self.task.status is not Status.ACTUAL
        outside = drill and not all(self.watch.is_inside(person) for person in leads)
        return frozenset() if outside else leads

    @property
    def ends_at(self) -> Millis:
        """When it is over, whatever still waits."""
        return self.scenario.start_ms + round(self.scenario.hours * 3_600_000)

    def _coarse(self, route: Route) -> Route:
        quality = self.scenario.quality(route.name, route.channel.word)
        return coarse(route, quality.answer_s, self.scenario.grain_s)

    def _boot(self) -> None:
        """A fresh process: nothing is remembered but what was written down."""
        self.boot += 1
        self.engine = Engine(
            store=self.store,
            routes=self.routes,
            library=self.task.library,
            wording=self.task.wording,
            ids=self.ids,
            lease=f"boot-{self.boot}",
            pieces=self.pieces,
            agenda=self.script,
        )
        self.engine.load_live_alerts(self.now)

    def _play(self) -> None:
        self.alert_no = self._begin()
        self._settle([])
        moment = self._next()
        while moment is not None and moment <= self.ends_at:
            self.now = moment
            self._away()
            self._moment()
            moment = self._next()

    def _begin(self) -> int:
        """Issue the alert, as a drill of its own where there is a script to go on with."""
        if self.script is not None:
            begin = partial(self.script.begin, wanted=self._draft(), author=AUTHOR, second=SECOND)
            return int(self._take(begin))
        drafted = self._take(partial(accept.draft, actor=AUTHOR, wanted=self._draft()))
        agree = partial(approving.approve, actor=SECOND, alert_id=bytes.fromhex(drafted["id"]))
        self._take(agree)
        return int(drafted["no"])

    def _draft(self) -> accept.Draft:
        form = form_of(self.task.plan) | {"status": self.task.status.word}
        short = ShortForm.from_dict({k: value for k, value in form.items() if value is not None})
        library = self.task.library
        alert = compose(
            short,
            library.templates.select(short.template, short.colour),
            identifier=f"rehearsal-{self.seed}",
            sender=_SENDER,
            sent_at=self.now,
            zone=library.zone,
        )
        return accept.Draft(
            alert=alert,
            routes=tuple(sorted(self.task.played)),
            simulated=not self.task.open_routes,
            policy=self.task.named_policy,
            drill=self._terms(),
            texts=TEXTS if self.script is not None else (),
        )

    def _terms(self) -> Terms | None:
        """The plan's; what its script takes away, the world takes away."""
        if self.task.status is not Status.EXERCISE:
            return None
        way = Way.REAL if self.task.open_routes else Way.SIMULATED
        level = self.task.plan.alert.climb_to.level
        return Terms(
            drill=1,
            ways=dict.fromkeys(self.task.played, way),
            climb_to=level.value if level else None,
        )

    # Time.

    def _next(self) -> Millis | None:
        """The next moment on the scenario's grain, after now."""
        wanted = [self.world.next_at(), self.helpers.next_at()]
        if self.script is not None:
            wanted.append(self.script.next_at())
        if due.waits(self.peek, self.now):
            wanted.append(self._wake_at)
        else:
            wanted.append(due.next_moment(self.peek))
        times = [at for at in wanted if at is not None]
        return self._on_grain(min(times)) if times else None

    def _on_grain(self, at: Millis) -> Millis:
        start, grain = self.scenario.start_ms, self.scenario.grain_ms
        following = self.now + grain
        return max(start + -(-(at - start) // grain) * grain, following)

    def _away(self) -> None:
        """Where we are off by the script: killed here, and started again when that is over."""
        back = self.world.losses.node_back_at(self.now)
        if back is None:
            return
        self.store.close()
        self.world.crash(back)
        self.watch.crashed()
        self.now = self._on_grain(back)
        self.store = self.rehearsals.reopen()
        self._boot()

    def _moment(self) -> None:
        inputs = self.helpers.due(self.now, self.peek)
        self._settle([*self.world.due(self.now), *inputs])

    _wake_at: Millis = 0

    def _settle(self, inputs: list[Input]) -> None:
        """Step until nothing more is to be done at this moment."""
        self.watch.coming(inputs, self.now)
        recorded = False
        for _ in range(_MOST_STEPS_AT_ONCE):
            step = self.engine.step(self.now, inputs)
            self._hand_over(step)
            recorded |= step.recorded
            inputs = []
            if not step.again and not step.handovers:
                break
        else:
            raise StuckError("the engine never comes to rest")
        self._wake_at = step.wake_at
        if recorded:
            self.helpers.stirred(self.now)
        self.watch.after(self.peek, self.now)

    def _hand_over(self, step: Step) -> None:
        self.steps += 1
        for answer in step.answers:
            if answer.error is not None:
                self.watch.refused(answer.error)
        for handover in step.handovers:
            self.watch.handed(handover, self.now)
            self.world.take(handover, self.now)

    def _take(self, item: Callable[..., Any]) -> Any:
        """Have the engine take one input; raises what it refused it with."""
        step = self.engine.step(self.now, [item])
        (answer,) = step.answers
        if isinstance(answer.error, AlertdError):
            raise answer.error
        self._hand_over(step)
        return answer.value
