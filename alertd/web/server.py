"""The HTTP server, as a node and its caller need it."""

import asyncio
import errno
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

import structlog
import uvicorn

from alertd import descriptors
from alertd.errors import UnavailableError
from alertd.i18n import N_
from alertd.settings import Settings
from alertd.web.certificate import Certificate
from alertd.web.heads import Requests

_MOST_WAITING: Final = 2_048  # connections that the kernel holds until they are taken
_TAKEN: Final = N_("Set ALERTD_PORT to another one (0 takes any free one), or stop what uses it.")
_NOT_THIS_MACHINES: Final = N_(
    "Set ALERTD_HOST to an address that this machine has now (0.0.0.0 takes all of them)."
)

log = structlog.get_logger("alertd.web")


class Crowd:
    """Keeps connections from taking every file descriptor: gateways, database and disk need some.

    Whoever opens a thousand and says nothing must neither shut others out nor hold up what is
    sent. When there are too many, those go that wait longest for a request to be whole; then those
    that are answered for longest, which are live streams: a board that loses its own comes back.

    Args:
        most: Connections at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: WeakKeyDictionary[Any, None] = WeakKeyDictionary()  # the oldest first
        self._told = False

    def __call__(self, **given: Any) -> asyncio.Protocol:
        """Make one more connection's protocol, with what uvicorn gives it."""
        self._make_room(given["server_state"].connections)
        made: asyncio.Protocol = Requests(**given)
        self._known[made] = None
        return made

    def _make_room(self, connections: Collection[Any]) -> None:
        if len(connections) < self._most:
            self._told = False
            return
        alive = [
            each
            for each in list(self._known)
            if each in connections and not each.transport.is_closing()
        ]
        over = len(alive) + 1 - self._most
        by_need = sorted(alive, key=lambda each: not _is_waiting(each.cycle))  # as old as they were
        for each in by_need[: max(0, over)]:
            each.transport.abort()
        if over > 0 and not self._told:
            self._told = True
            log.warning(
                "too many connections: the longest idle ones end, then the oldest streams",
                most=self._most,
            )


def _is_waiting(cycle: Any) -> bool:
    """Whether a connection has no whole request that is being answered."""
    return bool(cycle is None or cycle.response_complete or cycle.more_body)


class Server(uvicorn.Server):
    """uvicorn, which ends open event streams when it is asked to stop; signals are its caller's."""

    def __init__(
        self,
        config: uvicorn.Config,
        stopping: asyncio.Event,
        certificate: Certificate | None = None,
    ) -> None:
        super().__init__(config)
        self.certificate = certificate
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

    async def serve_too(self, sock: socket.socket) -> None:
        """Answer on one more socket, too, until the end."""
        protocol: Any = self.config.http_protocol_class
        made = partial(
            protocol,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        listening = await asyncio.get_running_loop().create_server(
            made, sock=sock, ssl=self.config.ssl, backlog=self.config.backlog
        )
        self.servers.append(listening)

    def stop(self) -> None:
        """End; the streams are told first, they would hold it up."""
        self._stopping_event.set()
        self.should_exit = True


def server_for(
    app: object,
    stopping: asyncio.Event,
    settings: Settings,
    allowed: Callable[[], int] = descriptors.allowed,
    *,
    spare: bool = False,
) -> Server:
    """The server of an application, whose streams end when `stopping` is set.

    Half of the descriptors that are `allowed` are for connections; what is taken from the kernel
    at once comes on top of it until there is room. `spare` as `Certificate` has it.
    """
    own = allowed()
    certificate = Certificate(settings, spare=spare) if settings.tls_cert else None
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=Crowd(own // 2),  # type: ignore[arg-type]
        backlog=min(_MOST_WAITING, own // 4),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
        server_header=False,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        ssl_context_factory=certificate.begin if certificate else None,
    )
    config.load()
    return Server(config, stopping, certificate)


def listen(settings: Settings) -> socket.socket:
    """Take the port before anything else is started.

    Raises:
        UnavailableError: It is taken, or the address isn't this machine's.
    """
    sock = None
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((settings.host, settings.port))
        sock.listen(2048)
    except OSError as error:
        if sock is not None:
            sock.close()
        elsewhere = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        raise UnavailableError(
            f"Port {settings.port} on {settings.host} can't be had: {error.strerror}.",
            hint=_NOT_THIS_MACHINES if elsewhere else _TAKEN,
        ) from None
    return sock


def listen_aside(settings: Settings) -> socket.socket:
    """Any port instead, of the same address or else of this machine's own; raises as `listen`."""
    try:
        return listen(settings.model_copy(update={"port": 0}))
    except UnavailableError:
        return listen(settings.model_copy(update={"host": "127.0.0.1", "port": 0}))
