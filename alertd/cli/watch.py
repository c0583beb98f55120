"""`alertd alert watch`: an alert's board, live."""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Annotated, Any, Final

import typer
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from alertd.cli import show
from alertd.cli.client import Client, connect
from alertd.cli.figures import board_lines, funnel_line, head_line
from alertd.cli.options import Alert, As, Json
from alertd.cli.words import _, told, word
from alertd.errors import UnavailableError
from alertd.settings import load

_AGAIN_S: Final = 0.5  # the figures are asked for at most so often
_RUNNING: Final = frozenset({"draft", "approved", "issued"})


def watch(  # noqa: D103 - its help says it
    alert: Alert,
    for_s: Annotated[
        float | None, typer.Option("--for-s", min=0, help=_("End after so many seconds."))
    ] = None,
    acting_as: As = None,
    as_json: Json = False,
) -> None:
    async def connected() -> None:
        async with connect(load(), acting_as=acting_as, server_only=True) as client:
            watching = _Watch(client, alert, as_json=as_json)
            with suppress(TimeoutError):
                await asyncio.wait_for(watching.follow(), for_s)

    asyncio.run(connected())


class _Watch:
    def __init__(self, client: Client, alert: str, *, as_json: bool) -> None:
        self._client = client
        self._alert = alert
        self._as_json = as_json
        self._last: Any = None
        self._live: Live | None = None

    async def follow(self) -> None:
        """Show the board whenever facts come, until the alert is over."""
        board = await self._board()
        if show.out.is_terminal and not self._as_json:
            with Live(console=show.out, auto_refresh=False) as self._live:
                await self._while_running(board)
        else:
            await self._while_running(board)

    async def _while_running(self, board: dict[str, Any]) -> None:
        changed = asyncio.Event()
        listening = asyncio.create_task(self._listen(changed))
        try:
            self._show(board)
            while board["alert"]["state"] in _RUNNING and not listening.done():
                await changed.wait()
                changed.clear()
                board = await self._board()
                self._show(board)
                await asyncio.sleep(_AGAIN_S)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError, UnavailableError):
                await listening

    async def _listen(self, changed: asyncio.Event) -> None:
        """Hear of facts until the server is gone; a stream that ends is asked for again."""
        try:
            while True:
                changed.set()  # whatever came between two streams
                async for event, _data in self._client.events("/api/v1/events", alert=self._alert):
                    if event == "fact":
                        changed.set()
        finally:
            changed.set()

    async def _board(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._client.get(f"/api/v1/alerts/{self._alert}/board")
        return found

    def _show(self, found: dict[str, Any]) -> None:
        shown = {"state": found["alert"]["state"], **found["board"]}
        if shown == self._last:
            return
        self._last = shown
        if self._as_json:
            sys.stdout.write(json.dumps({"now": found["now"], **shown}, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        elif self._live is not None:
            text = Text("\n".join([head_line(found["alert"]), *board_lines(found)]))
            self._live.update(text, refresh=True)
        else:
            show.out.print(escape(_line(found)), soft_wrap=True)
            sys.stdout.flush()


def _line(found: dict[str, Any]) -> str:
    """Off a terminal: a line whenever something has changed."""
    state = word("state", found["alert"]["state"])
    return told(f"{show.moment(found['now'])} {state}", funnel_line(found["board"]))
