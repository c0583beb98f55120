"""The node's time: where it begins after a start, and when it goes over to the wall clock's.

`decide/timekeeping.py` decides. The keeper looks between two steps of the engine, on the writer's
thread, so that a step and all that is written in it have one time.

Where several processes share a database they have one time, too: each time that it is set begins an
era, whose number every transaction compares with its process's own (`Store.era`).
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from alertd.decide import timekeeping as decide
from alertd.decide.timekeeping import Refusal, Resumed, Why
from alertd.engine.authority import Actor, require
from alertd.errors import AlertdError, ConflictError, InvalidInputError
from alertd.i18n import N_
from alertd.model import Fact, Millis
from alertd.store import credentials, dialect, lived
from alertd.store.database import Store, TimeSetError, Transaction
from alertd.store.lived import Kept

T = TypeVar("T")

PULSE_MS = 5_000
"""How often the node's time is written down while anything is under way, and the wall clock is
looked at. A node that dies and finds a wrong clock repeats so much of its time, at the most."""
WATCH_S: Final = 11
"""How long a start watches whether other processes go on: two of their pulses, and a moment."""


class Clock(Protocol):
    """The node's clock; the shape of alertd.clock.SteadyClock."""

    def __call__(self) -> Millis:
        """The node's time."""

    def wall(self) -> Millis:
        """What the machine's clock says."""

    def move(self, to: Millis) -> None:
        """Count on from `to`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the machine's clock stands to the node's time, as last looked at.

    Args:
        why: `WALL`: they agree. `AHEAD` or `BEHIND`: the machine's clock isn't believed.
        ahead_ms: How far the machine's clock is ahead of the node's time; below 0: behind.
    """

    why: Why = Why.WALL
    ahead_ms: int = 0

    @property
    def trusted(self) -> bool:
        """Whether both say the same."""
        return self.why is Why.WALL

    @property
    def warning(self) -> str:
        """What is said of it, one sentence; empty while they agree."""
        return _WARNINGS.get(self.why, "")


_WARNINGS = {
    Why.AHEAD: N_(
        "The machine's clock isn't trusted: it is ahead of the time that alertd goes by."
    ),
    Why.BEHIND: N_("The machine's clock isn't trusted: it is behind the time that alertd goes by."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What came of an operator's word that the machine's clock is right.

    Args:
        was: The node's time before.
        now: And after.
        ended: How many alerts were over by it.
    """

    was: Millis
    now: Millis
    ended: int


@dataclass(slots=True, eq=False)
class _Wish:
    """An operator's word that the machine's clock is right."""

    actor: Actor
    said: Millis
    future: Future[Moved] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A start that left out time, as nothing but the wall clock says; not written down yet."""

    was: Millis
    found: Resumed
    under_way: bool


@dataclass(slots=True)
class Timekeeper:
    """Keeps one node's time.

    Args:
        store: The database; only the writer's thread calls `look`.
        clock: The node's.
        gap_ms: The longest time off that is believed at a start with work under way.
        pulse_ms: How often to look.
        moved: Called with by how much the time leapt, for whoever remembers times.
        pause: Waits for so many seconds; for a start that watches other processes.
        standing: As last looked at; any thread may read it.
    """

    store: Store
    clock: Clock
    gap_ms: Millis = decide.GAP_MS
    pulse_ms: Millis = PULSE_MS
    moved: Callable[[Millis], None] = lambda _: None
    pause: Callable[[float], None] = lambda _: None
    standing: Standing = Standing()
    _kept: Kept = field(default_factory=Kept)
    _begun: _Begun | None = None
    _looked_at: Millis | None = None
    _on_record: Why = Why.WALL
    _wishes: list[_Wish] = field(default_factory=list)

    def start(self) -> Resumed:
        """Let the node's time begin where it should; before anything else asks for it."""
        found = self._resume()
        while self.store.shared and self._begun is not None:
            try:
                self._declare(self._begun)
            except TimeSetError:
                found = self._resume()  # others have begun something since, or are back
        return found

    def settled(self, now: Millis) -> bool:
        """Whether the time has stood for so long that what can't be undone may follow from it."""
        leapt_at = self._kept.leapt_at
        return leapt_at is None or not 0 <= now - leapt_at < decide.SETTLES_MS

    def look(self) -> None:
        """Write down how far we have lived, and go over to the wall clock where that is right.

        Between two steps of the engine, on its thread.
        """
        now = self.clock()
        try:
            if self._begun is not None:
                self._declare(self._begun)
            if self._wishes:
                self._grant(self._wishes.pop(0), now)
            elif self._looked_at is None or not 0 <= now - self._looked_at < self.pulse_ms:
                self._pulse(now, self.clock.wall())
        except TimeSetError:
            self._join()

    def in_time(self, step: Callable[[Millis], T]) -> T:
        """Take a step by the node's time; anew where another process has set it: nothing was done.

        Raises:
            TimeSetError: It was set again meanwhile.
        """
        try:
            return step(self.clock())
        except TimeSetError:
            self._join()
            return step(self.clock())

    def _join(self) -> None:
        """Go over to the time that the node's other processes live by; after a TimeSetError.

        Raises:
            TimeSetError: They set it again meanwhile.
        """
        with self.store.read() as connection:
            kept = lived.kept(connection, self.store.node)
        now, wall = self.clock(), self.clock.wall()
        self._begun = None
        self._enter(kept)
        self._go(now, now if kept.lived_at is None else decide.joined(wall, kept.lived_at), wall)
        # With nothing under way it may have been long ago that they wrote that down.
        self._pulse(self.clock(), wall)

    def ask(self, actor: Actor, said: Millis) -> Future[Moved]:
        """An operator says that the machine's clock is right; from any thread.

        Args:
            actor: Who.
            said: What time it is by the operator's own watch.

        Returns:
            Ends after the next `look`; raises ForbiddenError, ConflictError or InvalidInputError.
        """
        wish = _Wish(actor, said)
        self._wishes.append(wish)
        return wish.future

    def _resume(self) -> Resumed:
        """Find the time to begin at."""
        with self.store.read() as connection:
            kept = lived.kept(connection, self.store.node)
            known = lived.lived(connection, self.store.node)
            under_way = lived.under_way(connection)
        wall = self.clock.wall()
        found = decide.resume(known, wall, under_way=under_way, gap_ms=self.gap_ms)
        leaps = known is not None and found.at - known > decide.TOLERANCE_MS
        leaps = leaps and (self.store.shared or found.why is Why.IDLE)
        if leaps and under_way and (others := self._others(kept)) is not None:
            kept, found, leaps = others, Resumed(others.lived_at or wall, Why.AHEAD), False
        self._enter(kept)
        self._begun = _Begun(known, found, under_way) if leaps and known is not None else None
        self.clock.move(found.at)
        self._stand(found.at, wall)
        return found

    def _others(self, kept: Kept) -> Kept | None:
        """What other processes write down of the time meanwhile; None: none of them does.

        Where they go on by their time, it is the wall clock that has leapt. A process that was cut
        off keeps its place among the writers for a while.
        """
        for _ in range(WATCH_S):
            with self.store.read() as connection:
                if dialect.writers(connection) < 2:  # noqa: PLR2004 - us, and another
                    return None
                now = lived.kept(connection, self.store.node)
            if now != kept:
                return now
            self.pause(1.0)
        return None

    def _declare(self, begun: _Begun) -> None:
        """Write down that the time was set by this start.

        Raises:
            TimeSetError: Something else is the case by now.
        """
        was, found, idle = begun.was, begun.found, begun.found.why is Why.IDLE
        # Under the time before: the end of the record must not lie in a wrong future.
        with self.store.transaction(was) as tx:
            if self.store.shared and lived.under_way(tx.connection) != begun.under_way:
                raise TimeSetError
            if idle:
                self._record_set(tx, _set(was, found.at, found.at, Why.IDLE))
            leapt_at = found.at if idle else self._kept.leapt_at
            kept = self._set_to(tx, found.at, leapt_at, self._kept.leapt_ms)
        self._begun = None
        self._enter(kept)

    def _pulse(self, now: Millis, wall: Millis) -> None:
        with self.store.transaction(now) as tx:
            kept = lived.kept(tx.connection, self.store.node)
            under_way = lived.under_way(tx.connection)
            last = lived.last_fact(tx.connection, self.store.node)
            leapt = kept.leapt_ms
            follows = decide.follow(now, wall, last_fact=last, under_way=under_way, leapt_ms=leapt)
            why = decide.standing(now, wall)
            if follows:
                tx.now = min(now, wall)  # as at a start
                self._record_set(tx, _set(now, wall, wall, Why.IDLE))
                leapt = max(0, leapt + wall - now)
                kept = self._set_to(tx, wall, wall, leapt)
            else:
                if under_way or self.store.shared:
                    kept = replace(kept, lived_at=max(now, kept.lived_at or now))
                    lived.keep(tx.connection, self.store.node, kept)
                if why is not self._on_record:
                    tx.record(_doubt(now, wall, why))
        self._enter(kept)
        if follows:
            self._go(now, wall, wall)
            return
        self._on_record, self._looked_at = why, now
        self._stand(now, wall)

    def _set_to(self, tx: Transaction, to: Millis, leapt_at: Millis | None, leapt_ms: int) -> Kept:
        """Begin an era.

        A process that is the only one has nobody to tell where it goes; how far it had lived before
        a leap is what its next start must know.
        """
        era = lived.kept(tx.connection, self.store.node).era + 1
        kept = Kept(to if self.store.shared else tx.now, era, leapt_at, leapt_ms)
        lived.keep(tx.connection, self.store.node, kept)
        return kept

    def _enter(self, kept: Kept) -> None:
        """Live in this era from now on."""
        self._kept, self.store.era = kept, kept.era

    def _record_set(self, tx: Transaction, fact: Fact) -> None:
        credentials.carry_over(tx, fact.body["now"])
        tx.record(fact)

    def _grant(self, wish: _Wish, now: Millis) -> None:
        try:
            moved = self._accept(wish, now, self.clock.wall())
        except TimeSetError:
            self._wishes.insert(0, wish)
            raise
        except AlertdError as error:
            wish.future.set_exception(error)
        except BaseException as error:
            wish.future.set_exception(error)
            raise
        else:
            wish.future.set_result(moved)

    def _accept(self, wish: _Wish, now: Millis, wall: Millis) -> Moved:
        require(wish.actor, "clock", [""])
        with self.store.transaction(now) as tx:
            under_way = lived.under_way(tx.connection)
            refused = decide.accept(now, wall, said=wish.said, under_way=under_way)
            if refused is not None:
                raise _refusal(refused)
            ended = lived.ending_by(tx.connection, wall)
            tx.now = wall
            self._record_set(tx, _set(now, wall, wall, Why.ACCEPTED, wish.actor))
            kept = self._set_to(tx, wall, None, 0)
        self._enter(kept)
        self._go(now, wall, wall)
        return Moved(was=now, now=wall, ended=ended)

    def _go(self, now: Millis, to: Millis, wall: Millis) -> None:
        self.clock.move(to)
        self._on_record, self._looked_at = decide.standing(to, wall), to
        self.moved(to - now)
        self._stand(to, wall)

    def _stand(self, now: Millis, wall: Millis) -> None:
        self.standing = Standing(why=decide.standing(now, wall), ahead_ms=wall - now)


def _doubt(now: Millis, wall: Millis, why: Why) -> Fact:
    kind = "clock.trusted" if why is Why.WALL else "clock.doubted"
    return Fact(kind=kind, occurred_at=now, body={"wall": wall, "reason": why.value})


def _set(was: Millis, to: Millis, wall: Millis, why: Why, by: Actor | None = None) -> Fact:
    body = {
        "was": was,
        "now": to,
        "wall": wall,
        "reason": why.value,
        "by": by.id.hex() if by else None,
    }
    return Fact(
        kind="clock.set",
        occurred_at=to if by else was,
        body=body,
        source=by.source if by else "engine",
    )


def _refusal(why: Refusal) -> AlertdError:
    if why is Refusal.NOT_THE_TIME:
        return InvalidInputError(
            "That isn't what this machine's clock says.",
            field="time",
            hint="Put the machine's clock right first.",
        )
    return ConflictError(
        "The time isn't set back while anything is under way: what waits would wait again.",
        hint="Put the machine's clock right, or wait until no alert is open.",
    )
