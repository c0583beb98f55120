"""The engine's heart: synchronous, `step(now, inputs) -> what to do`.

One step is one transaction: the inputs are taken (each under a savepoint, so that a bad one
doesn't undo its neighbours), what is due is decided, a piece of each expansion is done, and
deliveries are claimed. After the commit their messages are made. When `step` returns, all of it is
on disk, and the messages may leave. Threads, asyncio and group commit are a shell around it
(`runner`); a test and the drill simulator call it with a clock of their own.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog

from alertd.decide.expand import Pieces
from alertd.decide.plan import Bucket, Route, reaches
from alertd.decide.shares import Part
from alertd.engine import (
    approving,
    climbing,
    dispatch,
    expanding,
    forgetting,
    halting,
    helping,
    relieving,
    settling,
    spending,
    unread,
)
from alertd.engine.apart import apart, failing, left_out
from alertd.engine.library import Library
from alertd.engine.material import Material
from alertd.engine.portions import Portions
from alertd.engine.rendering import outgoing
from alertd.engine.settling import Settlement
from alertd.engine.turn import Flow, LiveAlert, Turn, Wording, refresh
from alertd.errors import AlertdError
from alertd.model import Millis
from alertd.store import home
from alertd.store.database import BrokenOffError, Store
from alertd.store.identity import Ids
from channels.base import Fault, Outcome, Outgoing, SendError

Input = Callable[[Turn], Any]
"""One thing to take: a function of the turn, whose return value is the answer."""


log = structlog.get_logger("alertd.engine")


class Agenda(Protocol):
    """What else is due in a step, handed in from above: the calendar of drills."""

    def __call__(self, turn: Turn, *, tick: bool) -> None:
        """Do it; `tick`: due times are to be looked up."""


_BATCH = 2_000  # ladders, deadlines and digests looked at in one step
_TICK_MS = 200  # due times are looked up at most this often; a tick of its own is never early


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an input: a value, or the error that refused it."""

    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """Messages for one route, claimed; and how those ended that couldn't be made."""

    route: str
    messages: tuple[Outgoing, ...]
    deadline: Millis  # not to be begun after
    unmade: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """What one step did; what it claimed is on disk, and its messages may be made."""

    answers: tuple[Answer, ...]
    claimed: tuple[Material, ...]
    again: bool  # more work waits already: step once more without waiting
    wake_at: Millis  # look again by then, even if nothing comes
    recorded: bool  # whether facts were written


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did and what is to be done now; fields as in `Committed`."""

    answers: tuple[Answer, ...]
    handovers: tuple[Handover, ...]
    again: bool
    wake_at: Millis
    recorded: bool


@dataclass(slots=True)
class Engine:
    """The engine of one node.

    Args:
        store: The database; SQLite has no other writer than this engine.
        routes: The routes there are, by name.
        library: Policies and templates, frozen on an alert when it is drafted.
        wording: Renders a frozen template.
        ids: Where identities come from.
        lease: This process's name in claims; a fresh one after every start.
        break_glass_delay_ms: How long an alert that one person approved waits.
        pieces: How much of an expansion is written at once.
        part: What of the work this process does, where several share a database.
        agenda: What else is due; asked before anything is claimed.
    """

    store: Store
    routes: Mapping[str, Route]
    library: Library
    wording: Wording
    ids: Ids
    lease: str
    break_glass_delay_ms: int = 300_000
    pieces: Pieces = field(default_factory=Pieces)
    refuses_new: bool = False  # space is short: new work is refused
    nameless: Collection[str] = ()  # settings that say who sends are gone: no new alerts
    flows: dict[str, Flow] = field(default_factory=dict)
    alerts: dict[int, LiveAlert] = field(default_factory=dict)
    part: Part = field(default_factory=Part)
    agenda: Agenda | None = None
    portions: Portions = field(init=False)
    _resting: dict[tuple[str, int], Millis] = field(default_factory=dict)
    _watch: relieving.Watch = field(default_factory=relieving.Watch)
    _found: frozenset[int] = frozenset()  # alerts that were under way when this process began
    _expands: bool = True  # an expansion may be under way
    _ticked_at: Millis = 0
    _forgot_at: Millis = 0
    _more: bool = False

    def __post_init__(self) -> None:
        self.portions = Portions(self.lease, self.part, alone=not self.store.shared)

    def step(
        self,
        now: Millis,
        inputs: Sequence[Input] = (),
        *,
        claim: bool = True,
        lean: bool = False,
    ) -> Step:
        """Take `inputs`, do what is due at `now`, claim what may leave; then make its messages.

        A `lean` step writes little: it leaves expansions, ladders and digests for later.
        """
        done = self.commit(now, inputs, claim=claim, lean=lean)
        handovers = tuple(self.render(material) for material in done.claimed)
        return Step(done.answers, handovers, done.again, done.wake_at, done.recorded)

    def render(self, claimed: Material) -> Handover:
        """Make the messages of what was claimed, once that is on disk."""
        route = self.routes[claimed.route]
        made, unmade = outgoing(claimed, self.wording, self.store.vault)
        if route.numbers:
            unmade += [_unserved(each) for each in made if not reaches(route, each.address)]
            made = [each for each in made if reaches(route, each.address)]
        flow = self.flows[claimed.route]
        made, repeated = spending.repeated(route, flow, claimed, made, self.store.vault)
        unmade += repeated
        spending.carry(route, flow, tuple(made))
        return Handover(claimed.route, tuple(made), claimed.deadline, tuple(unmade))

    def commit(
        self,
        now: Millis,
        inputs: Sequence[Input] = (),
        *,
        claim: bool = True,
        lean: bool = False,
    ) -> Committed:
        """The part of a step that is one commit."""
        self._open_flows(now)
        work: tuple[Material, ...] = ()
        before = {name: flow.copy() for name, flow in self.flows.items()}
        plain = all(isinstance(item, Settlement) and item.plain for item in inputs)
        try:
            with self.store.transaction(now, deciding=not plain) as tx:
                turn = self._turn(tx, now)
                if self.store.shared:
                    if self.store.fresh and home.go_on(
                        tx, self.store.left_at, node=self.store.node
                    ):
                        log.error("the database may lack what it had confirmed")
                        self._forget()
                    refresh(turn)
                    self.portions.look(tx.connection, self.store.writer_no, self.routes, now)
                spending.book(turn)
                answers = tuple(self._take(turn, item) for item in inputs)
                if self._decides(turn, plain=plain):
                    self._decide(turn, lean=lean)
                if claim:
                    ours = self.portions.of(self.routes)
                    work = tuple(dispatch.claim(turn, ours, self.flows, self.lease))
                if not 0 <= now - self._forgot_at < forgetting.EVERY_MS:
                    forgetting.forget(turn)
                    self._forgot_at = now
        except BaseException:
            # Nothing was committed: what this process remembers of it is wrong.
            self._forget()
            self.flows.update(before)
            raise
        self.store.looked()
        wake_at = dispatch.wake_at(self.portions.of(self.routes), self.flows, now)
        return Committed(answers, work, self._more, wake_at, bool(self.store.last_recorded))

    def _forget(self) -> None:
        """What this process remembers of the database."""
        self.alerts.clear()
        self.portions.forget()
        self._watch.forget()
        self._expands = True

    def _decides(self, turn: Turn, *, plain: bool) -> bool:
        """Whether this step is to look for what is due; of several processes one at a time does."""
        now = turn.now
        more, self._more = self._more, False
        if not self.part.decides:
            return False
        if not plain or not self.store.shared:
            return True
        if not more and not self._tick_is_due(now):
            return False
        if turn.tx.decide_too():
            # Since this step began another may have paused or ended an alert: nothing of that may
            # be sent once more.
            refresh(turn)
            return True
        self._ticked_at = now  # somebody else is at it
        return False

    def _decide(self, turn: Turn, *, lean: bool) -> None:
        tick = self._tick_is_due(turn.now)
        if tick:
            self._tick(turn, lean=lean)
        if self.agenda is not None:
            apart(turn, "agenda", partial(self.agenda, turn, tick=tick), None)
        # Without other writers one begins in a step of ours or not at all; so it isn't asked for.
        if self.store.shared or any(fact.kind == "alert.issued" for fact in turn.tx.facts):
            self._expands = True
        if self._expands and not lean:
            more = expanding.advance(turn)
            self._expands = more or bool(left_out(turn, expanding.PART))
            self._more |= more

    def _tick_is_due(self, now: Millis) -> bool:
        return now - self._ticked_at >= _TICK_MS or now < self._ticked_at

    def leave(self, now: Millis) -> None:
        """Tell the other processes that this one sends no more."""
        if self.store.shared:
            with self.store.transaction(now, deciding=False) as tx:
                self.portions.leave(tx.connection)

    def _open_flows(self, now: Millis) -> None:
        for name, route in self.routes.items():
            if name not in self.flows:
                self.flows[name] = Flow(Bucket.begin(route, now))

    def failing(self, now: Millis) -> list[tuple[str, int]]:
        """The parts of its work, and of which alert, that failed when they were tried last."""
        return failing(self._resting, now)

    def leapt(self, by: Millis) -> None:
        """The node's time was set: what is remembered of the routes moves with it."""
        self._resting.clear()
        self._watch.forget()
        for flow in self.flows.values():
            flow.bucket = Bucket(flow.bucket.tokens, flow.bucket.filled_at + by)
            flow.paused_until += by
            flow.breaker = flow.breaker.moved(by)

    def _turn(self, tx: Any, now: Millis) -> Turn:
        return Turn(
            tx=tx,
            now=now,
            ids=self.ids,
            routes=self.routes,
            wording=self.wording,
            library=self.library,
            break_glass_delay_ms=self.break_glass_delay_ms,
            pieces=self.pieces,
            alerts=self.alerts,
            flows=self.flows,
            lease=self.lease,
            counter=self.store.writer_no if self.store.shared else 0,
            found=self._found,
            refuses_new=self.refuses_new,
            nameless=self.nameless,
            resting=self._resting,
        )

    def _take(self, turn: Turn, item: Input) -> Answer:
        try:
            with turn.tx.item():
                return Answer(item(turn))
        except AlertdError as error:
            self.alerts.clear()
            return Answer(error=error)
        except BrokenOffError:
            self.alerts.clear()
            raise  # of this step nothing is left that could be committed
        except Exception as error:  # noqa: BLE001 - one bad input must not stop the engine
            self.alerts.clear()
            turn.record("defect", {"error": type(error).__name__})
            return Answer(error=error)

    def _tick(self, turn: Turn, *, lean: bool) -> None:
        self._ticked_at = turn.now
        unread.report(turn)
        apart(turn, "issue", partial(approving.issue_due, turn), None)
        apart(turn, "expire", partial(approving.expire_due, turn), None)
        if not lean:
            relieving.relieve(turn, self._watch)
        parts: dict[str, Callable[[Turn, int], int]] = {
            "deadlines": settling.deadlines,
            "help": helping.help_due,
            "paused": lambda turn, _: halting.forgotten_due(turn),
        }
        # What others send by, whose settings name more routes than ours, may be a way.
        if not self.portions.strange:
            parts["unroutable"] = _fail_unroutable
        if not lean:
            parts |= {"ladders": climbing.ladders, "digests": climbing.digests}
        done = [apart(turn, name, partial(part, turn, _BATCH), 0) for name, part in parts.items()]
        self._more |= max(done) >= _BATCH
        if self._more:
            self._ticked_at = 0

    def load_live_alerts(self, now: Millis) -> None:
        """Read the alerts under way; claims check drills against what is loaded."""
        with self.store.transaction(now) as tx:
            refresh(self._turn(tx, now))
        self._found = frozenset(self.alerts)


def _unserved(message: Outgoing) -> Outcome:
    refused = SendError(Fault.REFUSED, "number-not-served")
    return Outcome(message.delivery, message.attempt, refused)


def _fail_unroutable(turn: Turn, limit: int) -> int:
    stuck = dispatch.fail_unroutable(turn, limit)
    settling.not_reached(turn, stuck)
    return len(stuck)
