"""A paho client's socket, watched by the event loop instead of by paho's thread.

paho's thread (`loop_start`) waits with `select`, which fails for good once the process has 1,024
files open, and it ends in silence at a packet that it can't read.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

import structlog
from paho.mqtt.client import Client

_log = structlog.get_logger(__name__)


class PahoSocket:
    """Reads and writes when the socket is ready.

    Args:
        client: Connected by `reconnect`, in whatever thread.
        broken: Called when the connection is no good any more and paho doesn't know.
        after_read: Called when packets were read: what they let go may be sent at once.
    """

    def __init__(
        self, client: Client, broken: Callable[[], None], after_read: Callable[[], None]
    ) -> None:
        self._client = client
        self._broken = broken
        self._after_read = after_read
        self._loop = asyncio.get_running_loop()
        self._watched: socket.socket | None = None
        self._writing = False
        self._flush_due = False
        client.on_socket_close = lambda *_: self.unwatch()
        client.on_socket_register_write = lambda *_: self._want_write()

    @property
    def open(self) -> bool:
        """Whether there is a socket to be written to."""
        return self._watched is not None

    def watch(self) -> bool:
        """Begin, once paho has connected; False where it has lost the connection again."""
        raw = self._client.socket()
        if raw is None:
            return False
        self._watched = raw  # type: ignore[assignment]  # TCP or TLS; WebSockets aren't configured
        self._loop.add_reader(raw.fileno(), self._readable)
        self.flush()
        return True

    def unwatch(self) -> None:
        """Leave the socket alone; it isn't closed."""
        watched, self._watched = self._watched, None
        if watched is not None and watched.fileno() >= 0:
            self._loop.remove_reader(watched.fileno())
            self._loop.remove_writer(watched.fileno())
        self._writing = False

    def tick(self) -> None:
        """Let paho look after its keepalive."""
        self._safely(self._client.loop_misc)

    def cut(self) -> None:
        """Close without a word."""
        watched = self._watched
        self.unwatch()
        if watched is not None:
            watched.close()
        self._broken()

    def _want_write(self) -> None:
        # While connecting this is called in the thread; `watch` flushes afterwards.
        if self._watched is not None and not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what paho has been given; by itself that comes after whatever else is due."""
        self._flush_due = False
        if self._watched is not None:
            # paho writes each packet by itself; corked, they leave together.
            self._cork(1)
            self._safely(self._client.loop_write)
            self._cork(0)
            self._mind_writing()

    def _cork(self, on: int) -> None:
        if self._watched is not None and hasattr(socket, "TCP_CORK"):
            self._watched.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)

    def _mind_writing(self) -> None:
        if self._watched is None:  # the write found it broken
            return
        wants = self._client.want_write()
        if wants and not self._writing:
            self._loop.add_writer(self._watched.fileno(), self.flush)
        elif self._writing and not wants:
            self._loop.remove_writer(self._watched.fileno())
        self._writing = wants

    def _readable(self) -> None:
        self._safely(self._client.loop_read)
        # TLS may hold whole packets that the socket says nothing of any more.
        while isinstance(self._watched, ssl.SSLSocket) and self._watched.pending():
            self._safely(self._client.loop_read)
        self._after_read()
        if self._client.want_write():
            self.flush()

    def _safely(self, step: Callable[[], Any]) -> None:
        """A packet that paho can't read ends this connection and not our life."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - it raises whatever its parsing trips over
            _log.warning("mqtt-malformed", error=type(error).__name__)
            self.cut()
