"""Wires one node together; nothing else does."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from alertd.clock import POSTGRESQLS, SteadyClock, UuidV7
from alertd.decide.shares import CONSOLE, Part
from alertd.engine.core import Engine
from alertd.engine.elsewhere import Others, sent_elsewhere
from alertd.engine.library import Library
from alertd.engine.logins import Logins
from alertd.engine.refusals import lost_identity
from alertd.engine.runner import Runner
from alertd.engine.space import Space
from alertd.engine.starting import began, ended, renewed
from alertd.engine.timekeeping import Timekeeper
from alertd.errors import AlertdError, ConflictError, NotConfiguredError
from alertd.i18n import N_
from alertd.provision import (
    ballast_of,
    command_key,
    library_of,
    lock,
    open_store,
    route_config,
    was_served,
    wording_of,
)
from alertd.routes import EVERY_S as ROUTES_EVERY_S
from alertd.routes import Aside, Routes
from alertd.settings import Settings, emptied, spelled
from alertd.store.backup.placing import LOCK
from alertd.store.database import Store
from alertd.store.departure import refuse_departed
from alertd.store.dialect import is_sqlite
from alertd.store.home import refuse_copy
from alertd.store.starts import identity_lost, known, prints, routes_of
from alertd.ticking import Ticker
from alertd.web.app import create_app
from alertd.web.commands.drilling import office_of
from alertd.web.deps import Deps
from alertd.web.writes import forget
from channels import registry
from channels.base import Channel, Event, RouteConfig, RouteContext
from channels.loudspeaker.address import BrokerAddress
from channels.loudspeaker.broker import EmbeddedBroker
from channels.loudspeaker.keys import make_key, public_text
from drills.calendar import Calendar
from drills.scorekeeper import EVERY_S, Scorekeeper
from drills.world import World

_FORGET_S: Final = 3_600.0  # what nobody can use any more is dropped so often
_BROKER_PATIENCE_S: Final = 3.0  # SMS and chat don't wait for one that takes long to come up
_GONE: Final = N_("Routes are gone from the settings since the last start: {names}.")
_GONE_HINT: Final = N_(
    "Is alertd.toml whole? What waits for such a way goes out after a start with its route."
)
_OTHER_KEY: Final = N_(
    "The key that signed loudspeakers' commands at the last start isn't here: those that don't know"
    " the new one obey none."
)
_OTHER_KEY_HINT: Final = N_(
    "Bring keys/commands.key back and start alertd anew, or enrol each loudspeaker anew."
)
EMBEDDED = "embedded"  # an mqtt route's `broker` that asks for our own one

log = structlog.get_logger("alertd")


class FastRunner(Runner):
    """A runner whose clock is faster than its peers': their times are put into ours."""

    now: SteadyClock

    def _in_our_time(self, event: Event) -> Event:
        if event.occurred_at is None:
            return event
        return replace(event, occurred_at=self.now.of_wall(event.occurred_at))


@dataclass(slots=True)
class Node:
    """One running alertd, from settings to sockets.

    Args:
        settings: As read.
        clock: Its time; faster than life only in demonstrations.
        part: What of the node's work this process does.
        routes: In place of the settings' routes, where the world is simulated.
        phones: The simulated phones, where they are.
        in_place: It is a command in a stopped server's place, and ends with it. Somebody looks, who
            may have stopped the server to stop what it sends: so it sends nothing, and decides
            nothing, whatever its `part`.
        refuse: Raises where the city isn't to be served so; asked before the database is brought up
            to date, which an older alertd can't read then, and once the full disk's ballast is
            given up: even to read a database may want space.
    """

    settings: Settings
    clock: SteadyClock = field(default_factory=SteadyClock)
    part: Part = field(default_factory=Part)
    routes: Mapping[str, RouteConfig] | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    broker: EmbeddedBroker | None = None
    space: Space | None = None
    store: Store | None = None
    runner: Runner | None = None
    keeper: Timekeeper | None = None
    channels: dict[str, Channel] = field(default_factory=dict)
    routes_here: Routes | None = None
    library: Library | None = None
    others: Others | None = None
    phones: World | None = None
    in_place: bool = False
    refuse: Callable[[Settings], None] | None = None
    _began: bool = False
    door: Callable[[], Iterable[AlertdError]] = tuple  # what the console's door lacks now
    _gone: list[AlertdError] = field(default_factory=list)  # what the settings had before
    _signing: dict[str, str] = field(default_factory=dict)  # loudspeakers' routes → public keys
    _renewals: list[tuple[str, str]] = field(default_factory=list)  # the broker's, not on record
    _ticker: Ticker = field(default_factory=Ticker)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        if self.in_place:
            self.part = CONSOLE

    async def open(self) -> None:
        """Lock, migrate, open the store; what needs no route yet.

        Raises:
            NotConfiguredError: Only a part of the work, and a database that has one writer.
            ConflictError: Another process writes to the data folder, or the city lives elsewhere.
        """
        several = self.part != Part() and not self.in_place
        if several and is_sqlite(self.settings.store_url):
            raise NotConfiguredError(
                "Several processes can't share an SQLite database.",
                field="database_url",
                hint="Set ALERTD_DATABASE_URL to a PostgreSQL database, or run: alertd serve",
            )
        if not self.is_helper:
            self._stack.callback(lock(self.settings).close)
            self.space = Space(ballast_of(self.settings))
            self.space.look()  # before anything is written
        if self.refuse is not None:
            self.refuse(self.settings)
        # Who has sent for a city goes on; who begins, and whoever drafts right now, is told first.
        goes_on = was_served(self.settings, helper=self.is_helper) and not self.in_place
        if (empty := emptied(self.settings.data_dir)) is not None:
            if not goes_on:
                raise empty
            self._gone.append(empty)
            log.warning("the settings file is empty")
        self.store = open_store(self.settings)
        self._stack.callback(self.store.close)
        with self.store.read() as connection:
            refuse_departed(connection)
            refuse_copy(connection, self.clock())
        if self.space is not None:
            self.space.stand_on(self.store, self.settings.data_dir / LOCK)
        self.library = library_of(self.settings, goes_on=goes_on)
        if self.store.shared:
            self.clock.asked = partial(self.store.ask, POSTGRESQLS)  # one for all of them
        gap_ms = round(self.settings.clock_gap_s * 1000)
        self.keeper = Timekeeper(self.store, self.clock, gap_ms=gap_ms, pause=time.sleep)
        self.keeper.start()

    @property
    def is_helper(self) -> bool:
        """Whether it works beside a server, which has the data folder."""
        return self.part.works and self.part != Part()

    async def start_broker(self, *, shared_login: bool = False) -> EmbeddedBroker:
        """Our own MQTT broker, ended with the node; simulated loudspeakers share a login."""
        if self.broker is None:
            self.broker = EmbeddedBroker(
                self.settings.broker_dir,
                host=self.settings.broker_host,
                port=self.settings.broker_port,
                shared_login=shared_login,
                renewed=lambda why, kept: self._renewals.append((why, kept)),
            )
            self._stack.push_async_callback(self.broker.stop)
            await self.broker.start(_BROKER_PATIENCE_S)
        return self.broker

    @property
    def troubles(self) -> list[AlertdError]:
        """What it was started without; what may come back by itself is tried again."""
        trouble = self.broker.trouble if self.broker is not None else None
        routes = self.routes_here.troubles if self.routes_here is not None else []
        lacks = self.library.lacks if self.library is not None else ()
        return [found for found in (*lacks, *self._gone, trouble, *routes) if found is not None]

    async def start(self) -> None:
        """Build the routes and start the engine; `open` was called before."""
        if self.store is None or self.library is None:
            await self.open()
        assert self.store is not None  # noqa: S101 - for the type checker
        assert self.library is not None  # noqa: S101 - the same
        assert self.keeper is not None  # noqa: S101 - the same
        logins = Logins(self.store, self.settings.broker_dir)
        logins.begin(self.clock())  # before a broker lets anybody in
        configs = self.routes
        if configs is None:
            configs = {n: route_config(n, given) for n, given in self.settings.routes.items()}
        # Gateways live by the wall clock, however fast ours is made to run.
        wall = self.clock if self.clock.speed == 1.0 else SteadyClock()
        context = RouteContext(now=wall, sink=self._sink, public_base_url=self.settings.base_url)
        await self._refuse_shared(self.store, configs)

        aside = Aside()

        async def build(config: RouteConfig) -> Channel:
            completed = await self._completed(config)
            return await aside.make(config.name, partial(registry.build, completed, context))

        self.routes_here = here = Routes(build, self.part.sends_by, self.channels)
        await here.add(configs.values())
        nameless = self._look_back(self.store, configs)
        speed = self.clock.speed
        engine = Engine(
            store=self.store,
            routes=here.plan(speed),
            library=self.library,
            wording=wording_of(self.settings),
            ids=UuidV7(),
            lease=os.urandom(8).hex(),
            break_glass_delay_ms=round(self.settings.break_glass_delay_s * 1000),
            nameless=nameless,
            part=self.part,
            agenda=Calendar(office_of(self.settings), self.keeper.settled),
        )
        self.keeper.moved = engine.leapt
        kind = Runner if speed == 1.0 else FastRunner
        self.runner = kind(
            engine, self.channels, now=self.clock, speed=speed, keeper=self.keeper, space=self.space
        )
        self._stack.callback(self._ended)
        await self.runner.start()
        self._stack.push_async_callback(self.runner.stop)
        self._ticker.every(ROUTES_EVERY_S, here.look)
        self._tick(self.store, self.runner, logins)
        if not self.in_place:
            told = spelled(self.settings) | self._signing | self.library.spelled()
            await began(self.runner, self.part.title, told, engine.nameless)
            self._began = True
            if self.store.shared:
                mine = prints(self.store.vault, told)
                self.others = Others(self.store, engine.portions, mine)
                self._ticker.every(Others.EVERY_S, self.others.look)

    def _look_back(self, store: Store, configs: Mapping[str, RouteConfig]) -> list[str]:
        """Notice a settings file that has lost something: by a crash, or a slip of the hand.

        Returns:
            What is lost of the settings that say who sends.
        """
        with store.read() as connection:
            before = known(connection, self.part.title)
            if self.in_place:  # of the server that it stands in for
                before |= known(connection, Part().title)
        lost = identity_lost(before, self.settings.model_fields_set)
        if self.in_place:
            return lost
        if gone := routes_of(before) - configs.keys():
            told = _GONE.format(names=", ".join(sorted(gone)))
            self._gone.append(NotConfiguredError(told, field="routes", hint=_GONE_HINT))
            log.warning("routes are gone from the settings", routes=sorted(gone))
        signing = prints(store.vault, self._signing)
        if any(before.get(name, print_) != print_ for name, print_ in signing.items()):
            self._gone.append(NotConfiguredError(_OTHER_KEY, hint=_OTHER_KEY_HINT))
            log.warning("loudspeakers' commands are signed with another key than before")
        if lost:
            self._gone.append(lost_identity(lost))
            log.warning("who sends is gone from the settings", settings=lost)
        return lost

    async def _refuse_shared(self, store: Store, configs: Mapping[str, RouteConfig]) -> None:
        """Raise ConflictError where another process has the one session of a route of ours."""
        ours = [
            name
            for name, config in configs.items()
            if config.type in registry.UNSHARED and self.part.sends_by(name)
        ]
        taken = await sent_elsewhere(store, ours) if store.shared else []
        if taken:
            name = taken[0]
            raise ConflictError(
                f"Another process sends by the route '{name}' already, whose session only one"
                " can have.",
                hint="Name this one's routes: alertd worker --routes …; beside workers a server is"
                " started with --no-engine.",
            )

    async def _completed(self, config: RouteConfig) -> RouteConfig:
        """An mqtt route gets its signing key, and the embedded broker's address if it asks."""
        if config.type != "mqtt":
            return config
        options = dict(config.options)
        options.setdefault("key_file", str(command_key(self.settings)))
        key = make_key(Path(options["key_file"]))
        self._signing[f"routes.{config.name}.signed_by"] = public_text(key)
        if options.get("broker", EMBEDDED) == EMBEDDED:
            options["broker"] = await self._embedded(config)
            options.setdefault("mqtt", "3.1.1")  # all that it speaks
        options.setdefault("accounts_dir", str(self.settings.broker_dir))
        options.setdefault("audio_dir", str(self.settings.data_dir / "audio"))
        return replace(config, options=options)

    async def _embedded(self, config: RouteConfig) -> BrokerAddress | str:
        """Our own broker's address; it runs where its route is sent by."""
        if self.part.sends_by(config.name):
            return (await self.start_broker()).address
        return f"mqtt://{self.settings.broker_host}:{self.settings.broker_port or 1883}"

    async def _sink(self, route: str, events: Sequence[Event]) -> None:
        assert self.runner is not None  # noqa: S101 - routes start after it is built
        await self.runner.sink(route, events)

    def _ended(self) -> None:
        if self._began and self.store is not None and self.runner is not None:
            if self.runner.alive:
                log.error("the engine didn't end when it was asked to")
            else:
                ended(self.store, self.part.title, self.clock())

    def _tick(self, store: Store, runner: Runner, logins: Logins) -> None:
        """The ticker only ticks: every due time is a column."""
        self._ticker.every(self.settings.tick_s, runner.wake)
        self._ticker.every(logins.EVERY_S, partial(logins.look, runner))
        self._ticker.every(logins.EVERY_S, partial(self._record_renewals, runner))
        if not self.is_helper:
            keeper = Scorekeeper(store, runner, self.settings)
            self._ticker.every(EVERY_S, keeper.look)
            self._ticker.every(_FORGET_S, self._forget)
        self._stack.push_async_callback(self._ticker.stop)

    async def _record_renewals(self, runner: Runner) -> None:
        while self._renewals:
            why, kept = self._renewals[0]
            await runner.submit(partial(renewed, why=why, kept=kept))
            del self._renewals[0]

    async def _forget(self) -> None:
        assert self.runner is not None  # noqa: S101 - called while it runs
        with suppress(AlertdError):  # full or too busy: there is another hour
            await self.runner.submit(forget)

    def app(self) -> object:
        """The web application of this node."""
        assert self.runner is not None  # noqa: S101 - called after start
        assert self.store is not None  # noqa: S101 - the same
        assert self.library is not None  # noqa: S101 - the same
        deps = Deps(
            store=self.store,
            runner=self.runner,
            library=self.library,
            wording=wording_of(self.settings),
            settings=self.settings,
            now=self.clock,
            channels=self.channels,
            stopping=self.stopping,
            phones=self.phones,
            others=self.others,
            lacking=lambda: (*self._gone, *self.door()),
        )
        app = create_app(deps)
        self._ticker.every(_FORGET_S, app.state.imports.sweep)
        app.state.situations.look_by(self._ticker.every, self.clock.speed)
        return app

    async def close(self) -> None:
        """Stop in the order opposite to the start."""
        self.stopping.set()
        await self._stack.aclose()
