"""What a demonstration looks like while it runs."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from alertd.cli import show
from alertd.cli.figures import funnel_line
from alertd.cli.words import _

_PLAIN_EVERY_S: Final = 2.0
_BAR: Final = 40


class Progress:
    """Shows an alert's board while it changes: drawn on a terminal, plain lines elsewhere.

    Args:
        quiet: Show nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live: Live | None = None
        self._phase = ""
        self._told_at = 0.0

    def __enter__(self) -> Self:
        if show.err.is_terminal and not self._quiet:
            self._live = Live(console=show.err, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def phase(self, name: str) -> None:
        """Something new begins."""
        self._phase, self._told_at = name, 0.0

    def show(self, found: Mapping[str, Any]) -> None:
        """The board as the API has it."""
        if self._quiet:
            return
        if self._live is not None:
            self._live.update(_drawn(self._phase, found), refresh=True)
        elif time.monotonic() - self._told_at >= _PLAIN_EVERY_S:
            self._told_at = time.monotonic()
            show.note(f"{_clock(found)} {self._phase}: {funnel_line(found['board'])}")


def _clock(found: Mapping[str, Any]) -> str:
    """Minutes and seconds since the issue, in the alert's own time."""
    issued = found["alert"]["issued_at"]
    seconds = (found["now"] - issued) // 1000 if issued else 0
    return f"+{seconds // 60:02d}:{seconds % 60:02d}"


def _drawn(phase: str, found: Mapping[str, Any]) -> Table:
    funnel, board = found["board"]["funnel"], found["board"]
    table = Table(box=None, title=f"{_clock(found)}  {phase}", title_justify="left")
    due = funnel["due"] or 0
    rows = [
        (_("accepted by a gateway"), funnel["accepted"], due, "cyan"),
        (_("delivered"), funnel["delivered"], due, "green"),
        (_("failed"), funnel["failed"], due, "red"),
        (_("unknown"), funnel["unknown"], due, "yellow"),
        (_("answered for"), funnel["answered"], funnel["asked"], "green"),
    ]
    rows += [
        (_("nobody answered"), stage["exhausted"], stage["needed"], "red")
        for stage in board["stages"][:1]
    ]
    for name, count, total, colour in rows:
        bar = ProgressBar(total=max(total, 1), completed=count, width=_BAR, complete_style=colour)
        table.add_row(name, bar, Text(f"{count:,} / {total:,}", justify="right"))
    return table
