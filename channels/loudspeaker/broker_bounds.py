"""Bounds what waits in the embedded broker for loudspeakers that never come back.

nats-server keeps every command for each session that hasn't confirmed it, for ever, and once its
store is full it refuses everybody: no loudspeaker is told anything any more. Its configuration has
no bound for that (one for idle consumers leaves whoever comes back deaf), so it is told by its own
protocol, on loopback: past a size or an age the oldest is dropped.
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any

_STREAM = "$MQTT_msgs"  # all that is said at QoS 1
_API = "$JS.API.STREAM"
_INBOX = "_INBOX.alertd"
_NS = 1_000_000_000
_MOST_LINE = 64 * 1024
# No loudspeaker's id has a dot in it: none can be enrolled under this name.
LOGIN = "alertd.bounds"
MAY: dict[str, list[str]] = {
    "publish": [f"{_API}.INFO.{_STREAM}", f"{_API}.UPDATE.{_STREAM}"],
    "subscribe": [_INBOX],
}


@dataclass(frozen=True, slots=True)
class Keeps:
    """How much the broker keeps; a delivery that nobody answered is long unknown by then.

    Half of its store leaves room for sessions and retained words.
    """

    most_bytes: int = 512 * 1024 * 1024
    age_s: int = 14 * 24 * 3600


class BoundsError(Exception):
    """The broker didn't take them; says in which step."""


async def bound(ports: str, password: str, keeps: Keeps) -> None:
    """Tell the broker.

    Args:
        ports: What its file of ports says.
        password: Of `LOGIN`.
        keeps: The bounds.

    Raises:
        BoundsError: It refused them.
        OSError, EOFError, ValueError, LookupError: It couldn't be asked, or made no sense.
    """
    host, _, port = json.loads(ports)["nats"][0].rpartition("/")[2].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=_MOST_LINE)
    try:
        hello = {"verbose": False, "pedantic": False, "user": LOGIN, "pass": password}
        writer.write(f"CONNECT {json.dumps(hello)}\r\nSUB {_INBOX} 1\r\n".encode())
        config = (await _ask(reader, writer, "INFO", {}))["config"]
        age = keeps.age_s * _NS
        config |= {"max_bytes": keeps.most_bytes, "max_age": age, "discard": "old"}
        config["duplicate_window"] = min(config["duplicate_window"], age)  # it may be no longer
        await _ask(reader, writer, "UPDATE", config)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: str, body: dict[str, Any]
) -> dict[str, Any]:
    data = json.dumps(body).encode() if body else b""
    head = f"PUB {_API}.{what}.{_STREAM} {_INBOX} {len(data)}\r\n"
    writer.write(head.encode() + data + b"\r\n")
    while True:
        line = (await reader.readuntil(b"\r\n")).split()
        if line[0] == b"MSG":
            answer: dict[str, Any] = json.loads(await reader.readexactly(int(line[-1]) + 2))
            if "error" in answer:
                raise BoundsError(f"{what.lower()}-{answer['error'].get('err_code')}")
            return answer
        if line[0] == b"-ERR":
            raise BoundsError(f"{what.lower()}-refused")
        if line[0] == b"PING":
            writer.write(b"PONG\r\n")
