"""A tiny city to play nights in, built once a file of tests; named in its `pytest_plugins`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.simulate.stage import Stage, opened
from tests import nights


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nights.build(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def stage(file: Path) -> Iterator[Stage]:
    with opened(file) as found:
        yield found
