from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.web_city import WebCity, web_city


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebCity]:
    """A city behind the web; whoever needs other people in it makes a fixture of this name."""
    async with web_city(tmp_path) as started:
        yield started
