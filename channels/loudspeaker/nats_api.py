"""The embedded broker's own protocol, on loopback: asks for what MQTT has no word for."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from channels.loudspeaker.broker_port import AnothersPortError, listens_with

_API = "$JS.API"
_INBOX = "_INBOX.alertd"
_MOST_LINE = 64 * 1024
MESSAGES = "$MQTT_msgs"  # the stream of all that is said at QoS 1
SESSIONS = "$MQTT_sess"
# No loudspeaker's id has a dot in it: none can be enrolled under this name.
LOGIN = "alertd.bounds"
MAY: dict[str, list[str]] = {
    "publish": [
        f"{_API}.STREAM.INFO.{MESSAGES}",
        f"{_API}.STREAM.UPDATE.{MESSAGES}",
        f"{_API}.CONSUMER.NAMES.{MESSAGES}",
        f"{_API}.CONSUMER.INFO.{MESSAGES}.*",
        f"{_API}.STREAM.INFO.{SESSIONS}",
        f"{_API}.STREAM.MSG.GET.{SESSIONS}",
        f"{_API}.STREAM.MSG.DELETE.{SESSIONS}",
        f"{_API}.CONSUMER.DELETE.{MESSAGES}.*",
    ],
    "subscribe": [f"{_INBOX}.*"],
}


class NatsError(Exception):
    """It refused; says what and why."""


class NatsApi:
    """One connection; one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._inbox = f"{_INBOX}.{secrets.token_hex(8)}"  # whoever else asks hears only their own

    @classmethod
    @asynccontextmanager
    async def open(cls, ports: Path, pid: int, password: str) -> AsyncIterator["NatsApi"]:
        """Log in, as soon as it has told its ports; hang up at the end.

        Args:
            ports: The file in which it tells them, some time after it answers its first login.
            pid: The broker's: nobody else is told the password.
            password: Of `LOGIN`.

        Raises:
            OSError, ValueError, LookupError: It couldn't be asked, or made no sense.
        """
        while not (told := await asyncio.to_thread(_read, ports)):  # noqa: ASYNC110 - another's file
            await asyncio.sleep(0.02)
        host, _, port = json.loads(told)["nats"][0].rpartition("/")[2].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=_MOST_LINE)
        api = cls(reader, writer)
        try:
            if not await asyncio.to_thread(listens_with, pid, int(port)):
                raise AnothersPortError
            hello = {"verbose": False, "pedantic": False, "user": LOGIN, "pass": password}
            writer.write(f"CONNECT {json.dumps(hello)}\r\nSUB {api._inbox} 1\r\n".encode())
            yield api
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def ask(self, what: str, of: str, body: dict[str, Any]) -> dict[str, Any]:
        """Its answer.

        Args:
            what: As `STREAM.INFO`.
            of: The stream, or what else the question ends with.
            body: The question's document.

        Raises:
            NatsError: It refused.
            OSError, EOFError, ValueError, LookupError: It couldn't be asked, or made no sense.
        """
        data = json.dumps(body).encode() if body else b""
        head = f"PUB {_API}.{what}.{of} {self._inbox} {len(data)}\r\n"
        self._writer.write(head.encode() + data + b"\r\n")
        name = what.split(".")[1].lower()
        while True:
            line = (await self._reader.readuntil(b"\r\n")).split()
            if line[0] == b"MSG":
                told: dict[str, Any] = json.loads(await self._reader.readexactly(int(line[-1]) + 2))
                if "error" in told:
                    raise NatsError(f"{name}-{told['error'].get('err_code')}")
                return told
            if line[0] == b"-ERR":
                raise NatsError(f"{name}-refused")
            if line[0] == b"PING":
                self._writer.write(b"PONG\r\n")


def _read(ports: Path) -> str:
    """The file of ports; "" until all of it is there."""
    try:
        told = ports.read_text("utf-8")
    except FileNotFoundError:
        return ""
    return told if told.rstrip().endswith("}") else ""
