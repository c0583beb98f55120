"""One real Chromium for a worker's browser tests: Debian's own, reached by Playwright.

Playwright's plain calls keep an event loop running in the test's thread between two calls. Tests
of other folders share that thread and run loops of their own: `Chromium.steps_aside` takes the
mark off that a loop runs, `comes_back` puts it on again.
"""

import shutil
from asyncio import events
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

NAMES: Final = ("chromium", "chromium-browser")
HOW_TO: Final = "needs Chromium: apt-get install chromium fonts-noto-cjk"
# Nothing but loopback is ever asked for, whatever a page or the browser itself would like to reach.
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def installed() -> Path | None:
    """Where Chromium is, if it is."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(found) if found else None


@dataclass
class Chromium:
    """See the module."""

    browser: Browser
    _loop: "events.AbstractEventLoop | None" = None

    def steps_aside(self) -> None:
        self._loop = events._get_running_loop()
        events._set_running_loop(None)

    def comes_back(self) -> None:
        events._set_running_loop(self._loop)


@contextmanager
def launched(executable: Path) -> Iterator[Chromium]:
    """Start it; it ends with the block. It has stepped aside already."""
    playwright = sync_playwright().start()
    chromium = Chromium(
        playwright.chromium.launch(
            executable_path=executable, args=list(ARGUMENTS), chromium_sandbox=False
        )
    )
    chromium.steps_aside()
    try:
        yield chromium
    finally:
        chromium.comes_back()
        chromium.browser.close()
        playwright.stop()
