"""Notices on paper: a print command of the test's own is the peer, with its own spool and log."""

import html
import re
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Self

from channels.base import (
    Channel,
    Fault,
    Hook,
    HookRequest,
    Limits,
    Outgoing,
    ReceiptStatus,
    RouteConfig,
    RouteContext,
)
from channels.paper.poster import PosterRoute
from tests.contract.messages import outgoing
from tests.contract.peer import AWKWARD_TEXT, HookSample, Recorder, Taken, Trouble

# `lp`, as far as we use it: takes a copy of the file, and says by its exit status how that went.
PRINTER = """#!/bin/sh
cd "{place}"
case $(cat mode) in
  jam) exit 75 ;;
  refuse) exit 1 ;;
esac
name=${{1##*/}}
cp "$1" "taking-$name"
mv "taking-$name" "spool/$name"
echo "$name" >>log
case $(cat mode) in
  killed) kill -9 $$ ;;
esac
if [ -e "hold-$name" ]; then
  while [ ! -e "released" ]; do sleep 0.02; done
fi
"""


class PosterCase:
    name: ClassVar[str] = "poster"
    reports: ClassVar[bool] = False
    has_one_gateway: ClassVar[bool] = True
    troubles: ClassVar[tuple[Trouble, ...]] = (
        Trouble("jam", Fault.RETRY),
        Trouble("refuse", Fault.REFUSED),
        Trouble("killed", Fault.UNKNOWN, taken=True),
    )

    def __init__(self, route: PosterRoute, place: Path) -> None:
        self.route: Channel = route
        self.sink = Recorder()
        self.secrets: Sequence[str] = (str(place),)
        self._place = place

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, timeout_s: float = 10.0, in_flight: int = 50
    ) -> AsyncIterator[Self]:
        place = printer(folder / "printer")
        config = RouteConfig(
            name="r1",
            type="poster",
            limits=Limits(in_flight=in_flight, timeout_s=timeout_s),
            options={"folder": str(place / "pages"), "print_command": [str(place / "lp")]},
        )
        context = RouteContext(
            now=lambda: time.time_ns() // 1_000_000, sink=Recorder(), public_base_url="http://x"
        )
        route = PosterRoute(config, context)
        await route.start()
        try:
            yield cls(route, place)
        finally:
            await route.close()

    def message(self, delivery: int, *, attempt: int = 1, text: str = AWKWARD_TEXT) -> Outgoing:
        return outgoing(delivery, f"梨洲{delivery}号公告栏", attempt=attempt, text=text)

    async def trouble(self, name: str | None) -> None:
        (self._place / "mode").write_text(name or "ok")

    async def hold(self, message: Outgoing) -> None:
        (self._place / f"hold-A7-{message.delivery}-{message.attempt}.html").touch()

    async def release(self) -> None:
        (self._place / "released").touch()

    async def report(self, message: Outgoing, status: ReceiptStatus, times: int = 1) -> None:
        raise NotImplementedError

    async def taken(self) -> list[Taken]:
        return [posted(self._place / "spool" / name) for name in printed(self._place)]

    async def leave(self) -> None:
        shutil.move(self._place / "pages", self._place / "away")

    async def come_back(self) -> None:
        shutil.move(self._place / "away", self._place / "pages")

    def hook_samples(self) -> Sequence[HookSample]:
        return ()

    def signed(self, hook: Hook, body: bytes) -> HookRequest:
        raise NotImplementedError


def printer(place: Path) -> Path:
    """Set up the print command and its spool in `place`."""
    for name in ("pages", "spool"):
        (place / name).mkdir(parents=True)
    (place / "mode").write_text("ok")
    (place / "log").touch()
    (place / "lp").write_text(PRINTER.format(place=place))
    (place / "lp").chmod(0o755)
    return place


def printed(place: Path) -> list[str]:
    return (place / "log").read_text("utf-8").split()


def posted(page: Path) -> Taken:
    """A page as somebody reads it."""
    found = re.search("<pre>(.*)</pre>", page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    _, delivery, attempt = page.stem.split("-")
    return Taken(int(delivery), int(attempt), html.unescape(found[1]))
