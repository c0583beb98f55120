"""Simulated loudspeakers: the terminal's logic behind real MQTT connections, with human failings.

Its log, one JSON object a line, is what tests count from: what was played is what stands there.
"""

import asyncio
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from channels.loudspeaker.accounts import Account
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.commands import ROOT, Command
from channels.loudspeaker.link import Link
from channels.loudspeaker.link_messages import Received
from channels.loudspeaker.terminal import Effect, Say, Terminal

_READING_MS = 220  # to speak one Chinese character aloud
_SHORTEST_MS = 1000  # a chime


class Behaviour(StrEnum):
    """How a simulated loudspeaker is."""

    OK = "ok"
    REFUSES = "refuses"  # its amplifier is broken, and it says so
    POWER_LOST = "power-lost"  # at its first command it falls silent without a goodbye
    PARTIAL = "partial"  # it plays once and no more
    DUPLICATE = "duplicate"  # it reports everything twice


DEFAULT_MIX: Mapping[Behaviour, float] = {
    Behaviour.OK: 0.92,
    Behaviour.REFUSES: 0.02,
    Behaviour.POWER_LOST: 0.02,
    Behaviour.PARTIAL: 0.02,
    Behaviour.DUPLICATE: 0.02,
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all simulated loudspeakers share."""

    broker: BrokerAddress
    keys: Mapping[str, bytes]  # public keys that they trust, by key id
    speed: float = 1.0  # playing is that many times faster than life
    keepalive_s: int = 15
    heartbeat_s: float = 60.0
    areas: tuple[str, ...] = ()  # whose commands they obey, too
    accounts: Mapping[str, Account] = field(default_factory=dict)  # by id; others share a login


def read_mix(text: str) -> dict[Behaviour, float]:
    """Shares of behaviours from JSON such as `{"ok": 0.9, "refuses": 0.1}`.

    Raises:
        ValueError: It isn't such an object.
    """
    value = json.loads(text)
    if not isinstance(value, dict) or not value:
        raise ValueError("not an object with shares")
    mix = {Behaviour(name): float(share) for name, share in value.items()}
    if min(mix.values()) < 0 or sum(mix.values()) <= 0:
        raise ValueError("shares must be 0 or more, and one of them above")
    return mix


def behaviour_of(terminal_id: str, seed: int, mix: Mapping[Behaviour, float]) -> Behaviour:
    """The behaviour that `seed` gives to a terminal, whatever others there are."""
    draw = random.Random(f"{seed} {terminal_id}")  # noqa: S311 - a simulation
    return draw.choices(list(mix), list(mix.values()))[0]


class Log:
    """JSON lines, each written at once; without a path there is none."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None if path is None else path.open("a", encoding="utf-8")

    def write(self, terminal: str, what: str, details: Mapping[str, Any]) -> None:
        """One line."""
        if self._file is not None:
            line = {"at": now_ms(), "terminal": terminal, "what": what, **details}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()

    def close(self) -> None:
        """End."""
        if self._file is not None:
            self._file.close()


class SimTerminal:
    """One simulated loudspeaker with a connection of its own."""

    def __init__(
        self, terminal_id: str, behaviour: Behaviour, conditions: Conditions, log: Log
    ) -> None:
        self.id = terminal_id
        self.behaviour = behaviour
        self.dead = False
        self._log = log
        self._heartbeat_s = conditions.heartbeat_s

        def once_ms(command: Command) -> int:
            lasts = max(_SHORTEST_MS, len(command.text) * _READING_MS)
            return max(1, round(lasts / conditions.speed))

        account = conditions.accounts.get(terminal_id)
        self._terminal = Terminal(
            terminal_id,
            conditions.keys,
            once_ms=once_ms,
            areas=(*conditions.areas, *(account.areas if account else ())),
            defect="amplifier-fault" if behaviour is Behaviour.REFUSES else "",
            breaks_after=1 if behaviour is Behaviour.PARTIAL else None,
        )
        broker = (
            conditions.broker
            if account is None
            else replace(conditions.broker, username=account.terminal, password=account.password)
        )
        self._link = Link(
            broker,
            broker.session(terminal_id),
            subscriptions=self._terminal.topics,
            keepalive_s=conditions.keepalive_s,
            will=(self._topic("online"), b"offline"),
            received=self._hear,
            came_up=self._greet,
        )
        self._timer: asyncio.TimerHandle | None = None
        self._pulse: asyncio.TimerHandle | None = None

    @property
    def up(self) -> bool:
        """Whether it is connected."""
        return self._link.up

    async def start(self) -> None:
        """Connect, and again whenever that is lost."""
        self._loop = asyncio.get_running_loop()
        await self._link.start()

    async def close(self) -> None:
        """Sign off as a terminal does that is switched off by hand."""
        for handle in (self._timer, self._pulse):
            if handle is not None:
                handle.cancel()
        if self._link.up and not self.dead:
            self._link.post(self._topic("online"), b"offline", retain=True)
        await self._link.close()

    def lose_power(self) -> None:
        """Fall silent: no goodbye, and no packet any more on a connection that stays open."""
        self.dead = True
        for handle in (self._timer, self._pulse):
            if handle is not None:
                handle.cancel()
        self._link.abandon()
        self._log.write(self.id, "power-lost", {})

    def _topic(self, says: str) -> str:
        return f"{ROOT}/terminal/{self.id}/{says}"

    def _greet(self) -> None:
        self._log.write(self.id, "up", {})
        self._link.post(self._topic("online"), b"online", retain=True)
        self._beat()

    def _beat(self) -> None:
        if self._pulse is not None:
            self._pulse.cancel()
        fault = "amplifier-fault" if self.behaviour is Behaviour.REFUSES else ""
        state = {"fault": fault, "playing": self._terminal.playing is not None, "at": now_ms()}
        self._link.post(self._topic("state"), json.dumps(state).encode(), retain=True)
        self._pulse = self._loop.call_later(self._heartbeat_s, self._beat)

    def _hear(self, message: Received) -> None:
        if self.behaviour is Behaviour.POWER_LOST:
            self.lose_power()
            return
        if not message.retained:  # a command is never kept by a broker: one that is, is a replay
            self._do(self._terminal.hear(message.topic, message.payload, now_ms()))
        self._link.acknowledge(message)

    def _tick(self) -> None:
        self._timer = None
        self._do(self._terminal.tick(now_ms()))

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Say):
                payload = json.dumps(effect.document).encode()
                for _ in range(2 if self.behaviour is Behaviour.DUPLICATE else 1):
                    self._link.post(self._topic(effect.topic), payload)
            else:
                self._log.write(self.id, effect.what, effect.details)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due_at := self._terminal.due_at) is not None:
            self._timer = self._loop.call_later(max(0, due_at - now_ms()) / 1000, self._tick)


def now_ms() -> int:
    """The simulated terminals' clock: the real one."""
    return time.time_ns() // 1_000_000
