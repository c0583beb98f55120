"""A loudspeaker's box: the terminal's logic between a broker, a disk and a player."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from alertd.errors import ConflictError
from channels.loudspeaker.box.disk import Disk
from channels.loudspeaker.box.player import Player, PlayError
from channels.loudspeaker.box.sounds import NoSoundError, Sounds
from channels.loudspeaker.bundle import Bundle
from channels.loudspeaker.commands import ROOT, Command
from channels.loudspeaker.link import Link
from channels.loudspeaker.link_messages import Received
from channels.loudspeaker.loudness import Hours, volume, zone_of
from channels.loudspeaker.speech.sound import NotSoundError, at_volume, lasts_ms
from channels.loudspeaker.speech.voice import Voice
from channels.loudspeaker.terminal import CLOCK_TOLERANCE_MS, Effect, Note, Say, Terminal

_log = structlog.get_logger(__name__)

_KEEPALIVE_S = 30
_LONGEST_PAUSE_S = 20.0
_SEASON_EVERY_S = 6 * 3600
_SEASON_AGAIN_S = 300


def wall_ms() -> int:
    """The box's own clock, ms: what commands' times are compared with."""
    return time.time_ns() // 1_000_000


class Box:
    """One loudspeaker.

    Args:
        bundle: Who it is, and whom it trusts.
        folder: Its memory and its sounds.
        player: Makes a sound heard.
        voice: Speaks a text where its sound can't be had; None: it can't.
        hours: When it must be quieter.
        pause_s: Between two rounds of one command.
        now: Its clock.
    """

    def __init__(
        self,
        bundle: Bundle,
        folder: Path,
        player: Player,
        *,
        voice: Voice | None = None,
        hours: Sequence[Hours] = (),
        pause_s: float = 1.0,
        now: Callable[[], int] = wall_ms,
    ) -> None:
        self._bundle = bundle
        self._player = player
        self._hours = hours
        self._zone = zone_of(bundle.timezone)
        self._pause_s = pause_s
        self._now = now
        self._disk = Disk(folder, bundle.terminal)
        try:
            memory, last_at = self._disk.load()
        except ConflictError:
            self._disk.close()
            raise
        self._terminal = Terminal(
            bundle.terminal, bundle.keys, once_ms=None, areas=bundle.areas, memory=memory
        )
        self._quieter = folder / "quieter.wav"
        tls = bundle.tls()
        self._sounds = Sounds(folder / "sounds", voice, tls)
        self._link = Link(
            bundle.broker,
            bundle.broker.session(bundle.terminal),
            subscriptions=self._terminal.topics,
            longest_pause_s=_LONGEST_PAUSE_S,
            keepalive_s=_KEEPALIVE_S,
            will=(self._topic("online"), b"offline"),
            received=self._hear,
            came_up=self._greet,
            went_down=lambda code: _log.warning("broker-away", reason=code),
            context=tls,
        )
        self._fault = player.problem()
        if last_at > now() + CLOCK_TOLERANCE_MS:
            self._fault = "clock-behind"  # no clock that the battery keeps, and no network time yet
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._sounding: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether it is connected."""
        return self._link.up

    @property
    def problem(self) -> str:
        """Why it isn't connected, a short word; "" where it is."""
        return self._link.problem

    async def start(self) -> None:
        """Connect, and go on with what a restart interrupted."""
        self._loop = asyncio.get_running_loop()
        self._do(self._terminal.wake(self._now()))
        await self._link.start()
        self._go_on(self._beats())
        if self._bundle.audio:
            self._go_on(self._fetches())

    async def wait_up(self, timeout_s: float) -> bool:
        """Wait until it is connected, or for so long."""
        return await self._link.wait_up(timeout_s)

    async def close(self) -> None:
        """Fall silent and sign off; what wasn't heard to its end goes on after the next start."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._link.up:
            self._link.post(self._topic("online"), b"offline", retain=True)
        await self._link.close()
        await self._sounds.close()
        self._disk.close()

    def _topic(self, says: str) -> str:
        return f"{ROOT}/terminal/{self._bundle.terminal}/{says}"

    def _go_on(self, work: "asyncio._CoroutineLike[None]") -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _greet(self) -> None:
        _log.info("broker-there")
        self._link.post(self._topic("online"), b"online", retain=True)
        self._tell_state()

    def _tell_state(self) -> None:
        state = {
            "fault": self._fault,
            "playing": self._terminal.playing is not None,
            "at": self._now(),
        }
        self._link.post(self._topic("state"), json.dumps(state).encode(), retain=True)

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(self._bundle.heartbeat_s)
            if self._link.up:  # what is said while it is away would only wait, and be old
                self._tell_state()

    async def _fetches(self) -> None:
        while True:
            there, lacking = await self._sounds.fetch_season(self._bundle.audio)
            _log.info("season", sounds=there, lacking=lacking)
            await asyncio.sleep(_SEASON_AGAIN_S if lacking else _SEASON_EVERY_S)

    def _hear(self, message: Received) -> None:
        if not message.retained:  # a command is never kept by a broker: one that is, is a replay
            self._do(self._terminal.hear(message.topic, message.payload, self._now()))
        self._link.acknowledge(message)

    def _tick(self) -> None:
        self._timer = None
        self._do(self._terminal.tick(self._now()))

    def _do(self, effects: Sequence[Effect]) -> None:
        """Remember first: what was answered and then forgotten could be played again."""
        if effects:
            self._remember()
        for effect in effects:
            if isinstance(effect, Say):
                self._link.post(self._topic(effect.topic), json.dumps(effect.document).encode())
            else:
                self._note(effect)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due_at := self._terminal.due_at) is not None:
            delay_s = max(0, due_at - self._now()) / 1000
            self._timer = self._loop.call_later(delay_s, self._tick)

    def _note(self, note: Note) -> None:
        told = {name: value for name, value in note.details.items() if name != "text"}
        _log.info(note.what, **told)
        if note.what == "playing":
            command = self._terminal.playing
            assert command is not None  # noqa: S101 - the note says so
            self._sounding = self._go_on(self._sound(command, self._sounding))
        elif note.what == "ended":
            sounding = self._sounding
            if sounding is not None and sounding is not asyncio.current_task():
                sounding.cancel()
        if note.what in {"playing", "ended"} and self._link.up:
            self._tell_state()

    def _remember(self) -> None:
        try:
            self._disk.save(self._terminal.memory, self._now())
        except OSError:
            self._told("disk-full")  # and goes on: an alert matters more than what is remembered

    async def _sound(self, command: Command, before: "asyncio.Task[None] | None") -> None:
        """Play `command` as often as is left, once `before` is silent."""
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        try:
            path = await self._sounds.of(command)
            while self._terminal.playing is command:
                await self._once(command, path)
                self._told("")
                self._do(self._terminal.heard_once(self._now()))
                if self._terminal.playing is command:
                    await asyncio.sleep(self._pause_s)
        except (NoSoundError, NotSoundError, PlayError) as error:
            self._told(error.code)
            self._do(self._terminal.broke(error.code, self._now()))
        except Exception as error:  # noqa: BLE001 - the next alert must have its turn
            _log.error("defect", error=type(error).__name__)
            self._told("defect")
            self._do(self._terminal.broke("defect", self._now()))

    async def _once(self, command: Command, path: Path) -> None:
        wav = await asyncio.to_thread(path.read_bytes)
        loud = volume(command, self._now(), self._hours, self._zone)
        if loud < 100:  # noqa: PLR2004 - as it is
            path = self._quieter
            await asyncio.to_thread(lambda: path.write_bytes(at_volume(wav, loud)))
        await self._player.play(path, lasts_ms(wav) / 1000)

    def _told(self, fault: str) -> None:
        """Say that something is wrong, or that it is over; once."""
        if fault != self._fault:
            self._fault = fault
            document = {"fault": fault, "at": self._now()}
            self._link.post(self._topic("fault"), json.dumps(document).encode())
            if self._link.up:
                self._tell_state()
