"""One open board in Chromium while people answer: how long its longest task is, by the trace."""

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from console_boards import Node, measured
from playwright.sync_api import Browser, Page

from tests.browser.chromium import installed, launched
from tests.browser.visitor import COOKIE

_CATEGORIES = [
    "toplevel",
    "devtools.timeline",
    "disabled-by-default-devtools.timeline",
    "__metadata",
]
_OPENINGS = 3  # of which the middle one counts
_TASKS = frozenset({"RunTask", "ThreadControllerImpl::RunTask"})


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the page's main thread, ms: by the clock, and its processor time."""

    wall_ms: float = 0.0
    cpu_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest task while the page opens, and while people answer."""

    opening: Task
    moving: Task


def watched(node: Node, seconds: float) -> Longest | None:
    """Open a board and have people answer for so long; None without Chromium."""
    executable = installed()
    if executable is None:
        sys.stderr.write("no Chromium: the page isn't measured\n")
        return None
    with launched(executable) as chromium:
        chromium.comes_back()
        browser = chromium.browser
        opened = []
        for _ in range(_OPENINGS):
            page = _page(browser, node)
            goes = partial(page.goto, f"/alerts/{node.code}")
            opened.append(_traced(browser, page, goes))
        opening = sorted(opened, key=lambda task: task.wall_ms)[_OPENINGS // 2]
        pouring = threading.Thread(target=lambda: asyncio.run(measured(node, [], seconds)))

        def moves() -> None:
            pouring.start()
            page.wait_for_timeout(seconds * 1000)
            pouring.join()

        moving = _traced(browser, page, moves)
        chromium.steps_aside()
    return Longest(opening, moving)


def _page(browser: Browser, node: Node) -> Page:
    url = f"http://127.0.0.1:{node.port}"
    context = browser.new_context(base_url=url, locale="zh-CN")
    cookie = {"name": COOKIE, "value": node.sessions[0], "url": url}
    context.add_cookies([cookie])  # type: ignore[list-item]
    return context.new_page()


def _traced(browser: Browser, page: Page, do: Any) -> Task:
    browser.start_tracing(page=page, categories=_CATEGORIES)
    do()
    trace = json.loads(browser.stop_tracing())
    return max(_tasks(trace["traceEvents"]), key=lambda task: task.wall_ms, default=Task())


def _tasks(events: list[dict[str, Any]]) -> Iterator[Task]:
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"].get("name") == "CrRendererMain"
    }
    for event in events:
        if event["name"] in _TASKS and (event["pid"], event["tid"]) in main:
            took = event.get("dur", 0)
            yield Task(took / 1000, event.get("tdur", took) / 1000)
