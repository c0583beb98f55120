"""Real brokers, each a process of its own: the embedded one, and Mosquitto where it is there."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol, Self

from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.broker import EmbeddedBroker
from tests.contract.mqtt_bytes import Speaker
from tests.contract.peer import until

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
NO_MOSQUITTO = "mosquitto isn't installed: apt-get install mosquitto"


class Broker(Protocol):
    """A running broker."""

    address: BrokerAddress

    @classmethod
    def running(cls, folder: Path) -> AbstractAsyncContextManager[Self]:
        """Start it; end it."""

    async def terminal(self) -> Speaker:
        """A connection with a terminal's login."""

    @property
    def terminal_url(self) -> str:
        """What terminals connect with."""

    async def kill(self) -> None:
        """kill -9; returns once it is gone."""

    async def back(self) -> None:
        """It is there again, on the same port and folder."""


class Embedded:
    """The one that we ship; it comes back by itself."""

    def __init__(self, broker: EmbeddedBroker, address: BrokerAddress) -> None:
        self.address = address
        self._broker = broker

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator[Self]:
        broker = EmbeddedBroker(folder, shared_login=True)
        address = await broker.start()
        try:
            yield cls(broker, address)
        finally:
            await broker.stop()

    @property
    def terminal_url(self) -> str:
        return self._broker.terminal_address.url

    async def terminal(self) -> Speaker:
        address = self._broker.terminal_address
        return await Speaker.connect(address.port, address.username or "", address.password or "")

    async def kill(self) -> None:
        assert self._broker.pid is not None
        os.kill(self._broker.pid, signal.SIGKILL)

        async def gone() -> bool:
            return not self._broker.alive

        await until(gone)

    async def back(self) -> None:
        async def alive() -> bool:
            return self._broker.alive

        await until(alive)


_MOSQUITTO_CONF = """\
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
persistence true
persistence_location {folder}/
autosave_interval 1
user root
log_type none
"""


def _prepare(folder: Path) -> int:
    folder.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (folder / "conf").write_text(_MOSQUITTO_CONF.format(port=port, folder=folder))
    (folder / "passwords").touch(mode=0o600)
    return port


class Mosquitto:
    """Debian's mosquitto; alertd and the terminals share a login."""

    def __init__(self, folder: Path, address: BrokerAddress) -> None:
        self.address = address
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator[Self]:
        port = _prepare(folder)
        hashing = await asyncio.create_subprocess_exec(
            "mosquitto_passwd", "-b", str(folder / "passwords"), "alertd", "m0squitto-password"
        )
        assert await hashing.wait() == 0
        broker = cls(folder, BrokerAddress("127.0.0.1", port, "alertd", "m0squitto-password"))
        await broker.back()
        try:
            yield broker
        finally:
            await broker.kill()

    @property
    def terminal_url(self) -> str:
        return self.address.url

    async def terminal(self) -> Speaker:
        return await Speaker.connect(
            self.address.port, self.address.username or "", self.address.password or ""
        )

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    async def back(self) -> None:
        assert MOSQUITTO is not None
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            MOSQUITTO, "-c", str(self._folder / "conf"), stdout=quiet, stderr=quiet
        )

        async def answers() -> bool:
            try:
                await (await self.terminal()).close()
            except (OSError, asyncio.IncompleteReadError):
                return False
            return True

        await until(answers)
