"""A loudspeakers' session at the broker, which of several processes one alone can have."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from alertd.bootstrap import Node
from alertd.decide.shares import CONSOLE, Part
from alertd.errors import ConflictError
from alertd.settings import RouteSettings, Settings
from alertd.store import tables as t
from tests import databases

SPEAKERS = Part(routes=frozenset({"speakers"}))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    url = databases.url_of(tmp_path, postgresql=True)
    route: dict[str, Any] = {"type": "mqtt", "carries": ["Test"], "broker": "mqtt://127.0.0.1:1"}
    return Settings(
        data_dir=tmp_path / "data",
        database_url=SecretStr(url),
        ballast_mb=0,
        routes={"speakers": RouteSettings(**route)},
    )


async def test_a_second_process_is_refused_while_the_first_lives(settings: Settings) -> None:
    first, second = Node(settings, part=SPEAKERS), Node(settings, part=SPEAKERS)
    await first.start()
    try:
        with pytest.raises(ConflictError, match="already, whose session only one can have"):
            await second.start()
        await second.close()
        command = Node(settings, in_place=True)
        await command.start()
        assert command.runner is not None
        assert command.runner.engine.part == CONSOLE, (
            "a command in a server's place leaves it alone"
        )
        await command.close()
        server = Node(settings, part=CONSOLE)
        await server.start()
        await server.close()
    finally:
        await first.close()
    third = Node(settings, part=SPEAKERS)
    await third.start()
    await third.close()


async def test_one_that_was_killed_holds_up_nobody(settings: Settings) -> None:
    node = Node(settings, part=SPEAKERS)
    await node.open()
    assert node.store is not None
    row = {"lease": "killed", "writer": 1, "beat": 7, "decides": 1, "routes": None}
    with node.store.transaction(1) as tx:
        tx.connection.execute(t.worker.insert(), row)
    await node.start()
    assert list(node.channels) == ["speakers"]
    await node.close()
