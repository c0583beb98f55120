"""DESIGN §6, held against every simulated night: what left, what came, and what was written down.

The watch knows what the world did, and asks the tables only whether they say the same.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from alertd import messages
from alertd.decide.expand import Pieces
from alertd.decide.plan import Route
from alertd.engine.core import Handover, Input
from alertd.engine.dispatch import MOST_A_CLAIM
from alertd.lanes import channel_of, status_of
from alertd.model import REAL, Millis, RequirementState, Stage, Status, Told, requirement_no
from alertd.store import due
from alertd.store.reads import rehearsal
from alertd.store.scratch import address_of
from channels.base import Fault, Outcome, Outgoing, SendError
from drills.plan import Climb
from drills.simulate.afterwards import afterwards
from drills.simulate.census import Census
from drills.simulate.ledger import Ledger
from drills.simulate.losses import Losses
from drills.simulate.past_night import PastNight
from drills.simulate.task import Task
from drills.simulate.world import outcomes, words

MOST_TOLD: Final = 20  # of one night; a defect seldom comes alone
_LATE_MS: Final = 5_000  # so long after its time a thing is late
_IDLE_MS: Final = 300_000  # a route that is given nothing for so long while its lane waits
_LOOK_MS: Final = 60_000
_ABOVE: Final = Told.ALTERNATES | Told.PARENT


@dataclass(slots=True)
class Watch:
    """Looks at one night.

    Args:
        task: The plan that it must keep to.
        census: Who is where.
        pieces: How much may be written at once.
        losses: What fails.
        start: When the alert is issued.
    """

    task: Task
    census: Census
    pieces: Pieces
    losses: Losses
    start: Millis
    violations: list[tuple[int, str]] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    by_route: Counter[str] = field(default_factory=Counter)
    _given_at: dict[str, Millis] = field(default_factory=dict)
    _hurried: list[tuple[Millis, int]] = field(default_factory=list)
    _looked_at: Millis = 0
    _inside: dict[int, bool] = field(default_factory=dict)
    _shown: frozenset[tuple[int, str]] = frozenset()

    def broken(self, promise: int, what: str) -> None:
        """A promise wasn't kept; each kind of breach is told once."""
        seen = (promise, what)
        if seen not in self._shown and len(self.violations) < MOST_TOLD:
            self._shown |= {seen}
            self.violations.append(seen)

    # What leaves.

    def handed(self, handover: Handover, now: Millis) -> None:
        """Messages leave by a route."""
        if len(handover.messages) > MOST_A_CLAIM:
            self.broken(10, "more was claimed at once than a claim may hold")
        route = self.task.routes[handover.route]
        self.by_route[handover.route] += len(handover.messages)
        self._given_at[handover.route] = now
        for message in handover.messages:
            self._leaves(route, message)
            self._ways(route, message)
            self._is_marked(message)
            self.ledger.handed(message, route, handover.deadline)
            people = self.census.behind.get(address_of(message.address), ())
            self.ledger.told[message.kind].update(people)

    def _leaves(self, route: Route, message: Outgoing) -> None:
        """6: by the plan's routes, to the plan's people."""
        real_help = message.kind in REAL and message.status == "Actual"
        if not real_help and route.name not in self.task.played:
            self.broken(6, "a message left by a route outside the plan")
        status = Status[message.status.upper()]
        if status not in route.carries:
            self.broken(6, "a message left by a route that doesn't carry its status")
        if self.task.status is not Status.ACTUAL and message.kind not in REAL:
            people = self.census.behind.get(address_of(message.address), ())
            if people and not any(self.is_inside(person) for person in people):
                self.broken(6, "a message left for somebody outside the plan's areas")

    def _ways(self, route: Route, message: Outgoing) -> None:
        """6: marked after rendering; a live one never carries a drill's mark."""
        marked = message.text.startswith(messages.EXERCISE_MARK)
        if message.status == "Exercise" and not marked:
            self.broken(6, f"a drill's message by {route.channel.word} has no mark")
        if message.status == "Actual" and marked:
            self.broken(6, "a live message carries a drill's mark")
        real = self.task.status is Status.ACTUAL or self.task.open_routes
        if message.kind in REAL and real and message.status != "Actual":
            self.broken(5, "a real call for help left as a drill")

    def _is_marked(self, message: Outgoing) -> None:
        """9: a copy that may be the second one says so, and no other does."""
        out = self.ledger.may_be_out(message.delivery)
        if out and not message.possible_duplicate:
            self.broken(9, "a second copy isn't marked as one")
        if message.possible_duplicate and not out:
            self.broken(9, "a first copy is marked as a second one")
        if message.attempt <= self.ledger.last_attempt(message.delivery):
            self.broken(1, "one try was handed over twice")

    def is_inside(self, person: int) -> bool:
        """Whether somebody holds a duty in the plan's areas."""
        known = self._inside.get(person)
        if known is None:
            who = self.census.people.get(person)
            paths = (
                [self.census.places[self.census.unit_of(d)].path for d in who.duties if who]
                if who
                else []
            )
            areas = [f"/{area}/" for area in self.task.plan.alert.areas]
            known = any(area in f"/{path}" for area in areas for path in paths)
            self._inside[person] = known
        return known

    # What comes.

    def coming(self, inputs: Sequence[Input], now: Millis) -> None:
        """Tries end: whoever can't be reached mustn't wait for the ladder's next rung."""
        for outcome in outcomes(inputs):
            if self.ledger.ended(outcome, now) and _unreached(outcome, self.ledger):
                self._hurried.append((now, outcome.delivery))
        for word in words(inputs):
            self.ledger.came(word)
            if self.ledger.is_dead(word):
                self._hurried.append((now, word.delivery))

    def crashed(self) -> None:
        """We died: nobody can tell of the tries under way."""
        self.ledger.crashed()
        self._hurried.clear()

    def refused(self, error: Exception) -> None:
        """The engine refused what the world brought."""
        self.broken(1, f"the engine refused an input: {type(error).__name__}")

    # After each moment.

    def after(self, connection: Connection, now: Millis) -> None:
        """What must be true at every moment."""
        self.ledger.moment = now
        if rehearsal.stuck(connection, now - _LATE_MS):
            self.broken(1, "a delivery rests in sending past its deadline")
        if rehearsal.idle_cries(connection, now - _LATE_MS):
            self.broken(5, "a call for help that nobody took doesn't climb")
        self._climbed_at_once(connection, now)
        if now - self._looked_at >= _LOOK_MS:
            self._looked_at = now
            self._flows(connection, now)
            if due.ladders(connection, now - _LATE_MS, 1) and not self._was_away(now):
                self.broken(9, "a ladder doesn't climb when it is due")
            if due.digests(connection, now - _LATE_MS, 1) and not self._was_away(now):
                self.broken(9, "a superior's digest isn't sent when it is due")

    def _was_away(self, now: Millis) -> bool:
        return any(each.begins <= now < each.ends + _LOOK_MS for each in self.losses.node)

    def _climbed_at_once(self, connection: Connection, now: Millis) -> None:
        """9: a dead number, or no word twice over: the ladder climbs at once."""
        ripe = [number for at, number in self._hurried if at < now]
        if not ripe or self.task.plan.alert.climb_to is not Climb.CITY:
            return
        self._hurried = [each for each in self._hurried if each[0] >= now]
        wanted = {no for number in ripe for no in self._ladders_of(number)}
        for state, bits in rehearsal.told(connection, wanted).values():
            if state == RequirementState.OPEN and not bits & _ABOVE:
                self.broken(9, "nobody can be reached there, and the ladder waits")

    def _ladders_of(self, delivery: int) -> list[int]:
        person = self.ledger.person_of(delivery, self.census)
        who = self.census.people.get(person)
        alert = delivery >> 32
        return [requirement_no(alert, Stage.RECEIVED, duty) for duty in who.duties] if who else []

    def _flows(self, connection: Connection, now: Millis) -> None:
        """3: what waits is taken by any route that is there and idle."""
        for lane, since in rehearsal.waiting(connection).items():
            if since > now - _IDLE_MS:
                continue
            for route in self.task.played.values():
                serves = lane in route.lanes() or status_of(lane) == Status.ACTUAL
                same = int(route.channel) == channel_of(lane)
                if serves and same and self._is_idle(route, now):
                    self.broken(3, f"messages wait while {route.channel.word} is idle")

    def _is_idle(self, route: Route, now: Millis) -> bool:
        idle = now - self._given_at.get(route.name, self.start) >= _IDLE_MS
        away = (
            self.losses.route_back_at(route.name, at) for at in range(now - _IDLE_MS, now, 10_000)
        )
        off = (self.losses.node_back_at(at) for at in range(now - _IDLE_MS, now, 10_000))
        return idle and not any(away) and not any(off)

    # At the end.

    def end(self, connection: Connection, night: PastNight) -> None:
        """What must be true of the whole night."""
        for promise, what in afterwards(connection, night, self.ledger):
            self.broken(promise, what)


def _unreached(outcome: Outcome, ledger: Ledger) -> bool:
    """Whether it says that nobody can be reached by this number."""
    if not isinstance(outcome.result, SendError) or not ledger.is_text(outcome.delivery):
        return False
    fault = outcome.result.fault
    if fault in {Fault.DEAD, Fault.OPTED_OUT}:
        return True
    return fault is Fault.UNKNOWN and ledger.was_marked(outcome.delivery)
