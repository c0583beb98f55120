"""One modem as alertd has it: a child process that is started, asked, watched and started again."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from channels.sms.modem_settings import ModemSettings

_log = structlog.get_logger(__name__)

CHILD = (sys.executable, "-I", str(Path(__file__).with_name("modem_child.py")))
_START_PATIENCE_S = 60.0  # gammu takes four seconds with a modem that answers at once
_HOPE_S = 10.0  # longer than that nobody waits for it
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 30.0
_LONGEST_LINE = 4 * 1024 * 1024


class LineError(Exception):
    """An order didn't end as it should.

    Args:
        code: A short word for logs.
        begun: Whether it may have been carried out nevertheless.
        number: The modem's own number of its error, e.g. `cms-38`, or None.
        answered: Whether the child itself said so; it died or hung otherwise.
    """

    def __init__(
        self, code: str, *, begun: bool, number: str | None = None, answered: bool = False
    ) -> None:
        super().__init__(code)
        self.code = code
        self.begun = begun
        self.number = number
        self.answered = answered


class Line:
    """Keeps one modem's child running.

    Args:
        settings: The modem's.
        heard: Called with what the modem says by itself: `report`, `arrived`.
        changed: Called whenever `ready` or `hopeful` may have changed.
        command: What to run; a test may put something before the child.
    """

    def __init__(
        self,
        settings: ModemSettings,
        heard: Callable[[dict[str, Any]], None],
        changed: Callable[[], None],
        command: Sequence[str] = CHILD,
    ) -> None:
        self.settings = settings
        self.ready = False
        self.problem = "starting"  # why it isn't ready
        self.starts = 0
        self._heard = heard
        self._changed = changed
        self._command = command
        self._failed = False
        self._started_at = time.monotonic()
        self._pin_spent = False
        self._process: asyncio.subprocess.Process | None = None
        self._orders = 0
        self._waiting: asyncio.Future[dict[str, Any]] | None = None
        self._begun = False

    @property
    def hopeful(self) -> bool:
        """Whether it works, or may in a moment: it is being started, and no start has failed."""
        since = time.monotonic() - self._started_at
        return self.ready or (not self._failed and since < _HOPE_S)

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return None if self._process is None else self._process.pid

    async def run(self) -> None:
        """Start the child, and again whenever it ends, until cancelled."""
        pause = _FIRST_PAUSE_S
        try:
            while True:
                was_ready = await self._lived()
                self._went(was_ready=was_ready)
                pause = _FIRST_PAUSE_S if was_ready else min(pause * 2, _LONGEST_PAUSE_S)
                await asyncio.sleep(pause)
        finally:
            await self._end()

    async def ask(self, op: str, patience_s: float, **fields: Any) -> dict[str, Any]:
        """Give an order and wait for its answer; one at a time.

        Raises:
            LineError: It failed; a child that doesn't answer in time is killed.
        """
        process = self._process
        if not self.ready or process is None or process.stdin is None:
            raise LineError("not-ready", begun=False)
        self._orders += 1
        self._begun = False
        self._waiting = asyncio.get_running_loop().create_future()
        order = {"op": op, "id": self._orders, **fields}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        try:
            async with asyncio.timeout(patience_s):
                answer = await self._waiting
        except TimeoutError:
            self.restart("no-answer")
            raise LineError("no-answer", begun=self._begun) from None
        finally:
            self._waiting = None
        if answer["event"] == "failed":
            raise LineError(
                answer["code"],
                begun=answer.get("submitted", True),
                number=answer["number"],
                answered=True,
            )
        return answer

    def restart(self, why: str) -> None:
        """Kill the child; it is started again."""
        self.problem = why
        _log.warning("modem-restarted", modem=self.settings.name, reason=why)
        self.ready = False
        self._kill()

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            # Not `Process.kill`: where the child has just ended, that takes its end from asyncio,
            # which waits for it.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    async def _lived(self) -> bool:
        """One child's whole life, whatever happens in it; whether it was ever ready."""
        try:
            return await self._live()
        except Exception as error:  # noqa: BLE001 - a modem that nobody starts again is lost
            self.problem = f"defect-{type(error).__name__}"
            _log.error("modem-defect", modem=self.settings.name, error=type(error).__name__)
            await self._end()
            return False

    async def _live(self) -> bool:
        pipe, quiet = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        self.starts += 1
        self._started_at = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, stderr=quiet, limit=_LONGEST_LINE
        )
        assert self._process.stdin is not None  # noqa: S101 - a pipe, as asked for
        assert self._process.stdout is not None  # noqa: S101 - the same
        first = self.settings.for_child(with_pin=not self._pin_spent)
        self._process.stdin.write(json.dumps(first).encode() + b"\n")
        loop = asyncio.get_running_loop()
        hoping = loop.call_later(_HOPE_S + 0.1, self._changed)
        starting = loop.call_later(_START_PATIENCE_S, self._too_slow)
        was_ready = False
        try:
            while line := await self._process.stdout.readline():
                self._take(json.loads(line))
                if self.ready and not was_ready:
                    was_ready = True
                    starting.cancel()
        except ValueError:
            self.problem = "unreadable-child"
        finally:
            hoping.cancel()
            starting.cancel()
            await self._end()
        return was_ready

    def _too_slow(self) -> None:
        self.restart("no-answer")

    async def _end(self) -> None:
        """The child is gone when this returns; so is what was asked of it."""
        self.ready = False
        self._kill()
        process, self._process = self._process, None
        if process is not None:
            await process.wait()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(LineError("child-died", begun=self._begun))

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "begun":
            self._begun = True
        elif kind == "ready":
            self._came()
        elif kind == "closed":
            self.problem = event["code"]
        elif kind == "pin-given":
            self._pin_spent = True
        elif kind == "pin-right":
            self._pin_spent = False
        elif kind in {"report", "arrived"}:
            self._heard(event)
        elif event.get("id") == self._orders and self._waiting and not self._waiting.done():
            self._waiting.set_result(event)

    def _came(self) -> None:
        self.ready, self._failed, self.problem = True, False, ""
        _log.info("modem-ready", modem=self.settings.name)
        self._changed()

    def _went(self, *, was_ready: bool) -> None:
        self._failed = not was_ready
        self.problem = self.problem or "child-died"
        if was_ready:
            _log.warning("modem-away", modem=self.settings.name, reason=self.problem)
        self._changed()
