"""Cities that live for one test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.living_city import LivingCity

StartCity = Callable[..., LivingCity]


@pytest.fixture
def living_city(tmp_path: Path) -> Iterator[StartCity]:
    """Starts a city; everything that it started ends with the test."""
    with ExitStack() as stack:

        def start(**how: Any) -> LivingCity:
            city = LivingCity(tmp_path / "city", **how)
            stack.callback(city.close)
            city.open()
            return city

        yield start
