"""What a loudspeaker does with what it hears: pure logic, the model for firmware and simulator.

It obeys only a fresh, signed command that is addressed to it, with a number above the last of its
key and topic, and once for each command id. A live alert goes before any drill, and then the
higher severity; what is less pressing waits, and isn't played once its time is over.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from channels.loudspeaker.commands import (
    Command,
    CommandRefusedError,
    CommandType,
    command_topic,
    delivery_stem,
    verify,
)

_CLOCK_TOLERANCE_MS = 2 * 60 * 1000
_MOST_WAITING = 16
_MOST_REMEMBERED = 1000


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


@dataclass(slots=True)
class _Play:
    command: Command
    started_at: int
    once_ms: int
    times: int  # how often it will sound before it ends
    ids: list[str] = field(default_factory=list)  # of every try that this answers

    def sounded(self, now: int) -> int:
        return min(self.times, (now - self.started_at) // self.once_ms)

    @property
    def ends_at(self) -> int:
        return self.started_at + self.times * self.once_ms


class Terminal:
    """One loudspeaker.

    Args:
        terminal_id: Its id.
        keys: The public keys that it trusts (32 bytes) by key id.
        once_ms: How long a command's text takes to play once, above 0.
        areas: Codes of the areas whose commands it obeys too.
        defect: Where it isn't "", every play is refused with this reason.
        breaks_after: It falls silent after so many times, and says so.
    """

    def __init__(
        self,
        terminal_id: str,
        keys: Mapping[str, bytes],
        *,
        once_ms: Callable[[Command], int],
        areas: Collection[str] = (),
        defect: str = "",
        breaks_after: int | None = None,
    ) -> None:
        self._keys = keys
        self._once_ms = once_ms
        self._targets = {f"terminal/{terminal_id}", *(f"area/{code}" for code in areas)}
        self._defect = defect
        self._breaks_after = breaks_after
        self._last: dict[tuple[str, str], int] = {}
        self._acks: OrderedDict[str, Say] = OrderedDict()
        self._results: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._waiting: list[Command] = []
        self._play: _Play | None = None
        self._unverified = False

    @property
    def topics(self) -> list[str]:
        """What it listens to."""
        return sorted(command_topic(target) for target in self._targets)

    @property
    def playing(self) -> Command | None:
        """What sounds now."""
        return None if self._play is None else self._play.command

    @property
    def due_at(self) -> int | None:
        """When `tick` has something to do; None while nothing sounds."""
        if self._play is None:
            return None
        return min(self._play.ends_at, self._play.command.expires)

    def hear(self, topic: str, payload: bytes, now: int) -> list[Effect]:
        """A message arrived on `topic` at `now`, by the terminal's clock."""
        try:
            key, command = verify(payload, self._keys)
        except CommandRefusedError as error:
            return self._mistrust(error.code, now)
        if command.to not in self._targets or topic != command_topic(command.to):
            # A command for another, sent here by somebody else: not ours to answer.
            return [_heard(command, "misaddressed")]
        effects = self.tick(now)
        if command.cmd_id in self._acks:
            return effects + self._repeat(command)
        if reason := self._stale(key, command, now):
            return effects + self._refuse(command, reason, now)
        return effects + self._obey(command, now)

    def tick(self, now: int) -> list[Effect]:
        """What time alone has brought: ends, expiries, and whose turn it is."""
        effects: list[Effect] = []
        while self._play is not None and self.due_at is not None and self.due_at <= now:
            at = self.due_at
            if self._play.ends_at <= self._play.command.expires:
                effects += self._end("played", "", at)
            else:
                effects += self._end("interrupted", "expired", at)
            effects += self._next(at)
        return effects

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
        if command.not_before > now + _CLOCK_TOLERANCE_MS:
            return "not-yet"
        if command.seq <= self._last.get(lane, 0):
            return "old-sequence"
        self._last[lane] = command.seq
        return ""

    def _obey(self, command: Command, now: int) -> list[Effect]:
        if command.type is CommandType.CANCEL:
            return [*self._accept(command, now), *self._cancel(command.alert, now)]
        if self._defect:
            return self._refuse(command, self._defect, now)
        if command.duplicate and (earlier := self._earlier(command)) is not None:
            return self._accept(command, now) + earlier
        return self._place(command, now)

    def _place(self, command: Command, now: int) -> list[Effect]:
        """Sound it now, in place of something less pressing, or after what sounds."""
        if self._play is not None and _pressing(command) >= _pressing(self._play.command):
            if len(self._waiting) >= _MOST_WAITING:
                return self._refuse(command, "queue-full", now)
            self._waiting.append(command)
            return self._accept(command, now)
        ended = self._end("interrupted", "more-pressing", now)
        return [*self._accept(command, now), *ended, *self._start(command, now)]

    def _earlier(self, command: Command) -> list[Effect] | None:
        """Another try at the same delivery was obeyed already: its end is this one's too."""
        stem = delivery_stem(command.cmd_id)
        if (result := self._results.get(stem)) is not None:
            return [Say("result", {**result, "cmd_id": command.cmd_id})]
        if self._play is not None and delivery_stem(self._play.command.cmd_id) == stem:
            self._play.ids.append(command.cmd_id)
            return []
        return [] if any(delivery_stem(c.cmd_id) == stem for c in self._waiting) else None

    def _cancel(self, alert: str, now: int) -> list[Effect]:
        dropped = [command for command in self._waiting if command.alert == alert]
        self._waiting = [command for command in self._waiting if command.alert != alert]
        effects: list[Effect] = []
        for command in dropped:
            effects += self._result([command.cmd_id], command, "failed", 0, "cancelled", now)
        if self._play is not None and self._play.command.alert == alert:
            effects += [*self._end("interrupted", "cancelled", now), *self._next(now)]
        return effects

    def _start(self, command: Command, now: int) -> list[Effect]:
        times = command.repeat
        if self._breaks_after is not None:
            times = min(times, self._breaks_after)
        once_ms = max(1, self._once_ms(command))
        self._play = _Play(command, now, once_ms, times, [command.cmd_id])
        return [Note("playing", {"cmd_id": command.cmd_id, "alert": command.alert})]

    def _end(self, status: str, reason: str, now: int) -> list[Effect]:
        play, self._play = self._play, None
        if play is None:
            return []
        return self._result(play.ids, play.command, status, play.sounded(now), reason, now)

    def _next(self, now: int) -> list[Effect]:
        """The most pressing of those that wait, and of those the first."""
        effects: list[Effect] = []
        while self._play is None and self._waiting:
            command = min(self._waiting, key=_pressing)
            self._waiting.remove(command)
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
        ack = Say("ack", {"cmd_id": command.cmd_id, **document})
        self._acks[command.cmd_id] = ack
        if len(self._acks) > _MOST_REMEMBERED:
            self._acks.popitem(last=False)
        return [_heard(command, verdict), ack]

    def _repeat(self, command: Command) -> list[Effect]:
        """Our answer may have been lost: it is given again, and nothing is played again."""
        effects: list[Effect] = [_heard(command, "repeated"), self._acks[command.cmd_id]]
        result = self._results.get(delivery_stem(command.cmd_id))
        if result is not None:
            effects.append(Say("result", {**result, "cmd_id": command.cmd_id}))
        return effects

    def _result(
        self, ids: list[str], command: Command, status: str, times: int, reason: str, now: int
    ) -> list[Effect]:
        result = {"status": status, "played": times, "of": command.repeat, "reason": reason}
        stem = delivery_stem(command.cmd_id)
        self._results[stem] = {**result, "at": now}
        if len(self._results) > _MOST_REMEMBERED:
            self._results.popitem(last=False)
        says = [Say("result", {**self._results[stem], "cmd_id": cmd_id}) for cmd_id in ids]
        return [Note("ended", {"cmd_id": command.cmd_id, **result}), *says]


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
        },
    )
