"""Signs of life of the embedded broker: whether it answers a login, and whether it works."""

import asyncio
import contextlib
import fcntl
import os
from pathlib import Path

from alertd.errors import UnavailableError
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.broker_launch import EXIT_LOCKED

LOCK = "lock"  # held by whoever is at work on a folder
_MISSES = 3  # a disk's stall isn't a hang
# Nor is it one while it works: a thousand loudspeakers that come at once keep it from answering a
# login for a minute or more on a slow machine, and killing it would only begin that anew.
_MISSES_AT_WORK = 15
_AT_WORK_S = 0.2  # of processor time between two looks; an idle one uses a hundredth


def hangs(misses: int, worked_s: float) -> bool:
    """Whether one is to be killed that didn't answer so many times.

    Args:
        misses: In a row.
        worked_s: The processor time that it used since the look before.
    """
    return misses >= (_MISSES_AT_WORK if worked_s >= _AT_WORK_S else _MISSES)


def is_run(folder: Path) -> bool:
    """Whether a broker is at work on a folder's store, whoever's child it is."""
    try:
        with (folder / LOCK).open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # none was yet
    return False


def processor_s(pid: int) -> float:
    """The processor time that a process has used; 0 where that can't be known (proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def answers(address: BrokerAddress) -> bool:
    """Log in and out again, by hand: CONNECT, CONNACK, DISCONNECT of MQTT 3.1.1."""

    def field(text: str | None) -> bytes:
        data = (text or "").encode()
        return len(data).to_bytes(2, "big") + data

    clean_with_login, keepalive_s = 0xC2, 5
    body = field("MQTT") + bytes([4, clean_with_login]) + keepalive_s.to_bytes(2, "big")
    # Without a name: it is given one that nobody else has, and could take the session by.
    body += field("") + field(address.username) + field(address.password)
    try:
        async with asyncio.timeout(2.0):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            try:
                if address.keeper is not None:
                    await asyncio.to_thread(address.keeper.vouch)
                writer.write(bytes([0x10, len(body)]) + body)
                answer = await reader.readexactly(4)
                writer.write(b"\xe0\x00")
                await writer.drain()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    return answer == b"\x20\x02\x00\x00"


def not_up(exit_code: int | None, folder: Path) -> UnavailableError:
    """Why it isn't up: by how it ended, or None where it answers nobody."""
    if exit_code == EXIT_LOCKED:
        return UnavailableError(
            "Another MQTT broker is using the same data folder.",
            hint="End the other alertd, or give this one a data folder of its own.",
        )
    return UnavailableError(
        "The embedded MQTT broker didn't come up.", hint=f"Its log is {folder / 'nats.log'}."
    )
