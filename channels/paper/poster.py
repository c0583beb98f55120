"""Notices on paper: a page a message, written into a folder and, where that is set up, printed.

Accepted means that the page was written, and that the printer's queue took it. That it hangs on the
board only a person can say: by answering "done", as to any message.

Options: `folder` (where pages are written; it must be there), `print_command` (a list of words; the
page's path is put after them, e.g. `["lp", "-d", "board"]`). The command's exit status is its word:
0 has it, 75 (EX_TEMPFAIL) may be tried again, any other is a refusal.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from alertd.i18n import N_
from channels import options
from channels.base import (
    Accepted,
    ChannelKind,
    Fault,
    Health,
    Hook,
    Outcome,
    Outgoing,
    RouteConfig,
    RouteContext,
    SendError,
    UnderWay,
    each,
)
from channels.paper import notice

_KNOWN = frozenset({"folder", "print_command"})


class PosterRoute:
    """One folder, and one printer."""

    kind = ChannelKind.PAPER

    def __init__(self, config: RouteConfig, context: RouteContext) -> None:  # noqa: ARG002 - a route's
        options.only(config, _KNOWN)
        self.config = config
        self._folder = Path(options.text(config, "folder"))
        self._command = _command(config)
        self._is_open = False
        self._under_way = UnderWay()

    async def start(self) -> None:
        """Nothing is opened; the folder may come later."""
        self._is_open = True

    async def close(self) -> None:
        """End what is being printed as UNKNOWN."""
        self._is_open = False
        await self._under_way.end()

    def send_many(self, messages: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Write, and print; an Outcome a message."""
        return each(messages, self._send, self.config.limits.timeout_s, self._under_way)

    async def _send(self, message: Outgoing) -> Accepted:
        if not self._is_open:
            raise SendError(Fault.RETRY, "route-closed")
        page = self._folder / notice.file_name(message)
        content = notice.write(message).encode("utf-8", "replace")
        # `from None`: the system's own texts hold paths.
        try:
            await asyncio.to_thread(_write, page, content)
        except OSError:
            raise SendError(Fault.AWAY, "folder-not-writable") from None
        if self._command:
            await self._print(page)
        return Accepted(page.name)

    async def _print(self, page: Path) -> None:
        quiet = asyncio.subprocess.DEVNULL
        try:
            printing = await asyncio.create_subprocess_exec(
                *self._command, str(page), stdin=quiet, stdout=quiet, stderr=quiet
            )
        except OSError:
            raise SendError(Fault.AWAY, "no-print-command") from None
        try:
            status = await printing.wait()
        finally:
            if printing.returncode is None:
                printing.kill()
                await printing.wait()
        if status == os.EX_TEMPFAIL:
            raise SendError(Fault.RETRY, "printer-busy")
        if status < 0:  # ended by a signal: the page may be in the queue
            raise SendError(Fault.UNKNOWN, f"print-signal-{-status}")
        if status != 0:
            raise SendError(Fault.REFUSED, f"print-exit-{status}")

    def hooks(self) -> Sequence[Hook]:
        """None: people answer by their own ways."""
        return ()

    async def health(self) -> Health:
        """Look whether the folder can be written to."""
        if not self._is_open:
            return Health(ok=False, detail=N_("The route is closed."))
        if not await asyncio.to_thread(os.access, self._folder, os.W_OK | os.X_OK):
            return Health(ok=False, detail=N_("The folder for notices can't be written to."))
        return Health(ok=True, detail=N_("The folder for notices can be written to."))


def _write(page: Path, content: bytes) -> None:
    """Write under another name first: a printer that watches the folder never sees half a page."""
    part = page.with_name(f".{page.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(page)


def _command(config: RouteConfig) -> tuple[str, ...]:
    given = config.options.get("print_command", [])
    if not isinstance(given, list) or not all(isinstance(word, str) and word for word in given):
        raise options.wrong(config, "print_command", "must be a list of words")
    return tuple(given)
