"""Real browsers before a served city; see visitor.py, stage.py and watch.py."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import HOW_TO, Chromium, installed, launched
from tests.browser.stage import Stage, staged
from tests.browser.visitor import Visitor, open_browser

Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def _worker_chromium() -> Iterator[Chromium]:
    executable = installed()
    if executable is None:
        pytest.skip(HOW_TO)
    with launched(executable) as chromium:
        yield chromium


@pytest.fixture
def chromium(_worker_chromium: Chromium) -> Iterator[Chromium]:
    """The worker's browser, while a browser test runs."""
    _worker_chromium.comes_back()
    try:
        yield _worker_chromium
    finally:
        _worker_chromium.steps_aside()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A served city that a module's tests share: what one changes, the others see."""
    with staged(tmp_path_factory.mktemp("stage"), passwords=["officer"]) as started:
        yield started


@pytest.fixture
def own_stage(tmp_path: Path) -> Iterator[Stage]:
    """A served city of the test's own."""
    with staged(tmp_path, passwords=["officer"]) as started:
        yield started


@pytest.fixture
def browse(chromium: Chromium) -> Iterator[Visit]:
    """Opens browsers at an address; each fails the test for what its pages may not do."""
    with ExitStack() as stack:
        visitors: list[Visitor] = []

        def opens(url: str, **how: Any) -> Visitor:
            visitor = open_browser(chromium.browser, url, **how)
            stack.callback(visitor.context.close)
            visitors.append(visitor)
            return visitor

        yield opens
    for visitor in visitors:
        offences = list(visitor.watch.found())
        assert not offences, "\n".join(offences)


@pytest.fixture
def visit(stage: Stage, browse: Visit) -> Visit:
    """Opens a browser of somebody who is signed in at the module's city: visit("officer")."""

    def opens(who: str | None = None, **how: object) -> Visitor:
        return browse(stage.url, session=stage.session_of(who) if who else "", **how)

    return opens
