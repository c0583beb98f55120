"""The node's time: where it begins after a start, and when it goes over to the wall clock's.

`decide/timekeeping.py` decides. The keeper looks between two steps of the engine, on the writer's
thread, so that a step and all that is written in it have one time.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from alertd.decide import timekeeping as decide
from alertd.decide.timekeeping import Refusal, Resumed, Why
from alertd.engine.authority import Actor, require
from alertd.errors import AlertdError, ConflictError, InvalidInputError
from alertd.i18n import N_
from alertd.model import Fact, Millis
from alertd.store import credentials, lived
from alertd.store.database import Store, Transaction

PULSE_MS = 5_000
"""How often the node's time is written down while anything is under way, and the wall clock is
looked at. A node that dies and finds a wrong clock repeats so much of its time, at the most."""


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


@dataclass(slots=True)
class Timekeeper:
    """Keeps one node's time.

    Args:
        store: The database; only the writer's thread calls `look`.
        clock: The node's.
        gap_ms: The longest time off that is believed at a start with work under way.
        pulse_ms: How often to look.
        moved: Called with by how much the time leapt, for whoever remembers times.
        standing: As last looked at; any thread may read it.
    """

    store: Store
    clock: Clock
    gap_ms: Millis = decide.GAP_MS
    pulse_ms: Millis = PULSE_MS
    moved: Callable[[Millis], None] = lambda _: None
    standing: Standing = Standing()
    _leap_at_start: tuple[Millis, Millis] | None = None
    _leapt_at: Millis | None = None  # by the wall clock's word alone
    _leapt_ms: int = 0
    _left: Millis | None = None  # the time before that, as it was written down
    _looked_at: Millis | None = None
    _on_record: Why = Why.WALL
    _wishes: list[_Wish] = field(default_factory=list)

    def start(self) -> Resumed:
        """Let the node's time begin where it should; before anything else asks for it."""
        with self.store.read() as connection:
            known = lived.lived(connection, self.store.node)
            kept = lived.kept(connection, self.store.node)
            under_way = lived.under_way(connection)
        wall = self.clock.wall()
        found = decide.resume(known, wall, under_way=under_way, gap_ms=self.gap_ms)
        self.clock.move(found.at)
        self._stand(found.at, wall)
        if found.why is Why.IDLE and known is not None:
            self._leap_at_start = (known, found.at)
            self._leapt_at, self._left = found.at, kept
        return found

    def settled(self, now: Millis) -> bool:
        """Whether the time has stood for so long that what can't be undone may follow from it."""
        return self._leapt_at is None or not 0 <= now - self._leapt_at < decide.SETTLES_MS

    def look(self) -> None:
        """Write down how far we have lived, and go over to the wall clock where that is right.

        Between two steps of the engine, on its thread.
        """
        now = self.clock()
        if self._wishes:
            self._grant(self._wishes.pop(0), now)
        elif self._looked_at is None or not 0 <= now - self._looked_at < self.pulse_ms:
            self._pulse(now, self.clock.wall())

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

    def _pulse(self, now: Millis, wall: Millis) -> None:
        if self._leap_at_start is not None:
            was, to = self._leap_at_start
            # Under the time before: the end of the record must not lie in a wrong future.
            with self.store.transaction(was) as tx:
                self._record_set(tx, _set(was, to, wall, Why.IDLE))
            self._leap_at_start = None
        with self.store.transaction(now) as tx:
            leaps = self._leaps(tx.connection, now, wall)
            if leaps is None:
                if lived.under_way(tx.connection):
                    lived.keep(tx, self.store.node, now)
                why = decide.standing(now, wall)
                if why is not self._on_record:
                    tx.record(_doubt(now, wall, why))
                self._on_record = why
        if leaps is None or not self._leap(leaps, now, wall):
            self._looked_at = now
            self._stand(now, wall)

    def _leaps(self, connection: Connection, now: Millis, wall: Millis) -> Why | None:
        """Why the wall clock's time is taken now; None where it isn't."""
        node, under_way = self.store.node, lived.under_way(connection)
        if self.store.shared and decide.joins(now, wall, self._others(connection)):
            return Why.JOINED
        last = lived.last_fact(connection, node)
        leapt = self._leapt_ms
        follows = decide.follow(now, wall, last_fact=last, under_way=under_way, leapt_ms=leapt)
        return Why.IDLE if follows else None

    def _others(self, connection: Connection) -> Millis | None:
        """The time that another process lives by.

        Not the word that any of them left in the time that this one has left, a look apart at most.
        """
        kept = lived.kept(connection, self.store.node)
        if kept is None or self._left is None or abs(kept - self._left) > 2 * self.pulse_ms:
            return kept
        return None

    def _leap(self, why: Why, now: Millis, wall: Millis) -> bool:
        """Take the wall clock's time; whether it still is to be taken."""
        earlier = min(now, wall)  # as at a start
        with self.store.transaction(earlier) as tx:
            if self._leaps(tx.connection, now, wall) is not why:
                return False  # another process has begun something
            self._record_set(tx, _set(now, wall, wall, why))
            lived.keep(tx, self.store.node, wall if why is Why.JOINED else earlier)
        idle = why is Why.IDLE
        self._go(now, wall)
        self._leapt_at, self._left = (wall, earlier) if idle else (None, None)
        self._leapt_ms = max(0, self._leapt_ms + wall - now) if idle else 0
        return True

    def _record_set(self, tx: Transaction, fact: Fact) -> None:
        credentials.carry_over(tx, fact.body["now"])
        tx.record(fact)

    def _grant(self, wish: _Wish, now: Millis) -> None:
        try:
            moved = self._accept(wish, now, self.clock.wall())
        except AlertdError as error:
            wish.future.set_exception(error)
        except BaseException as error:
            wish.future.set_exception(error)
            raise
        else:
            wish.future.set_result(moved)

    def _accept(self, wish: _Wish, now: Millis, wall: Millis) -> Moved:
        require(wish.actor, "clock", [""])
        with self.store.transaction(wall) as tx:
            under_way = lived.under_way(tx.connection)
            refused = decide.accept(now, wall, said=wish.said, under_way=under_way)
            if refused is not None:
                raise _refusal(refused)
            ended = lived.ending_by(tx.connection, wall)
            self._record_set(tx, _set(now, wall, wall, Why.ACCEPTED, wish.actor))
            lived.keep(tx, self.store.node, wall)
        self._go(now, wall)
        self._leapt_at, self._leapt_ms, self._left = None, 0, None
        return Moved(was=now, now=wall, ended=ended)

    def _go(self, now: Millis, to: Millis) -> None:
        self.clock.move(to)
        self._on_record, self._looked_at = Why.WALL, to
        self.moved(to - now)
        self._stand(to, to)

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
