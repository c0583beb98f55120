"""The HTTP server, as a node and its caller need it."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from alertd.errors import NotConfiguredError, UnavailableError
from alertd.settings import Settings


class Server(uvicorn.Server):
    """uvicorn, which ends open event streams when it is asked to stop; signals are its caller's."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping_event = stopping
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer; `up` is set then."""
        await super().startup(sockets=sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: whoever started us has more to end than this server."""
        yield

    def stop(self) -> None:
        """End; the streams are told first, they would hold it up."""
        self._stopping_event.set()
        self.should_exit = True


def server_for(app: object, stopping: asyncio.Event, settings: Settings) -> Server:
    """The server of an application, whose streams end when `stopping` is set.

    Raises:
        NotConfiguredError: The certificate or its key can't be used.
    """
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
        server_header=False,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise NotConfiguredError(
            f"The certificate or its key can't be used: {error.strerror or error}.",
            field="tls_cert",
            hint="alertd cert makes both.",
        ) from None
    return Server(config, stopping)


def listen(settings: Settings) -> socket.socket:
    """Take the port before anything else is started.

    Raises:
        UnavailableError: It is taken, or the address isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((settings.host, settings.port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        raise UnavailableError(
            f"Port {settings.port} on {settings.host} can't be had: {error.strerror}.",
            hint="Set ALERTD_PORT to another one (0 takes any free one), or stop what uses it.",
        ) from None
    return sock
