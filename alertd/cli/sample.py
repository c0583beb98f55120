"""A sample city with its simulated world, for `serve --sample-city` and `demo`."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from alertd.bootstrap import Node
from alertd.cli import show
from alertd.cli.options import today
from alertd.cli.words import _
from alertd.clock import UuidV7
from alertd.errors import ConflictError
from alertd.provision import command_key
from alertd.settings import Settings
from alertd.store import dialect, migrate, roster
from channels.base import Limits, RouteConfig
from channels.loudspeaker.keys import make_key, public_text
from drills.sample_city import SampleCity
from drills.world import World
from rosters.parse import check

SMS: Final = "sms"
WHY: Final = "sample city"  # said of its roster's import, by which it is known again
_LIMITS: Final = Limits(in_flight=200, rate_per_s=2_000.0, burst=200, timeout_s=10.0)


@dataclass(slots=True)
class SampleWorld:
    """The simulators and the roster around one node.

    Args:
        node: Opened, and not started yet.
        directory: Where roster and simulators keep their files.
        seed: The same seed makes the same city and the same people.
        scale: Of the city; 1 for Yuyao.
        speed: How many times faster than life the simulated world is.
    """

    node: Node
    directory: Path
    seed: int = 7
    scale: float = 1.0
    speed: float = 1.0
    world: World = field(init=False)
    city: SampleCity = field(init=False)

    def __post_init__(self) -> None:
        self.world = World(self.directory / "world", seed=self.seed, speed=self.speed)

    async def prepare(self) -> None:
        """Write and import the roster, start the simulators, and give the node its routes.

        Raises:
            ConflictError: There is a city of somebody's own in the data folder.
        """
        refuse_own_city(self.node.settings)
        await self.world.start_groups()
        self.city = city = SampleCity(
            directory=self.directory / "roster",
            seed=self.seed,
            scale=self.scale,
            group_url=self.world.group_url,
            group_secret=self.world.group_secret(),
        )
        await asyncio.to_thread(self._roster, city)
        with show.working(_("Starting simulated phones and loudspeakers")):
            await asyncio.gather(self._handsets(), self._terminals(city))
        self.node.routes = self._routes()
        self.node.phones = self.world

    def _roster(self, city: SampleCity) -> None:
        if city.written() and self._imported():
            return
        with show.counting(_("Writing the roster of a sample city"), city.people) as told:
            city.write(today(self.node.settings), told)
        with show.working(_("Checking and importing it")):
            self._import(city)

    def _imported(self) -> bool:
        assert self.node.store is not None  # noqa: S101 - opened
        with self.node.store.read() as connection:
            return roster.current_version(connection) > 0

    def _import(self, city: SampleCity) -> None:
        store, now = self.node.store, self.node.clock()
        assert store is not None  # noqa: S101 - opened
        checked = check(city.files, today=today(self.node.settings))
        checked.require_ok()
        with store.read() as connection:  # long to compare: PostgreSQL ends a writer that is idle
            planned = roster.plan(connection, store.vault, checked, UuidV7())
        with planned, store.transaction(now) as tx:
            roster.apply(tx, planned, by="cli", why=WHY, now=now)

    async def _handsets(self) -> None:
        await self.world.start_handsets(f"{self.node.settings.base_url}/hooks/{SMS}")

    async def _terminals(self, city: SampleCity) -> None:
        broker = await self.node.start_broker(shared_login=True)
        key = make_key(command_key(self.node.settings))
        await self.world.start_terminals(
            broker.terminal_address.url, public_text(key), city.terminal_ids()
        )

    def _routes(self) -> dict[str, RouteConfig]:
        handsets = {"url": self.world.handsets_url, "secret": self.world.secret}
        return {
            SMS: _simulated(SMS, "handsets", handsets),
            "loudspeakers": _simulated("loudspeakers", "mqtt", {}),
            "groups": _simulated("groups", "webhook", {}),
        }

    async def stop(self) -> None:
        """End the simulators."""
        await self.world.stop()


def refuse_own_city(settings: Settings) -> None:
    """Keep simulated phones from answering for real people.

    Raises:
        ConflictError: The roster in force isn't a sample's; one that began as a sample's and was
            changed is taken for a real one where real routes lead to it.
    """
    real = any(not route.simulated for route in settings.routes.values())
    reasons = _reasons(settings)
    if reasons and (reasons[-1] != WHY or (real and reasons[0] != WHY)):
        raise ConflictError(
            "The city in this data folder isn't a sample, and its people aren't simulated.",
            hint="Serve it with: alertd serve. For a sample city name another folder by "
            "ALERTD_DATA_DIR.",
        )


def refuse_sample_city(settings: Settings) -> None:
    """Keep a city of made-up people from being taken for one's own.

    Raises:
        ConflictError: The roster in force is a sample's.
    """
    if _reasons(settings)[:1] == [WHY]:
        raise ConflictError(
            "This data folder holds the sample city.",
            hint="Name a folder for your own city by ALERTD_DATA_DIR, or serve the sample with: "
            "alertd serve --sample-city",
        )


def _reasons(settings: Settings) -> list[str]:
    """Why each version of the roster was imported, the newest first.

    Read from a database as it is, whichever alertd wrote it: what is refused stays as it was.
    """
    if migrate.current(settings.store_url) is None:
        return []
    engine = dialect.reader(settings.store_url)
    try:
        with engine.begin() as connection:
            return [version.why for version in roster.versions(connection)]
    finally:
        engine.dispose()


def _simulated(name: str, kind: str, options: dict[str, str]) -> RouteConfig:
    return RouteConfig(name=name, type=kind, simulated=True, limits=_LIMITS, options=options)


def logged(path: Path) -> list[dict[str, Any]]:
    """What a simulator wrote down, line by line."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]
