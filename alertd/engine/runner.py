"""The shell around the engine: one writer thread with group commit, and asyncio for sockets.

Whatever comes while a step runs is taken by the next one, in one transaction: the busier it is,
the more each commit carries. Nothing here decides anything.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from alertd.decide.timekeeping import in_our_time
from alertd.engine.arrivals import Arrival, Group, by_route, tell_all
from alertd.engine.core import Answer, Engine, Handover, Input, Step
from alertd.engine.refusals import of_failure
from alertd.engine.settling import Settlement
from alertd.engine.space import Space
from alertd.engine.timekeeping import Timekeeper
from alertd.engine.tracing import Tracer
from alertd.errors import MovedError, UnavailableError, UnsureError
from alertd.model import Millis
from alertd.store.dialect import cause_of, out_of_space
from channels.base import Channel, Event, Fault, Outcome, SendError
from channels.out import RouteOut, begin

MOST_WAITING = 20_000  # inputs waiting for a commit; past it callers are told to come back
MOST_A_STEP = 1_000
_IDLE_S = 1.0  # the longest a waiting engine sleeps by itself; the ticker wakes it too
_GATHER_S = 0.002  # an ended try, a receipt or a reply waits so long for its neighbours
_RETRY_S = 0.5  # after a step that could not commit (disk full, database away)
_LEAN_S = 5.0  # after a step for which there was no space, only little is written for so long
_LOG_EVERY_S = 30.0
_SILENT_S = 30.0  # past a try's deadline: a channel without a word then never has one

log = structlog.get_logger("alertd.engine")


class Runner:
    """Runs one engine with its channels.

    Args:
        engine: The engine; from `start` on only this runner's thread touches it.
        channels: The routes' channels by name.
        now: The clock, ms.
        speed: How many of the clock's seconds go by in one of ours.
        keeper: Looks after the clock, between steps.
        space: The disk's, looked at before each step; None: there is no end of it.
    """

    def __init__(
        self,
        engine: Engine,
        channels: dict[str, Channel],
        *,
        now: Callable[[], Millis],
        speed: float = 1.0,
        keeper: Timekeeper | None = None,
        space: Space | None = None,
    ) -> None:
        self.engine = engine
        self.channels = channels
        self.now = now
        self.speed = speed
        self.keeper = keeper
        self.space = space
        self.tracer = Tracer(self.sink, now, speed)
        self.cycled_at: Millis = now()
        self.failing: str = ""  # why the last step couldn't commit; "" while all is well
        self._lean_until: Millis = 0
        self._logged_at: dict[str, Millis] = {}  # by failure
        self._inputs: deque[tuple[Input, Future[Any]]] = deque()
        self._outcomes: dict[str, deque[Outcome]] = {name: deque() for name in channels}
        self._arrivals: deque[Arrival] = deque()
        self._wake = threading.Condition()
        self._woken = False
        self._stirred = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="alertd-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sends: set[asyncio.Task[None]] = set()
        self._committed = asyncio.Event()
        self.commits = 0  # of this process, with facts

    async def start(self) -> None:
        """Open the channels, load what was under way, and begin."""
        self._loop = asyncio.get_running_loop()
        self.engine.load_live_alerts(self.now())
        ours = [name for name in self.channels if self.engine.part.sends_by(name)]
        await asyncio.gather(*map(self._start, ours))
        self._thread.start()

    async def _start(self, name: str) -> None:
        """Start a route beside the others: one that has to wait for its gateway holds up none."""
        channel = self.channels[name]
        try:
            await begin(channel)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others work
            self.channels[name] = out = RouteOut(channel.config, channel.kind, error)
            out.log()

    @property
    def alive(self) -> bool:
        """Whether the writer's thread runs: whoever else wrote would come between."""
        return self._thread.is_alive()

    async def stop(self) -> None:
        """Claim no more, let tries in flight end, write down how, and stop."""
        with self._wake:
            self._stopping = True
        await self.tracer.stop()
        for channel in self.channels.values():
            await channel.close()
        if self._sends:
            await asyncio.wait(self._sends, timeout=5)
        self.wake()
        await asyncio.to_thread(self._thread.join, 10)
        if not self.alive:
            await asyncio.to_thread(self._leave)

    def _leave(self) -> None:
        try:
            self.engine.leave(self.now())
        except (DBAPIError, UnsureError) as error:  # the others will notice by themselves
            log.warning("the database is away at the end", error=type(error).__name__)

    def wake(self) -> None:
        """Have the engine look at what is due, at once; the ticker calls this."""
        with self._wake:
            self._woken = True
            self._wake.notify()

    def _stir(self) -> None:
        """Have the engine look soon: what comes in the next moments shares the commit."""
        if self._stirred:
            return  # it hasn't looked yet, and will find what came before this call
        with self._wake:
            self._stirred = True
            self._wake.notify()

    async def submit(self, item: Input) -> Any:
        """Have the engine take an input; returns its answer once it is on disk.

        Raises:
            AlertdError: The engine refused it; nothing of it was stored.
            UnavailableError: Too much is waiting, or the store can't commit.
        """
        return await asyncio.wrap_future(self.enqueue(item))

    def enqueue(self, item: Input) -> "Future[Any]":
        """Like `submit`, from any thread; the future ends once it is on disk."""
        self._room()
        future: Future[Any] = Future()
        self._inputs.append((item, future))
        self.wake()
        return future

    def _room(self) -> None:
        waiting = len(self._inputs) + len(self._arrivals)
        if waiting >= MOST_WAITING or (self._stopping and not self.alive):
            raise UnavailableError("The engine is too busy; try again in a moment.")

    async def sink(self, route: str, events: Sequence[Event]) -> None:
        """Commit what came back on a route.

        All that comes on a route while a step runs is one input of the next, read and written
        together; where it is refused, each arrival is tried again by itself.

        Raises:
            AlertdError: As `submit`.
        """
        self._room()
        told = tuple(self._in_our_time(event) for event in events)
        arrival = Arrival(route, told, asyncio.get_running_loop().create_future())
        self._arrivals.append(arrival)
        self._stir()
        await arrival.done

    def _in_our_time(self, event: Event) -> Event:
        standing = self.keeper.standing if self.keeper is not None else None
        if event.occurred_at is None or standing is None or standing.trusted:
            return event
        at = in_our_time(event.occurred_at, self.now(), standing.ahead_ms)
        return replace(event, occurred_at=at)

    async def committed(self) -> None:
        """Wait for the next commit that recorded facts; for live streams."""
        await self._committed.wait()

    # The writer thread from here on.

    def _run(self) -> None:
        wait_until: float = 0.0
        while self._wait(wait_until):
            try:
                wait_until = self._cycle()
            except Exception as error:  # noqa: BLE001 - no memory and the like: nobody else writes
                self.failing = cause_of(error)
                self._log_failure("cycle failed", self.failing)
                wait_until = _RETRY_S

    def _wait(self, timeout_s: float) -> bool:
        with self._wake:
            if not self._woken and not self._stirred and timeout_s > 0:
                self._wake.wait(timeout_s)
            if self._stirred and not self._woken and timeout_s > 0:
                self._wake.wait(_GATHER_S)
            self._woken = self._stirred = False
            done = self._stopping and not (self._sends or self._inputs or self._arrivals)
            # What can't be written down is unknown to whoever starts next, and is sent once more.
            return not (done and (self.failing or not any(self._outcomes.values())))

    def _cycle(self) -> float:
        """One step; returns how long to wait before the next, in seconds."""
        taken = [self._inputs.popleft() for _ in range(min(len(self._inputs), MOST_A_STEP))]
        ended = {name: self._drain(name) for name in self._outcomes}
        groups = by_route([self._arrivals.popleft() for _ in range(len(self._arrivals))])
        inputs: list[Input] = [Settlement(name, items) for name, items in ended.items() if items]
        inputs += [group.input() for group in groups]
        inputs += [item for item, _ in taken]
        self._keep_time()
        lean = self.now() < self._lean_until
        try:
            self._look()
            step = self._step(inputs, lean=lean)
        except Exception as error:  # noqa: BLE001 - disk full and the like; the engine goes on
            return self._failed(error, taken, groups, ended, lean=lean)
        self.failing = ""
        if self.space is not None and self.space.short and step.recorded:
            self.engine.store.checkpoint()  # its journal takes no more space than it has
        self.cycled_at = self.now()
        answers = step.answers[len(inputs) - len(taken) :]
        arrived = step.answers[len(inputs) - len(taken) - len(groups) : len(inputs) - len(taken)]
        self._try_alone(groups, arrived)
        self._call(self._publish, step, [future for _, future in taken], answers)
        self._call(tell_all, groups, arrived)
        if step.again or self._inputs or self._arrivals:
            return 0.0
        return min(_IDLE_S, max(0.0, (step.wake_at - self.now()) / 1000 / self.speed))

    def _step(self, inputs: Sequence[Input], *, lean: bool) -> Step:
        step = partial(self.engine.step, inputs=inputs, claim=not self._stopping, lean=lean)
        return step(self.now()) if self.keeper is None else self.keeper.in_time(step)

    def _keep_time(self) -> None:
        """Where that fails the engine goes on by the time that it has."""
        if self.keeper is None:
            return
        try:
            self.keeper.look()
        except Exception as error:  # noqa: BLE001 - disk full and the like; the step says so
            self._log_failure("time not kept", type(error).__name__)

    def _drain(self, name: str) -> list[Outcome]:
        waiting = self._outcomes[name]
        return [waiting.popleft() for _ in range(len(waiting))]

    def _try_alone(self, groups: Sequence[Group], answers: Sequence[Answer]) -> None:
        """Of arrivals that were refused together, one may be bad: each by itself, next."""
        for group, answer in zip(groups, answers, strict=True):
            if group.is_split_by(answer):
                self._arrivals.extend(replace(a, alone=True) for a in group.arrivals)

    def _failed(
        self,
        error: Exception,
        taken: list[tuple[Input, Future[Any]]],
        groups: Sequence[Group],
        ended: Mapping[str, list[Outcome]],
        *,
        lean: bool,
    ) -> float:
        """Nothing was committed: outcomes are kept for the next try, callers are told.

        Where space ran out in a whole step, all is tried again at once in a lean one: an expansion
        that doesn't fit may hold up nobody. Returns when to try again, in seconds.
        """
        self.failing = cause_of(error)
        for name, items in ended.items():
            self._outcomes[name].extendleft(reversed(items))
        self._log_failure("step failed", self.failing)
        if isinstance(error, MovedError):
            # Should it be killed now, what is in a journal without a name would be lost.
            self.engine.store.checkpoint()
        if out_of_space(error):
            self._make_space()
            if not lean:
                self._lean_until = self.now() + round(_LEAN_S * 1000 * self.speed)
                self._inputs.extendleft(reversed(taken))
                arrivals = [arrival for group in groups for arrival in group.arrivals]
                self._arrivals.extendleft(reversed(arrivals))
                return 0.0
        refusal = of_failure(error)
        self._call(_refuse, [future for _, future in taken], refusal)
        self._call(tell_all, groups, [Answer(error=refusal)] * len(groups), last=True)
        return _RETRY_S

    def _look(self) -> None:
        if self.space is None:
            return
        held = self.space.held
        self.engine.refuses_new = self.space.look()
        if self.space.held < held:
            # While there is space: what is in the journal must find its place in the database, or
            # the journal can't be used again and takes all that the ballast left.
            self.engine.store.checkpoint()

    def _make_space(self) -> None:
        if self.space is not None:
            self.space.look(failed=True)
        self.engine.store.checkpoint()

    def _log_failure(self, what: str, error: str) -> None:
        """Not at every try: the log may lie on the same disk."""
        if self.now() - self._logged_at.get(what, 0) >= _LOG_EVERY_S * 1000 * self.speed:
            self._logged_at[what] = self.now()
            log.error(what, error=error)

    def _call(self, function: Callable[..., None], *arguments: Any, **named: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(partial(function, *arguments, **named))

    # The event loop from here on.

    def _publish(self, step: Step, futures: list[Future[Any]], answers: tuple[Answer, ...]) -> None:
        for handover in step.handovers:
            task = asyncio.create_task(self._deliver(handover))
            self._sends.add(task)
            task.add_done_callback(self._sends.discard)
        for future, answer in zip(futures, answers, strict=True):
            _resolve(future, answer)
        if step.recorded:
            self.commits += 1
            self._committed.set()
            self._committed = asyncio.Event()

    async def _deliver(self, handover: Handover) -> None:
        """Hand messages to their route; every one of them gets its outcome, whatever happens."""
        waiting = self._outcomes[handover.route]
        waiting.extend(handover.unmade)
        missing = {message.delivery: message for message in handover.messages}
        began = self.now()
        if began >= handover.deadline:
            # We were stopped, and others have taken these for unknown: a late copy isn't marked.
            late = SendError(Fault.RETRY, "too-late-to-send")
            waiting.extend(Outcome(m.delivery, m.attempt, late) for m in missing.values())
            self.wake()
            return
        channel = self.channels[handover.route]
        # Channels end their tries in time; one that doesn't would keep its route's places for good.
        silent_s = ((handover.deadline - began) / 1000 + _SILENT_S) / self.speed
        try:
            async with asyncio.timeout(silent_s):
                async for outcome in channel.send_many(handover.messages):
                    message = missing.pop(outcome.delivery, None)
                    waiting.append(outcome)
                    self._stir()
                    if message is not None:
                        self.tracer.trace(channel, message, outcome, began)
        except TimeoutError:
            log.warning("a route never said how it ended", route=handover.route, tries=len(missing))
        finally:
            for message in missing.values():
                error = SendError(Fault.UNKNOWN, "no-outcome-from-channel")
                waiting.append(Outcome(message.delivery, message.attempt, error))
            self.wake()


def _resolve(future: "Future[Any]", answer: Answer) -> None:
    if future.cancelled():
        return
    if answer.error is not None:
        future.set_exception(answer.error)
    else:
        future.set_result(answer.value)


def _refuse(futures: list["Future[Any]"], error: Exception) -> None:
    for future in futures:
        if not future.cancelled():
            future.set_exception(error)
