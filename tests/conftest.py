import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests import databases, postgres

# As the service does: where an error was. A traceback with every local takes seconds to draw.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

# No test is timed: on a busy machine the same example takes ten times as long.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_LONG = frozenset({"acceptance", "browser", "faults"})  # folders of tests that run processes

gc.disable()  # until all tests are found: what is loaded stays, and there is a lot to look through


def pytest_configure(config: pytest.Config) -> None:
    """Agree on where this run's PostgreSQL is told of; nothing is started yet."""
    if hasattr(config, "workerinput"):
        return  # the first process has said it in the environment
    place = Path(os.environ.get("TMPDIR", "/tmp")) / f"alertd-tests-{os.getpid()}.postgres"  # noqa: S108 - a name of our own
    os.environ[databases.PLACE] = str(place)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started."""
    if not hasattr(config, "workerinput"):
        place = Path(os.environ[databases.PLACE])
        postgres.end_shared(place)
        place.with_suffix(".lock").unlink(missing_ok=True)
        shutil.rmtree(place.with_suffix(".templates"), ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin nothing long last, when the other processes have nothing left to do."""
    last = len(items) * 4 // 5
    long = [item for item in items[last:] if set(item.path.parts) & _LONG]
    items[:] = dict.fromkeys([*long, *items])


def pytest_collection_finish() -> None:
    """From here on garbage is looked for again, in what tests leave."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _databases_end_with_their_test() -> Iterator[None]:
    made, opened = set(databases.made), list(databases.opened)
    yield
    databases.end_with(made, opened)
