"""A node that serves until it is told to stop, and everything that was started around it."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from alertd import descriptors
from alertd.beside import RUN_FILE, Running
from alertd.bootstrap import Node
from alertd.cli import show
from alertd.cli.keys import FirstSignIn, first_administrator, never_signed_in, token_of_cli
from alertd.cli.words import _
from alertd.clock import SteadyClock
from alertd.decide.shares import Part
from alertd.engine.heap import settle_heap
from alertd.errors import AlertdError, UnavailableError
from alertd.provision import was_served
from alertd.settings import Settings
from alertd.ticking import Ticker
from alertd.web.certificate import Certificate, certificate_of
from alertd.web.server import Server, listen, listen_aside, server_for

_UP_PATIENCE_S = 30.0
_HOME_EVERY_S = 10.0  # its address or port may be free again, or there at last
_END_S = 25.0  # tries under way, the step that writes them down, and what waits for the network

log = structlog.get_logger("alertd")


@dataclass(slots=True)
class Serving:
    """One node with its HTTP server.

    Args:
        settings: As read; port 0 becomes the one that was had.
        prepare: Called with the opened node before it starts: simulators, routes. What it starts
            it ends through the stack.
        clock: The node's.
        part: What of the work this process does.
        simulated: The city is a sample, whose settings aren't those that were read.
        refuse: As `Node` has it.
    """

    settings: Settings
    prepare: Callable[[Node, AsyncExitStack], Awaitable[None]] | None = None
    clock: SteadyClock = field(default_factory=SteadyClock)
    part: Part = field(default_factory=Part)
    simulated: bool = False
    refuse: Callable[[Settings], None] | None = None
    node: Node | None = None
    token: str = field(default="", repr=False)
    first: FirstSignIn | None = None
    unused: bool = False  # the first administrator has not signed in since an earlier start
    _sock: socket.socket | None = None
    _aside: tuple[str, int] | None = None  # where it is served, if not where the settings say
    _is_home: bool = False
    _server: Server | None = None
    _task: "asyncio.Task[None] | None" = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def url(self) -> str:
        """Where it is reached on this machine."""
        host, port = self._aside or (self.settings.host, self.settings.port)
        host = f"[{host}]" if ":" in host else host  # an address of IPv6
        return f"{self.settings.scheme}://{host}:{port}"

    async def start(self) -> None:
        """Start all of it; returns when the server answers. On an error nothing is left running."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            if self.first is not None:  # it is kept nowhere, and the next start makes none
                show.note(self.first.text())
            raise

    async def _start(self) -> None:
        descriptors.take_enough()
        # Who has sent for a city before goes on sending, whatever is wrong with the console's door;
        # who begins is told before anything is sent.
        goes_on = was_served(self.settings)
        elsewhere = self._take_place(goes_on=goes_on)
        if not goes_on:
            certificate_of(self.settings)
        self.node = node = Node(self.settings, clock=self.clock, part=self.part, refuse=self.refuse)
        self._stack.push_async_callback(node.close)
        with show.working(_("Opening the database")):
            await node.open()
        assert node.store is not None  # noqa: S101 - opened
        self.first = first_administrator(node.store, self.clock())
        self.unused = self.first is None and never_signed_in(node.store)
        self.token = token_of_cli(node.store, self.settings.data_dir, self.clock())
        if self.prepare is not None:
            await self.prepare(node, self._stack)
        with show.working(_("Starting the engine and its routes")):
            await node.start()
        self._server = server_for(node.app(), node.stopping, self.settings, spare=goes_on)
        shown = self._server.certificate
        node.door = partial(self._door, elsewhere, shown)
        show.lacking([*node.door(), *node.troubles])
        assert self._sock is not None  # noqa: S101 - taken
        self._task = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        self._stack.push_async_callback(self._end_server)
        await self._up(self._server, self._task)
        settle_heap()
        self._leave_word(shown.text if shown is not None else "")
        self._stack.callback(self._take_word_back)
        ticker = Ticker()
        self._stack.push_async_callback(ticker.stop)
        if shown is not None:
            ticker.every(Certificate.EVERY_S, partial(shown.look, self._renewed))
        if elsewhere is not None:
            ticker.every(_HOME_EVERY_S, partial(self._go_home, self._server))

    def _take_place(self, *, goes_on: bool) -> UnavailableError | None:
        """Take the port before anything is started; one instead where that can't be, and why."""
        trouble = None
        try:
            self._sock = listen(self.settings)
        except UnavailableError as error:
            if not goes_on:
                raise
            trouble = error
            self._sock = listen_aside(self.settings)
            log.warning("the console isn't at its address", reason=error.message)
        self._stack.callback(self._sock.close)
        host, port = self._sock.getsockname()[:2]
        if trouble is None:
            self.settings = self.settings.model_copy(update={"port": port})
        else:
            self._aside = (host, port)
        return trouble

    def _door(
        self, elsewhere: UnavailableError | None, shown: Certificate | None
    ) -> list[AlertdError]:
        """What is wrong with the console's address and certificate, and isn't mended yet."""
        at_home = elsewhere is None or self._is_home
        lacks = (None if at_home else elsewhere, shown.trouble if shown is not None else None)
        return [lack for lack in lacks if lack is not None]

    async def _go_home(self, server: Server) -> None:
        """Serve at the settings' address, too, as soon as it can be had."""
        if self._is_home:
            return
        try:
            sock = listen(self.settings)
        except UnavailableError:
            return
        self._stack.callback(sock.close)
        await server.serve_too(sock)
        self._is_home = True
        log.info("the console is at its address")

    def _leave_word(self, certificate: str) -> None:
        """For commands beside us; where it can't be written, on a full disk, we go on without."""
        process = "" if self.simulated else self.part.title
        running = Running(self.url, os.getpid(), certificate, process)
        try:
            running.write(self.settings.data_dir)
        except OSError as error:
            log.warning("commands-dont-find-us", file=RUN_FILE, reason=error.strerror)

    def _take_word_back(self) -> None:
        with suppress(OSError):  # nobody takes the word of a process that isn't there
            (self.settings.data_dir / RUN_FILE).unlink(missing_ok=True)

    def _renewed(self, now: str, before: str) -> None:
        """Commands trust the one before, too, which is served until they have been told."""
        self._leave_word(now + before)

    async def _up(self, server: Server, task: "asyncio.Task[None]") -> None:
        up = asyncio.ensure_future(server.up.wait())
        await asyncio.wait({up, task}, timeout=_UP_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if not up.done():
            up.cancel()
            raise UnavailableError("The server did not start.")

    async def until_stopped(self) -> None:
        """Serve until `ask_to_stop`, or until the server ends by itself."""
        if self._task is not None:
            await asyncio.shield(self._task)

    def ask_to_stop(self) -> bool:
        """End in order; asked twice, don't wait for requests under way. False: not that far."""
        if self._server is None:
            return False
        if self._server.should_exit:
            self._server.force_exit = True
        self._server.stop()
        return True

    async def stop(self) -> None:
        """End everything, the last started first."""
        await self._stack.aclose()

    async def _end_server(self) -> None:
        self.ask_to_stop()
        if self._task is not None:
            await self._task


async def stoppable(
    work: Callable[[], Awaitable[None]],
    ask_to_stop: Callable[[], bool],
    longest_s: float = _END_S,
) -> None:
    """Run `work` so that Ctrl-C, SIGTERM and a terminal that goes away end it in order.

    Where there is no terminal, SIGHUP is somebody's word that a log was rotated or a setting
    changed, and ends nothing. A database or a disk that hangs holds up the threads that ask it, and
    no thread can be ended: after `longest_s` the process is cut off. What is on disk is whole, as
    after any kill.

    Args:
        work: What is done; cancelled where it can't be asked.
        ask_to_stop: Asks it to end; False where it isn't far enough to be asked.
        longest_s: How long that may take, to the process's end.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work())
    told = False

    def told_to_stop() -> None:
        nonlocal told
        if not told:
            show.note(_("Stopping …"))
            _cut_off_after(longest_s)
        told = True
        if not ask_to_stop():
            task.cancel()

    numbers = [signal.SIGINT, signal.SIGTERM]
    for number in numbers:
        loop.add_signal_handler(number, told_to_stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # whom nohup started goes on
        numbers.append(signal.SIGHUP)
        loop.add_signal_handler(signal.SIGHUP, told_to_stop if _has_terminal() else _told_of_news)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _cut_off_after(seconds: float) -> None:
    def cut_off() -> None:
        log.error("it didn't end in time, and is cut off: something it waits for hangs")
        os._exit(1)

    timer = threading.Timer(seconds, cut_off)
    timer.daemon = True  # whoever ends in time isn't kept
    timer.start()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _told_of_news() -> None:
    log.info("SIGHUP changes nothing: settings are read at a start, and the log goes to stderr")
