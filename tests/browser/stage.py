"""A city behind the web, served on a port of its own, beside the test's thread.

Browser tests are plain functions; the city lives on a loop in another thread:

    stage.url; stage.does(stage.web.issue()); stage.session_of("officer")
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from tests.unit.web_city import WebCity, served, web_city

Found = TypeVar("Found")
PATIENCE_S: Final = 60


@dataclass
class Stage:
    """See the module.

    Args:
        web: The city; everything that touches it runs on its loop, by `does`.
        url: Where it is served.
    """

    web: WebCity
    url: str
    _loop: asyncio.AbstractEventLoop

    def does(self, work: Coroutine[Any, Any, Found]) -> Found:
        """Run something on the city's loop; what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    def api(self, who: str) -> httpx.Client:
        """The API as somebody, over the network."""
        headers = {"authorization": f"Bearer {self.web.tokens[who]}", "accept-language": "en"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=20)

    def issued(self, **changes: Any) -> dict[str, Any]:
        """An alert that is out, approved, expanded and handed over."""
        drafted = self.does(self.web.issue(**changes))
        self.does(self.web.until(drafted["id"], lambda board: not board["funnel"]["waiting"]))
        return drafted

    def session_of(self, who: str) -> str:
        """A signed-in browser's cookie."""
        return self.does(self.web.session(who))


@contextmanager
def staged(folder: Path, *, passwords: Sequence[str] = ()) -> Iterator[Stage]:
    """Serve a city in a thread of its own; it stops with the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="city", daemon=True)
    thread.start()
    opened: dict[str, Any] = {}
    over = asyncio.Event()
    ready = threading.Event()

    async def live() -> None:
        try:
            async with web_city(folder, passwords=passwords) as web, served(web) as url:
                opened.update(web=web, url=url)
                ready.set()
                await over.wait()
        finally:
            ready.set()

    life = asyncio.run_coroutine_threadsafe(live(), loop)
    try:
        assert ready.wait(PATIENCE_S)
        if "url" not in opened:
            life.result(PATIENCE_S)
        yield Stage(opened["web"], opened["url"], loop)
    finally:
        loop.call_soon_threadsafe(over.set)
        life.result(PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        loop.close()
