"""What a loudspeaker does with what it hears: pure logic, the model for firmware and simulator.

It obeys only a fresh, signed command that is addressed to it, with a number above the last of its
key and topic, and once for each command id; a cancel also where its own clock is behind. A live
alert goes before any drill, and then the higher severity; what is less pressing waits, and isn't
played once its time is over.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from channels.loudspeaker.commands import (
    Command,
    CommandRefusedError,
    CommandType,
    command_topic,
    delivery_stem,
    verify,
)
from channels.loudspeaker.terminal_memory import Memory, Play

# Commands from further ahead are refused: by so wrong a clock nobody could tell what is over.
# Within it one of the two is a little wrong, ours or the sender's, and an alert is worth more.
CLOCK_TOLERANCE_MS = 60 * 60 * 1000
_MOST_WAITING = 16
_MOST_REMEMBERED = 1000
_MOST_STARTS = 3  # a box that its own playing brings down must come up again some time


@dataclass(frozen=True, slots=True)
class Say:
    """Publish `document`, as JSON, under the terminal's `topic`: ack, result or fault."""

    topic: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """For the terminal's own log: what happened to which command."""

    what: str  # heard, playing, ended
    details: Mapping[str, Any]


Effect = Say | Note


class Terminal:
    """One loudspeaker.

    Args:
        terminal_id: Its id.
        keys: The public keys that it trusts (32 bytes) by key id.
        once_ms: How long a command's text takes to play once, above 0. None: a real player says
            when it was through, by `heard_once` and `broke`.
        areas: Codes of the areas whose commands it obeys too.
        defect: Where it isn't "", every play is refused with this reason.
        breaks_after: It falls silent after so many times, and says so.
        memory: What it knew before a restart; `wake` goes on with it.
    """

    def __init__(
        self,
        terminal_id: str,
        keys: Mapping[str, bytes],
        *,
        once_ms: Callable[[Command], int] | None,
        areas: Collection[str] = (),
        defect: str = "",
        breaks_after: int | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.memory = memory or Memory()
        self._keys = keys
        self._once_ms = once_ms
        self._id = terminal_id
        self._own = f"terminal/{terminal_id}"
        self._targets = {self._own, *(f"area/{code}" for code in areas)}
        self._defect = defect
        self._breaks_after = breaks_after
        self._unverified = False

    @property
    def topics(self) -> list[str]:
        """What it listens to, its own first."""
        others = sorted(self._targets - {self._own})
        return [command_topic(target) for target in (self._own, *others)]

    @property
    def playing(self) -> Command | None:
        """What sounds now."""
        return None if self.memory.play is None else self.memory.play.command

    @property
    def due_at(self) -> int | None:
        """When `tick` has something to do; None while nothing sounds."""
        play = self.memory.play
        if play is None:
            return None
        expires, ends_at = play.command.expires, play.ends_at
        return expires if ends_at is None else min(expires, ends_at)

    def hear(self, topic: str, payload: bytes, now: int) -> list[Effect]:
        """A message arrived on `topic` at `now`, by the terminal's clock."""
        try:
            key, command = verify(payload, self._keys)
        except CommandRefusedError as error:
            return self._mistrust(error.code, now)
        if command.to not in self._targets or topic != command_topic(command.to):
            # A command for another, sent here by somebody else: not ours to answer.
            return [_heard(command, "misaddressed")]
        if (mine := command.meant_for(self._id)) is None:
            return [_heard(command, "not-named")]
        command, effects = mine, self.tick(now)
        if command.cmd_id in self.memory.acks:
            return effects + self._repeat(command)
        if reason := self._stale(key, command, now):
            return effects + self._refuse(command, reason, now)
        return effects + self._obey(command, now)

    def tick(self, now: int) -> list[Effect]:
        """What time alone has brought: ends, expiries, and whose turn it is."""
        effects: list[Effect] = []
        while (play := self.memory.play) and (at := self.due_at) is not None and at <= now:
            if play.ends_at is not None and play.ends_at <= play.command.expires:
                effects += self._end("played", "", at)
            else:
                effects += self._end("interrupted", "expired", at)
            effects += self._next(at)
        return effects

    def wake(self, now: int) -> list[Effect]:
        """Go on, after a restart, with what wasn't heard to its end."""
        play = self.memory.play
        if play is None:
            return self._next(now)
        play.starts += 1
        if play.command.expires <= now:
            return [*self._end("interrupted", "expired", now), *self._next(now)]
        if play.starts > _MOST_STARTS:
            return [*self._end("interrupted", "restarts", now), *self._next(now)]
        play.started_at = now
        return [_playing(play.command)]

    def heard_once(self, now: int) -> list[Effect]:
        """The player came to the end of what sounds, once more."""
        play = self.memory.play
        if play is None:
            return []
        play.rounds += 1
        if play.rounds < play.times:
            return []
        return [*self._end("played", "", now), *self._next(now)]

    def broke(self, reason: str, now: int) -> list[Effect]:
        """The player can't play what should sound; `reason` is a short word."""
        play = self.memory.play
        if play is None:
            return []
        status = "interrupted" if play.sounded(now) else "failed"
        return [*self._end(status, reason, now), *self._next(now)]

    def _mistrust(self, code: str, now: int) -> list[Effect]:
        effects: list[Effect] = [Note("heard", {"verdict": code})]
        if not self._unverified:
            # Told once: an id in a command that nobody vouches for must not be answered.
            self._unverified = True
            effects.append(Say("fault", {"fault": f"command-{code}", "at": now}))
        return effects

    def _stale(self, key: str, command: Command, now: int) -> str:
        lane = (key, command.to)
        if command.expires <= now:
            return "expired"
        early = command.not_before > now + CLOCK_TOLERANCE_MS
        if early and command.type is not CommandType.CANCEL:
            return "not-yet"
        if command.seq <= self.memory.last.get(lane, 0):
            return "old-sequence"
        if not early:
            # Of a cancel that our clock can't place, the number isn't taken: should the sender's
            # clock be wrong, it would keep out all that come after.
            self.memory.last[lane] = command.seq
        return ""

    def _obey(self, command: Command, now: int) -> list[Effect]:
        if command.type is CommandType.CANCEL:
            effects = self._accept(command, now)
            for alert in (command.alert, *command.also):
                _remember(self.memory.cancelled, alert, command.not_before)
            return [*effects, *self._cancel({command.alert, *command.also}, now)]
        if self._defect:
            return self._refuse(command, self._defect, now)
        if (earlier := self._earlier(command)) is not None:
            return self._accept(command, now) + earlier
        # To an area and to one are two topics, and what waited in a broker comes in any order.
        if command.not_before < self.memory.cancelled.get(command.alert, 0):
            return self._refuse(command, "cancelled", now)
        return self._place(command, now)

    def _place(self, command: Command, now: int) -> list[Effect]:
        """Sound it now, in place of something less pressing, or after what sounds."""
        if self.playing is not None and _pressing(command) >= _pressing(self.playing):
            if len(self.memory.waiting) >= _MOST_WAITING:
                return self._refuse(command, "queue-full", now)
            self.memory.waiting.append(command)
            return self._accept(command, now)
        ended = self._end("interrupted", "more-pressing", now)
        return [*self._accept(command, now), *ended, *self._start(command, now)]

    def _earlier(self, command: Command) -> list[Effect] | None:
        """Another try at the same delivery was obeyed already: its end is this one's too."""
        stem = delivery_stem(command.cmd_id)
        if (result := self.memory.results.get(stem)) is not None:
            return [Say("result", {**result, "cmd_id": command.cmd_id})]
        play = self.memory.play
        if play is not None and delivery_stem(play.command.cmd_id) == stem:
            play.ids.append(command.cmd_id)
            return []
        return [] if any(delivery_stem(c.cmd_id) == stem for c in self.memory.waiting) else None

    def _cancel(self, alerts: Collection[str], now: int) -> list[Effect]:
        """Stop them all: what waits first, so that none of them follows another."""
        dropped = [command for command in self.memory.waiting if command.alert in alerts]
        self.memory.waiting = [c for c in self.memory.waiting if c.alert not in alerts]
        effects: list[Effect] = []
        for command in dropped:
            effects += self._result([command.cmd_id], command, "failed", 0, "cancelled", now)
        if self.playing is not None and self.playing.alert in alerts:
            effects += [*self._end("interrupted", "cancelled", now), *self._next(now)]
        return effects

    def _start(self, command: Command, now: int) -> list[Effect]:
        times = command.repeat
        if self._breaks_after is not None:
            times = min(times, self._breaks_after)
        once_ms = None if self._once_ms is None else max(1, self._once_ms(command))
        if once_ms is None:
            times = max(1, times)  # with none to hear, no player would ever say that it is through
        self.memory.play = Play(command, now, once_ms, times, [command.cmd_id])
        return [_playing(command)]

    def _end(self, status: str, reason: str, now: int) -> list[Effect]:
        play, self.memory.play = self.memory.play, None
        if play is None:
            return []
        return self._result(play.ids, play.command, status, play.sounded(now), reason, now)

    def _next(self, now: int) -> list[Effect]:
        """The most pressing of those that wait, and of those the first."""
        effects: list[Effect] = []
        while self.memory.play is None and self.memory.waiting:
            command = min(self.memory.waiting, key=_pressing)
            self.memory.waiting.remove(command)
            if command.expires <= now:
                effects += self._result([command.cmd_id], command, "failed", 0, "expired", now)
            else:
                effects += self._start(command, now)
        return effects

    def _accept(self, command: Command, now: int) -> list[Effect]:
        return self._ack(command, {"status": "accepted", "at": now}, "accepted")

    def _refuse(self, command: Command, reason: str, now: int) -> list[Effect]:
        return self._ack(command, {"status": "refused", "reason": reason, "at": now}, reason)

    def _ack(self, command: Command, document: Mapping[str, Any], verdict: str) -> list[Effect]:
        ack = {"cmd_id": command.cmd_id, **document}
        _remember(self.memory.acks, command.cmd_id, ack)
        return [_heard(command, verdict), Say("ack", ack)]

    def _repeat(self, command: Command) -> list[Effect]:
        """Our answer may have been lost: it is given again, and nothing is played again."""
        again = Say("ack", self.memory.acks[command.cmd_id])
        effects: list[Effect] = [_heard(command, "repeated"), again]
        result = self.memory.results.get(delivery_stem(command.cmd_id))
        if result is not None:
            effects.append(Say("result", {**result, "cmd_id": command.cmd_id}))
        return effects

    def _result(
        self, ids: list[str], command: Command, status: str, times: int, reason: str, now: int
    ) -> list[Effect]:
        result = {"status": status, "played": times, "of": command.repeat, "reason": reason}
        _remember(self.memory.results, delivery_stem(command.cmd_id), {**result, "at": now})
        says = [Say("result", {**result, "at": now, "cmd_id": cmd_id}) for cmd_id in ids]
        return [Note("ended", {"cmd_id": command.cmd_id, **result}), *says]


def _remember(known: OrderedDict[str, Any], name: str, what: Any) -> None:
    known[name] = what
    if len(known) > _MOST_REMEMBERED:
        known.popitem(last=False)


def _playing(command: Command) -> Note:
    return Note("playing", {"cmd_id": command.cmd_id, "alert": command.alert})


def _pressing(command: Command) -> tuple[bool, int]:
    """The lesser goes first: live before drill, then by severity."""
    return command.type.is_drill, command.severity


def _heard(command: Command, verdict: str) -> Note:
    return Note(
        "heard",
        {
            "verdict": verdict,
            "cmd_id": command.cmd_id,
            "alert": command.alert,
            "type": int(command.type),
            "seq": command.seq,
            "text": command.text,
            "duplicate": command.duplicate,
        },
    )
