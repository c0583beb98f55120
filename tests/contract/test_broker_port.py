"""The embedded broker's port in another program's hands: it is waited for, and told no login."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.errors import ConflictError, NotConfiguredError
from channels.loudspeaker.broker import EmbeddedBroker, find_binary
from channels.loudspeaker.broker_store import kept_aside
from channels.loudspeaker.keys import make_key
from channels.loudspeaker.mqtt import MqttRoute
from channels.loudspeaker.passwords import logins
from tests.contract.case_mqtt import context, route_config
from tests.contract.peer import PATIENCE_S, Recorder, until
from tests.contract.test_broker import login

LETS_EVERYBODY_IN = b"\x20\x02\x00\x00"
# A real process with a name of its own; it takes its port as soon as it can.
_GREEDY = """
import socket, sys, time
while True:
    try:
        taken = socket.create_server(("127.0.0.1", int(sys.argv[1])))
        break
    except OSError:
        time.sleep(0.001)
print("taken", flush=True)
while True:
    caller, _ = taken.accept()
    caller.settimeout(0.3)
    try:
        heard = caller.recv(4096)
        caller.sendall(bytes.fromhex(sys.argv[2]))
    except OSError:
        heard = b""
    print("heard", heard.hex(), flush=True)
"""


class Greedy:
    """Another program, which has the port or is about to take it, and lets in whoever comes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.heard = b""  # all that it was told

    @classmethod
    @asynccontextmanager
    async def at(cls, port: int) -> AsyncIterator["Greedy"]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _GREEDY, str(port), LETS_EVERYBODY_IN.hex()),
            stdout=asyncio.subprocess.PIPE,
        )
        greedy = cls(process)
        try:
            yield greedy
        finally:
            await greedy.end()

    async def takes(self) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            assert await self.process.stdout.readline() == b"taken\n"

    async def is_called(self) -> None:
        """Somebody connects, and says what they say."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            self._hears(await self.process.stdout.readline())

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        assert self.process.stdout is not None
        for line in (await self.process.stdout.read()).splitlines():
            self._hears(line)

    def _hears(self, line: bytes) -> None:
        self.heard += bytes.fromhex(line.decode().removeprefix("heard "))


def unused() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def comes_up(broker: EmbeddedBroker) -> None:
    async def up() -> bool:
        return broker.alive

    await until(up)


async def test_a_port_that_is_taken_is_told_and_waited_for(tmp_path: Path) -> None:
    port = unused()
    broker = EmbeddedBroker(tmp_path, port=port)
    async with Greedy.at(port) as greedy:
        await greedy.takes()
        assert (await broker.start()).port == port
        assert not broker.alive
        assert broker.trouble is not None
        holder = rf"port {port}, where python\S* \(process {greedy.process.pid}\) does\."
        assert re.search(holder, broker.trouble.message)
        await greedy.end()
        assert greedy.heard == b""
    await comes_up(broker)
    assert broker.trouble is None
    await (await login(broker.address)).close()
    await broker.stop()


async def test_who_takes_the_port_of_one_that_died_is_told_nothing(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "broker")
    address = await broker.start()
    make_key(tmp_path / "key.pem")
    config = route_config(address, tmp_path / "key.pem")
    config = replace(config, options={**config.options, "broker": address})
    route = MqttRoute(config, context(Recorder()))
    await route.start()
    assert (await route.health()).ok
    async with Greedy.at(address.port) as greedy:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        await greedy.takes()

        async def told() -> bool:
            return f"(process {greedy.process.pid})" in (await route.health()).detail

        await until(told)
        await greedy.is_called()
        await greedy.end()
        assert greedy.heard == b""
    assert kept_aside(tmp_path / "broker") == []  # it wasn't the store's fault
    await comes_up(broker)

    async def well() -> bool:
        return (await route.health()).ok

    await until(well)
    await route.close()
    await broker.stop()


async def test_an_address_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, host="192.0.2.1")  # nobody's (RFC 5737)
    address = await broker.start()
    assert address.port
    assert broker.trouble is not None
    assert "Cannot assign requested address" in broker.trouble.message
    await broker.stop()


async def test_a_port_that_is_taken_by_another_address_only_is_told_too(tmp_path: Path) -> None:
    """nats-server listens by both families where it is to listen everywhere."""
    (tmp_path / "store").mkdir()
    kept = (tmp_path / "store").stat().st_ino
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        broker = EmbeddedBroker(tmp_path, host="0.0.0.0", port=port)  # noqa: S104 - as said
        await broker.start()
        assert f"can't listen on port {port}, where" in str(broker.trouble)
        assert (tmp_path / "store").stat().st_ino == kept, "it wasn't the store's fault"
    await comes_up(broker)
    await broker.stop()


async def test_one_that_is_ours_is_known_by_whatever_address_it_listens(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::1", "localhost"):  # noqa: S104 - as loudspeakers need it
        broker = EmbeddedBroker(tmp_path / host.replace(":", ""), host=host)
        await broker.start()
        assert broker.alive
        broker.vouch()
        await broker.stop()


async def test_one_that_is_not_installed_is_told_and_tried_again(tmp_path: Path) -> None:
    installed = False

    def find() -> Path:
        if not installed:
            raise NotConfiguredError("It isn't installed.", hint="Install it.")
        return find_binary()

    broker = EmbeddedBroker(tmp_path, find=find)
    await broker.start()
    assert str(broker.trouble) == "It isn't installed."
    installed = True
    await comes_up(broker)
    await broker.stop()


@pytest.mark.parametrize("content", ["", "[]", '{"alertd": 5}'])
async def test_a_damaged_file_of_its_logins_keeps_nobody_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "logins.json").write_text(content)
    broker = EmbeddedBroker(tmp_path)
    await broker.start()
    await (await login(broker.address)).close()
    await broker.stop()
    with pytest.raises(ConflictError, match="can't be read"):
        logins(tmp_path)  # whoever hands them out says so


async def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "broker").write_text("a file where a folder must be")
    broker = EmbeddedBroker(tmp_path / "broker")
    await broker.start()
    assert "didn't come up" in str(broker.trouble)
    (tmp_path / "broker").unlink()
    await comes_up(broker)
    assert (tmp_path / "broker").stat().st_mode & 0o777 == 0o700
    await broker.stop()
